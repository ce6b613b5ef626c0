"""What the hardware scripts share: the tools of .venv, their versions, the kernels' digests, nextpnr's reports."""

import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".venv/bin"
GOLDEN = ROOT / "hdl/golden.txt"
# A change of a figure beyond this is told.
NOTABLE = 0.05

ENVIRONMENT = dict(os.environ, YOWASP_CACHE_DIR=str(ROOT / ".venv/cache"))


def run(command, folder, log):
    """Runs a command in a folder, its output in a log there; the exit code. A tool of .venv is named without its path."""
    first, *rest = (str(part) for part in command)
    first = str(TOOLS / first) if (TOOLS / first).exists() else first
    with open(folder / log, "w") as output:
        done = subprocess.run(
            [first, *rest], stdout=output, stderr=subprocess.STDOUT, env=ENVIRONMENT, cwd=folder
        )
    return done.returncode


def version(tool):
    """As the tool says it: a number."""
    flag = "-V" if tool.endswith("yosys") else "--version"
    text = subprocess.run([TOOLS / tool, flag], capture_output=True, text=True, check=True, env=ENVIRONMENT)
    return re.search(r"(?:Yosys |nextpnr-)([0-9.]+)", text.stdout + text.stderr).group(1)


def golden():
    """Digest of the Verilog of every kernel."""
    lines = map(str.split, GOLDEN.read_text().splitlines())
    return {kernel: digest for digest, kernel in lines}


def export(kernel, folder):
    """Writes the Verilog of a kernel and its harness; the digest of the former and the kernel's parameters."""
    command = ["cargo", "run", "--quiet", "--locked", "--package", "winterforge-hdl", "--example",
               "export", "--", folder, kernel]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    if not done.stdout:
        sys.exit(f"there is no kernel {kernel}")
    digest, _, parameters = done.stdout.split(maxsplit=2)
    return digest, json.loads(parameters)


def block(cell):
    """The register or block that a cell of the netlist came from, without the tools' additions."""
    name = re.sub(r"(\$lut|_(TRELLIS|LUT4|CCU2C|PFUMX|L6MUX21|DPR16X4|DP16KD|MULT18X18D|SB_|DFF)).*", "", cell)
    return re.sub(r"\.(\d+\.)+\d+$", "", name).removeprefix("kernel.")


def critical_path(report):
    """Ends of the slowest path from register to register, and its delay in cells and in wires."""
    paths = [path for path in report["critical_paths"] if "async" not in path["from"] + path["to"]]
    steps = max(paths, key=lambda path: sum(step["delay"] for step in path["path"]))["path"]
    delay = {"routing": 0.0}
    for step in steps:
        kind = "routing" if step["type"] == "routing" else "cells"
        delay[kind] = delay.get(kind, 0.0) + step["delay"]
    return {
        "from": block(steps[0]["from"]["cell"]),
        "to": block(steps[-1]["to"]["cell"]),
        "cells_ns": round(delay.get("cells", 0.0), 2),
        "routing_ns": round(delay["routing"], 2),
    }


def changes(label, before, after):
    """Figures by name that are no more what they were, to a twentieth, as sentences."""
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name, 0), after.get(name, 0)
        if abs(now - was) > NOTABLE * max(was, 1):
            yield f"{label}: {name} {was} -> {now}"
