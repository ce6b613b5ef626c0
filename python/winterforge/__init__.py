"""Proves that a quantized ONNX model returned an output, bit for bit, and verifies such proofs.

    import numpy as np, winterforge as wf

    proof = wf.prove("model.onnx", x[:1])            # x as the model is fed; the first axis is the sample
    proof.save("out.wfp")
    verified = wf.verify("out.wfp", model="model.onnx")
    verified.output                                  # proven, as numpy arrays

Models, keys, bundles and inputs are paths, bytes or objects of this module; an input may be an array. ``InputError`` means that
something given is not what it should be, ``Rejected`` that a bundle is not accepted; a verdict is never a return value that could
be overlooked.
"""

from __future__ import annotations

import io
import os
import pathlib
import time
import warnings
from dataclasses import dataclass, field

import numpy as np

from . import _native
from ._native import Key, Model
from .errors import Error, InputError, Rejected

__all__ = ["Error", "InputError", "Key", "Model", "Proof", "Rejected", "Run", "Verified", "inspect", "load", "prove", "read_key",
           "run", "setup", "verify"]

_KINDS = {"float32": "<f4", "int8": "<i4", "uint8": "<i4", "tokens": "<u4"}


@dataclass(frozen=True)
class Run:
    """What a model returns, without a proof."""

    output_q: np.ndarray
    """The last quantized tensor, int8 or uint8; the first axis is the sample."""
    output: np.ndarray
    """What the model returns for it, float32."""


@dataclass(frozen=True)
class Proof:
    """A bundle, and what it states."""

    bundle: bytes = field(repr=False)
    model_id: str
    mode: str
    """``open``, for verifiers who hold the model, or ``key``."""
    proven_bits: int
    shards: int
    output_q: np.ndarray
    output: np.ndarray
    prove_s: float
    """Seconds on the clock."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the bundle under another name first: the file appears whole or not at all."""
        target = pathlib.Path(path)
        beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            with open(beside, "wb") as file:
                file.write(self.bundle)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, target)
        finally:
            beside.unlink(missing_ok=True)


@dataclass(frozen=True)
class Verified:
    """What an accepted bundle proves."""

    model_id: str
    mode: str
    proven_bits: int
    hash: str
    """Of commitments and challenges."""
    batch: int
    input: np.ndarray
    """As the model is fed: float32, 8-bit integers, or uint32 tokens."""
    output_q: np.ndarray
    output: np.ndarray
    key: str | None
    """The digest of the key, which was taken as given."""
    parents: tuple[str, ...]
    """The digests of the bundles that this one names, ascending. Whether those are true is not looked at."""
    verify_ms: float
    """From the bytes to the verdict."""


