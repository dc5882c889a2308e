"""ARCHITECTURE.md speaks of what is there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "detectors", "sinks", "pipeline")
TEXT = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
CODE = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL))
# Names of other programs' things, and of settings and keywords.
FOREIGN = frozenset(
    {"state_changed", "last_updated", "INSERT", ".env", "HA_AI_*", "ha-ai/*", "state", "learn_one"}
)


def definitions() -> set[str]:
    """Classes, functions, attributes and methods of the four packages, with and without their class."""
    found: set[str] = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    members = {child.name for child in node.body if hasattr(child, "name")}
                    found |= {node.name, *members, *(f"{node.name}.{member}" for member in members)}
                elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    found.add(node.name)
    return found


def contracts() -> set[str]:
    """Ids of the import contracts."""
    return set(re.findall(r'^id = "([^"]+)"', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE))


def test_every_path_exists() -> None:
    """A file or folder that is named is there."""
    paths = [name for name in CODE if "/" in name and name not in FOREIGN]
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_name_exists() -> None:
    """A class, function or contract that is named is defined."""
    names = [name for name in CODE if "/" not in name and name not in FOREIGN]
    known = definitions() | contracts() | set(PACKAGES)
    assert len(names) > 40
    assert [name for name in names if name not in known] == []
