# ruff: noqa: INP001, T201 - a script, whose output is what it prints
"""Print what the given integrations of Home Assistant need from PyPI, their dependencies included.

usage: integration_requirements.py FOLDER_OF_THE_HOMEASSISTANT_PACKAGE INTEGRATION...

`@default` stands for everything that Home Assistant loads without being asked. The files are parsed and not imported,
since what they would import is what is about to be installed.
"""

import ast
from collections.abc import Iterable
import json
from pathlib import Path
import sys

# Voice only, and sources in C++: two lines in the log of Home Assistant are cheaper than a compiler on every machine.
LEFT_OUT = ("pymicro-vad", "pyspeex-noise")


def strings_in(node: ast.AST) -> list[str]:
    """Return the string constants anywhere in a piece of code."""
    return [
        item.value
        for item in ast.walk(node)
        if isinstance(item, ast.Constant) and isinstance(item.value, str)
    ]


def strings_assigned_to(file: Path, name: str) -> list[str]:
    """Return the string constants in the value of a module level name."""
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == name for t in node.targets
        ):
            return strings_in(node.value)
    return []


def strings_of_class(file: Path, name: str) -> list[str]:
    """Return the string constants that a class assigns."""
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return [
                text
                for item in node.body
                if isinstance(item, ast.Assign)
                for text in strings_in(item.value)
            ]
    return []


def default_integrations(package: Path) -> list[str]:
    """Return what Home Assistant loads by default: a list of its own, and every entity platform's integration."""
    platforms = strings_of_class(
        package / "generated" / "entity_platforms.py", "EntityPlatforms"
    )
    return (
        strings_assigned_to(package / "bootstrap.py", "DEFAULT_INTEGRATIONS")
        + platforms
    )


def requirements(package: Path, integrations: Iterable[str]) -> set[str]:
    """Follow the manifests from the given integrations to everything they depend on."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = list(integrations)
    while waiting:
        domain = waiting.pop()
        manifest_file = package / "components" / domain / "manifest.json"
        if domain in seen or not manifest_file.exists():
            continue
        seen.add(domain)
        manifest = json.loads(manifest_file.read_text())
        found.update(manifest.get("requirements", []))
        waiting += manifest.get("dependencies", [])
    return {line for line in found if not line.lower().startswith(LEFT_OUT)}


def main() -> None:
    """Print one requirement a line."""
    package = Path(sys.argv[1])
    asked = [name for name in sys.argv[2:] if name != "@default"]
    if "@default" in sys.argv:
        asked += default_integrations(package)
    print("\n".join(sorted(requirements(package, asked))))


if __name__ == "__main__":
    main()
