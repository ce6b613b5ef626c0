#!/usr/bin/env python3
"""Proves the float networks behind our int8 models with EZKL, and writes what that takes as JSON.

Run it through bench-ezkl.sh. The networks are those of testdata/models: weights and biases dequantized, a ReLU behind every
layer but the last. EZKL picks its own fixed point for them, so it proves another computation than the int8 one. Its set-up
string is made on the spot ("for testing purposes only", says EZKL), as large as the circuit asks for: time and memory are the
same as with one from a ceremony.

Each step runs in a process of its own, whose CPU time and largest resident set count.
"""

import argparse
import json
import os
import pathlib
import platform
import resource
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
STEPS = ["srs", "setup", "witness", "prove", "verify"]
VERIFICATIONS = 5


def float_network(name, path):
    """Writes the float network of a model for one sample; returns its weights and the first input."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    folder = ROOT / "testdata/models" / name
    source = onnx.load(folder / "model.onnx").graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in source.initializer}
    nodes, initializers = [], []
    renamed = {}
    weights = 0
    last = [node for node in source.node if node.op_type in ("QGemm", "QLinearConv")][-1]

    def constant(label, values):
        initializers.append(numpy_helper.from_array(np.asarray(values, dtype=np.float32), label))
        return label

    for node in source.node:
        before, after = renamed.get(node.input[0], node.input[0]), node.output[0]
        attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            renamed[after] = before
            continue
        if node.op_type not in ("QGemm", "QLinearConv"):
            nodes.append(helper.make_node(node.op_type, [before], [after], **attributes))
            continue
        is_dense = node.op_type == "QGemm"
        scale_in = constants[node.input[1]]
        matrix, scale, zero = (constants[node.input[index]] for index in (3, 4, 5))
        per_channel = scale.reshape(-1, *[1] * (matrix.ndim - 1))
        matrix = (matrix.astype(np.float32) - zero.reshape(per_channel.shape)) * per_channel
        bias = constants[node.input[6 if is_dense else 8]] * scale_in * scale
        weights += matrix.size
        inputs = [before, constant(after + ".w", matrix), constant(after + ".b", bias)]
        output = after if node is last else after + ".linear"
        if is_dense:
            nodes.append(helper.make_node("Gemm", inputs, [output], transB=1))
        else:
            nodes.append(helper.make_node("Conv", inputs, [output], **attributes))
        if node is not last:
            nodes.append(helper.make_node("Relu", [output], [after]))

    inputs = np.load(folder / "inputs.npz")
    sample = inputs[inputs.files[0]][:1].astype(np.float32)
    result = renamed.get(source.output[0].name, source.output[0].name)
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(source.input[0].name, TensorProto.FLOAT, list(sample.shape))],
        [helper.make_tensor_value_info(result, TensorProto.FLOAT, None)],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(onnx.shape_inference.infer_shapes(model), path)
    return weights, sample


def prepare(name, folder):
    """Circuit and settings, none of which is timed."""
    import ezkl

    os.chdir(folder)
    weights, sample = float_network(name, "network.onnx")
    pathlib.Path("input.json").write_text(json.dumps({"input_data": [sample.flatten().tolist()]}))
    arguments = ezkl.PyRunArgs()
    arguments.input_visibility = "public"
    arguments.output_visibility = "public"
    arguments.param_visibility = "fixed"
    ezkl.gen_settings("network.onnx", "settings.json", py_run_args=arguments)
    ezkl.calibrate_settings("input.json", "network.onnx", "settings.json", "resources")
    ezkl.compile_circuit("network.onnx", "network.ezkl", "settings.json")
    return {"weights": int(weights)}


def step(name, folder):
    """One step, measured in this process."""
    import ezkl

    os.chdir(folder)
    settings = json.loads(pathlib.Path("settings.json").read_text())
    log_rows = settings["run_args"]["logrows"]
    runs = {
        "srs": lambda: ezkl.gen_srs("kzg.srs", log_rows),
        "setup": lambda: ezkl.setup("network.ezkl", "vk.key", "pk.key", "kzg.srs"),
        "witness": lambda: ezkl.gen_witness("input.json", "network.ezkl", "witness.json"),
        "prove": lambda: ezkl.prove("witness.json", "network.ezkl", "pk.key", "proof.json", "kzg.srs"),
        "verify": lambda: ezkl.verify("proof.json", "settings.json", "vk.key", "kzg.srs"),
    }
    times = []
    for _ in range(VERIFICATIONS if name == "verify" else 1):
        wall, cpu = time.perf_counter(), time.process_time()
        if runs[name]() is False:
            raise SystemExit(f"{name} failed")
        times.append((time.process_time() - cpu, time.perf_counter() - wall))
    cpu, wall = sorted(times)[len(times) // 2]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"cpu_s": cpu, "wall_s": wall, "peak_bytes": peak, "log_rows": log_rows}


def child(*arguments):
    """What a child process says."""
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def measure(name):
    with tempfile.TemporaryDirectory() as folder:
        figures = {"network": name, **child("--child", "prepare", name, folder)}
        for label in STEPS:
            print(f"{name}: {label}", file=sys.stderr)
            figures[label] = child("--child", label, name, folder)
        size = lambda file: (pathlib.Path(folder) / file).stat().st_size
        proof = json.loads((pathlib.Path(folder) / "proof.json").read_text())
        text = proof.get("hex_proof", "")
        figures.update(
            proving_key_bytes=size("pk.key"),
            verifying_key_bytes=size("vk.key"),
            srs_bytes=size("kzg.srs"),
            proof_bytes=len(text.removeprefix("0x")) // 2 or len(proof["proof"]),
        )
        return figures


def machine():
    fields = dict(
        line.split(":", 1) for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if ":" in line
    )
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    return f"{fields.get('model name', platform.processor())}, {os.cpu_count()} hardware threads"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lenet", action="store_true", help="lenet_mnist too: 12 GB and some minutes")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "bench/ezkl.json")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        label, name, folder = arguments.child
        figures = prepare(name, folder) if label == "prepare" else step(label, folder)
        print("\n" + json.dumps(figures))
        return
    from importlib.metadata import version

    names = ["mlp_mnist", "lenet_mnist"] if arguments.lenet else ["mlp_mnist"]
    report = {
        "version": version("ezkl"),
        "machine": machine(),
        "python": platform.python_version(),
        "networks": [measure(name) for name in names],
    }
    arguments.out.write_text(json.dumps(report, indent=2) + "\n")
    print(f"wrote {arguments.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
