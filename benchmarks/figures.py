"""``python -m benchmarks.figures``: the figures in README.md, taken from RESULTS.md; ``--check`` compares."""

import argparse
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.measurements import BY_TITLE, ROOT
from benchmarks.results import section
from benchmarks.stale import stale_in
from pipeline.documents import between

README = ROOT / "README.md"
MARKER = "figures"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure that the README cites.

    Attributes
    ----------
    what
        What was measured, in words.
    title, row
        The section of RESULTS.md, and the first cell of the row in it.
    says
        What to say of it; column headings in braces stand for that row's cells.
    """

    what: str
    title: str
    row: str
    says: str


LOSSES = "{faults}: {missing} missing, {over-counted} counted twice"
FIGURES = (
    Figure("killed among flowing events", "Fault drills", "kill9", LOSSES),
    Figure("connections cut", "Fault drills", "cuts", LOSSES),
    Figure("a year in some minutes", "Soak", "365", LOSSES + "; {PSS peak, MB} MB at the peak"),
    Figure(
        "files and rows damaged",
        "Damage",
        "all",
        "{faults}: {noticed} noticed, {without effect} without effect, {lost silently} lost silently",
    ),
    Figure(
        "event to commit at 200 events a second",
        "Latency",
        "event to commit",
        "{p50, ms} ms at p50, {p99, ms} ms at p99",
    ),
    Figure("drain of a backlog", "Throughput", "`ha-ai run`, durable store", "{a second} events a second"),
    Figure(
        "learning 30 days, every night judged",
        "Learning core, a generated household",
        "all",
        "{us an event} us CPU an event",
    ),
    Figure(
        "memory while those 30 days are replayed",
        "Memory, a generated household",
        "*",
        "{PSS peak} MB at the peak",
    ),
    Figure(
        "a true approval behind 8,000 forged ones",
        "Floods",
        "8,000 approvals that are signed with another key, before a true one",
        "{reached}",
    ),
    Figure(
        "from *Approve* to the enabled automation",
        "Deploying",
        "2025.4: one after the other, enabled",
        "{p50, s} s at p50, {p95, s} s at p95",
    ),
    Figure(
        "suggestions that follow a planted habit",
        "Suggestions",
        "follow a planted habit, pair or chain, of all",
        "{our own generator}",
    ),
)


def table() -> str:
    """Return the figures as a table; one whose code was changed since it was measured is left out."""
    lines = [f"| {each.what} | {said(each)} |" for each in FIGURES if not _is_stale(each)]
    return "\n".join(["| measured on 2 cores | |", "|---|---|", *lines])


def said(figure: Figure) -> str:
    """Return what RESULTS.md says of a figure.

    Raises
    ------
    LookupError
        The section, the row or a column is not there.
    """
    for row in rows(section(figure.title) or ""):
        if figure.row in ("*", next(iter(row.values()))):
            return figure.says.format_map(row)
    raise LookupError(f"expected a row {figure.row!r} below {figure.title!r} in RESULTS.md")


def rows(text: str) -> list[Mapping[str, str]]:
    """Return the rows of all tables in a text, each by its table's headings."""
    found: list[Mapping[str, str]] = []
    for block in re.findall(r"(?:^\|.*\|\n?)+", text, re.MULTILINE):
        head, _, *body = (_cells(line) for line in block.splitlines())
        found += [dict(zip(head, cells, strict=True)) for cells in body]
    return found


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _is_stale(figure: Figure) -> bool:
    return any(each.row in ("", figure.row) or figure.row == "*" for each in stale_in(BY_TITLE[figure.title]))


def readme() -> str:
    """Return README.md with the figures that RESULTS.md has now."""
    return between(README.read_text(encoding="utf-8"), MARKER, table())


def main() -> int:
    """Write the figures into README.md, or say that they are out of date."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.figures", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if they are out of date")
    arguments = parser.parse_args()
    text = readme()
    is_due = text != README.read_text(encoding="utf-8")
    if is_due:
        print(f"{'out of date' if arguments.check else 'written'}: {README.name}")
    if is_due and not arguments.check:
        README.write_text(text, encoding="utf-8")
    return int(is_due and arguments.check)


if __name__ == "__main__":
    sys.exit(main())
