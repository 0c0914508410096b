"""Checks the list of what is in the release (CycloneDX JSON) against what cargo builds it from."""

import json
import subprocess
import sys


def built(target):
    """Every package that goes into the release or helps to build it, as cargo resolves it."""
    words = ["cargo", "tree", "--locked", "--no-default-features", "--edges", "normal,build", "--target", target]
    tree = subprocess.run(words + ["--prefix", "none", "--format", "{p}"], check=True, capture_output=True, text=True)
    # A line is `name vVERSION`, and more behind it for some.
    packages = (line.split()[:2] for line in tree.stdout.splitlines() if line.strip())
    return {(name, version.removeprefix("v")) for name, version in packages}


def complaints(bom, packages):
    if bom.get("bomFormat") != "CycloneDX" or not bom.get("specVersion"):
        yield "it is no CycloneDX document"
    own = bom.get("metadata", {}).get("component", {})
    if own.get("name") != "omc":
        yield "it is not about omc"
    listed = {}
    for component in bom.get("components", []):
        listed[component.get("name"), component.get("version")] = component
    named = set(listed) | {(own.get("name"), own.get("version"))}
    for name, version in sorted(packages - named):
        yield f"{name} {version} is built in, and not listed"
    for (name, version), component in sorted(listed.items()):
        if not component.get("purl", "").startswith(f"pkg:cargo/{name}@{version}"):
            yield f"{name} {version} has no package URL of its own"
        if not component.get("licenses"):
            yield f"{name} {version} has no licence"
        if not component.get("hashes"):
            yield f"{name} {version} has no hash"


def main():
    path, target = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        bom = json.load(file)
    packages = built(target)
    found = list(complaints(bom, packages))
    if found or not packages:
        sys.exit("\n".join([f"{path}:", *found]))
    # It may list more: what a package could bring in elsewhere.
    print(f"{path}: all of the {len(packages)} packages that are built in, each with its licence")


main()
