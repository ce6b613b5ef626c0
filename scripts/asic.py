#!/usr/bin/env python3
"""Estimates the silicon of kernels with OSU018, a library of standard cells for 180 nm.

    scripts/asic.py [--table] KERNEL..
    scripts/asic.py --check

yosys maps each kernel alone on the cells, OpenSTA gives the delay of its slowest path from register to
register, without wires. Memories of up to 512 bits become flip-flops or, if read-only, gates; larger ones
are left out, for a memory block would stand there, and are named in the result. Results go to
hardware/asic/, with the tools' versions and the digest of the Verilog. `--table` writes
docs/hardware/asic.md from all results so far, and names the kernels that have none. `--check` runs no
tool: it fails if a result is of other Verilog than hdl/golden.txt, or if the page is not that of the
results. There is no layout, and nothing has been made.
"""

import argparse
import json
import pathlib
import re
import sys

import flow

LIBRARY = pathlib.Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")
PACKAGE = "qflow-tech-osu018"
RESULTS = flow.ROOT / "hardware/asic"
TABLE = flow.ROOT / "docs/hardware/asic.md"
WORK = flow.TARGET / "asic"
# Models of vendors' cells that are gates here: a multiplier, and PLLs, which hand the clock on.
CELLS = {cell: flow.ROOT / "hdl/verilog" / f"{cell.lower()}.v" for cell in ("MULT18X18D", "EHXPLLL", "rPLL")}
REGISTERS = ["DFFPOSX1", "DFFNEGX1", "DFFSR"]
# Up to here flip-flops are what one would build.
MEMORY_BITS = 512
# The cycle for which abc chooses the strength of cells, and what drives inputs and loads outputs.
CYCLE_PS = 5000
CONSTRAINT = "set_driving_cell BUFX2\nset_load 0.05\n"
MODULE = re.compile(r"^module (\S+)\(.*?^endmodule", re.DOTALL | re.MULTILINE)
WRITTEN = re.compile(r"\bwords\[[^\]]*\]\s*<=")
MEMORY = re.compile(r"^\s*reg\s+\[(\d+):0\]\s+words\s+\[(\d+):0\];", re.MULTILINE)


def memories(verilog):
    """Bits of each memory by its module, and whether it is read-only. Every memory has a module of its own."""
    found = {}
    for module in MODULE.finditer(verilog):
        for msb, last in MEMORY.findall(module[0]):
            bits = (int(msb) + 1) * (int(last) + 1)
            found[module[1]] = {"bits": bits, "is_read_only": not WRITTEN.search(module[0])}
    return found


def area(cell):
    """Area of a cell of the library, in square micrometres."""
    return float(re.search(rf"cell \({cell}\) \{{\s*area : ([0-9.]+)", LIBRARY.read_text())[1])


def map_cells(kernel, left_out):
    """Maps a kernel on the cells: how many there are, their area, and the registers."""
    (WORK / "constraint").write_text(CONSTRAINT)
    verilog = (WORK / f"{kernel}.v").read_text()
    models = " ".join(str(model) for cell, model in CELLS.items() if re.search(rf"\b{cell}\b", verilog))
    blackbox = "".join(f"blackbox {module}; " for module in left_out)
    stat = WORK / f"{kernel}.stat.json"
    flow.yosys(
        f"read_verilog {kernel}.v {models}; {blackbox}"
        f"synth -flatten -top {kernel}; dfflibmap -liberty {LIBRARY}; "
        f"abc -liberty {LIBRARY} -constr constraint -D {CYCLE_PS}; opt_clean; delete t:$scopeinfo; "
        f"tee -q -o {stat.name} stat -json -liberty {LIBRARY}; "
        f"write_verilog -noattr -noexpr {kernel}.cells.v",
        WORK / f"{kernel}.log", WORK,
    )
    design = json.loads(stat.read_text())["modules"][f"\\{kernel}"]
    counts = {name: count for name, count in design["num_cells_by_type"].items()
              if name not in left_out}
    unmapped = [name for name in counts if name.startswith("$")]
    if unmapped:
        sys.exit(f"{kernel}: not mapped: {unmapped}")
    return {
        "cells": sum(counts.values()),
        "area_um2": design["area"],
        "nand2_equivalents": round(design["area"] / area("NAND2X1")),
        "flip_flops": sum(counts.get(name, 0) for name in REGISTERS),
    }


def delay(kernel):
    """Delay of the slowest path from register to register with the register's set-up time, in ns."""
    period = 1000.0
    script, log = WORK / f"{kernel}.tcl", WORK / f"{kernel}.sta.log"
    script.write_text(
        f"read_liberty {LIBRARY}\nread_verilog {kernel}.cells.v\nlink_design {kernel}\n"
        f"create_clock -name clock -period {period} [get_ports clock]\n"
        "report_checks -path_delay max -digits 3\nexit\n"
    )
    flow.must(["sta", "-no_splash", "-exit", script], log, WORK)
    said = log.read_text()
    slack = re.search(r"(-?[0-9.]+)\s+slack", said)
    if not slack or len(re.findall(r"\(rising edge-triggered flip-flop", said)) != 2:
        sys.exit(f"{kernel}: no path from register to register; see {log}")
    return round(period - float(slack[1]), 2)


