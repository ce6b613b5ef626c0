"""Reports of builds of bitstreams: of one as Markdown and as a picture, and the page of all that are recorded."""

import json
import sys
import tomllib

import floorplan
import flow

BOARDS = flow.ROOT / "hardware/boards"
PAGE = flow.ROOT / "docs/hardware/boards.md"
PICTURES = flow.ROOT / "docs/hardware"


def percent(count):
    return 100 * count["used"] / count["available"]


def report(built, about):
    """report.md: what an engineer decides from."""
    lines = [
        f"# {about['title']}, {built['configuration']}",
        "",
        f"{about['chip']}. Kernel `{built['kernel']}`: "
        + ", ".join(f"{name} {value}" for name, value in built["kernel_parameters"].items()) + ".",
    ]
    if path := built["critical_path"]:
        lines += [
            "Placed and routed; not loaded on a board.",
            "",
            "| clock | wanted, MHz | reached, MHz | slack, ns |",
            "|---|--:|--:|--:|",
            *(f"| `{clock['name']}` | {clock['target_mhz']:.2f} | {clock['fmax_mhz']:.2f} | {clock['slack_ns']:.2f} |"
              for clock in built["clocks"]),
            "",
            f"Slowest path from register to register: {slowest(path)}.",
        ]
    else:
        lines.append("Synthesized by yosys; not placed, not routed, not run: no clock is known.")
    lines += [
        "",
        "| cell | used | of | % |",
        "|---|--:|--:|--:|",
        *(f"| {cell} | {count['used']} | {count['available']} | {percent(count):.1f} |"
          for cell, count in built["utilisation"].items()),
        "",
        "![utilisation](utilisation.svg)",
        "",
        "| | |",
        "|---|---|",
        *([f"| seed | {built['seed']}, of {len(built['seeds_tried'])} tried |"] if built["seeds_tried"] else []),
        *(f"| {tool} | {version} |" for tool, version in built["tools"].items()),
        f"| SHA-256 of the Verilog | `{built['rtl_sha256']}` |",
        *(f"| SHA-256 of {name} | `{sha256}` |" for name, sha256 in built["inputs"]["files_sha256"].items()),
        f"| SHA-256 of the bitstream | {digest(built)} |",
    ]
    return "\n".join(lines) + "\n"


def files(about):
    """What a build takes from a board's folder, beside a floorplan."""
    return [*about.get("project", []), *([about["constraints"]] if "constraints" in about else [])]


def inputs(where, about, configuration):
    """What a build depends on beside the kernel and the tools: the options for the device, and digests of the board's files."""
    plan = floorplan.of(where, configuration)
    names = [*files(about), *([plan.name] if plan else [])]
    return {"device": about.get("device", []), "files_sha256": {name: flow.sha256(where / name) for name in names}}


def slowest(path):
    return (f"`{path['from']}` to `{path['to']}`, cells {path['cells_ns']:.1f} ns, "
            f"wires {path['routing_ns']:.1f} ns")


def digest(built):
    """Of the bitstream, or why there is none."""
    if built["bitstream_sha256"]:
        return f"`{built['bitstream_sha256']}`"
    return "none: synthesized only" if built["met"] is None else "none: a clock is missed"


def picture(built):
    """A bar for each kind of cell, its length the share of the device."""
    rows = sorted(built["utilisation"].items(), key=lambda row: -percent(row[1]))
    height = 20 * len(rows) + 30
    title = f"{built['board']}, {built['configuration']}: share of the device"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="560" height="{height}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="10" y="17" font-weight="bold">{title}</text>',
    ]
    for number, (cell, count) in enumerate(rows):
        y = 20 * number + 27
        lines += [
            f'<text x="130" y="{y + 12}" text-anchor="end">{cell}</text>',
            f'<rect x="140" y="{y}" width="300" height="15" fill="#e8e8e8"/>',
            f'<rect x="140" y="{y}" width="{3 * percent(count):.1f}" height="15" fill="#3b6ea5"/>',
            f'<text x="448" y="{y + 12}">{count["used"]} of {count["available"]}</text>',
        ]
    return "\n".join([*lines, "</svg>"]) + "\n"


def records():
    """Recorded reports by their files, in the order of boards and configurations."""
    return {path: json.loads(path.read_text()) for path in sorted(BOARDS.glob("*/*.json"))}


def figures(built):
    """What is worth telling when it changes."""
    cells = {cell: count["used"] for cell, count in built["utilisation"].items()}
    return cells | {f"MHz of {clock['name']}": clock["fmax_mhz"] for clock in built["clocks"]}


def record(path, built):
    """Keeps a report beside its board, and writes the page anew."""
    if path.exists():
        label = f"{built['board']}, {built['configuration']}"
        for change in flow.changes(label, figures(json.loads(path.read_text())), figures(built)):
            print(change, file=sys.stderr)
    path.write_text(json.dumps(built, indent=1) + "\n")
    for name, text in pages().items():
        name.write_text(text)


def pages():
    """The page of all boards and its pictures, by path."""
    lines = [
        "# Boards: bitstreams",
        "",
        "Written by `scripts/build-board.py --record`. Each is placed and routed with the seed that is recorded, but where it says",
        "synthesized only; none has been loaded on a board. What a build gives: [bitstreams.md](bitstreams.md).",
        "",
        "| board | configuration | clock, MHz | wanted | slack, ns | seed (tried) | slowest path | tools |",
        "|---|---|--:|--:|--:|--:|---|---|",
    ]
    pictures = {}
    for built in records().values():
        about = f"| {built['board']} | {built['configuration']} "
        tools = ", ".join(f"{tool} {version}" for tool, version in built["tools"].items())
        if built["clocks"]:
            clock = min(built["clocks"], key=lambda clock: clock["slack_ns"])
            about += (f"| {clock['fmax_mhz']:.1f} | {clock['target_mhz']:.1f} | {clock['slack_ns']:.2f} "
                      f"| {built['seed']} ({len(built['seeds_tried'])}) | {slowest(built['critical_path'])} ")
        else:
            about += "| not placed, not run | | | | "
        lines.append(f"{about}| {tools} |")
        pictures[PICTURES / f"{built['board']}-{built['configuration']}.svg"] = picture(built)
    for built in records().values():
        name = f"{built['board']}-{built['configuration']}"
        lines += [
            "",
            f"## {built['board']}, {built['configuration']}",
            "",
            f"`{built['kernel']}`; SHA-256 of the bitstream: {digest(built)}.",
            "",
            f"![utilisation]({name}.svg)",
        ]
    return {PAGE: "\n".join(lines) + "\n"} | pictures


def wrong():
    """What is wrong with the records, as a list of sentences."""
    found = []
    for path, built in records().items():
        again = f"run scripts/build-board.py --board {built['board']} --configuration {built['configuration']} --record"
        if built["rtl_blake3"] != flow.kernels().get(built["kernel"]):
            found.append(f"{built['board']}, {built['configuration']}: a record of other Verilog; {again}")
        about = tomllib.loads((path.parent / "board.toml").read_text())
        if built["inputs"] != inputs(path.parent, about, built["configuration"]):
            found.append(f"{built['board']}, {built['configuration']}: a record of another device, constraints, floorplan or project; {again}")
    for path, text in pages().items():
        if not path.exists() or path.read_text() != text:
            found.append(f"{path.name} is stale")
    return found
