#!/usr/bin/env python3
"""Sites for the block RAMs and multipliers of a design on an LFE5U-85F, from a placement of it.

    scripts/build-board.py --board BOARD [--configuration NAME] --plan -o FOLDER     makes or improves BOARD's NAME.floorplan
    scripts/place-and-route.py --plan KERNEL..                                       or that of a kernel alone
    scripts/floorplan.py --check

nextpnr's placer `static` spreads logic well, but late and in one step it puts each of these blocks on a free site that it draws near
the one wanted, which made the wire of ULX3S's accelerators longer by 58 to 86 %, depending on the seed. So their
sites are chosen here: those of the least total distance to what each block is connected to in a placement, by the Hungarian
method (H. W. Kuhn, 1955). Where there is a plan, a line for each block, the blocks are placed there from the beginning.
The logic then gathers around them: plan again while that helps, two or three times. `--check` compares the method with all
permutations of small cases, and the plans that are recorded with the sites there are.
"""

import argparse
import collections
import itertools
import json
import random
import re
import sys

import flow

# Columns of the device in which a group of four sites begins, and where its sites are: nextpnr's names of them.
COLUMNS = [4 + 9 * i for i in range(7)] + [69 + 9 * i for i in range(6)]
SITES = {
    "DP16KD": [(column + 2 * i, row, f"EBR{i}") for row in (22, 46, 70, 82) for column in COLUMNS for i in range(4)],
    "MULT18X18D": [(column + i, row, f"MULT18_{i}") for row in (10, 34, 58) for column in COLUMNS for i in (0, 1, 4, 5)],
}

# Nets of more cells, such as resets, pull nowhere.
MOST_CELLS = 60
# Beside the way to the box around a net's other cells, a little of that to its middle, so that sites within are not all the same.
MIDDLE = 0.05
# Blocks pull at each other: each round begins from the sites of the round before.
ROUNDS = 3


def placed(placement):
    """Kind, place and nets of the cells of a placement."""
    (module,) = json.loads(placement.read_text())["modules"].values()
    cells = {}
    for name, cell in module["cells"].items():
        if found := re.match(r"X(\d+)/Y(\d+)/", cell["attributes"].get("NEXTPNR_BEL", "")):
            nets = [net for bits in cell["connections"].values() for net in bits if isinstance(net, int)]
            cells[name] = (cell["type"], (int(found[1]), int(found[2])), nets)
    return cells


def boxes(name, cells, at, members):
    """For each connection of a block the box around the other cells of its net."""
    for net in cells[name][2]:
        others = [at[other] for other in members[net] if other != name]
        if 0 < len(others) <= MOST_CELLS:
            xs, ys = zip(*others)
            yield min(xs), max(xs), min(ys), max(ys)


def distance(pulls, x, y):
    """From a site to what a block there is connected to, in tiles."""
    total = 0.0
    for left, right, low, high in pulls:
        total += max(left - x, 0, x - right) + max(low - y, 0, y - high)
        total += MIDDLE * (abs(x - (left + right) / 2) + abs(y - (low + high) / 2))
    return total


def assign(costs):
    """For each row a column of its own, at the least total cost; there are at least as many columns as rows."""
    rows, columns = len(costs), len(costs[0])
    of_row, of_column = [0.0] * (rows + 1), [0.0] * (columns + 1)
    # Row of each column; 0 is none, and column 0 is where the row that is being added begins.
    row_of = [0] * (columns + 1)
    for added in range(1, rows + 1):
        row_of[0], column = added, 0
        least, before, seen = [float("inf")] * (columns + 1), [0] * (columns + 1), [False] * (columns + 1)
        while row_of[column]:
            seen[column] = True
            row, step, nearest = row_of[column], float("inf"), 0
            cost, potential = costs[row - 1], of_row[row]
            for j in range(1, columns + 1):
                if not seen[j]:
                    reduced = cost[j - 1] - potential - of_column[j]
                    if reduced < least[j]:
                        least[j], before[j] = reduced, column
                    if least[j] < step:
                        step, nearest = least[j], j
            for j in range(columns + 1):
                if seen[j]:
                    of_row[row_of[j]] += step
                    of_column[j] -= step
                else:
                    least[j] -= step
            column = nearest
        while column:
            row_of[column] = row_of[before[column]]
            column = before[column]
    chosen = [0] * rows
    for column in range(1, columns + 1):
        if row_of[column]:
            chosen[row_of[column] - 1] = column - 1
    return chosen


