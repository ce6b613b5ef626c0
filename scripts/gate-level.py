#!/usr/bin/env python3
"""Simulates and proves netlists: what synthesis for ECP5 made of kernels is what the kernels are.

    scripts/gate-level.py [--keep FOLDER] [KERNEL..]

Icarus replays on the Verilog and on the netlist what hdl/examples/vectors.rs has recorded of the
rust-hdl simulation, and compares all outputs in every cycle, a payload while it is valid. yosys proves
the netlists of small units equal to the Verilog, register by register. Both are tried on a netlist with
one wrong bit in one table, where they must fail: a check that cannot fail proves nothing.

Cells are Debian's models of package yosys, but for DSP block and block RAM, which are ours
(hdl/verilog/): our reading of Lattice's documentation.
"""

import argparse
import dataclasses
import pathlib
import random
import re
import resource
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
MODELS = [flow.ROOT / "hdl/verilog/mult18x18d.v", flow.ROOT / "hdl/verilog/dp16kd.v"]
SEED = 1
# Wrong netlists to try for one that the vectors find: some tables hold bits that no input reaches.
MUTANTS = 8


@dataclasses.dataclass(frozen=True)
class Port:
    """A port, and where it is in the number of a cycle."""

    name: str
    is_input: bool
    width: int
    low: int

    def slice(self):
        return f"line[{self.low} +: {self.width}]"


@dataclasses.dataclass(frozen=True)
class Vectors:
    """What was recorded of a kernel."""

    ports: tuple
    cycles: int
    results: int
    bits: int


