"""The top of the checkout holds what tools and readers look for there, and nothing else."""

from pathlib import Path

import pytest

TOP_LEVEL = {
    ".ci": "what CI calls",
    ".dockerignore": "docker build reads it",
    ".editorconfig": "editors read it",
    ".env.example": "the template of the settings, copied to .env",
    ".gitattributes": "git reads it",
    ".gitignore": "git reads it",
    ".pre-commit-config.yaml": "pre-commit reads it",
    "ARCHITECTURE.md": "how it works, for developers",
    "CHANGELOG.md": "what changed, for those who upgrade",
    "CONTRIBUTING.md": "how to take part; code hosts link to it",
    "Dockerfile": "docker build reads it",
    "LICENSE": "code hosts and packagers read it",
    "Makefile": "make reads it",
    "README.md": "the front door; the package's description",
    "SECURITY.md": "how to report a weakness; code hosts link to it",
    "benchmarks": "the figures and the commands that make them",
    "compose": "what compose.yaml mounts",
    "compose.yaml": "docker compose reads it",
    "detectors": "what is learned",
    "docs": "what is longer than README may be: settings, topics, detectors, commands, guarantees",
    "pipeline": "how it flows",
    "pyproject.toml": "pip, ruff, mypy, pytest and import-linter read it",
    "requirements-dev.lock": "what make setup installs",
    "requirements.lock": "what make demo and the image install",
    "schemas": "what crosses a boundary",
    "sinks": "where results go",
    "tests": "the tests",
}

BANNED_WORDS = ("utils", "helpers", "common", "manager", "misc")


def test_every_top_level_entry_has_a_reason(project_files: list[Path]) -> None:
    """Nothing stands at the top without a reason in the list."""
    assert sorted({path.parts[0] for path in project_files} - TOP_LEVEL.keys()) == []


def test_file_names_say_what_is_inside(project_files: list[Path]) -> None:
    """No file or folder bears a name that fits any content."""
    vague = [path for path in project_files for word in BANNED_WORDS if word in path.stem.split("_")]
    assert vague == []


@pytest.mark.parametrize("package", ["schemas", "detectors", "sinks", "pipeline"])
def test_modules_stay_rooms_not_halls(root: Path, package: str) -> None:
    """No module of the packages is longer than 400 lines."""
    sizes = {path: len(path.read_text().splitlines()) for path in (root / package).rglob("*.py")}
    assert sizes
    assert {path: lines for path, lines in sizes.items() if lines > 400} == {}


def test_few_modules_are_short(root: Path) -> None:
    """A module under 60 lines stands alone for a reason, or joins the neighbour that it is read with.

    Not counted: a package's front (`__init__`, `__main__`), and the modules of `ha-ai`'s subcommands.
    """
    counted = [
        path
        for path in (root / "pipeline").rglob("*.py")
        if path.stem not in {"__init__", "__main__"} and path.parent != root / "pipeline" / "cli"
    ]
    assert len(counted) > 100
    short = [path.relative_to(root) for path in counted if len(path.read_text().splitlines()) < 60]
    assert len(short) <= 15, sorted(short)
