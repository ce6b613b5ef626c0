"""The package against ONNX Runtime, against itself, and against lies. Models and inputs are those of testdata/."""

import json
import pathlib
import threading
import time

import numpy as np
import onnxruntime
import pytest

import winterforge as wf

MODELS = pathlib.Path(__file__).parents[2] / "testdata" / "models"
NAMES = ["mlp_mnist", "mlp_digits", "mlp_bc", "lenet_mnist", "tokens", "inverted_residual", "encoder"]
FORMS = ["model.onnx", "model_u8.onnx", "model_qdq.onnx"]


def inputs(name: str) -> np.ndarray:
    return np.load(MODELS / name / "inputs.npz")["x"]


def oracle(model: pathlib.Path, x: np.ndarray) -> np.ndarray:
    """What ONNX Runtime returns, as it was asked when the golden files were made."""
    options = onnxruntime.SessionOptions()
    if model.parts[-2:] != ("inverted_residual", "model_qdq.onnx"):
        # That one alone is fused to integer operators first: unfused it adds up float32 numbers, and two of its 24 outputs
        # are ties that this moves (docs/conformance.md).
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


CPU = pathlib.Path("/proc/cpuinfo")
# Without these instructions ONNX Runtime may saturate sums of uint8 x int8 products (testdata/README.md).
HAS_VNNI = CPU.exists() and "vnni" in CPU.read_text()


def golden(name: str, form: str) -> np.ndarray:
    """What ONNX Runtime returned for all inputs where the golden files were made."""
    own = MODELS / name / form.replace("model", "outputs").replace(".onnx", ".npz")
    # Elsewhere the QDQ form has the integers of the other.
    return np.load(own if own.exists() else MODELS / name / "outputs.npz")["logits"]


@pytest.fixture(scope="module")
def digits():
    model = wf.load(MODELS / "mlp_digits" / "model.onnx")
    return model, inputs("mlp_digits")


@pytest.fixture(scope="module")
def proof(digits):
    return wf.prove(digits[0], digits[1], indices=range(2, 5))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_those_of_onnx_runtime(name, form):
    path = MODELS / name / form
    x = inputs(name)[:20]
    ours = wf.run(path, x)
    theirs = oracle(path, x) if HAS_VNNI or form == "model.onnx" else golden(name, form)[: len(x)]
    # testdata/README.md: two outputs of this one are float32 sums near ties.
    differing = 2 if (name, form) == ("encoder", "model_qdq.onnx") else 0
    rows = (ours.output.reshape(len(x), -1).view(np.int32) != theirs.reshape(len(x), -1).view(np.int32)).any(axis=1)
    assert rows.sum() <= differing
    assert ours.output.dtype == np.float32 and ours.output.shape == theirs.shape


@pytest.mark.parametrize(("name", "file", "golden"), [
    (name, f"model{form}.onnx", f"outputs{form}.npz") for name in NAMES for form in ("", "_u8")])
def test_integers_are_the_golden_ones(name, file, golden):
    q = np.load(MODELS / name / golden)["q_last"]
    ours = wf.run(MODELS / name / file, MODELS / name / "inputs.npz", indices=range(0, 20)).output_q
    assert ours.dtype == q.dtype
    assert np.array_equal(ours, q[:20].reshape(ours.shape))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_proven_is_what_onnx_runtime_returns(name):
    path, x = MODELS / name / "model.onnx", inputs(name)[:2]
    proof = wf.prove(path, x)
    verified = wf.verify(proof, model=path, input=x)
    theirs = oracle(path, x)
    for output in (proof.output, verified.output):
        assert np.array_equal(output.view(np.int32), theirs.view(np.int32))
    assert np.array_equal(verified.output_q, proof.output_q)
    assert np.array_equal(verified.input, x)
    assert verified.proven_bits >= 100 and verified.mode == "open" and verified.batch == 2 and verified.key is None
    assert verified.model_id == proof.model_id == wf.load(path).id


def test_bundles_do_not_depend_on_how_they_are_asked_for(digits, proof):
    model, x = digits
    path = MODELS / "mlp_digits"
    others = [
        wf.prove(path / "model.onnx", path / "inputs.npz", indices=range(2, 5)),
        wf.prove(str(path / "model.onnx"), x[2:5].astype(np.float64), threads=1),
        wf.prove((path / "model.onnx").read_bytes(), x[2:5].tolist(), threads=2),
        wf.prove(model, np.asfortranarray(x[2:5]), max_memory_bytes=500_000_000),
        wf.prove(model, x[2:5].astype(">f4")),
    ]
    assert all(other.bundle == proof.bundle for other in others)


