#!/usr/bin/env python3
"""What the command depends on: its licences and sources against deny.toml, and a bill of materials.

usage: scripts/dependencies.py check             every package of the workspace, tests included
       scripts/dependencies.py sbom FILE         CycloneDX 1.6 in JSON of what is linked into the command
       scripts/dependencies.py licences FILE     the licence texts of what is linked into the command
       scripts/dependencies.py validate FILE     the bill against CycloneDX's schema; needs scripts/cyclonedx.txt

Everything comes from `cargo metadata --locked`. No time and no random number goes into the bill: one Cargo.lock, one bill.
"""

import json
import re
import subprocess
import sys
import tomllib
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "winterforge-cli"


def metadata(*arguments):
    command = ["cargo", "metadata", "--format-version", "1", "--locked", *arguments]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)


def tokens(expression):
    # Before SPDX expressions, a slash stood for OR.
    return re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))


def is_allowed(expression, allowed):
    """Whether a licence expression can be met with allowed licences. OR binds weaker than AND, as in SPDX."""
    rest = tokens(expression)

    def alternative():
        value = conjunction()
        while rest and rest[0] == "OR":
            rest.pop(0)
            other = conjunction()
            value = value or other
        return value

    def conjunction():
        value = licence()
        while rest and rest[0] == "AND":
            rest.pop(0)
            other = licence()
            value = value and other
        return value

    def licence():
        name = rest.pop(0)
        if name == "(":
            value = alternative()
            if not rest or rest.pop(0) != ")":
                raise ValueError(expression)
            return value
        if len(rest) > 1 and rest[0] == "WITH":
            rest.pop(0)
            name += " WITH " + rest.pop(0)
        return name in allowed

    value = alternative()
    if rest:
        raise ValueError(expression)
    return value


def self_test():
    allowed = {"MIT", "Zlib", "Apache-2.0 WITH LLVM-exception"}
    for expression, expected in [
        ("MIT", True), ("GPL-3.0", False), ("GPL-3.0 OR MIT", True), ("GPL-3.0/MIT", True), ("MIT AND GPL-3.0", False),
        ("MIT OR GPL-3.0 AND GPL-2.0", True), ("(MIT OR GPL-3.0) AND Zlib", True), ("(MIT OR Zlib) AND GPL-3.0", False),
        ("Apache-2.0", False), ("Apache-2.0 WITH LLVM-exception OR GPL-3.0", True),
    ]:
        assert is_allowed(expression, allowed) == expected, expression


def check():
    self_test()
    rules = tomllib.loads((ROOT / "deny.toml").read_text())
    allowed = set(rules["licenses"]["allow"])
    registries = {"registry+" + url for url in rules["sources"]["allow-registry"]}
    banned = {entry["crate"] for entry in rules["bans"]["deny"]}
    packages = metadata("--all-features")["packages"]
    wrong = []
    for package in packages:
        name = f"{package['name']} {package['version']}"
        licence = package["license"]
        if not licence or not is_allowed(licence, allowed):
            wrong.append(f"{name}: licence {licence}")
        if package["source"] is None:
            if not Path(package["manifest_path"]).is_relative_to(ROOT):
                wrong.append(f"{name}: from {package['manifest_path']}")
        elif package["source"] not in registries:
            wrong.append(f"{name}: from {package['source']}")
        if package["name"] in banned:
            wrong.append(f"{name}: banned")
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"{len(packages)} packages, {len(wrong)} not allowed")
    return not wrong


def linked(data):
    """The packages that are compiled into the command, and which need which."""
    nodes = {node["id"]: node for node in data["resolve"]["nodes"]}
    root = next(p["id"] for p in data["packages"] if p["name"] == PACKAGE)
    needs, waiting = {}, [root]
    while waiting:
        package = waiting.pop()
        if package in needs:
            continue
        dependencies = [
            dependency["pkg"]
            for dependency in nodes[package]["deps"]
            if any(kind["kind"] is None for kind in dependency["dep_kinds"])
        ]
        needs[package] = dependencies
        waiting += dependencies
    return root, needs


