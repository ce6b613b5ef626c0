#!/usr/bin/env python3
"""Line and toggle coverage of the kernels' Verilog by the hardware tests.

    scripts/coverage.py [--no-run] [--kernels KERNEL..]
    scripts/coverage.py --check

Builds the Verilated models with counters (apart from the others, in target/verilated-coverage), runs
the tests of winterforge-sim, merges the counts of each kernel (lines with verilator_coverage, toggles
from the models themselves, sim/shim/coverage) and takes out the points that
hardware/coverage-exclusions.txt names. A kernel below 95 % of lines or of toggles,
or with more than 2 % of its points excluded, makes the exit code 1; so does an exclusion without
effect. Results go to hardware/coverage.json and docs/hardware/coverage.md; with `--kernels` only theirs
are replaced, and the points missed are printed. Accelerators and boards are left out: they are kernels that are evaluated by
themselves, and wiring. `--check` runs nothing: it fails if a result is of other Verilog than hdl/golden.txt or falls short, or
if the page is not that of the results; the page names the kernels without any.

A point is a statement block of one instance (line), or one bit of one net (toggle), which has to rise and
to fall. A net counts once, by its name highest in the hierarchy. Parameters, words of memories, and the
models of vendor cells have no points; nor have the bits that yosys finds to be constant.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import flow

COUNTS = flow.TARGET / "coverage"
EXCLUSIONS = flow.ROOT / "hardware/coverage-exclusions.txt"
RESULTS = flow.ROOT / "hardware/coverage.json"
PAGE = flow.ROOT / "docs/hardware/coverage.md"

LEAST_COVERED = 0.95
MOST_EXCLUDED = 0.02

# The tests of single engines.
TESTS = ["blake3", "fifo", "goldilocks", "link", "merkle", "ntt", "poseidon2", "poseidon2_sponge"]

Point = collections.namedtuple("Point", "kind instance name")
Exclusion = collections.namedtuple("Exclusion", "kernel instance name reason")


def run_tests():
    shutil.rmtree(COUNTS, ignore_errors=True)
    environment = dict(os.environ, WINTERFORGE_COVERAGE="1", WINTERFORGE_COVERAGE_DIR=str(COUNTS))
    command = ["cargo", "test", "--locked", "--package", "winterforge-sim"]
    command += [part for test in TESTS for part in ("--test", test)]
    if subprocess.run(command, cwd=flow.ROOT, env=environment).returncode != 0:
        sys.exit("the tests fail")


def line_counts(kernel):
    """How often each statement block of a kernel was passed."""
    merged = COUNTS / f"{kernel}.dat"
    files = sorted((COUNTS / kernel).glob("*.dat"))
    subprocess.run(["verilator_coverage", "--write", merged, *files], check=True,
                   stdout=subprocess.DEVNULL)
    found = collections.Counter()
    for line in merged.read_text().splitlines():
        match = re.fullmatch(r"C '(.*)' (\d+)", line)
        if not match:
            continue
        # Fields are marked by 1, values by 2.
        fields = dict(field.split("\2", 1) for field in match[1].split("\1") if field)
        if pathlib.Path(fields["f"]).name != f"{kernel}.v":
            continue
        instance = fields["h"].removeprefix(f"TOP.{kernel}").removeprefix(".")
        found[Point("line", instance, f"{fields['o']} in line {fields['l']}")] += int(match[2])
    return found


def toggle_counts(kernel):
    """Whether each bit of a kernel rose and fell, as 0 or 1."""
    nets = {}
    for path in sorted((COUNTS / kernel).glob("*.toggles")):
        for line in path.read_text().splitlines():
            name, *numbers, risen, fallen = line.split()
            number = [
                int("".join(reversed(re.findall(".{8}", words))), 16) for words in (risen, fallen)
            ]
            before = nets.get((name, *numbers), (0, 0))
            nets[name, *numbers] = (before[0] | number[0], before[1] | number[1])
    found = {}
    for (name, lowest, bits), (risen, fallen) in nets.items():
        *parts, signal = name.removeprefix("TOP.").removeprefix(f"{kernel}.").split(".")
        for bit in range(int(bits)):
            label = signal if bits == "1" else f"{signal}[{int(lowest) + bit}]"
            point = Point("toggle", ".".join(parts), label)
            found[point] = risen >> bit & fallen >> bit & 1
    return found


def constants(kernel):
    """Bits that are constant by construction, such as zeros above a shorter word or below a shifted one."""
    verilog = flow.TARGET / "verilated-coverage" / kernel
    sources = " ".join(map(str, sorted(verilog.glob("*.v"))))
    netlist = COUNTS / f"{kernel}.json"
    script = (
        f"read_verilog {sources}; hierarchy -top {kernel}; proc; flatten; opt; simplemap; opt; "
        f"write_json {netlist}"
    )
    subprocess.run(["yosys", "-q", "-p", script], check=True, stdout=subprocess.DEVNULL)
    nets = json.loads(netlist.read_text())["modules"][kernel]["netnames"]
    netlist.unlink()
    found = set()
    for name, net in nets.items():
        *parts, signal = name.split(".")
        # A constant bit is "0", "1" or "x" in the netlist, any other a number.
        for position, bit in enumerate(net["bits"]):
            if isinstance(bit, str):
                label = signal if len(net["bits"]) == 1 else f"{signal}[{position}]"
                found.add(Point("toggle", ".".join(parts), label))
    return found


def is_vendor_cell(instance):
    return re.search(r"(^|\.)dsp$", instance) is not None


def counts(kernel):
    """How often each point of a kernel was passed."""
    if not list((COUNTS / kernel).glob("*.dat")):
        sys.exit(f"{kernel}: no test runs its Verilated model")
    points = {**line_counts(kernel), **toggle_counts(kernel)}
    return {point: count for point, count in points.items() if not is_vendor_cell(point.instance)}


def exclusions():
    """Lines `kernel | instance | point | reason`, the first three regular expressions."""
    parsed = []
    for number, line in enumerate(EXCLUSIONS.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = [field.strip() for field in line.split(" | ")]
        if len(fields) != 4 or not all(fields):
            sys.exit(f"{EXCLUSIONS.name}:{number}: kernel | instance | point | reason")
        parsed.append(Exclusion(*fields))
    return parsed


def evaluate(kernel, rules, used):
    """Totals of a kernel, and the points neither passed nor excluded."""
    points = counts(kernel)
    idle = {point for point in constants(kernel) if points.get(point) == 0}
    points = {point: count for point, count in points.items() if point not in idle}
    result = {"constant": len(idle), "excluded": 0, "points": len(points)}
    missed = []
    totals, passed = collections.Counter(), collections.Counter()
    for point, count in sorted(points.items()):
        rule = next(
            (rule for rule in rules
             if count == 0 and re.fullmatch(rule.kernel, kernel)
             and re.fullmatch(rule.instance, point.instance)
             and re.fullmatch(rule.name, point.name)), None)
        if rule:
            used.add(rule)
            result["excluded"] += 1
            continue
        totals[point.kind] += 1
        passed[point.kind] += count > 0
        if count == 0:
            missed.append(point)
    for kind in ("line", "toggle"):
        result[f"{kind}_points"], result[f"{kind}_passed"] = totals[kind], passed[kind]
    return result, missed


def shortcomings(kernel, result):
    for kind in ("line", "toggle"):
        total, passed = result[f"{kind}_points"], result[f"{kind}_passed"]
        if passed < LEAST_COVERED * total:
            yield f"{kernel}: {kind} coverage is {passed / total:.1%}, below {LEAST_COVERED:.0%}"
    if result["excluded"] > MOST_EXCLUDED * result["points"]:
        share = result["excluded"] / result["points"]
        yield f"{kernel}: {share:.1%} of the points are excluded, more than {MOST_EXCLUDED:.0%}"


def page(results, rules):
    def share(result, kind):
        total, passed = result[f"{kind}_points"], result[f"{kind}_passed"]
        return f"{total} | {passed / total:.1%}" if total else "0 | -"

    lines = [
        "# Coverage",
        "",
        "Written by `scripts/coverage.py`, which fails under 95 % of lines or of toggles of a kernel, or with more than 2 % of",
        "its points excluded. A line point is a statement block of one instance. A toggle point is one bit of one net, which has",
        "to rise and to fall; a net counts once, whatever its names on the way through the hierarchy. Parameters, words of",
        "memories and the models of vendor cells have no points; nor have bits that yosys finds to be constant (zeros above a shorter",
        "word, for example), whose number is in the last column. These do not count towards the 2 %; some kernels have more of them.",
        "Accelerators and boards are left out: they are these kernels, and wiring.",
        "",
        f"Simulated with Verilator {', '.join(sorted({row['verilator'] for row in results.values()}))}.",
        "",
        "| kernel | line points | passed | toggle points | passed | excluded | constant |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for kernel, result in results.items():
        excluded = result["excluded"] / result["points"]
        lines.append(
            f"| {kernel} | {share(result, 'line')} | {share(result, 'toggle')} "
            f"| {result['excluded']} ({excluded:.1%}) | {result['constant']} |"
        )
    missing = [f"`{kernel}`" for kernel in flow.engines() if kernel not in results]
    if missing:
        lines += ["", f"Not evaluated: {', '.join(missing)}."]
    if rules:
        lines += ["", "## Excluded", "", "| kernels | instances | points | why |", "|---|---|---|---|"]
    for rule in rules:
        patterns = " | ".join(f"`{text}`".replace("|", "\\|") for text in rule[:3])
        lines.append(f"| {patterns} | {rule.reason} |")
    return "\n".join(lines) + "\n"


def check():
    stored = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    wrong = []
    for kernel, result in stored.items():
        if result["rtl_blake3"] != flow.kernels().get(kernel):
            wrong.append(f"{kernel}: coverage of other Verilog; run scripts/coverage.py")
        wrong += shortcomings(kernel, result)
    if not wrong and (not PAGE.exists() or PAGE.read_text() != page(stored, exclusions())):
        wrong.append(f"{PAGE.name} is stale; run scripts/coverage.py")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="only compare results with the kernels")
    parser.add_argument("--no-run", action="store_true", help="evaluate the counts of the last run")
    parser.add_argument("--kernels", nargs="+", metavar="KERNEL", help="only these; the others stay")
    arguments = parser.parse_args()
    if arguments.check:
        wrong = check()
        sys.exit("\n".join(wrong) if wrong else 0)
    if not arguments.no_run:
        run_tests()
    version = subprocess.run(["verilator", "--version"], capture_output=True, text=True, check=True)
    verilator = version.stdout.split()[1]
    rules, used = exclusions(), set()
    wrong = []
    results = json.loads(RESULTS.read_text()) if arguments.kernels else {}
    kernels = arguments.kernels or flow.engines()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        evaluated = list(pool.map(lambda kernel: evaluate(kernel, rules, used), kernels))
    for kernel, (result, missed) in zip(kernels, evaluated):
        results[kernel] = {"rtl_blake3": flow.kernels()[kernel], "verilator": verilator, **result}
        wrong += shortcomings(kernel, result)
        print(f"{kernel}: {result}")
        if arguments.kernels:
            for point in missed:
                print(f"  missed {point.kind}: {point.instance or 'top'}: {point.name}")
    if not arguments.kernels:
        wrong += [f"exclusion without effect: {' | '.join(rule[:3])}" for rule in rules
                  if rule not in used]
    results = {kernel: results[kernel] for kernel in flow.kernels() if kernel in results}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    PAGE.write_text(page(results, rules))
    sys.exit("\n".join(wrong) if wrong else 0)


if __name__ == "__main__":
    main()
