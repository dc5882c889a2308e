"""What nothing in the packages or the benchmarks uses is gone; a test alone is no use."""

from pathlib import Path

import pytest
from vulture import Vulture  # type: ignore[import-untyped]

KINDS = {"class", "function", "method", "property", "unreachable_code"}

CALLED_FROM_OUTSIDE = {
    "data_received": "asyncio's transport calls it",
    "get_field_value": "pydantic-settings calls it on sources",
    "pause_writing": "asyncio's transport calls it",
    "resume_writing": "asyncio's transport calls it",
    "publish_scope": "FastStream calls it on middlewares",
}


def unused(*folders: Path) -> dict[str, str]:
    """Return the names that nothing in the folders uses, with their places; a decorator is a use."""
    search = Vulture(ignore_decorators=["@*"])
    search.scavenge([str(folder) for folder in folders])
    found = [item for item in search.get_unused_code(min_confidence=60) if item.typ in KINDS]
    return {item.name: f"{item.typ} in {item.filename}:{item.first_lineno}" for item in found}


@pytest.fixture(scope="module")
def dead(root: Path) -> dict[str, str]:
    """Return what is unused in this project."""
    return unused(*(root / name for name in ("schemas", "detectors", "sinks", "pipeline", "benchmarks")))


def test_nothing_is_unused(dead: dict[str, str]) -> None:
    """Every function, class and method has a caller, or stands in the list with who calls it."""
    left = {name: place for name, place in dead.items() if name not in CALLED_FROM_OUTSIDE}
    assert not left, "\n".join(f"{name}: {place}" for name, place in left.items())


def test_no_exception_outlives_its_reason(dead: dict[str, str]) -> None:
    """Every name on the list still stands in the code, and nothing of ours calls it."""
    assert sorted(CALLED_FROM_OUTSIDE.keys() - dead.keys()) == []


def test_what_is_called_only_by_a_test_is_found(tmp_path: Path) -> None:
    """A function without a caller is found; one that is called or registered is not."""
    (tmp_path / "module.py").write_text(
        "def used(): ...\ndef unused(): ...\n@app.command()\ndef registered(): ...\nused()\n"
    )
    assert list(unused(tmp_path)) == ["unused"]
