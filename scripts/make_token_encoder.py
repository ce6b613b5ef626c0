#!/usr/bin/env python3
"""Makes testdata/models/tokens: a transformer encoder that takes tokens, quantized three ways.

    pip install --requirement scripts/encoder.txt
    scripts/make_token_encoder.py

It tells which of four groups most tokens of a sequence belong to; a token's group is its number modulo 4. Trained on random
sequences from a fixed seed. Goldens as in make_encoder.py. Tests need the files only, not this script.
"""

import numpy as np
from make_encoder import (
    INTERMEDIATES,
    TARGET,
    Network,
    block,
    block_parameters,
    matrix,
    norm,
    other_goldens,
    quantize,
    run,
    session,
    train,
)
from onnx import TensorProto, helper

SEED = 6
SAMPLES = 60
VOCABULARY, TOKENS, WIDTH, HEADS, HIDDEN, GROUPS = 40, 12, 16, 2, 32, 4
FOLDER = TARGET.parent / "tokens"


def sequences(rng, count):
    """Tokens, and the group that most of them belong to."""
    x, labels = np.zeros((0, TOKENS), np.int64), np.zeros(0, np.int64)
    while len(x) < count:
        drawn = rng.integers(0, VOCABULARY, (count, TOKENS))
        counts = np.stack([(drawn % GROUPS == group).sum(1) for group in range(GROUPS)], 1)
        best = np.sort(counts, 1)
        clear = best[:, -1] > best[:, -2]
        x, labels = np.concatenate([x, drawn[clear]]), np.concatenate([labels, counts.argmax(1)[clear]])
    return x[:count], labels[:count]


def logits(p, x):
    y = block(p, 0, p["embed.table"][x] + p["embed.pos"], HEADS)
    return norm(p, "norm", y).mean(1) @ p["head.w"] + p["head.b"]


class TokenNetwork(Network):
    def build(self):
        self.constant("heads", np.int64([0, TOKENS, HEADS, WIDTH // HEADS]))
        self.constant("rows", np.int64([0, TOKENS, WIDTH]))
        self.constant("root", np.float32(np.sqrt(WIDTH // HEADS)))
        self.constant("axis", np.int64([1]))
        y = self.node("Gather", "rows_of_tokens", "embed.table", "input")
        y = self.block(0, self.node("Add", "embed", y, "embed.pos"))
        y = self.node("ReduceMean", "mean", self.norm("norm", y), "axis", keepdims=0)
        self.node("Gemm", "logits", y, "head.w", "head.b")
        fed = helper.make_tensor_value_info("input", TensorProto.INT64, ["N", TOKENS])
        return self.model("tokens", fed, GROUPS)


def main():
    rng = np.random.default_rng(SEED)
    FOLDER.mkdir(parents=True, exist_ok=True)
    p = {
        "embed.table": matrix(rng, 1, WIDTH * VOCABULARY).reshape(VOCABULARY, WIDTH),
        "embed.pos": matrix(rng, TOKENS, WIDTH),
    }
    p |= block_parameters(rng, 1, WIDTH, HIDDEN, GROUPS)
    x, labels = sequences(rng, SAMPLES)
    p = train(logits, p, *sequences(rng, 4000), rng)
    model = TokenNetwork(p).build()
    quantize(model, FOLDER, sequences(rng, 200)[0])
    float_logits = session(model).run(None, {"input": x})[0]
    y, last, tensors = run(FOLDER / "model.onnx", x)
    np.savez_compressed(FOLDER / "inputs.npz", x=x, label=labels)
    np.savez_compressed(FOLDER / "outputs.npz", q_last=last, logits=y, float_logits=float_logits)
    firsts = {name: value[:INTERMEDIATES] for name, value in tensors.items()}
    np.savez_compressed(FOLDER / "intermediates.npz", **firsts)
    other_goldens(FOLDER, x)
    test, labels = sequences(rng, 300)
    right = run(FOLDER / "model.onnx", test)[0].argmax(1) == labels
    print(f"{right.mean():.1%} of 300 unseen sequences")


if __name__ == "__main__":
    main()
