"""Output of subcommands on a terminal."""

import shutil
import sys

from rich.console import Console, Group
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from pipeline.cli import SHORT_ID
from pipeline.wording.pictures import strip
from pipeline.wording.sentences import claim, evidence, expectation
from schemas.anomalies import Anomaly
from schemas.patterns import Pattern

OUT = Console(highlight=False, markup=False, emoji=False)
ERR = Console(highlight=False, markup=False, emoji=False, stderr=True)
COUNTED = "{task.completed:,.0f} of {task.total:,.0f}"
PICTURE_WIDTH, PICTURE_EDGES = 60, len("0 s  1 h 45 min")
LEAD_GAP = 2


def command() -> str:
    """Return the command by which the person called us, so that what we name can be typed as it stands."""
    return "ha-ai" if shutil.which("ha-ai") else sys.argv[0]


def progress(console: Console, said: str = COUNTED) -> Progress:
    """A bar with what is `said` beside it; it vanishes at the end, and without a terminal there is none."""
    return Progress(
        SpinnerColumn(),
        BarColumn(bar_width=30),
        TextColumn(said),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def say(line: str = "") -> None:
    """Print a line as it stands, whatever the width of the terminal."""
    OUT.print(line, soft_wrap=True)


def readable(words: str) -> str:
    r"""Return what others wrote, on one line and without what a terminal would obey.

    Examples
    --------
    >>> readable("on\x1b[2J\nnow")
    'on [2J now'
    """
    return "".join(each if each.isprintable() else " " for each in words)


def short_id(found: Pattern | Anomaly) -> str:
    """As much of an id as `ha-ai explain` needs to know it from all others of a home."""
    return found.id[:SHORT_ID]


def order(pattern: Pattern) -> tuple[bool, bool, str, float]:
    """Sort habits by kind, the surest first; automations' doings come after them, then what is no more."""
    return pattern.status == "retired", pattern.detail.automated, pattern.pattern_type, -pattern.confidence


def gone(pattern: Pattern, lead: str) -> Text:
    """A pattern that is no more, after a `lead`: one line, however narrow the terminal is."""
    line = Text(f"{lead}  No longer: {claim(pattern)}", style="dim")
    if OUT.is_terminal:
        line.truncate(OUT.width - SHORT_ID - 1, overflow="ellipsis")
    return line.append(f" {short_id(pattern)}")


def picture(pattern: Pattern, lead: str = "") -> Table:
    """A pattern as people read it, after a `lead`: the sentence, the evidence in words, the strip."""
    width = min(PICTURE_WIDTH, OUT.width - len(lead) - LEAD_GAP - PICTURE_EDGES)
    style = "dim" if pattern.detail.automated else "bold"
    return _beside(
        lead,
        Text(claim(pattern), style=style),
        Text.assemble(evidence(pattern), (f" {short_id(pattern)}", "dim")),
        Text(strip(pattern, max(1, width)), style="cyan"),
    )


def alarm(anomaly: Anomaly, lead: str = "") -> Table:
    """An anomaly as people read it, after a `lead`: what is out of order, and what was expected."""
    style = "bold red" if anomaly.detail.severity == "high" else "bold yellow"
    return _beside(
        lead,
        Text(claim(anomaly), style=style),
        Text.assemble(expectation(anomaly), (f" {short_id(anomaly)}", "dim")),
    )


def _beside(lead: str, *lines: Text) -> Table:
    grid = Table.grid(padding=(0, LEAD_GAP), pad_edge=False)
    grid.add_column(no_wrap=True)
    grid.add_column()
    grid.add_row(Text(lead, style="dim"), Group(*lines, ""))
    return grid
