#!/usr/bin/env bash
# Everything that must hold before a change lands: format, lints, documentation, tests. Installs Verilator and the other
# hardware tools first, where they are missing; the software itself needs Rust alone. With a Python the executor is also held
# against ONNX Runtime, which is installed below target/ unless WINTERFORGE_PYTHON names a Python that has it. A skipped or
# ignored test is a failure when CI is set. The page for browsers is tried in Chromium, which scripts/test-web.sh installs.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

# What is compiled once only need not be ready for a change: a quarter less time for winterforge-prover.
if [ -n "${CI:-}" ]; then
    export CARGO_INCREMENTAL=0
fi

step "hardware tools"
scripts/setup-hardware.sh

step "format"
cargo fmt --all --check

step "lints"
cargo clippy --workspace --all-targets --locked -- -D warnings
# The crates that ship, with the features that ship: the test build above has the forger's switches on.
cargo clippy --package winterforge-cli --locked -- -D warnings
if cargo tree --package winterforge-cli --edges normal,features --locked | grep -q 'feature "forge"'; then
    echo "the command line is built with the forger's switches" >&2
    exit 1
fi

step "licences and sources of what is depended on, and the bill of materials"
python3 scripts/dependencies.py check
mkdir -p target
python3 scripts/dependencies.py sbom target/sbom.cdx.json
schema=$PWD/target/cyclonedx
if "$schema/bin/python" -c 'import cyclonedx.validation.json' 2>/dev/null ||
    { python3 -m venv "$schema" && "$schema/bin/pip" install --quiet --retries 1 --requirement scripts/cyclonedx.txt; }; then
    "$schema/bin/python" scripts/dependencies.py validate target/sbom.cdx.json
elif [ -n "${CI:-}" ]; then
    echo "scripts/cyclonedx.txt cannot be installed" >&2
    exit 1
else
    echo "scripts/cyclonedx.txt cannot be installed: the bill of materials is not validated"
fi

step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

step "ONNX Runtime"
if [ -z "${WINTERFORGE_PYTHON:-}" ]; then
    oracle=$PWD/target/onnxruntime
    if "$oracle/bin/python" -c 'import numpy, onnxruntime' 2>/dev/null ||
        { python3 -m venv "$oracle" && "$oracle/bin/pip" install --quiet --retries 1 --requirement scripts/onnxruntime.txt; }; then
        export WINTERFORGE_PYTHON=$oracle/bin/python
    else
        echo "not installed: the comparison with it is skipped"
    fi
fi

step "model-signing"
# What signatures are held against; a Python of its own, so that its many packages are in nobody's way.
if [ -z "${WINTERFORGE_MODEL_SIGNING:-}" ]; then
    peer=$PWD/target/model-signing
    if "$peer/bin/python" -c 'import model_signing.signing' 2>/dev/null ||
        { python3 -m venv "$peer" && "$peer/bin/pip" install --quiet --retries 1 --requirement scripts/model-signing.txt; }; then
        export WINTERFORGE_MODEL_SIGNING=$peer/bin/python
    else
        echo "not installed: the comparison with it is skipped"
    fi
fi

step "tests"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
cargo test --workspace --locked --no-fail-fast 2>&1 | tee "$log"
if [ -n "${CI:-}" ] && grep -qE '^test result: .* [1-9][0-9]* ignored' "$log"; then
    echo "a test was skipped" >&2
    exit 1
fi

# Hashing one message at a time, as the forger does, makes this long.
if [ -n "${WINTERFORGE_LONG:-}" ]; then
    step "the forger's bench with Poseidon2"
    cargo test --package winterforge-forge --features poseidon2 --test bench --test controls --locked
fi

# Builds everything once more, as it is shipped: `cargo install` and the archive.
if [ -n "${WINTERFORGE_LONG:-}" ]; then
    step "release archive"
    scripts/release.sh
fi

step "Python"
scripts/test-python.sh

step "browser"
WINTERFORGE_WEB_CASES=made scripts/test-web.sh

scripts/test-hardware.sh
