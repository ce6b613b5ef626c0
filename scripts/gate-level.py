#!/usr/bin/env python3
"""Simulates and proves netlists: what synthesis for ECP5 made of kernels is what the kernels are.

    scripts/gate-level.py [--keep FOLDER] [KERNEL..]

hdl/examples/vectors.rs records the rust-hdl simulation of a kernel. The same is replayed on its Verilog
(by Icarus) and on its netlist (by Verilator), and all outputs are compared in every cycle, a payload while
it is valid. yosys proves the netlists of small units equal to the Verilog, register by register. Both are
tried on wrong netlists, each with a wrong bit in a table: a check that cannot fail proves nothing.

Cells are Debian's models of package yosys, but for DSP block and block RAM, which are ours
(hdl/verilog/): our reading of Lattice's documentation.
"""

import argparse
import dataclasses
import pathlib
import random
import re
import resource
import subprocess
import sys
import tempfile

import flow

KERNELS = [
    "goldilocks_add", "goldilocks_subtract", "goldilocks_reduce", "goldilocks_reduce_sum",
    "goldilocks_multiply", "goldilocks_multiply_ecp5", "goldilocks_multiply_karatsuba",
    "goldilocks_multiply_karatsuba_ecp5", "goldilocks_multiply_stream", "ntt_1_lane_log_6",
    "blake3_wide",
]
# What the solver is asked: units without products and without memories.
PROVED = ["goldilocks_add", "goldilocks_subtract", "goldilocks_reduce", "goldilocks_reduce_sum"]
CELLS = pathlib.Path("/usr/share/yosys/ecp5/cells_sim.v")
DSP, RAM = flow.ROOT / "hdl/verilog/mult18x18d.v", flow.ROOT / "hdl/verilog/dp16kd.v"
BENCH = flow.ROOT / "hdl/gate-level"
SEED = 1
# Wrong bits tried on each kernel.
MUTANTS = 16


@dataclasses.dataclass(frozen=True)
class Port:
    """A port, and the part of a cycle's number that it has."""

    name: str
    is_input: bool
    width: int
    part: str


@dataclasses.dataclass(frozen=True)
class Vectors:
    """What was recorded of a kernel."""

    ports: tuple
    bits: int
    cycles: int
    results: int


