"""RESULTS.md: rows that are measured again replace their like, and the others stay."""

from pathlib import Path

import pytest

from benchmarks import results

HEADER = "| drill | seconds | commit |\n|---|---|---|"


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of results of the test's own."""
    path = tmp_path / "RESULTS.md"
    monkeypatch.setattr(results, "RESULTS", path)
    return path


def rows(file: Path) -> list[str]:
    """The rows of all its tables."""
    return [line for line in file.read_text().splitlines() if line.startswith("| ")]


def test_other_rows_stay(file: Path) -> None:
    """A row replaces the one with the same first cell, in its place, and no other."""
    results.write_rows("Fault drills", HEADER, {"a": "| a | 1 | x |", "b": "| b | 1 | x |"})
    results.write_rows("Fault drills", HEADER, {"a": "| a | 2 | y |", "c": "| c | 2 | y |"})
    assert rows(file) == ["| drill | seconds | commit |", "| a | 2 | y |", "| b | 1 | x |", "| c | 2 | y |"]


def test_older_tables_are_filled_up(file: Path) -> None:
    """Rows of a narrower table get empty cells, and other sections stay as they are."""
    results.write_section("Fault drills", "| drill | seconds |\n|---|---|\n| a | 1 |")
    results.write_section("Soak", "| what | MB |\n|---|---|\n| all | 80 |")
    results.write_rows("Fault drills", HEADER, {"b": "| b | 2 | y |"})
    assert "| a | 1 | - |" in rows(file)
    assert "| all | 80 |" in rows(file)