def _read(source, what: str) -> tuple[bytes, str]:
    """Bytes, and what to call them."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source), f"the {what}"
    path = os.fsdecode(os.fspath(source))
    try:
        return pathlib.Path(path).read_bytes(), path
    except OSError as error:
        raise InputError("bad-input", f"{path}: cannot be read: {error.strerror or error}") from error


def load(model) -> Model:
    """Imports an int8 ONNX model, to use it more than once."""
    if isinstance(model, Model):
        return model
    return Model(*_read(model, "model"))


def read_key(key) -> Key:
    """Reads a key."""
    if isinstance(key, Key):
        return key
    data, name = _read(key, "key")
    try:
        return Key(data)
    except InputError as error:
        raise InputError(error.reason, f"{name}: {error.detail}") from None


def _samples(model: Model, x):
    """Samples by the rules of the command line: what is no exact input of the model is refused."""
    if isinstance(x, (str, os.PathLike)):
        return model.samples(*_read(x, "input"))
    array = np.asarray(x)
    if array.dtype.hasobject:
        raise InputError("bad-input", "the input is no array of numbers")
    array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return model.samples(buffer.getvalue(), "input.npy")


def _range(samples, indices) -> tuple[int, int]:
    if indices is None:
        return 0, samples.count
    if isinstance(indices, range):
        if indices.step != 1 or len(indices) == 0 or indices.start < 0:
            raise InputError("bad-input", f"indices are consecutive and at least one, not {indices}")
        return indices.start, indices.stop
    index = int(indices)
    if index < 0:
        raise InputError("bad-input", f"indices run from 0, not {index}")
    return index, index + 1


def _outputs(model_kind: str, shape, output_q: bytes, output: bytes | None):
    integers = np.frombuffer(output_q, "<i4").astype(model_kind).reshape(shape)
    return integers, None if output is None else np.frombuffer(output, "<f4").astype(np.float32).reshape(shape)


def run(model, x, *, indices=None) -> Run:
    """Computes what a model returns, in exact integers."""
    model = load(model)
    samples = _samples(model, x)
    first, last = _range(samples, indices)
    shape = [last - first, *model.output_shape]
    return Run(*_outputs(model.output_kind, shape, *model.run(samples, first, last)))


def setup(model, *, security=100, profile="balanced", hash="blake3", threads=None) -> Key:
    """Commits to a model. The key is for verifiers; in this process it also proves faster than one that was read."""
    return _native.setup(load(model), security, profile, hash, _threads(threads))


def _threads(threads):
    if threads is not None and threads < 1:
        raise InputError("bad-input", f"at least one thread is needed, not {threads}")
    return threads


def prove(model, x, *, indices=None, key=None, parents=(), security=100, profile="balanced", hash="blake3", threads=None,
          max_memory_bytes=None, progress=None) -> Proof:
    """Proves what a model returns for all samples of an input, or for those at ``indices``, in one bundle.

    With a ``key`` the proof is for those who hold it, and is made as the key says. A key that was read from a file has its
    extended trace kept beside it. ``parents`` are bundles that this one comes from: their digests become part of the statement.
    ``progress(phase, done, total)`` is called from other threads; if it raises, the exception comes out when the proof is done. Other threads of Python run meanwhile.
    """
    model = load(model)
    samples = _samples(model, x)
    first, last = _range(samples, indices)
    key_file = os.fsdecode(os.fspath(key)) if isinstance(key, (str, os.PathLike)) else None
    key = None if key is None else read_key(key)
    named = [(parent.bundle, "a proof") if isinstance(parent, Proof) else _read(parent, "parent") for parent in parents]
    start = time.perf_counter()
    report = _native.prove(model, samples, first, last, key, key_file, named, security, profile, hash, _threads(threads),
                           max_memory_bytes, progress)
    seconds = time.perf_counter() - start
    for word in report.pop("warnings"):
        warnings.warn(word, RuntimeWarning, stacklevel=2)
    shape = [last - first, *model.output_shape]
    output_q, output = _outputs(model.output_kind, shape, report.pop("output_q"), report.pop("output"))
    return Proof(**report, output_q=output_q, output=output, prove_s=seconds)


def verify(bundle, *, model=None, key=None, input=None, min_security=100, hash=None) -> Verified:
    """Verifies a bundle against the model it is about, or the key in its place.

    Returns what is proven. Raises ``Rejected`` if the bundle is not accepted, and ``InputError`` if it, the model or the key is not
    what it should be. With ``input``, the proven samples must also be exactly these; with ``hash``, the bundle must be made with it.
    """
    if (model is None) == (key is None):
        raise InputError("bad-input", "give the model, or the key in its place")
    data = bundle.bundle if isinstance(bundle, Proof) else _read(bundle, "bundle")[0]
    model = None if model is None else load(model)
    key = None if key is None else read_key(key)
    expected = None
    if input is not None:
        if model is None:
            raise InputError("bad-input", "input is compared where the model is given: with a key, compare Verified.input")
        expected = _samples(model, input)
    start = time.perf_counter()
    report = _native.verify(data, model, key, expected, min_security, hash)
    elapsed_ms = 1e3 * (time.perf_counter() - start)
    kind = report["input_kind"]
    cells = np.frombuffer(report["input"], _KINDS[kind]).astype(np.uint32 if kind == "tokens" else kind)
    output_q, output = _outputs(report["output_kind"], report["output_shape"], report["output_q"], report["output"])
    return Verified(
        model_id=report["model_id"], mode=report["mode"], proven_bits=report["proven_bits"], hash=report["hash"],
        batch=report["batch"], input=cells.reshape(report["input_shape"]), output_q=output_q, output=output, key=report["key"],
        parents=tuple(report["parents"]), verify_ms=elapsed_ms)


def inspect(source) -> dict:
    """What a bundle, a key or a model is. Nothing that a bundle says of itself is verified."""
    if isinstance(source, Proof):
        source = source.bundle
    if isinstance(source, Key):
        source = source.encode()
    if not isinstance(source, Model):
        data, _ = _read(source, "file")
        if data[:8] == b"WFBUNDLE":
            report = _native.inspect(data)
            output_q, _ = _outputs(report["output_kind"], report["output_shape"], report["output_q"], None)
            return {"kind": "bundle", **report, "output_q": output_q, "bytes": len(data), "verified": False}
        if data[:8] == b"WFKEY\0\0\0":
            key = read_key(source)
            return {"kind": "key", "model_id": key.model_id, "digest": key.digest, "bytes": len(data)}
    model = load(source)
    return {
        "kind": "model", "model_id": model.id, "input_kind": model.input_kind, "input_shape": model.input_shape,
        "output_kind": model.output_kind, "output_shape": model.output_shape, "nodes": model.nodes, "vocabulary": model.vocabulary,
    }