def plan(cells):
    """A site for each block, and the total distance before and after."""
    at = {name: place for name, (_, place, _) in cells.items()}
    members = collections.defaultdict(set)
    for name, (_, _, nets) in cells.items():
        for net in nets:
            members[net].add(name)
    sites, totals = {}, []
    for _ in range(ROUNDS):
        before = after = 0.0
        for kind, there in SITES.items():
            blocks = sorted(name for name, cell in cells.items() if cell[0] == kind)
            if not blocks:
                continue
            costs = []
            for name in blocks:
                pulls = list(boxes(name, cells, at, members))
                before += distance(pulls, *at[name])
                costs.append([distance(pulls, x, y) for x, y, _ in there])
            for name, cost, number in zip(blocks, costs, assign(costs)):
                x, y, site = there[number]
                after += cost[number]
                at[name], sites[name] = (x, y), f"X{x}/Y{y}/{site}"
        totals.append((before, after))
    return sites, totals[0][0], totals[-1][1]


def make(placement, floorplan):
    """Writes the plan of a placement; the total distance before and after."""
    sites, before, after = plan(placed(placement))
    floorplan.write_text("".join(f"{name} {site}\n" for name, site in sorted(sites.items())))
    return before, after


def improve(command, netlist, plan, log, folder):
    """Places a netlist by its plan, if there is one, and makes another of that placement for the next build. The command is nextpnr's,
    without the netlist."""
    (folder / "placed.json").unlink(missing_ok=True)
    command = [*command, "--json", planned(netlist, plan, folder), "--no-route", "--write", "placed.json"]
    flow.run(command, log, folder, flow.ALONE)
    if not (folder / "placed.json").exists():
        sys.exit(f"{command[0]} failed; see {log}")
    before, after = make(folder / "placed.json", plan)
    print(json.dumps({"floorplan": str(plan), "tiles_before": round(before), "tiles_after": round(after)}), flush=True)


def path(folder, name):
    """Where the plan of a board's configuration, or of a kernel, is kept."""
    return folder / f"{name}.floorplan"


def of(folder, name):
    """The plan of a board's configuration or of a kernel, or None."""
    return path(folder, name) if path(folder, name).exists() else None


def planned(netlist, plan, folder):
    """Name of a netlist with the sites of the plan if there is one, or else of the one given."""
    if not plan.exists():
        return netlist
    apply(plan, folder / netlist, folder / f"planned.{netlist}")
    return f"planned.{netlist}"


def read(floorplan):
    """Site of each block of a plan."""
    return dict(line.split() for line in floorplan.read_text().splitlines())


def apply(floorplan, netlist, planned):
    """Writes a netlist of yosys with the sites of a plan, which must name all its blocks and no others."""
    sites, text = read(floorplan), json.loads(netlist.read_text())
    blocks = {}
    for module in text["modules"].values():
        # Not the models of cells, which are modules too.
        if "blackbox" not in module["attributes"]:
            blocks |= {name: cell for name, cell in module["cells"].items() if cell["type"] in SITES}
    if other := sorted(blocks.keys() ^ sites.keys()):
        sys.exit(f"{floorplan} is not a plan of this netlist: {other[0]} and {len(other) - 1} others are only in one of them; "
                 "remove it, and make another with --plan")
    for name, cell in blocks.items():
        cell["attributes"]["BEL"] = sites[name]
    planned.write_text(json.dumps(text))


def cost_of(chosen, costs):
    """Of a column for each row."""
    return sum(cost[column] for cost, column in zip(costs, chosen))


def check():
    """Sentences about what is wrong."""
    chance = random.Random(1)
    for _ in range(200):
        columns = chance.randint(1, 6)
        costs = [[chance.randint(0, 20) for _ in range(columns)] for _ in range(chance.randint(1, columns))]
        chosen = assign(costs)
        total = cost_of(chosen, costs)
        best = min(cost_of(order, costs) for order in itertools.permutations(range(columns), len(costs)))
        if len(set(chosen)) < len(chosen) or total != best:
            yield f"{costs}: {chosen} costs {total}, the best {best}"
    there = {f"X{x}/Y{y}/{site}" for sites in SITES.values() for x, y, site in sites}
    for floorplan in sorted(flow.ROOT.glob("hardware/**/*.floorplan")):
        sites = list(read(floorplan).values())
        if len(set(sites)) < len(sites) or not set(sites) <= there:
            yield f"{floorplan} names a site twice, or one that the device has not"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", required=True, help="check the method and the plans recorded")
    parser.parse_args()
    wrong = list(check())
    sys.exit("\n".join(wrong) if wrong else 0)


if __name__ == "__main__":
    main()
