"""``python -m benchmarks.house [--write]``: figures of how the code is laid out, and what they should be."""

import argparse
import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measurements import ROOT
from benchmarks.results import write_section

PACKAGES = ("schemas", "detectors", "sinks", "pipeline")
QUESTIONS = ("What", "How", "Whether", "Where", "Who", "Which", "Why")
SHORT_LINES = 60
HEADER = "| what | to reach | reached |\n|---|---|---|"


def main() -> None:
    """Count, print, and write where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.house", description=__doc__)
    parser.add_argument("--write", action="store_true", help="into RESULTS.md")
    arguments = parser.parse_args()
    sentences = list(first_sentences())
    asking = sum(sentence.startswith(QUESTIONS) for sentence in sentences)
    rows = (
        (
            "import contracts that are broken, those against circles and upward imports among them",
            "0",
            _broken(),
        ),
        (
            f"modules of `pipeline/` under {SHORT_LINES} lines, but subcommands and `__init__`",
            "at most 15",
            f"{len(short_modules())}",
        ),
        ("files that one Approve runs through until it is said", "at most 22", _approve()),
        ("docstrings that begin with a question's word", "below 3 %", f"{asking} of {len(sentences):,}"),
    )
    table = "\n".join([HEADER, *(f"| {' | '.join(row)} |" for row in rows)])
    print(table)
    if arguments.write:
        write_section("The house", table)


def short_modules() -> list[Path]:
    """Return the short modules, from the root of the repository."""
    paths = (path.relative_to(ROOT) for path in sorted((ROOT / "pipeline").rglob("*.py")))
    exempt = ("__init__.py", "__main__.py")
    return [
        path
        for path in paths
        if path.name not in exempt
        and path.parent != Path("pipeline/cli")
        and len((ROOT / path).read_text(encoding="utf-8").splitlines()) < SHORT_LINES
    ]


def first_sentences() -> Iterator[str]:
    """Yield the docstrings of all packages."""
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                    yield from filter(None, [ast.get_docstring(node)])


def _broken() -> str:
    return _found(r"(\d+) broken", str(Path(sys.executable).parent / "lint-imports"), "--no-cache")


def _approve() -> str:
    return _found(r"\| until it is said \| (\d+) ", sys.executable, "-m", "benchmarks.approve_path")


def _found(pattern: str, *command: str) -> str:
    """Return what a command's output says; RuntimeError where it does not."""
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)  # noqa: S603 our own words
    found = re.search(pattern, done.stdout)
    if found is None:
        raise RuntimeError(f"expected {pattern!r} of {command[-1]}, got {done.stdout[-300:]!r}")
    return found[1]


if __name__ == "__main__":
    main()
