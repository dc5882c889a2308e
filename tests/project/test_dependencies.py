"""What the packages import is what pyproject.toml declares."""

import ast
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PACKAGES = ("schemas", "detectors", "sinks", "pipeline")

NEVER_IMPORTED = {
    "river": "models that detectors learn day after day are River's; none of those there are needs one",
    "tzdata": "zoneinfo reads it where the system has no time zones",
}


def imports(code: str) -> Iterator[tuple[str, bool]]:
    """Yield the top-level name of each import, and whether loading the module runs it."""
    tree = ast.parse(code)
    inner = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], id(node) not in inner) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0], id(node) not in inner


def distributions(requirements: list[str]) -> set[str]:
    """Return the names of the distributions."""
    return {canonicalize_name(Requirement(line).name) for line in requirements}


@pytest.fixture(scope="module")
def imported(root: Path) -> dict[str, set[bool]]:
    """Return which distributions the packages import, and whether modules do so when they load."""
    owners = packages_distributions()
    found: dict[str, set[bool]] = {}
    for package in PACKAGES:
        for path in (root / package).rglob("*.py"):
            for name, at_load in imports(path.read_text()):
                if name not in sys.stdlib_module_names and name not in PACKAGES:
                    owner = canonicalize_name(owners.get(name, [name])[0])
                    found.setdefault(owner, set()).add(at_load)
    return found


def test_what_is_imported_is_declared(pyproject: Mapping[str, Any], imported: dict[str, set[bool]]) -> None:
    """Loading a module needs a dependency; what only an option needs is imported inside a function."""
    project = pyproject["project"]
    always = distributions(project["dependencies"])
    optional = distributions([line for extra in project["optional-dependencies"].values() for line in extra])
    undeclared = {
        owner
        for owner, at_load in imported.items()
        if owner not in always and (owner not in optional or True in at_load)
    }
    assert undeclared == set()


def test_what_is_declared_is_imported(pyproject: Mapping[str, Any], imported: dict[str, set[bool]]) -> None:
    """Nobody installs what nothing uses."""
    declared = distributions(pyproject["project"]["dependencies"])
    assert declared - imported.keys() - NEVER_IMPORTED.keys() == set()


def test_imports_are_told_apart() -> None:
    """An import inside a function does not run when the module loads."""
    code = "import numpy.linalg\nfrom . import near\ndef load():\n    from polars import col\n"
    assert list(imports(code)) == [("numpy", True), ("polars", False)]
