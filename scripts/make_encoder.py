#!/usr/bin/env python3
"""Makes testdata/models/encoder: a transformer encoder of two layers and four heads, quantized three ways.

    pip install --requirement scripts/encoder.txt
    scripts/make_encoder.py

It reads 8x8 digits as 16 patches of 2x2 pixels, and is trained on those that scikit-learn ships, from a fixed seed.
Goldens are ONNX Runtime's with graph optimisation off, on x86-64 with VNNI. Tests need the files only, not this script.

    scripts/make_encoder.py FOLDER

leaves the network alone and writes the goldens of the forms that a folder has besides model.onnx.
"""

import pathlib
import sys
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

SEED = 4
SAMPLES = 60
INTERMEDIATES = 1
TOKENS, PATCH, WIDTH, HEADS, HIDDEN, LAYERS, CLASSES = 16, 4, 32, 4, 64, 2, 10
TARGET = pathlib.Path(__file__).parent.parent / "testdata/models/encoder"


def matrix(rng, rows, columns):
    return rng.normal(0, rows**-0.5, (rows, columns)).astype(np.float32)


def block_parameters(rng, layers, width, hidden, classes):
    """Of all blocks, and of what follows them."""
    p = {}
    for layer in range(layers):
        for name in "qkvo":
            p[f"{layer}.{name}.w"] = matrix(rng, width, width)
            p[f"{layer}.{name}.b"] = np.zeros(width, np.float32)
        p[f"{layer}.up.w"] = matrix(rng, width, hidden)
        p[f"{layer}.up.b"] = np.zeros(hidden, np.float32)
        p[f"{layer}.down.w"] = matrix(rng, hidden, width)
        p[f"{layer}.down.b"] = np.zeros(width, np.float32)
    for name in [f"{layer}.norm{i}" for layer in range(layers) for i in (1, 2)] + ["norm"]:
        p[f"{name}.w"] = np.ones(width, np.float32)
        p[f"{name}.b"] = np.zeros(width, np.float32)
    p["head.w"] = matrix(rng, width, classes)
    p["head.b"] = np.zeros(classes, np.float32)
    return p


def parameters(rng):
    p = {"embed.w": matrix(rng, PATCH, WIDTH), "embed.pos": matrix(rng, TOKENS, WIDTH)}
    return p | block_parameters(rng, LAYERS, WIDTH, HIDDEN, CLASSES)


def norm(p, name, x):
    import jax.numpy as jnp

    x = x - x.mean(-1, keepdims=True)
    x = x / jnp.sqrt((x * x).mean(-1, keepdims=True) + 1e-5)
    return x * p[f"{name}.w"] + p[f"{name}.b"]


def block(p, layer, y, heads):
    """Attention and two dense layers on rows, each with a sum around it."""
    import jax

    n, tokens, width = y.shape
    apart = lambda v: v.reshape(n, tokens, heads, width // heads).transpose(0, 2, 1, 3)
    linear = lambda name, v: v @ p[f"{layer}.{name}.w"] + p[f"{layer}.{name}.b"]
    v = norm(p, f"{layer}.norm1", y)
    q, k, v = (apart(linear(name, v)) for name in "qkv")
    scores = jax.nn.softmax(q @ k.transpose(0, 1, 3, 2) / np.sqrt(width // heads))
    y += linear("o", (scores @ v).transpose(0, 2, 1, 3).reshape(n, tokens, width))
    v = jax.nn.gelu(linear("up", norm(p, f"{layer}.norm2", y)), approximate=False)
    return y + linear("down", v)


def logits(p, x):
    n = x.shape[0]
    y = x.reshape(n, 4, 2, 4, 2).transpose(0, 1, 3, 2, 4).reshape(n, TOKENS, PATCH)
    y = y @ p["embed.w"] + p["embed.pos"]
    for layer in range(LAYERS):
        y = block(p, layer, y, HEADS)
    return norm(p, "norm", y)[:, 0] @ p["head.w"] + p["head.b"]


def train(logits, p, x, labels, rng):
    """Adam on the cross entropy, with jax for gradients."""
    import jax
    import jax.numpy as jnp

    def loss(p, x, labels):
        chosen = jnp.take_along_axis(jax.nn.log_softmax(logits(p, x)), labels[:, None], 1)
        return -chosen.mean()

    @jax.jit
    def step(p, m, v, t, x, labels):
        g = jax.grad(loss)(p, x, labels)
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.99 * v + 0.01 * g * g, v, g)
        move = lambda p, m, v: p - 2e-3 * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.99**t)) + 1e-8)
        return jax.tree.map(move, p, m, v), m, v

    m = v = jax.tree.map(np.zeros_like, p)
    for t in range(1, 1201):
        at = rng.choice(len(x), 64)
        p, m, v = step(p, m, v, float(t), x[at], labels[at])
    return {name: np.asarray(value) for name, value in p.items()}


