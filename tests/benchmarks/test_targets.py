"""Every target of the table names what shows it, and all of that exists."""

import ast
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.drills import DRILLS
from benchmarks.targets import DRILL, MODULE, TARGETS, Target, table

RESULTS = """
| drill | load | faults | missing | over-counted | exact | seconds | size | seed | commit |
|---|---|---|---|---|---|---|---|---|---|
| kill9 | 5 messages | 3 kill -9 | 0 | 0 | yes | 9 | small | 1 | abc |
| sigterm | 5 messages | 2 SIGTERM | 4 | 0 | no | 9 | small | 1 | abc |
"""


ROOT = Path(__file__).parents[2]


def exists(name: str, root: Path = ROOT) -> bool:
    """Whether what a name stands for is there."""
    if name.startswith(DRILL):
        return name.removeprefix(DRILL) in DRILLS
    if name.startswith(MODULE):
        return find_spec(name.removeprefix(MODULE)) is not None
    if name.startswith("make "):
        goal = name.removeprefix("make ")
        return re.search(rf"^{re.escape(goal)}:", (root / "Makefile").read_text(), re.MULTILINE) is not None
    path, _, test = name.partition("::")
    if not (root / path).is_file():
        return False
    names = {name for each in ast.walk(ast.parse((root / path).read_text())) for name in _named(each)}
    return test in names if test else any(name.lower().startswith("test") for name in names)


def _named(node: ast.AST) -> list[str]:
    """The names of functions, and of a state machine's test case."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: f"R{target.number}")
def test_what_shows_a_target_exists(target: Target) -> None:
    """Each names at least one drill, test or measurement, and none that is not there."""
    assert target.shown_by
    assert [name for name in target.shown_by if not exists(name)] == []


@pytest.mark.parametrize(
    "name",
    [
        "drill none",
        "tests/none.py",
        "tests/benchmarks/test_targets.py::test_none",
        "python -m benchmarks.none",
    ],
)
def test_what_is_not_there_is_seen(name: str) -> None:
    """A name of something that is gone does not pass."""
    assert not exists(name)


def test_there_are_all_targets() -> None:
    """R1 to R29, each once and in order."""
    assert [target.number for target in TARGETS] == list(range(1, 30))


def test_every_drill_shows_a_target() -> None:
    """No drill stands outside the table."""
    names = {name for target in TARGETS for name in target.shown_by}
    shown = {name.removeprefix(DRILL) for name in names if name.startswith(DRILL)}
    assert DRILLS.keys() - shown == set()


def test_the_table_says_what_was_measured() -> None:
    """A drill's recorded row is quoted with its verdict; where none is, nothing is claimed for it."""
    rows = table(RESULTS).splitlines()
    assert "drill kill9: 3 kill -9, exact;" in rows[2]
    assert "4 missing" in rows[3]
    assert "drill broker_restart: small form with every change |" in rows[4]
    assert "benchmarks.soak: no figures yet" in next(row for row in rows if row.startswith("| R18 "))