def checksums():
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    return {(p["name"], p["version"]): p.get("checksum") for p in lock["package"]}


def component(package, sums, kind):
    name, version = package["name"], package["version"]
    entry = {
        "type": kind,
        "bom-ref": f"pkg:cargo/{name}@{version}",
        "name": name,
        "version": version,
        "licenses": [{"expression": " OR ".join(package["license"].split("/"))}],
        "purl": f"pkg:cargo/{name}@{version}",
    }
    if package["description"]:
        entry["description"] = " ".join(package["description"].split())
    if sums.get((name, version)):
        entry["hashes"] = [{"alg": "SHA-256", "content": sums[name, version]}]
    if package["repository"]:
        entry["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return entry


def host():
    text = subprocess.run(["rustc", "-vV"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return re.search(r"^host: (.*)$", text, re.M).group(1)


def sbom(path):
    target = host()
    data = metadata("--filter-platform", target)
    root, needs = linked(data)
    packages = {package["id"]: package for package in data["packages"]}
    sums = checksums()
    reference = lambda package: f"pkg:cargo/{packages[package]['name']}@{packages[package]['version']}"
    components = [component(packages[p], sums, "library") for p in needs if p != root]
    components.sort(key=lambda entry: entry["bom-ref"])
    dependencies = [
        {"ref": reference(package), "dependsOn": sorted({reference(d) for d in needs[package]})}
        for package in sorted(needs, key=reference)
    ]
    lock = (ROOT / "Cargo.lock").read_text()
    bill = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, target + lock)}",
        "version": 1,
        "metadata": {
            "component": component(packages[root], sums, "application"),
            "properties": [{"name": "cargo:target", "value": target}],
        },
        "components": components,
        "dependencies": dependencies,
    }
    Path(path).write_text(json.dumps(bill, indent=1) + "\n")
    print(f"{path}: {len(components)} components for {target}")
    return True


def licences(path):
    data = metadata("--filter-platform", host())
    root, needs = linked(data)
    packages = sorted((p for p in data["packages"] if p["id"] in needs and p["source"]), key=lambda p: (p["name"], p["version"]))
    texts, without = {}, []
    for package in packages:
        folder = Path(package["manifest_path"]).parent
        files = [f for f in sorted(folder.iterdir()) if re.match(r"(?i)(licen[cs]e|copying|notice|unlicense)", f.name) and f.is_file()]
        title = f"{package['name']} {package['version']}: {package['license']}"
        if not files:
            without.append(title)
        for file in files:
            text = file.read_text(errors="replace").strip()
            texts.setdefault(text, []).append(f"{title} ({file.name})")
    head = "Licences of the crates that are linked into the command.\n"
    if without:
        head += "These come without a text of their own; their licences are the well-known ones:\n"
        head += "".join(f"  {title}\n" for title in without)
    parts = ["\n".join(titles) + f"\n\n{text}\n" for text, titles in texts.items()]
    Path(path).write_text(f"\n{'=' * 100}\n".join([head, *parts]))
    print(f"{path}: {len(packages)} crates, {len(without)} without a text")
    return True


def validate(path):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    bill = Path(path).read_text()
    errors = JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill)
    if errors:
        print(f"{path}: {errors}", file=sys.stderr)
        return False
    # Beyond the schema: every reference is one of a component, and each is there once.
    bill = json.loads(bill)
    known = [entry["bom-ref"] for entry in [bill["metadata"]["component"], *bill["components"]]]
    listed = [entry["ref"] for entry in bill["dependencies"]]
    named = {name for entry in bill["dependencies"] for name in entry["dependsOn"]}
    assert sorted(known) == sorted(set(known)) == sorted(listed), "components and dependencies differ"
    assert named <= set(known), "a dependency is no component"
    print(f"{path}: valid CycloneDX {bill['specVersion']}, {len(known)} components")
    return True


if __name__ == "__main__":
    commands = {"check": check, "sbom": sbom, "licences": licences, "validate": validate}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    sys.exit(0 if commands[sys.argv[1]](*sys.argv[2:]) else 1)