def test_a_key_stands_for_the_model(tmp_path, digits):
    model, x = digits
    key = wf.setup(model)
    proofs = [wf.prove(model, x[:1], key=key)]
    file = tmp_path / "digits.wfk"
    file.write_bytes(key.encode())
    for _ in range(2):
        # The second time with the cache that the first one left.
        proofs.append(wf.prove(model, x[:1], key=file))
        assert (tmp_path / "digits.wfk.cache").exists()
    proofs.append(wf.prove(model, x[:1], key=key.encode()))
    assert len({proof.bundle for proof in proofs}) == 1
    verified = wf.verify(proofs[0], key=file)
    assert verified.mode == "key" and verified.key == key.digest == wf.read_key(file).digest
    assert np.array_equal(verified.output, wf.run(model, x[:1]).output)
    with pytest.raises(wf.Rejected, match="needs-key"):
        wf.verify(proofs[0], model=model)
    with pytest.raises(wf.Rejected, match="needs-model"):
        wf.verify(wf.prove(model, x[:1]), key=key)


def test_parents_are_part_of_the_statement(tmp_path, digits, proof):
    model, x = digits
    file = tmp_path / "parent.wfp"
    proof.save(file)
    child = wf.prove(model, x[:1], parents=[file])
    assert child.bundle == wf.prove(model, x[:1], parents=[proof, proof.bundle]).bundle
    verified = wf.verify(child, model=model)
    assert len(verified.parents) == 1 and list(verified.parents) == wf.inspect(child)["parents"]
    assert wf.verify(proof, model=model).parents == ()
    # Another name in its place, and the proof no longer holds.
    digest = bytes.fromhex(verified.parents[0])
    assert child.bundle.count(digest) == 1
    with pytest.raises(wf.Rejected):
        wf.verify(child.bundle.replace(digest, bytes(32)), model=model)
    with pytest.raises(wf.InputError, match="malformed-bundle"):
        wf.prove(model, x[:1], parents=[b"no bundle"])
    with pytest.raises(wf.InputError, match="17 parents"):
        wf.prove(model, x[:1], parents=[wf.prove(model, x[i:i + 1]) for i in range(17)])


def test_a_damaged_cache_is_said_and_made_again(tmp_path, digits):
    model, x = digits
    file = tmp_path / "digits.wfk"
    file.write_bytes(wf.setup(model).encode())
    first = wf.prove(model, x[:1], key=file)
    cache = tmp_path / "digits.wfk.cache"
    good = cache.read_bytes()
    cache.write_bytes(good[:-100])
    with pytest.warns(RuntimeWarning, match="made again"):
        assert wf.prove(model, x[:1], key=file).bundle == first.bundle
    assert cache.read_bytes() == good


@pytest.mark.parametrize("options", [{"hash": "poseidon2"}, {"security": 128}, {"profile": "fast"}, {"profile": "small"}])
def test_options_reach_the_bundle(digits, options):
    model, x = digits
    proof = wf.prove(model, x[:1], **options)
    said = wf.inspect(proof)
    assert all(said[name] == value for name, value in options.items())
    asked = {"min_security": options.get("security", 100), "hash": options.get("hash", "blake3")}
    verified = wf.verify(proof, model=model, **asked)
    assert (verified.proven_bits, verified.hash) == (proof.proven_bits, asked["hash"])


def test_progress_is_told_and_other_threads_run(digits):
    model, x = digits
    told, ticks, done = [], 0, threading.Event()

    def count():
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    try:
        before = ticks
        wf.prove(model, x, progress=lambda phase, finished, total: told.append((phase, finished, total)))
        during = ticks - before
    finally:
        done.set()
        thread.join()
    phases = [phase for phase, finished, _ in told if finished == 0]
    assert phases[:3] == ["execute", "commit", "prove"]
    assert all(finished <= total for _, finished, total in told)
    assert ("prove", told[-1][2], told[-1][2]) in told
    assert during > 3


def test_an_exception_in_progress_comes_out(digits):
    calls = []

    def progress(*call):
        calls.append(call)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        wf.prove(digits[0], digits[1][:1], progress=progress)
    assert len(calls) == 1


def test_forgeries_are_rejected(digits, proof):
    model, x = digits
    assert wf.verify(proof.bundle, model=model).batch == 3
    rng = np.random.default_rng(20_261_129)
    for at in rng.integers(0, len(proof.bundle), 40):
        damaged = bytearray(proof.bundle)
        damaged[at] ^= 1 << int(rng.integers(8))
        with pytest.raises((wf.Rejected, wf.InputError)):
            wf.verify(damaged, model=model)
    said = wf.inspect(proof.bundle)
    output = said["output_q"].astype(np.int8).tobytes()
    start = proof.bundle.rindex(output, 0, said["header_bytes"])
    forged = bytearray(proof.bundle)
    forged[start] ^= 1
    with pytest.raises(wf.Rejected, match="invalid-proof"):
        wf.verify(forged, model=model)
    assert wf.inspect(forged)["verified"] is False


