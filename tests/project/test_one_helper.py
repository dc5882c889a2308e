"""What waiting and time take has one helper each, and no second one in the code."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PLACES = {
    "asyncio.FIRST_COMPLETED": "pipeline/timing/waiting.py",
    "time.monotonic": "pipeline/timing/clock.py",
    "time.time": "pipeline/timing/clock.py",
    "time.time_ns": "pipeline/timing/clock.py",
    "time.clock_gettime": "pipeline/timing/clock.py",
    "time.clock_gettime_ns": "pipeline/timing/clock.py",
    "datetime.now": "pipeline/timing/clock.py",
}


def used(code: str) -> Iterator[str]:
    """Yield each of these that a module uses itself, also one that it imports by its own name."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in PLACES:
            yield ast.unparse(node)
        if isinstance(node, ast.ImportFrom):
            yield from (name for each in node.names if (name := f"{node.module}.{each.name}") in PLACES)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and ast.unparse(node.left) == "2.0":
            yield "2.0 **"


def test_each_is_used_in_its_place_alone(root: Path) -> None:
    """A second clock, doubling wait or first of several tasks would drift from the first."""
    places = {**PLACES, "2.0 **": "pipeline/timing/waiting.py"}
    strays = [
        f"{path.relative_to(root)}: {name}"
        for path in sorted((root / "pipeline").rglob("*.py"))
        if "simulation" not in path.parts
        for name in used(path.read_text(encoding="utf-8"))
        if path.relative_to(root).as_posix() != places[name]
    ]
    assert strays == []


@pytest.mark.parametrize(
    "code",
    ["import time\ntime.monotonic()", "from time import monotonic", "datetime.now(UTC)", "a = 2.0 ** n"],
)
def test_a_second_one_is_noticed(code: str) -> None:
    """However it is imported."""
    assert list(used(code))