def vectors(file):
    ports, cycles, results, low = [], 0, 0, 0
    for line in file.read_text().splitlines():
        if not line.startswith("//"):
            cycles += 1
        elif line.startswith("// port"):
            direction, name, width = line.split()[2:]
            ports.append(Port(name, direction == "in", int(width), f"line[{low} +: {width}]"))
            low += 4 * -(-int(width) // 4)
        elif line.startswith("// results"):
            results = int(line.split()[2])
    return Vectors(tuple(ports), low, cycles, results)


def compare(kernel, recorded, mutants):
    """The module around the kernel that compares its outputs, from the first reset on."""
    wires, pins, differences = "", "", "0"
    outputs = {port.name for port in recorded.ports if not port.is_input}
    for port in recorded.ports:
        if port.is_input:
            pins += f",\n        .{port.name} ({port.part})"
            continue
        wires += f"    wire [{port.width - 1}:0] out_{port.name} ;\n"
        pins += f",\n        .{port.name} (out_{port.name} )"
        stream = port.name.split("_")[0]
        is_payload = f"{stream}_valid" in outputs - {port.name} and port.name != f"{stream}_ready"
        valid = f"out_{stream}_valid && " if is_payload else ""
        differences += f"\n        || {valid}out_{port.name} !== {port.part}"
    reset = next((port.part for port in recorded.ports if port.name == "reset"), None)
    more = f", input [{mutants - 1}:0] mutants" if mutants else ""
    more_pins = ",\n        .mutants(mutants)" if mutants else ""
    return f"""\
module compare(input clock, input [{recorded.bits - 1}:0] line{more}, output different);
{wires}    reg is_reset = {int(reset is None)};
    always @(posedge clock) is_reset <= is_reset || {reset or "1'b1"};
    {kernel} kernel(
        .clock(clock){more_pins}{pins}
    );
    assign different = is_reset && ({differences}
    );
endmodule
"""


def verdicts(log):
    """For each replay nothing if it was equal, or where it was not."""
    said = re.findall(r"EQUAL|DIFFERENT .*", log.read_text())
    return [None if line == "EQUAL" else line.removeprefix("DIFFERENT ") for line in said]


def replay_verilog(folder, kernel, recorded):
    """Whether the Verilog does what was recorded, or where it does not."""
    (folder / f"{kernel}.compare.v").write_text(compare(kernel, recorded, 0))
    program, log = f"{kernel}.vvp", folder / f"{kernel}.icarus.log"
    parameters = [f"-Preplay.CYCLES={recorded.cycles}", f"-Preplay.BITS={recorded.bits}",
                  f'-Preplay.VECTORS="{kernel}.hex"']
    flow.must(
        ["iverilog", "-g2012", "-s", "replay", *parameters, "-o", program, BENCH / "replay.v",
         f"{kernel}.compare.v", f"{kernel}.v", DSP], log, folder,
    )
    flow.must(["vvp", "-n", program], log, folder)
    (said,) = verdicts(log)
    return said


def runtime(folder):
    """Compiles Verilator's library, once for all kernels; its include folder."""
    root = subprocess.run(["verilator", "--getenv", "VERILATOR_ROOT"], capture_output=True, text=True,
                          check=True).stdout.strip()
    include = pathlib.Path(root) / "include"
    for name in ["verilated", "verilated_threads"]:
        flow.must(["g++", "-std=c++17", "-O1", "-c", f"-I{include}", include / f"{name}.cpp"],
                  folder / f"{name}.log", folder)
    return include


def replay_netlist(folder, kernel, recorded, netlist, mutants, include):
    """What came of the replay on the netlist and on each wrong one."""
    (folder / f"{kernel}.gates.v").write_text(with_switches(netlist, mutants))
    (folder / f"{kernel}.compare.v").write_text(compare(kernel, recorded, len(mutants)))
    model, log = folder / f"{kernel}.model", folder / f"{kernel}.gates.log"
    flow.must(
        ["verilator", "--cc", "-Wno-lint", "-Wno-fatal", "-DNO_INCLUDES", "--Mdir", model, "--prefix",
         "Vcompare", "--top-module", "compare", f"{kernel}.compare.v", f"{kernel}.gates.v",
         "cells.v", DSP, RAM, BENCH / "lut4_wrong.v"], log, folder,
    )
    # One source file: most of the time of a compiler goes into Verilator's header.
    sources = sorted(model.glob("*.cpp"))
    whole = model / "whole.cc"
    whole.write_text("".join(f'#include "{source.name}"\n' for source in sources))
    flow.must(
        ["g++", "-std=c++17", "-O0", "-w", f"-I{include}", f"-I{model}", "-o", model / "replay", whole,
         BENCH / "replay.cpp", "verilated.o", "verilated_threads.o", "-pthread"], log, folder,
    )
    flow.must([model / "replay", f"{kernel}.hex", len(mutants)], log, folder)
    return verdicts(log)


def cells():
    """Debian's models, without the DP16KD that has no behaviour."""
    return re.sub(r"\(\* blackbox \*\)\s*module DP16KD\(.*?endmodule", "", CELLS.read_text(),
                  flags=re.DOTALL)


def synthesize(folder, kernel):
    """The netlist, without the third operand that yosys ties down in every DSP block: our model has none."""
    netlist = folder / f"{kernel}.netlist.v"
    flow.yosys(
        f"read_verilog {kernel}.v; synth_ecp5 -top {kernel}; write_verilog -noattr {netlist.name}",
        folder / f"{kernel}.synthesis.log", folder,
    )
    return re.sub(
        r"^  MULT18X18D .*?;$", lambda cell: re.sub(r"\n    \.C\d+\(1'h0\),", "", cell[0]),
        netlist.read_text(), flags=re.DOTALL | re.MULTILINE,
    )


@dataclasses.dataclass(frozen=True)
class Mutant:
    """A wrong bit: the text of a table's cell up to its pins, its name, its content and the bit."""

    head: str
    cell: str
    content: int
    bit: int


def choose_mutants(kernel, netlist):
    """Bits of tables that the tied pins of their cells leave within reach."""
    rng = random.Random(f"{SEED} {kernel}")
    pattern = r"^(  LUT4 #\(\n    \.INIT\(16'h([0-9a-f]{4})\)\n  \) (\S+) +\(\n)(.*?);$"
    tables = list(re.finditer(pattern, netlist, flags=re.DOTALL | re.MULTILINE))
    mutants = []
    for table in rng.sample(tables, min(MUTANTS, len(tables))):
        head, content, cell, pins = table.groups()
        tied = {"ABCD".index(pin): int(level) for pin, level in
                re.findall(r"\.([ABCD])\(1'h([01])\)", pins)}
        bits = [bit for bit in range(16)
                if all(bit >> place & 1 == level for place, level in tied.items())]
        mutants.append(Mutant(head, cell, int(content, 16), rng.choice(bits)))
    return mutants


def with_switches(netlist, mutants):
    """The netlist with an input that switches each of the errors on."""
    netlist = re.sub(
        r"^module (\S+)\((.*?);", rf"module \1(mutants, \2;\n  input [{len(mutants) - 1}:0] mutants;",
        netlist, count=1, flags=re.DOTALL | re.MULTILINE,
    )
    for number, mutant in enumerate(mutants):
        head = mutant.head.replace("LUT4 #(", f"LUT4_WRONG #(.BIT(4'd{mutant.bit}),")
        netlist = netlist.replace(mutant.head, f"{head}    .is_wrong(mutants[{number}]),\n")
    return netlist


def with_error(netlist, mutant):
    """The netlist with one of the errors in it."""
    wrong = f"16'h{mutant.content ^ 1 << mutant.bit:04x}"
    return netlist.replace(mutant.head, re.sub(r"16'h[0-9a-f]{4}", wrong, mutant.head))


def is_equal(folder, kernel, netlist, name):
    """Whether yosys proves a netlist equal to the Verilog."""
    (folder / f"{name}.v").write_text(netlist)
    status = folder / f"{name}.status"
    prepare = f"hierarchy -top {kernel}; proc; flatten; opt -full; opt_clean; rename {kernel}"
    flow.yosys(
        f"read_verilog {kernel}.v; {prepare} gold; design -stash gold; "
        f"read_verilog -DNO_INCLUDES {name}.v cells.v; {prepare} gate; design -stash gate; "
        "design -copy-from gold gold; design -copy-from gate gate; "
        "equiv_make gold gate equiv; hierarchy -top equiv; "
        f"equiv_simple -undef; equiv_induct -undef; tee -q -o {status.name} equiv_status",
        folder / f"{name}.log", folder,
    )
    said = status.read_text()
    if "Equivalence successfully proven" in said:
        return True
    # Anything but a count of what is left is a broken set-up, not a verdict.
    return False if "unproven" in said else sys.exit(f"{name}: no verdict; see {status}")


def check(folder, kernel, include):
    """Tries everything on a kernel; whether it holds, and what there is to say."""
    recorded = vectors(folder / f"{kernel}.hex")
    different = replay_verilog(folder, kernel, recorded)
    if different:
        return False, f"the Verilog is not the rust-hdl simulation: {different}"
    netlist = synthesize(folder, kernel)
    mutants = choose_mutants(kernel, netlist)
    different, *found = replay_netlist(folder, kernel, recorded, netlist, mutants, include)
    if different:
        return False, f"the netlist is not the kernel: {different}"
    caught = [mutant for mutant, cycle in zip(mutants, found) if cycle]
    said = (f"{recorded.results} results in {recorded.cycles} cycles; "
            f"{len(caught)} of {len(mutants)} wrong netlists found")
    if not caught:
        return False, said
    if kernel in PROVED:
        if not is_equal(folder, kernel, netlist, f"{kernel}.equal"):
            return False, f"{said}; not proved equal"
        if is_equal(folder, kernel, with_error(netlist, caught[0]), f"{kernel}.wrong"):
            return False, f"{said}; a wrong netlist is proved equal"
        said += "; proved equal, a wrong one not"
    return True, said


def seconds():
    """CPU time of all tools so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kernels", nargs="*", metavar="KERNEL", default=KERNELS)
    parser.add_argument("--keep", type=pathlib.Path, help="leave netlists and logs in this folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.keep or pathlib.Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        flow.export(folder, *arguments.kernels)
        flow.example("vectors", folder, *arguments.kernels)
        (folder / "cells.v").write_text(cells())
        include, holds = runtime(folder), True
        for kernel in arguments.kernels:
            start = seconds()
            is_right, said = check(folder, kernel, include)
            verdict = "right" if is_right else "WRONG"
            print(f"{kernel}: {verdict}: {said} ({seconds() - start:.1f} s)", flush=True)
            holds &= is_right
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
