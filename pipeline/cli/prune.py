"""``ha-ai prune``: which days are past their age and why they stay, and deleting them."""

import argparse
from collections.abc import Sequence
from contextlib import closing
from datetime import date

from pipeline.cli import UserError
from pipeline.cli.commanding import add_name, login
from pipeline.cli.store_reader import reading
from pipeline.cli.terminal import say
from pipeline.settings import Settings
from pipeline.timing.clock import wall_us
from pipeline.wording.sentences import counted
from sinks.store import SqlStore, StoreError
from sinks.store.retention import DAY_SET_TERM


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--yes", action="store_true", help="delete the days that are shown as overdue")
    add_name(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show what is overdue, or delete it; a running pipeline need not stop."""
    settings, now_us = Settings(), wall_us()
    with reading(settings) as store:
        home, (past, ahead) = store.home, store.overdue(now_us=now_us)
    if ahead:
        say(
            f"{counted(len(ahead), 'day')} {_span(ahead)} after today, as the clock says: it was wrong then, "
            "or is now. They make no other day leave."
        )
    if not past:
        say("No day is overdue.")
        return 0
    say(
        f"{counted(len(past), 'day')} {_span(past)} past {DAY_SET_TERM.days} days. They stay because fewer "
        "newer days were lived through since, or because so many would have left at one time."
    )
    if not arguments.yes:
        say("`ha-ai prune --yes` deletes them for good; otherwise they leave one by one as days are lived.")
        return 0
    try:
        with closing(SqlStore(settings.store_url, home=home)) as store:
            gone = store.let_go(now_us=now_us, actor=arguments.by or login())
    except StoreError as error:
        raise UserError(f"expected a store that can be written now, got: {error}; try again") from error
    say(f"Deleted: {counted(gone, 'day')}. The audit log says so.")
    return 0


def _span(days: Sequence[date]) -> str:
    """Return the days in brackets, with their verb, as said after their number.

    Examples
    --------
    >>> _span([date(2026, 6, 1)]), _span([date(2026, 6, 1), date(2026, 6, 3)])
    ('(2026-06-01) is', '(2026-06-01 to 2026-06-03) are')
    """
    return f"({days[0]}) is" if len(days) == 1 else f"({days[0]} to {days[-1]}) are"
