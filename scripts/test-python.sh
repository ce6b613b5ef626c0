#!/usr/bin/env bash
# Builds the Python package, installs it below target/, runs its tests with ONNX Runtime as the oracle, and executes the
# notebook. Without a Python, or where the packages of scripts/python.txt cannot be had, it says so loudly and skips; that is a
# failure when CI is set.
set -euo pipefail
cd "$(dirname "$0")/.."

build=${CARGO_TARGET_DIR:-$PWD/target}
skip() {
    echo "SKIPPED: the Python package is not tested: $*" >&2
    [ -z "${CI:-}" ] && exit 0
    exit 1
}

venv=$build/python
if ! { [ -e "$venv/installed.txt" ] && cmp -s scripts/python.txt "$venv/installed.txt"; }; then
    command -v python3 >/dev/null || skip "there is no python3."
    python3 -m venv "$venv" || skip "python3 has no venv (package python3-venv)."
    "$venv/bin/pip" install --quiet --retries 1 --requirement scripts/python.txt || skip "its packages cannot be installed."
    cp scripts/python.txt "$venv/installed.txt"
fi

# The profile of the tests: it proves fast enough, and shares what they have compiled.
rm -rf "$build/wheels"
(cd python && CARGO_TARGET_DIR=$build "$venv/bin/maturin" build --quiet --profile dev --locked \
    --interpreter "$venv/bin/python" --out "$build/wheels")
"$venv/bin/pip" install --quiet --force-reinstall --no-deps "$build"/wheels/winterforge-*.whl

# From another folder, so that the installed package is tested and not the source beside it.
cd "$build"
"$venv/bin/python" -m pytest -q -p no:cacheprovider -W error "$OLDPWD/python/tests"