def vectors(file):
    ports, cycles, results, low = [], 0, 0, 0
    for line in file.read_text().splitlines():
        if not line.startswith("//"):
            cycles += 1
        elif line.startswith("// port"):
            direction, name, width = line.split()[2:]
            ports.append(Port(name, direction == "in", int(width), low))
            low += 4 * -(-int(width) // 4)
        elif line.startswith("// results"):
            results = int(line.split()[2])
    return Vectors(tuple(ports), cycles, results, low)


def bench(kernel, recorded):
    """The test bench. It ends at the first difference; before the first reset nothing is compared."""
    outputs = [port for port in recorded.ports if not port.is_input]
    names = {port.name for port in outputs}
    wires, differences = "", ""
    for port in outputs:
        wires += f"    wire [{port.width - 1}:0] \\out_{port.name} ;\n"
        valid = f"{port.name.split('_')[0]}_valid"
        condition = f"\\out_{valid} && " if valid in names and port.name not in (
            valid, f"{port.name.split('_')[0]}_ready") else ""
        differences += (
            f"            if ({condition}\\out_{port.name} !== {port.slice()}) begin\n"
            f"                $display(\"DIFFERENT cycle %0d: {port.name} is %h, not %h\", cycle,"
            f" \\out_{port.name} , {port.slice()});\n                $finish;\n            end\n"
        )
    pins = "".join(
        f",\n        .{port.name} ({port.slice() if port.is_input else f'{chr(92)}out_{port.name} '})"
        for port in recorded.ports
    )
    reset = next((port.slice() for port in recorded.ports if port.name == "reset"), "1'b1")
    return f"""\
module bench;
    reg [{recorded.bits - 1}:0] lines [0:{recorded.cycles - 1}];
    reg [{recorded.bits - 1}:0] line = 0;
    reg clock = 0, is_reset = 0;
    integer cycle;
{wires}    {kernel} kernel(
        .clock(clock){pins}
    );
    initial begin
        $readmemh("{kernel}.hex", lines);
        for (cycle = 0; cycle < {recorded.cycles}; cycle = cycle + 1) begin
            line = lines[cycle];
            #5;
            if (is_reset) begin
{differences}            end
            is_reset = is_reset || {reset};
            clock = 1;
            #5 clock = 0;
        end
        $display("EQUAL");
    end
endmodule
"""


def simulate(folder, name, sources):
    """Whether the kernel in these files does in every cycle what was recorded, and if not, where."""
    program, log = folder / f"{name}.vvp", folder / f"{name}.log"
    flow.must(["iverilog", "-g2012", "-s", "bench", "-o", program, *sources], log, folder)
    flow.must(["vvp", "-n", program], log, folder)
    said = log.read_text()
    if "EQUAL" in said:
        return None
    different = re.search(r"DIFFERENT (.*)", said)
    # Neither the end nor a difference is a broken set-up, not a verdict.
    return different.group(1) if different else sys.exit(f"{name}: no verdict; see {log}")


def cells():
    """Debian's models, without the DP16KD that has no behaviour and the flip-flops of other names behind it."""
    text = CELLS.read_text().split("`include")[0]
    return re.sub(r"\(\* blackbox \*\)\s*module DP16KD\(.*?endmodule", "", text, flags=re.DOTALL)


def synthesize(folder, kernel):
    """The netlist, without the third operand that yosys ties down in every DSP block: our model has none."""
    netlist = folder / f"{kernel}.netlist.v"
    flow.yosys(
        f"read_verilog {kernel}.v; synth_ecp5 -top {kernel}; write_verilog -noattr {netlist.name}",
        folder / f"{kernel}.synthesis.log", folder,
    )
    return re.sub(r"\n    \.C\d+\(1'h0\),", "", netlist.read_text())


def mutant(netlist, rng):
    """The netlist with one bit of one table flipped, and which."""
    table = rng.choice(list(re.finditer(r"\.INIT[01]?\(16'h([0-9a-f]{4})\)", netlist)))
    bit = rng.randrange(16)
    start, end = table.span(1)
    wrong = f"{int(table[1], 16) ^ 1 << bit:04x}"
    cell = re.compile(r"\) (\S+)  ?\(").search(netlist, end)[1]
    return netlist[:start] + wrong + netlist[end:], f"bit {bit} of {cell}"


def is_equal(folder, kernel, netlist, name):
    """Whether yosys proves a netlist equal to the Verilog."""
    (folder / f"{name}.v").write_text(netlist)
    status = folder / f"{name}.status"
    prepare = f"hierarchy -top {kernel}; proc; flatten; opt -full; opt_clean; rename {kernel}"
    flow.yosys(
        f"read_verilog {kernel}.v; {prepare} gold; design -stash gold; "
        f"read_verilog {name}.v cells.v; {prepare} gate; design -stash gate; "
        "design -copy-from gold gold; design -copy-from gate gate; "
        "equiv_make gold gate equiv; hierarchy -top equiv; "
        f"equiv_simple -undef; equiv_induct -undef; tee -q -o {status.name} equiv_status",
        folder / f"{name}.log", folder,
    )
    said = status.read_text()
    if "Equivalence successfully proven" in said:
        return True
    return False if "unproven" in said else sys.exit(f"{name}: no verdict; see {status}")


def check(folder, kernel):
    """Tries everything on a kernel; whether it holds, and what there is to say."""
    recorded = vectors(folder / f"{kernel}.hex")
    test = folder / f"{kernel}.bench.v"
    test.write_text(bench(kernel, recorded))
    models = ["cells.v", *MODELS]
    netlist, file = synthesize(folder, kernel), folder / f"{kernel}.gates.v"
    wrong = simulate(folder, f"{kernel}.rtl", [test, f"{kernel}.v", MODELS[0]])
    if wrong:
        return False, f"the Verilog is not the rust-hdl simulation: {wrong}"
    file.write_text(netlist)
    wrong = simulate(folder, f"{kernel}.gates", [test, file, *models])
    if wrong:
        return False, f"the netlist is not the kernel: {wrong}"
    rng = random.Random(f"{SEED} {kernel}")
    for tries in range(1, MUTANTS + 1):
        changed, where = mutant(netlist, rng)
        file.with_suffix(".mutant.v").write_text(changed)
        found = simulate(folder, f"{kernel}.mutant", [test, file.with_suffix(".mutant.v"), *models])
        if found:
            break
    else:
        return False, f"{MUTANTS} wrong netlists, none found"
    said = (f"{recorded.results} results in {recorded.cycles} cycles; mutant {tries}, {where}, "
            f"found in {found.split(':')[0]}")
    if kernel in PROVED:
        if not is_equal(folder, kernel, netlist, f"{kernel}.equal"):
            return False, f"{said}; not proved equal"
        if is_equal(folder, kernel, changed, f"{kernel}.mutant_equal"):
            return False, f"{said}; the mutant is proved equal"
        said += "; proved equal, the mutant not"
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
        holds = True
        for kernel in arguments.kernels:
            start = seconds()
            is_right, said = check(folder, kernel)
            verdict = "right" if is_right else "WRONG"
            print(f"{kernel}: {verdict}: {said} ({seconds() - start:.1f} s)", flush=True)
            holds &= is_right
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
