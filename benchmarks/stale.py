"""``python -m benchmarks.stale``: the rows of RESULTS.md that are older than the code they measure."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.measurements import MEASUREMENTS, Measurement, fingerprint
from benchmarks.results import section

VERSION = re.compile(r"\b(?:unknown|[0-9a-f]{8}\+?)/([0-9a-f]{8})\b")


@dataclass(frozen=True, slots=True)
class Stale:
    """A row, by its first cell, or with an empty one a whole section, whose code is not what was measured."""

    title: str
    row: str
    measured: str

    def __str__(self) -> str:
        """Say it on one line."""
        row = f", {self.row}" if self.row else ""
        return f"{self.title}{row}: measured at {self.measured or 'a version that it does not say'}"


def stale() -> list[Stale]:
    """Return every row and section that has to be measured again, in the order of the table."""
    return [row for each in MEASUREMENTS for row in stale_in(each)]


def stale_in(measurement: Measurement) -> Iterator[Stale]:
    """Yield what is stale in one section; a section that is not there is stale as a whole."""
    text = section(measurement.title)
    if not measurement.covers:
        return
    now = fingerprint(measurement.paths)
    head, _, tables = (text or "").strip().partition("\n")
    if found := VERSION.search(head):
        if found[1] != now:
            yield Stale(measurement.title, "", found[0])
        return
    rows = re.findall(r"^\| .*\|$", tables, re.MULTILINE)[1:]
    if not rows or not any(VERSION.search(row) for row in rows):
        yield Stale(measurement.title, "", "")
        return
    for row in rows:
        found = VERSION.search(row)
        if found is None or found[1] != now:
            yield Stale(measurement.title, row.split("|")[1].strip(), found[0] if found else "")


def main() -> int:
    """List what is stale, and what measures it; 1 if anything is."""
    rows = stale()
    commands = {each.title: each.command for each in MEASUREMENTS}
    for row in rows:
        print(f"{row}; {commands[row.title]}")
    return int(bool(rows))


if __name__ == "__main__":
    sys.exit(main())
