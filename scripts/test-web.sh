#!/usr/bin/env bash
# Builds the page and tries it in headless Chromium with good and forged bundles. Installs Chromium (Debian) and playwright-core
# (npm, below target/) where they are missing. Without the WebAssembly target or a browser it says so loudly and skips; that is
# a failure when CI is set. An argument is a folder for screenshots.
set -euo pipefail
cd "$(dirname "$0")/.."

build=${CARGO_TARGET_DIR:-target}
skip() {
    echo "SKIPPED: the page is not tested: $*" >&2
    [ -z "${CI:-}" ] && exit 0
    exit 1
}
have() { command -v "$1" >/dev/null; }
install() {
    have apt-get || return 1
    { apt-cache show "$1" >/dev/null 2>&1 || apt-get update -qq; } &&
        DEBIAN_FRONTEND=noninteractive apt-get install --yes -qq --no-install-recommends "$@" >/dev/null
}

status=0
scripts/build-web.sh || status=$?
[ "$status" -ne 3 ] || skip "the verifier was not built."
[ "$status" -eq 0 ] || exit "$status"

have chromium || install chromium || skip "there is no Chromium."
have node || install nodejs || skip "there is no node."
driver=$build/web-tests
if [ ! -d "$driver/node_modules/playwright-core" ]; then
    have npm || install npm || skip "there is no npm."
    mkdir -p "$driver"
    npm install --prefix "$driver" --no-save --no-package-lock --no-audit --no-fund --silent playwright-core@1.64.1 ||
        skip "playwright-core cannot be installed."
fi

# Proves, forges and judges natively. scripts/test.sh has done that already, among all tests, and says so.
cases=$build/tmp/web-cases
[ -n "${WINTERFORGE_WEB_CASES:-}" ] && [ -e "$cases/cases.json" ] ||
    cargo test --package winterforge-web --test cases --locked
here=$PWD
absolute() { case $1 in /*) echo "$1" ;; *) echo "$here/$1" ;; esac; }
cd "$driver"
node "$here/web/tests/browser.mjs" "$(absolute "$build/web/verify.html")" "$(absolute "$cases")" ${1:+"$(absolute "$1")"}
