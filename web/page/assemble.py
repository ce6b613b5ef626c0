#!/usr/bin/env python3
"""Puts the verifier and the page's parts into one HTML file that works from a disk: assemble.py VERSION MODULE.wasm PAGE.html

The page tries the verifier on a bundle of testdata/formats before anybody relies on it.
"""

import base64
import gzip
import hashlib
import pathlib
import sys

MAX_GZIP_BYTES = 300_000
PARTS = pathlib.Path(__file__).parent
TESTDATA = PARTS.parent.parent / "testdata"


def text(contents: bytes) -> str:
    return base64.b64encode(contents).decode()


def source(integrity_of: str) -> str:
    """A hash as a content security policy has it."""
    return f"sha256-{text(hashlib.sha256(integrity_of.encode()).digest())}"


def main() -> None:
    version, wasm_path, page_path = sys.argv[1:]
    wasm = pathlib.Path(wasm_path).read_bytes()
    compressed = len(gzip.compress(wasm, 9, mtime=0))
    style = (PARTS / "style.css").read_text()
    script = "\n".join((PARTS / name).read_text() for name in ("engine.js", "view.js", "main.js"))
    script = f'"use strict";\n{script}'
    values = {
        "STYLE_HASH": source(style),
        "SCRIPT_HASH": source(script),
        "VERSION": version,
        "WASM_SHA256": hashlib.sha256(wasm).hexdigest(),
        "WASM_KB": f"{len(wasm) / 1000:.0f}",
        "GZIP_KB": f"{compressed / 1000:.0f}",
        "STYLE": style,
        "WASM": text(wasm),
        "SAMPLE_BUNDLE": text((TESTDATA / "formats/open.wfp").read_bytes()),
        "SAMPLE_MODEL": text((TESTDATA / "models/mlp_bc/model.onnx").read_bytes()),
        "SCRIPT": script,
    }
    page = (PARTS / "index.html").read_text()
    for name, value in values.items():
        if f"@{name}@" not in page:
            sys.exit(f"index.html has no @{name}@")
        page = page.replace(f"@{name}@", value)
    pathlib.Path(page_path).write_text(page)
    print(f"verifier: {len(wasm)} bytes, {compressed} bytes compressed, SHA-256 {values['WASM_SHA256']}")
    print(f"page:     {len(page.encode())} bytes, {len(gzip.compress(page.encode(), 9, mtime=0))} bytes compressed")
    if compressed > MAX_GZIP_BYTES:
        sys.exit(f"the verifier is larger than {MAX_GZIP_BYTES} bytes when compressed")


main()
