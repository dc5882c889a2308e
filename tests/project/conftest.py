"""The checkout as the tests of the project's own files see it."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pathspec import GitIgnoreSpec

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the top of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def pyproject(root: Path) -> Mapping[str, Any]:
    """Return the content of pyproject.toml."""
    return tomllib.loads((root / "pyproject.toml").read_text())


@pytest.fixture(scope="session")
def project_files(root: Path) -> list[Path]:
    """Return every file that git does not ignore, relative to the top; works in an exported tree too."""
    ignored = GitIgnoreSpec.from_lines([*(root / ".gitignore").read_text().splitlines(), ".git/"])
    files = []
    for folder, subfolders, names in os.walk(root):
        here = Path(folder).relative_to(root)
        subfolders[:] = sorted(name for name in subfolders if not ignored.match_file(f"{here / name}/"))
        files += [here / name for name in sorted(names) if not ignored.match_file(here / name)]
    return files
