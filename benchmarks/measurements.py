"""Table of what RESULTS.md holds: the command of each section, and the code that its figures are about."""

import ast
import hashlib
import io
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
LEARNING = ("detectors", "pipeline/core", "schemas/events.py")
INTAKE = ("pipeline/ingest", "pipeline/mqtt", "pipeline/learn", "pipeline/runtime", "sinks/store")
DELIVERY = (*LEARNING, *INTAKE)
JUDGEMENT = ("pipeline/automations", "pipeline/suggestions", "pipeline/backtest", "pipeline/suggest")
APPROVAL = ("pipeline/commands", "pipeline/review")
MUTATED = ("pipeline/learn", "pipeline/runtime", "pipeline/commands", "pipeline/suggestions", "sinks/store")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One section of RESULTS.md.

    Attributes
    ----------
    title
        Its heading.
    words
        The module that measures it, and what it is told; ``--write`` comes after.
    covers
        Files and folders, from the root of the repository, whose code decides the figures. The module that
        measures belongs to them without being named.
    """

    title: str
    words: Sequence[str]
    covers: Sequence[str]

    @property
    def command(self) -> str:
        """The command line that writes the section."""
        return " ".join(["python -m", *self.words, "--write"])

    @property
    def paths(self) -> tuple[str, ...]:
        """Everything that is covered."""
        module = self.words[0].replace(".", "/")
        own = module if (ROOT / module).is_dir() else f"{module}.py"
        return (*self.covers, own)


NUMERIC = ("benchmarks.numeric",)
DRILLS = ("benchmarks.drills", "--full")
FLAKY = ("tests/pipeline/learn", "tests/pipeline/mqtt", "tests/pipeline/runtime")
MEASUREMENTS = (
    Measurement("Throughput", ("benchmarks.throughput",), DELIVERY),
    Measurement("Latency", ("benchmarks.latency",), DELIVERY),
    Measurement("Memory, a generated household", ("benchmarks.memory",), DELIVERY),
    Measurement(
        "Memory, a large home, with suggestions",
        ("benchmarks.memory", "--second", "--all"),
        (*DELIVERY, *JUDGEMENT),
    ),
    Measurement("Learning core, a generated household", ("benchmarks.learning",), LEARNING),
    Measurement("Learning core, a large home", ("benchmarks.learning", "--second"), LEARNING),
    Measurement("Judging a night of a very large home", ("benchmarks.night",), LEARNING),
    Measurement("Incremental against batch", ("benchmarks.equivalence", "--days", "30"), LEARNING),
    Measurement("Quality", ("benchmarks.quality", "--homes", "3"), LEARNING),
    Measurement("Suggestions", ("benchmarks.suggesting", "--homes", "12"), (*LEARNING, *JUDGEMENT)),
    Measurement("Numeric anomalies", NUMERIC, ("detectors/anomaly",)),
    Measurement("Numeric anomalies, false alarms", NUMERIC, ("detectors/anomaly",)),
    Measurement("Baselines", NUMERIC, ("benchmarks/numeric",)),
    Measurement("Drift of a daily habit", NUMERIC, ("detectors/time_of_day",)),
    Measurement(
        "Verdicts on automations that others wrote", ("benchmarks.validity",), ("pipeline/automations",)
    ),
    Measurement("Forged and duplicate commands", ("benchmarks.forging",), APPROVAL),
    Measurement("Deploying", ("benchmarks.deploying",), ("pipeline/deploy", "sinks/home_assistant")),
    Measurement("Floods", ("benchmarks.flooding",), (*INTAKE, *APPROVAL)),
    Measurement("Fuzzed payloads", ("benchmarks.fuzzing",), ("pipeline/ingest",)),
    Measurement(
        "Rebuilt from the journal", ("benchmarks.rebuild",), (*LEARNING, "pipeline/history", "sinks/store")
    ),
    Measurement("Backing up", ("benchmarks.backing_up",), ("sinks/store",)),
    Measurement(
        "Size of a store", ("benchmarks.growth", "--journaled", "12"), ("pipeline/core", "sinks/store")
    ),
    Measurement("Damage", ("benchmarks.damage",), ("pipeline/history", "sinks/store")),
    Measurement("Fail-over", ("benchmarks.takeover", "--times", "15"), INTAKE),
    Measurement("Soak", ("benchmarks.soak",), DELIVERY),
    Measurement("Fault drills", DRILLS, DELIVERY),
    Measurement(
        "Tests that fail now and then",
        ("benchmarks.flakes", "--runs", "30", *FLAKY),
        (*DELIVERY, *FLAKY),
    ),
    Measurement("Mutants", ("benchmarks.mutants",), (*LEARNING, *MUTATED)),
    Measurement("The house", ("benchmarks.house",), ("detectors", "pipeline", "schemas", "sinks")),
    Measurement("Targets", ("benchmarks.targets",), ()),
)
BY_TITLE = {each.title: each for each in MEASUREMENTS}


@cache
def fingerprint(paths: Sequence[str], root: Path = ROOT) -> str:
    """Return eight hex digits that tell the code of these files and folders from any other.

    Comments, docstrings and blank lines do not count, and no file that is not Python does.

    Raises
    ------
    FileNotFoundError
        A path that is not there: the table is out of date.
    """
    digest = hashlib.sha256()
    for path in sorted({file for each in paths for file in _python_files(root, each)}):
        digest.update(f"{path.relative_to(root)}\n".encode())
        digest.update(_digest(path.read_text(encoding="utf-8")))
    return digest.hexdigest()[:8]


@cache
def _digest(text: str) -> bytes:
    """Return the digest of a file's code; many measurements cover the same files."""
    return hashlib.sha256(code_of(text).encode()).digest()


def _python_files(root: Path, name: str) -> Iterator[Path]:
    path = root / name
    if path.is_file():
        yield path
    elif path.is_dir():
        yield from path.rglob("*.py")
    else:
        raise FileNotFoundError(f"expected a file or a folder of the repository, got {name}")


def code_of(text: str) -> str:
    r"""Return the lines of a Python file without comments, docstrings and blank lines.

    Examples
    --------
    >>> code_of('\"\"\"What it is.\"\"\"\n\n# why\nx = 1  # one\n')
    'x = 1'
    """
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for first, last in _docstrings(ast.parse(text)):
        lines[first - 1 : last] = [""] * (last - first + 1)
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _docstrings(tree: ast.Module) -> Iterator[tuple[int, int]]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield node.lineno, node.end_lineno or node.lineno