@pytest.mark.parametrize(("reason", "call"), [
    ("other-model", lambda p, m: wf.verify(p, model=MODELS / "mlp_bc" / "model.onnx")),
    ("insufficient-security", lambda p, m: wf.verify(p, model=m, min_security=128)),
    ("other-hash", lambda p, m: wf.verify(p, model=m, hash="poseidon2")),
    ("other-input", lambda p, m: wf.verify(p, model=m, input=inputs("mlp_digits")[3:6])),
    ("other-input", lambda p, m: wf.verify(p, model=m, input=inputs("mlp_digits")[2:4])),
    ("other-input", lambda p, m: wf.verify(p, model=m, input=inputs("mlp_digits")[2:6])),
])
def test_rejections_have_the_reasons_of_the_command_line(digits, proof, reason, call):
    with pytest.raises(wf.Rejected) as caught:
        call(proof, digits[0])
    assert caught.value.reason == reason and caught.value.detail
    assert isinstance(caught.value, wf.Error) and not isinstance(caught.value, ValueError)


@pytest.mark.parametrize(("reason", "call"), [
    ("bad-input", lambda p, m, x: wf.load("nowhere.onnx")),
    ("bad-input", lambda p, m, x: wf.load(b"no model")),
    ("bad-input", lambda p, m, x: wf.run(m, x[0])),
    ("bad-input", lambda p, m, x: wf.run(m, x[:, :3])),
    ("bad-input", lambda p, m, x: wf.run(m, x[:0])),
    ("bad-input", lambda p, m, x: wf.run(m, x[:2] + np.float64(1e-12))),
    ("bad-input", lambda p, m, x: wf.run(m, x[:2].astype(complex))),
    ("bad-input", lambda p, m, x: wf.run(m, np.array([None, "a"]))),
    ("bad-input", lambda p, m, x: wf.run(m, x, indices=len(x))),
    ("bad-input", lambda p, m, x: wf.run(m, x, indices=-1)),
    ("bad-input", lambda p, m, x: wf.run(m, x, indices=range(0, 9, 2))),
    ("bad-input", lambda p, m, x: wf.prove(m, x[:1], security=99)),
    ("bad-input", lambda p, m, x: wf.prove(m, x[:1], profile="tiny")),
    ("bad-input", lambda p, m, x: wf.prove(m, x[:1], hash="md5")),
    ("bad-input", lambda p, m, x: wf.prove(m, x[:1], threads=0)),
    ("bad-input", lambda p, m, x: wf.prove(m, x[:1], max_memory_bytes=1)),
    ("bad-input", lambda p, m, x: wf.prove(m, x[:1], key=b"no key")),
    ("bad-input", lambda p, m, x: wf.prove(MODELS / "mlp_bc" / "model.onnx", inputs("mlp_bc")[:1], key=wf.setup(m))),
    ("bad-input", lambda p, m, x: wf.verify(p)),
    ("bad-input", lambda p, m, x: wf.verify(p, model=m, hash="md5")),
    ("malformed-bundle", lambda p, m, x: wf.verify(b"no bundle", model=m)),
    ("malformed-proof", lambda p, m, x: wf.verify(p.bundle[:-1], model=m)),
    ("trailing-bytes", lambda p, m, x: wf.verify(p.bundle + b"\0", model=m)),
])
def test_what_is_not_understood_is_an_input_error(digits, proof, reason, call):
    with pytest.raises(wf.InputError) as caught:
        call(proof, *digits)
    assert caught.value.reason == reason and caught.value.detail
    assert isinstance(caught.value, ValueError)


def test_a_saved_proof_is_whole(tmp_path, digits, proof):
    path = tmp_path / "out.wfp"
    path.write_bytes(b"old")
    proof.save(path)
    assert path.read_bytes() == proof.bundle
    assert [file.name for file in tmp_path.iterdir()] == ["out.wfp"]
    with pytest.raises(OSError):
        proof.save(tmp_path / "nowhere" / "out.wfp")
    assert wf.verify(path, model=digits[0]).model_id == proof.model_id


def test_files_tell_what_they_are(tmp_path, digits, proof):
    model, _ = digits
    said = wf.inspect(MODELS / "mlp_digits" / "model.onnx")
    assert said["kind"] == "model" and said["model_id"] == model.id and said["input_shape"] == [64]
    key = wf.setup(model)
    (tmp_path / "k.wfk").write_bytes(key.encode())
    assert wf.inspect(tmp_path / "k.wfk")["digest"] == wf.inspect(key)["digest"] == key.digest
    said = wf.inspect(proof)
    assert said["kind"] == "bundle" and said["batch"] == 3
    assert np.array_equal(said["output_q"], proof.output_q)
    said["output_q"] = said["output_q"].tolist()
    json.dumps(said)
    assert wf.inspect(MODELS / "tokens" / "model.onnx")["vocabulary"] == 40


def test_the_package_is_typed():
    folder = pathlib.Path(wf.__file__).parent
    assert (folder / "py.typed").exists()
    stub = (folder / "__init__.pyi").read_text()
    assert all(f"def {name}(" in stub or f"class {name}" in stub or f"as {name}" in stub for name in wf.__all__)