def estimate(kernel):
    digest = flow.export(WORK, kernel)[kernel].digest
    found = memories((WORK / f"{kernel}.v").read_text())
    left_out = [module for module, memory in found.items() if memory["bits"] > MEMORY_BITS]

    def bits(is_left_out, is_read_only):
        return sum(memory["bits"] for module, memory in found.items()
                   if (module in left_out) == is_left_out and memory["is_read_only"] == is_read_only)

    return {
        "kernel": kernel,
        "rtl_blake3": digest,
        **map_cells(kernel, left_out),
        "delay_ns": delay(kernel),
        "memory_bits_as_flip_flops": bits(False, False),
        "memory_bits_as_gates": bits(False, True),
        "memories_left_out": {
            module.removeprefix(f"{kernel}$"): found[module]["bits"] for module in left_out
        },
        "library": LIBRARY.stem,
        "library_package": f"{PACKAGE} " + flow.version(["dpkg-query", "--show", PACKAGE], r"\s(\S+)"),
        "yosys": flow.yosys_version(),
        "opensta": flow.version(["sta", "-version"], r"([0-9.]+)"),
    }


def table():
    rows = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))]
    tools = sorted({f"yosys {row['yosys']}, OpenSTA {row['opensta']}, {row['library']} of Debian's "
                    f"{row['library_package']}" for row in rows})
    lines = [
        "# Silicon estimate",
        "",
        "Written by `scripts/asic.py --table`. Each kernel alone, mapped by yosys on OSU018, Oklahoma State University's",
        "standard cells for 180 nm. Area is the sum of cell areas over that of NAND2X1 (24 µm²). Delay is OpenSTA's for the",
        "slowest path from register to register with the set-up time, typical corner, ideal clock and no wires: a layout is",
        "slower and larger.",
        "",
        "Left out: wires, clock tree, scan chains, pads, layout, power. Flip-flops of the library have no initial value, which the",
        "kernels' registers have on an FPGA. DSP blocks that a kernel instantiates are gates, from our model of MULT18X18D; a board's PLL is",
        "our model of it, which hands the clock on and counts to its lock. Memories of",
        f"up to {MEMORY_BITS} bits are flip-flops or, if read-only, gates; larger ones, where a memory block would stand, are not",
        "counted, nor are the paths that begin or end in them; hardware/asic/ has their names. 180 nm is what is free, not what anyone",
        "would choose: compare kernels with it, nothing else. Nothing has been made.",
        "",
        f"Tools: {'; '.join(tools)}.",
        "",
        "| kernel | NAND2 equivalents | cells | flip-flops | of these memory | delay, ns | memories left out | their bits |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        left_out = row["memories_left_out"]
        lines.append(
            f"| {row['kernel']} | {row['nand2_equivalents']} | {row['cells']} | {row['flip_flops']} "
            f"| {row['memory_bits_as_flip_flops']} | {row['delay_ns']:.2f} | {len(left_out)} | {sum(left_out.values())} |"
        )
    missing = [f"`{kernel}`" for kernel in flow.kernels() if not (RESULTS / f"{kernel}.json").exists()]
    if missing:
        lines += ["", f"Not estimated: {', '.join(missing)}."]
    return "\n".join(lines) + "\n"


def check():
    """What is wrong with the results, as a list of sentences."""
    wrong = []
    for path in sorted(RESULTS.glob("*.json")):
        if json.loads(path.read_text()).get("rtl_blake3") != flow.kernels().get(path.stem):
            wrong.append(f"{path.stem}: a result of other Verilog; run scripts/asic.py --table {path.stem}")
    if not wrong and (not TABLE.exists() or TABLE.read_text() != table()):
        wrong.append(f"{TABLE.name} is stale; run scripts/asic.py --table")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kernels", nargs="*", metavar="KERNEL")
    parser.add_argument("--table", action="store_true", help="write the page of all results")
    parser.add_argument("--check", action="store_true", help="only compare results with the kernels")
    arguments = parser.parse_args()
    if arguments.check:
        wrong = check()
        sys.exit("\n".join(wrong) if wrong else 0)
    if not LIBRARY.exists():
        sys.exit(f"{PACKAGE} is missing; scripts/setup-hardware.sh installs it")
    WORK.mkdir(parents=True, exist_ok=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    for kernel in arguments.kernels:
        result = estimate(kernel)
        (RESULTS / f"{kernel}.json").write_text(json.dumps(result, indent=1) + "\n")
        print(json.dumps(result), flush=True)
    if arguments.table:
        TABLE.write_text(table())


if __name__ == "__main__":
    main()
