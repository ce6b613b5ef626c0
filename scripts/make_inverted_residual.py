#!/usr/bin/env python3
"""Makes testdata/models/inverted_residual: a small MobileNetV2-like network, quantized three ways.

    pip install onnx==1.23.2 onnxruntime==1.31.1
    scripts/make_inverted_residual.py

Weights and pictures are drawn from a fixed seed; nothing is trained. Goldens are ONNX Runtime's with
graph optimisation off, on x86-64 with VNNI. Tests need the files only, not this script.
"""

import pathlib
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

SEED = 20
SAMPLES = 24
INTERMEDIATES = 3
TARGET = pathlib.Path(__file__).parent.parent / "testdata/models/inverted_residual"


class Network:
    """A float network in the making: 3x16x16 pictures to 10 scores."""

    def __init__(self, rng):
        self.rng, self.nodes, self.constants = rng, [], []

    def constant(self, name, value):
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def conv(self, name, x, channels, kernel, stride=1, groups=1, is_clipped=True):
        c_in, c_out = channels
        fan_in = c_in // groups * kernel * kernel
        w = self.rng.normal(0, np.sqrt(2 / fan_in), (c_out, c_in // groups, kernel, kernel))
        # Scales that differ between channels, as batch normalisation leaves them.
        w *= np.exp(self.rng.normal(0, 0.5, (c_out, 1, 1, 1)))
        b = self.rng.normal(0, 0.3, c_out)
        inputs = [
            x,
            self.constant(f"{name}.weight", w.astype(np.float32)),
            self.constant(f"{name}.bias", b.astype(np.float32)),
        ]
        # The odd cell of the padding at the end, where a stride of 2 needs one.
        total = kernel - stride
        pads = [total // 2] * 2 + [total - total // 2] * 2
        self.nodes.append(
            helper.make_node(
                "Conv", inputs, [name], name, kernel_shape=[kernel] * 2, strides=[stride] * 2,
                pads=pads, group=groups,
            )
        )
        if not is_clipped:
            return name
        self.nodes.append(
            helper.make_node("Clip", [name, "zero", "six"], [f"{name}.relu6"], f"{name}.relu6")
        )
        return f"{name}.relu6"

    def block(self, name, x, c_in, c_out, stride, expansion=3, kernel=3):
        wide = c_in * expansion
        y = self.conv(f"{name}.expand", x, (c_in, wide), 1)
        y = self.conv(f"{name}.depthwise", y, (wide, wide), kernel, stride, wide)
        y = self.conv(f"{name}.project", y, (wide, c_out), 1, is_clipped=False)
        if stride == 1 and c_in == c_out:
            self.nodes.append(helper.make_node("Add", [x, y], [f"{name}.sum"], f"{name}.add"))
            y = f"{name}.sum"
        return y

    def build(self):
        self.constant("zero", np.float32(0))
        self.constant("six", np.float32(6))
        y = self.conv("stem", "input", (3, 8), 3, 2)
        y = self.block("block1", y, 8, 8, 1)
        y = self.block("block2", y, 8, 12, 2, kernel=5)
        y = self.block("block3", y, 12, 12, 1)
        y = self.conv("head", y, (12, 32), 1)
        w = self.rng.normal(0, 0.2, (10, 32)).astype(np.float32)
        self.constant("classifier.weight", w)
        self.constant("classifier.bias", self.rng.normal(0, 0.2, 10).astype(np.float32))
        self.nodes += [
            helper.make_node("GlobalAveragePool", [y], ["pooled"], "pool"),
            helper.make_node("Flatten", ["pooled"], ["features"], "flatten"),
            helper.make_node(
                "Gemm", ["features", "classifier.weight", "classifier.bias"], ["logits"],
                "classifier", transB=1,
            ),
        ]
        graph = helper.make_graph(
            self.nodes,
            "inverted_residual",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 3, 16, 16])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 10])],
            self.constants,
        )
        opset = [helper.make_opsetid("", 17)]
        return helper.make_model(graph, opset_imports=opset, ir_version=8)


class Pictures(CalibrationDataReader):
    def __init__(self, x):
        self.samples = iter(x)

    def get_next(self):
        x = next(self.samples, None)
        return None if x is None else {"input": x[None]}


def pictures(rng, count):
    """Smooth colour gradients with a few bright spots."""
    axis = np.linspace(-1, 1, 16)
    waves = rng.normal(0, 2, (count, 3, 2))
    phase = waves[..., 0, None, None] * axis[:, None] + waves[..., 1, None, None] * axis
    x = np.sin(phase + rng.uniform(0, 6, (count, 3, 1, 1)))
    x += 2 * (rng.uniform(size=x.shape) < 0.03)
    return x.astype(np.float32)


def session(model):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def run(path, x):
    """Every 8-bit tensor by name, and the logits; one sample at a time."""
    model = onnx.load(path)
    names = [n.output[0] for n in model.graph.node if n.op_type != "DequantizeLinear"]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    runner = session(model)
    results = [runner.run(None, {"input": sample[None]}) for sample in x]
    outputs = [output.name for output in runner.get_outputs()]
    tensors = {name: np.concatenate(r) for name, r in zip(outputs, zip(*results))}
    return tensors.pop("logits"), tensors


def main():
    rng = np.random.default_rng(SEED)
    TARGET.mkdir(parents=True, exist_ok=True)
    model = Network(rng).build()
    calibration, x = pictures(rng, 64), pictures(rng, SAMPLES)
    signed = dict(activation_type=QuantType.QInt8, weight_type=QuantType.QInt8, per_channel=True)
    unsigned = dict(activation_type=QuantType.QUInt8, weight_type=QuantType.QUInt8)
    with tempfile.TemporaryDirectory() as folder:
        float_path = pathlib.Path(folder) / "float.onnx"
        onnx.save(model, float_path)
        for name, form, types in [
            ("model.onnx", QuantFormat.QOperator, signed),
            ("model_qdq.onnx", QuantFormat.QDQ, signed),
            ("model_u8.onnx", QuantFormat.QOperator, unsigned),
        ]:
            quantize_static(
                float_path, TARGET / name, Pictures(calibration), form,
                calibrate_method=CalibrationMethod.MinMax, **types,
            )
    float_logits = session(model).run(None, {"input": x})[0]
    logits, tensors = run(TARGET / "model.onnx", x)
    np.savez_compressed(TARGET / "inputs.npz", x=x, q_in=tensors["input_quantized"])
    np.savez_compressed(
        TARGET / "outputs.npz", q_last=tensors["logits_quantized"], logits=logits,
        float_logits=float_logits,
    )
    firsts = {name: value[:INTERMEDIATES] for name, value in tensors.items()}
    np.savez_compressed(
        TARGET / "intermediates.npz", **{name.replace("/", "."): v for name, v in firsts.items()}
    )
    logits, tensors = run(TARGET / "model_u8.onnx", x)
    np.savez_compressed(
        TARGET / "outputs_u8.npz", q_last=tensors["logits_quantized"], logits=logits
    )


if __name__ == "__main__":
    main()
