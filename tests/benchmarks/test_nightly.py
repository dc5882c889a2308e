"""What runs at night ends in time, says how it ended, and fails where something failed."""

import sys
from pathlib import Path

import pytest

from benchmarks import nightly
from benchmarks.measurements import ROOT
from benchmarks.mutating import Tried, guards, modules
from benchmarks.nightly import PARTS, Part, main, run


def python(text: str, **environment: str) -> Part:
    """A part that is a line of Python."""
    return Part((sys.executable, "-c", text), 1, environment)


def test_a_part_says_how_it_ended() -> None:
    """Each with what is set for it."""
    assert run(python("import os; assert os.environ['NIGHT'] == 'long'", NIGHT="long"), 60, 1) == "passed"
    assert run(python("raise SystemExit(3)"), 60, 1) == "failed"
    assert run(python("import time; time.sleep(60)"), 0.2, 1) == "stopped at its limit"


def test_what_a_part_has_started_ends_with_it(tmp_path: Path) -> None:
    """A process that it did not wait for writes nothing more."""
    late = f"import time; time.sleep(1); open({str(tmp_path / 'late')!r}, 'w')"
    part = python(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {late!r}])")
    assert run(part, 0.5, 1) == "stopped at its limit"
    assert run(python("import time; time.sleep(1.2)"), 60, 1) == "passed"
    assert not (tmp_path / "late").exists()


def test_a_part_that_is_stopped_puts_away_what_is_its_own(tmp_path: Path) -> None:
    """As a copy of the checkout in which mutants are tried."""
    begun, away = tmp_path / "begun", tmp_path / "away"
    text = f"open({str(begun)!r}, 'w'); time.sleep(60)"
    part = python(f"import time\ntry:\n {text}\nfinally:\n open({str(away)!r}, 'w')")
    assert run(part, 3.0, 1) == "stopped at its limit"
    assert begun.exists()
    assert away.exists()


def test_a_night_fails_where_a_part_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The parts behind it run all the same; those that are not named do not."""
    monkeypatch.setattr(
        nightly, "PARTS", {"a": python("raise SystemExit(1)"), "b": python(""), "c": python("")}
    )
    monkeypatch.setattr("sys.argv", ["nightly", "a", "b"])
    assert main() == 1
    assert [line.partition(" after")[0] for line in capsys.readouterr().out.splitlines()] == [
        "a: failed",
        "b: passed",
    ]
    monkeypatch.setattr("sys.argv", ["nightly", "c"])
    assert main() == 0
    monkeypatch.setattr("sys.argv", ["nightly", "d"])
    with pytest.raises(SystemExit):
        main()
    assert "expected parts out of a, b, c, got d" in capsys.readouterr().err


def test_parts_are_commands_that_are_there() -> None:
    """Each is Python with a module that exists."""
    for part in PARTS.values():
        assert part.words[:2] == (sys.executable, "-m")
        name = part.words[2].replace(".", "/")
        assert name == "pytest" or (ROOT / f"{name}.py").exists() or (ROOT / name / "__main__.py").exists()


def test_a_module_is_guarded_by_its_own_tests_and_its_room() -> None:
    """Its own come first, since they are the likeliest to fail."""
    presses, values = Path("pipeline/commands/presses.py"), Path("pipeline/automations/graph/values.py")
    assert guards(presses) == ["tests/pipeline/commands/test_presses.py", "tests/pipeline/commands"]
    assert guards(values) == ["tests/pipeline/automations"]
    assert presses in list(modules(["pipeline/commands"]))


def test_a_row_says_what_share_was_killed() -> None:
    """Of those that were tried."""
    assert str(Tried("a.py", 200, 9, ["a.py:1 NumberReplacer"])) == "| a.py | 200 | 10 | 9 | 90% |"
    assert str(Tried("a.py", 200, 0, [])) == "| a.py | 200 | 0 | 0 |  |"
