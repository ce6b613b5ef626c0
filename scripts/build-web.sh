#!/usr/bin/env bash
# Builds the verifier for browsers and the page around it, target/web/verify.html, and prints their sizes.
#
# Where rustup brought the target wasm32-unknown-unknown along, it is used. Elsewhere Debian's compiler for browsers is, with
# the standard library built from its source: both are unpacked below target/, and nothing of the machine's own Rust changes.
# Exit code 3, after a loud word, if the target cannot be had; everything else works without it.
set -euo pipefail
cd "$(dirname "$0")/.."

target=wasm32-unknown-unknown
build=${CARGO_TARGET_DIR:-target}
out=$build/web
kit=$build/web-toolchain
mkdir -p "$out"

cannot() {
    {
        echo
        echo "************************************************************************"
        echo "* NOT BUILT: the verifier for browsers. $*"
        echo "* Install it with 'rustup target add $target', or on Debian 12 let"
        echo "* this script fetch rustc-web. All other parts build and test without it."
        echo "************************************************************************"
    } >&2
    exit 3
}

# Puts Debian's compiler, which knows the target, and the source of its standard library into $kit. Installing them would
# replace a machine's own Rust; only the library that the compiler links to is installed.
unpack_compiler() {
    [ -e "$kit/complete" ] && return
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
    local version release package sources
    version=$(apt-cache policy rustc-web 2>/dev/null | sed -n 's/ *Candidate: //p')
    case $version in
    "" | "(none)")
        apt-get update -qq || return 1
        version=$(apt-cache policy rustc-web | sed -n 's/ *Candidate: //p')
        ;;
    esac
    case $version in "" | "(none)") return 1 ;; esac
    release=$(echo "$version" | cut -d. -f1,2)
    rm -rf "$kit"
    mkdir -p "$kit/packages"
    local llvm
    llvm=$(apt-cache depends "libstd-rust-web-$release=$version" | sed -n 's/.*Depends: \(libllvm[0-9]*\)$/\1/p')
    if ! dpkg --status "$llvm" >/dev/null 2>&1; then
        DEBIAN_FRONTEND=noninteractive apt-get install --yes -qq --no-install-recommends "$llvm" >/dev/null || return 1
    fi
    for package in rustc-web "libstd-rust-web-$release" libstd-rust-web-dev rust-web-src; do
        (cd "$kit/packages" && apt-get -o APT::Sandbox::User=root download -qq "$package=$version") || return 1
    done
    for package in "$kit"/packages/*.deb; do
        dpkg-deb --extract "$package" "$kit"
    done
    # Debian's link to the source of the library leads to where it would be installed.
    sources=$(echo "$kit"/usr/src/rustc-*)
    rm -rf "$kit/packages" "$kit/usr/lib/rustlib/src"
    mkdir "$kit/usr/lib/rustlib/src"
    ln -s "../../../src/$(basename "$sources")" "$kit/usr/lib/rustlib/src/rust"
    touch "$kit/complete"
}

arguments=(--profile wasm --package winterforge-web --target "$target" --target-dir "$build" --locked)
if [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ]; then
    cargo build "${arguments[@]}"
else
    unpack_compiler || cannot "This Rust has no $target, and Debian's compiler cannot be had."
    kit=$(cd "$kit" && pwd)
    printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' "$kit/usr/lib/$(uname -m)-linux-gnu" "$kit/usr/bin/rustc" >"$kit/rustc"
    chmod +x "$kit/rustc"
    host=$(rustc -vV | sed -n 's/host: //p')
    linker=$(rustc --print sysroot)/lib/rustlib/$host/bin/rust-lld
    [ -x "$linker" ] || cannot "This Rust has no $linker."
    "$kit/rustc" --version >/dev/null || cannot "Debian's compiler does not start here."
    # The standard library is built along: without messages of panics, which nobody could read, and for size.
    RUSTC=$kit/rustc RUSTC_BOOTSTRAP=1 \
        RUSTFLAGS="-Zunstable-options -Cpanic=immediate-abort" \
        CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$linker \
        cargo build "${arguments[@]}" -Zbuild-std=std,panic_abort -Zbuild-std-features=optimize_for_size
fi

module=$build/$target/wasm/winterforge_web.wasm
command -v wasm-opt >/dev/null || { command -v apt-get >/dev/null &&
    DEBIAN_FRONTEND=noninteractive apt-get install --yes -qq --no-install-recommends binaryen >/dev/null; } ||
    cannot "There is no wasm-opt (package binaryen)."
# The one pass that makes it smaller when compressed; what -Oz does besides makes it larger.
wasm-opt --enable-bulk-memory --enable-sign-ext --enable-mutable-globals --enable-nontrapping-float-to-int --enable-multivalue \
    --enable-reference-types --merge-similar-functions "$module" --output "$out/verifier.wasm"

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
python3 web/page/assemble.py "$version" "$out/verifier.wasm" "$out/verify.html"
echo "page:     $out/verify.html"
