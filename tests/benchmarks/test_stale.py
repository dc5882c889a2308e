"""Figures that are older than what they measure are found, and none of them stands in the README."""

from pathlib import Path

import pytest

from benchmarks import figures, results, stale
from benchmarks.figures import FIGURES, README, Figure, readme, rows, said, table
from benchmarks.measurements import BY_TITLE, MEASUREMENTS, ROOT, Measurement, code_of, fingerprint

CODE = '"""Sum."""\n\n\ndef add(one: int, other: int) -> int:\n    """Add them."""\n    return one + other\n'
HEADER = "| drill | seconds | version |\n|---|---|---|"


@pytest.fixture
def results_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of results of the test's own."""
    path = tmp_path / "RESULTS.md"
    monkeypatch.setattr(results, "RESULTS", path)
    return path


def test_words_do_not_make_figures_old() -> None:
    """Docstrings, comments and blank lines do not count; any other character does."""
    told = CODE.replace("Add them.", "Return the sum of both.").replace(
        "    return", "    # Both.\n    return"
    )
    assert code_of(told) == code_of(CODE)
    assert code_of(CODE.replace("one + other", "one - other")) != code_of(CODE)


def test_a_fingerprint_tells_code_from_any_other(tmp_path: Path) -> None:
    """Another line, another name of a file, or a file more make another fingerprint."""
    made = set()
    for number, (name, code) in enumerate([("a", CODE), ("b", CODE), ("a", CODE + "x = 1\n")]):
        folder = tmp_path / str(number)
        (folder / "room").mkdir(parents=True)
        (folder / "room" / f"{name}.py").write_text(code)
        made.add(fingerprint(("room",), folder))
    (tmp_path / "0" / "room" / "more.py").write_text("")
    fingerprint.cache_clear()
    made.add(fingerprint(("room",), tmp_path / "0"))
    assert len(made) == 4


def test_a_path_that_is_gone_is_said(tmp_path: Path) -> None:
    """A table of measurements that names what is not there does not pass."""
    with pytest.raises(FileNotFoundError, match="expected a file or a folder of the repository, got nowhere"):
        fingerprint(("nowhere",), tmp_path)


@pytest.mark.parametrize("measurement", MEASUREMENTS, ids=lambda each: each.title)
def test_what_is_measured_is_there(measurement: Measurement) -> None:
    """Every file and folder that a measurement covers is in the repository."""
    assert measurement.paths
    assert [path for path in measurement.paths if not (ROOT / path).exists()] == []


@pytest.mark.usefixtures("results_file")
def test_a_section_is_stale_when_its_code_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was just written is not stale; of other code it is, as a whole."""
    results.write_section("Latency", "| what | ms |\n|---|---|\n| all | 1 |", seed=1)
    assert list(stale.stale_in(BY_TITLE["Latency"])) == []
    monkeypatch.setattr(stale, "fingerprint", lambda _: "00000000")
    (found,) = stale.stale_in(BY_TITLE["Latency"])
    assert (found.title, found.row) == ("Latency", "")


def test_a_row_is_stale_by_itself(results_file: Path) -> None:
    """Of rows those are named that were measured of other code, or that do not say of which."""
    now = results.version("Fault drills")
    results.write_rows(
        "Fault drills",
        HEADER,
        {"a": f"| a | 1 | {now} |", "b": "| b | 1 | abcdef01/00000000 |", "c": "| c | 1 | abcdef01 |"},
    )
    assert "| b | 1 |" in results_file.read_text()
    assert [each.row for each in stale.stale_in(BY_TITLE["Fault drills"])] == ["b", "c"]


@pytest.mark.usefixtures("results_file")
def test_what_was_never_measured_is_stale() -> None:
    """A section that is not there has to be measured."""
    assert [each.title for each in stale.stale_in(BY_TITLE["Soak"])] == ["Soak"]


@pytest.mark.parametrize("figure", FIGURES, ids=lambda each: each.what)
def test_what_the_readme_cites_is_in_the_results(figure: Figure) -> None:
    """Each figure has its row and its columns."""
    assert said(figure)


def test_the_readme_says_what_was_measured() -> None:
    """Its figures are those of RESULTS.md, and none of other code; `make documents` makes it so."""
    assert README.read_text(encoding="utf-8") == readme()


def test_stale_figures_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A figure of other code is not cited."""
    monkeypatch.setattr(figures, "stale_in", lambda _: [])
    assert table().count("\n") == len(FIGURES) + 1
    monkeypatch.setattr(figures, "stale_in", lambda each: [stale.Stale(each.title, "", "")])
    assert table().count("\n") == 1


def test_rows_go_by_their_tables_headings() -> None:
    """Two tables of a section keep their own columns."""
    text = "| a | b |\n|---|---|\n| 1 | 2 |\n\nwords\n\n| a | c |\n|---|---|\n| 3 | 4 |\n"
    assert rows(text) == [{"a": "1", "b": "2"}, {"a": "3", "c": "4"}]
