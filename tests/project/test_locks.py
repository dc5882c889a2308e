"""The lock files install exactly what was resolved, within the bounds of pyproject.toml."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = ["requirements.lock", "requirements-dev.lock"]
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def requirements(lock: str) -> Iterator[tuple[Requirement, list[str]]]:
    """Yield each requirement of a lock file with its hashes."""
    statements = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", lock, flags=re.MULTILINE))
    for statement in statements.splitlines():
        name, *_ = statement.partition(" --hash")
        yield Requirement(name), HASH.findall(statement)


def wanted(pyproject: Mapping[str, Any], lock: str) -> Iterator[Requirement]:
    """Yield what pyproject.toml asks for in the environment that the lock makes."""
    project, groups = pyproject["project"], pyproject["dependency-groups"]
    lines = [*project["dependencies"], *groups["build"]]
    if lock == "requirements-dev.lock":
        lines += [line for line in groups["dev"] if isinstance(line, str)]
        lines += [line for extra in project["optional-dependencies"].values() for line in extra]
    yield from map(Requirement, lines)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_pinned_and_hashed(root: Path, lock: str) -> None:
    """Nothing installs but the files that were there when the lock was made."""
    locked = list(requirements((root / lock).read_text()))
    assert len(locked) > 30
    loose = [str(item) for item, hashes in locked if not hashes or not str(item.specifier).startswith("==")]
    assert loose == []


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_host(root: Path, lock: str) -> None:
    """The lock installs through any index."""
    assert "://" not in (root / lock).read_text()


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_meets_pyproject(root: Path, pyproject: Mapping[str, Any], lock: str) -> None:
    """What pyproject.toml asks for is locked, within its bounds; if not, run `make lock`."""
    versions: dict[str, list[str]] = {}
    for item, _ in requirements((root / lock).read_text()):
        versions.setdefault(canonicalize_name(item.name), []).append(str(item.specifier).removeprefix("=="))
    unmet = [
        str(item)
        for item in wanted(pyproject, lock)
        if not (found := versions.get(canonicalize_name(item.name)))
        or not all(item.specifier.contains(version) for version in found)
    ]
    assert unmet == []


def test_development_runs_what_users_run(root: Path) -> None:
    """Every pin of the runtime lock stands in the development lock too."""
    runtime, development = (
        {str(item) for item, _ in requirements((root / lock).read_text())} for lock in LOCKS
    )
    assert runtime - development == set()
