#!/usr/bin/env bash
# A release archive: the stripped command, manual pages, completions, documents, licences of everything in it, and a bill of
# materials, with checksums. The archive's bytes depend on the sources, the compiler and the target alone: names are sorted,
# times are that of the commit, and paths of this machine are left out of the command.
#
#     scripts/release.sh [FOLDER]       default: target/release-archive
set -euo pipefail
cd "$(dirname "$0")/.."
umask 022

out=$(mkdir -p "${1:-target/release-archive}" && cd "${1:-target/release-archive}" && pwd)
target=$(rustc -vV | sed -n 's/^host: //p')
version=$(cargo metadata --format-version 1 --locked --no-deps | python3 -c '
import json, sys
print(next(p["version"] for p in json.load(sys.stdin)["packages"] if p["name"] == "winterforge-cli"))')
name=winterforge-$version-$target
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct 2>/dev/null || echo 0)}"
export SOURCE_DATE_EPOCH

if [ -n "$(git status --porcelain --untracked-files=no 2>/dev/null)" ]; then
    echo "warning: there are changes that no commit has" >&2
fi

# A folder of its own: flags that differ would build everything in the usual one again.
build=${CARGO_TARGET_DIR:-$PWD/target}/release-build
registry=${CARGO_HOME:-$HOME/.cargo}/registry/src
rm -rf "${out:?}/$name"
folder=$out/$name
mkdir -p "$folder"/{man/man1,completions}
CARGO_TARGET_DIR=$build \
    CARGO_PROFILE_RELEASE_DEBUG=false CARGO_PROFILE_RELEASE_STRIP=symbols \
    RUSTFLAGS="--remap-path-prefix=$PWD=winterforge --remap-path-prefix=$registry=crates" \
    cargo install --path cli --locked --no-track --root "$folder"
"$folder/bin/winterforge" man -o "$folder/man/man1" >/dev/null
for shell in bash zsh fish; do
    "$folder/bin/winterforge" completions "$shell" >"$folder/completions/winterforge.$shell"
done
cp README.md SECURITY.md LICENSE-MIT LICENSE-APACHE "$folder"
cp -R docs "$folder"
python3 scripts/dependencies.py sbom "$folder/sbom.cdx.json" >/dev/null
python3 scripts/dependencies.py licences "$folder/THIRD-PARTY-LICENCES.txt" >/dev/null

for path in "$PWD" "$registry"; do
    if grep -aqF "$path" "$folder/bin/winterforge"; then
        echo "the command holds the path $path" >&2
        exit 1
    fi
done
(cd "$folder" && find . -type f ! -name SHA256SUMS -print0 | LC_ALL=C sort -z | xargs -0 sha256sum >SHA256SUMS)

tar --create --directory "$out" --sort=name --format=ustar --owner=0 --group=0 --numeric-owner \
    --mtime="@$SOURCE_DATE_EPOCH" --mode='u+rwX,go+rX,go-w' "$name" | gzip --no-name --best >"$out/$name.tar.gz"
(cd "$out" && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
echo "$out/$name.tar.gz"
