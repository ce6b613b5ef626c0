#!/usr/bin/env bash
# Measures EZKL on the float networks behind testdata/models and writes bench/ezkl.json, which the benchmark report reads.
# The environment is its own, below target/; beyond the Python packages nothing is downloaded. LeNet takes 12 GB and some
# minutes: --lenet asks for it. All other arguments go to bench-ezkl.py.
set -euo pipefail
cd "$(dirname "$0")/.."

environment=$PWD/target/ezkl
if ! "$environment/bin/python" -c 'import ezkl, onnx' 2>/dev/null; then
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet --requirement scripts/ezkl.txt
fi
exec "$environment/bin/python" scripts/bench-ezkl.py "$@"
