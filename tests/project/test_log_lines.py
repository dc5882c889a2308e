"""Every log line names its module, an exception as `error` and a state as `reason`."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

LOGGERS = ("log", "_log")
LEVELS = ("debug", "info", "warning", "error", "exception")


def modules(root: Path) -> Iterator[tuple[Path, ast.Module]]:
    """Each module that may log, parsed."""
    for package in ("pipeline", "sinks"):
        for path in sorted((root / package).rglob("*.py")):
            yield path.relative_to(root), ast.parse(path.read_text(encoding="utf-8"))


def exceptions_in(tree: ast.AST) -> set[str]:
    """The names that hold an exception somewhere in a module: caught, or so annotated."""
    caught = {node.name for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and node.name}
    stated = {
        node.arg
        for node in ast.walk(tree)
        if isinstance(node, ast.arg)
        and node.annotation is not None
        and ast.unparse(node.annotation).endswith(("Error", "Exception"))
    }
    return caught | stated


def names_in(node: ast.AST) -> set[str]:
    """The names that an expression reads."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def misused(tree: ast.Module) -> Iterator[str]:
    """Yield each keyword of a log line that says a thing under another's name."""
    exceptions = exceptions_in(tree)
    for call in ast.walk(tree):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
            continue
        if call.func.attr not in LEVELS or ast.unparse(call.func.value) not in LOGGERS:
            continue
        for keyword in call.keywords:
            if keyword.arg == "error" and not names_in(keyword.value) & exceptions:
                yield f"{call.lineno}: error= is no exception"
            text = ast.unparse(keyword.value)
            if keyword.arg == "reason" and text in {*exceptions, *(f"str({each})" for each in exceptions)}:
                yield f"{call.lineno}: reason= is an exception"


def test_exceptions_are_errors_and_states_are_reasons(root: Path) -> None:
    """Who looks for what failed finds it under one name."""
    found = [f"{path}:{each}" for path, tree in modules(root) for each in misused(tree)]
    assert found == []


@pytest.mark.parametrize(
    "line", ['log.info("x", reason=str(e))', 'log.info("x", reason=e)', 'log.info("x", error="away")']
)
def test_the_other_name_is_noticed(line: str) -> None:
    """The rule above can fail."""
    assert list(misused(ast.parse(f"try:\n    f()\nexcept OSError as e:\n    {line}")))


def test_every_logger_bears_its_modules_name(root: Path) -> None:
    """A line says which module speaks, whoever formats it."""
    nameless = [
        f"{path}:{call.lineno}"
        for path, tree in modules(root)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func) in {"structlog.get_logger", "get_logger"}
        if ast.unparse(call) != "structlog.get_logger(__name__)"
    ]
    assert nameless == []