class Network:
    """The same network as ONNX."""

    def __init__(self, p):
        self.nodes = []
        self.constants = [numpy_helper.from_array(value, name) for name, value in p.items()]

    def constant(self, name, value):
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, op, name, *inputs, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [name], f"{name}.{op}", **attributes))
        return name

    def linear(self, name, x):
        return self.node("Add", name, self.node("MatMul", f"{name}.xw", x, f"{name}.w"), f"{name}.b")

    def norm(self, name, x):
        return self.node(
            "LayerNormalization", name, x, f"{name}.w", f"{name}.b", axis=-1, epsilon=1e-5
        )

    def heads(self, name, x, perm):
        split = self.node("Reshape", f"{name}.split", x, "heads")
        return self.node("Transpose", f"{name}.heads", split, perm=perm)

    def block(self, layer, y):
        name = lambda part: f"{layer}.{part}"
        x = self.norm(name("norm1"), y)
        q, k, v = (self.linear(name(part), x) for part in "qkv")
        q = self.heads(name("q"), q, [0, 2, 1, 3])
        k = self.heads(name("k"), k, [0, 2, 3, 1])
        v = self.heads(name("v"), v, [0, 2, 1, 3])
        x = self.node("Div", name("scores"), self.node("MatMul", name("qk"), q, k), "root")
        x = self.node("Softmax", name("weights"), x, axis=-1)
        x = self.node("MatMul", name("mixed"), x, v)
        x = self.node("Transpose", name("joined"), x, perm=[0, 2, 1, 3])
        x = self.node("Reshape", name("rows"), x, "rows")
        y = self.node("Add", name("sum1"), y, self.linear(name("o"), x))
        x = self.linear(name("up"), self.norm(name("norm2"), y))
        x = self.linear(name("down"), self.node("Gelu", name("gelu"), x))
        return self.node("Add", name("sum2"), y, x)

    def build(self):
        self.constant("grid", np.int64([-1, 4, 2, 4, 2]))
        self.constant("patches", np.int64([-1, TOKENS, PATCH]))
        self.constant("heads", np.int64([0, TOKENS, HEADS, WIDTH // HEADS]))
        self.constant("rows", np.int64([0, TOKENS, WIDTH]))
        self.constant("root", np.float32(np.sqrt(WIDTH // HEADS)))
        self.constant("first", np.int64(0))
        y = self.node("Reshape", "cut", "input", "grid")
        y = self.node("Transpose", "turned", y, perm=[0, 1, 3, 2, 4])
        y = self.node("Reshape", "tokens", y, "patches")
        y = self.node("MatMul", "embed.xw", y, "embed.w")
        y = self.node("Add", "embed", y, "embed.pos")
        for layer in range(LAYERS):
            y = self.block(layer, y)
        y = self.norm("norm", y)
        y = self.node("Gather", "token", y, "first", axis=1)
        self.node("Gemm", "logits", y, "head.w", "head.b")
        fed = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 8, 8])
        return self.model("encoder", fed, CLASSES)

    def model(self, name, fed, classes):
        logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", classes])
        graph = helper.make_graph(self.nodes, name, [fed], [logits], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


class Samples(CalibrationDataReader):
    def __init__(self, x):
        self.samples = iter(x)

    def get_next(self):
        x = next(self.samples, None)
        return None if x is None else {"input": x[None]}


def session(model):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def run(path, x):
    """Every 8-bit tensor that is computed by name, the last one, and the logits; one sample at a time."""
    model = onnx.load(path)
    moves = {"DequantizeLinear", "Reshape", "Transpose"}
    names = [node.output[0] for node in model.graph.node if node.op_type not in moves]
    last = model.graph.node[-1].input[0]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    runner = session(model)
    results = [runner.run(None, {"input": sample[None]}) for sample in x]
    outputs = [output.name for output in runner.get_outputs()]
    tensors = {name: np.concatenate(r) for name, r in zip(outputs, zip(*results))}
    logits = tensors.pop("logits")
    tensors = {name: value for name, value in tensors.items() if value.dtype.itemsize == 1}
    return logits, tensors[last], tensors


def other_goldens(folder, x):
    """What the other forms return, which are other integers."""
    for form in ["qdq", "u8"]:
        logits, last, _ = run(folder / f"model_{form}.onnx", x)
        np.savez_compressed(folder / f"outputs_{form}.npz", q_last=last, logits=logits)


def quantize(model, folder, calibration):
    """Writes the three forms."""
    signed = dict(activation_type=QuantType.QInt8, weight_type=QuantType.QInt8, per_channel=True)
    unsigned = dict(activation_type=QuantType.QUInt8, weight_type=QuantType.QUInt8)
    with tempfile.TemporaryDirectory() as scratch:
        float_path = pathlib.Path(scratch) / "float.onnx"
        onnx.save(model, float_path)
        for name, form, types in [
            ("model.onnx", QuantFormat.QOperator, signed),
            ("model_qdq.onnx", QuantFormat.QDQ, signed),
            ("model_u8.onnx", QuantFormat.QOperator, unsigned),
        ]:
            quantize_static(
                float_path, folder / name, Samples(calibration), form,
                calibrate_method=CalibrationMethod.MinMax, **types,
            )


def main():
    from sklearn.datasets import load_digits

    rng = np.random.default_rng(SEED)
    TARGET.mkdir(parents=True, exist_ok=True)
    digits = load_digits()
    order = rng.permutation(len(digits.target))
    pictures = (digits.images[order] / 16).astype(np.float32)
    labels = digits.target[order]
    x, calibration = pictures[:SAMPLES], pictures[300:500]
    p = train(logits, parameters(rng), pictures[300:], labels[300:], rng)
    model = Network(p).build()
    quantize(model, TARGET, calibration)
    float_logits = session(model).run(None, {"input": x})[0]
    y, last, tensors = run(TARGET / "model.onnx", x)
    # The file cuts the picture before it quantizes it; this is the order of the picture.
    q_in = tensors["tokens_quantized"].reshape(-1, 4, 4, 2, 2).transpose(0, 1, 3, 2, 4).reshape(x.shape)
    np.savez_compressed(TARGET / "inputs.npz", x=x, q_in=q_in, label=labels[:SAMPLES])
    np.savez_compressed(
        TARGET / "outputs.npz", q_last=last, logits=y, float_logits=float_logits
    )
    firsts = {name: value[:INTERMEDIATES] for name, value in tensors.items()}
    np.savez_compressed(TARGET / "intermediates.npz", **firsts)
    other_goldens(TARGET, x)
    test = run(TARGET / "model.onnx", pictures[:300])[0].argmax(1)
    print(f"{(test == labels[:300]).mean():.1%} of 300 unseen digits")


if __name__ == "__main__":
    if sys.argv[1:]:
        other_goldens(pathlib.Path(sys.argv[1]), np.load(sys.argv[1] + "/inputs.npz")["x"])
    else:
        main()
