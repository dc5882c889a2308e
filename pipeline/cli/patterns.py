"""``ha-ai patterns``: what is known of the home, from its store."""

import argparse
from contextlib import closing
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.table import Table
from rich.text import Text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from pipeline.cli import UserError
from pipeline.cli.home_file import read_home_file
from pipeline.cli.terminal import ERR, OUT, claim, picture, say
from pipeline.diagnosis.store import read_only_url
from pipeline.settings import Settings
from schemas.patterns import Pattern
from sinks.store import SqlStore, StoreError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="JSON lines")
    form.add_argument(
        "--picture", action="store_true", help="with the evidence in words and a strip of the day"
    )
    parser.add_argument("--all", action="store_true", help="those too that are no more")


def run(arguments: argparse.Namespace) -> int:
    """Read the store, beside a running pipeline if there is one."""
    settings = Settings()
    found = sorted(_read_patterns(settings, everything=arguments.all), key=_order)
    zone = ZoneInfo(settings.tz)
    if arguments.json:
        for pattern in found:
            say(pattern.model_dump_json())
    elif not found:
        ERR.print(
            "No patterns yet: the first ones need some days. `ha-ai doctor` says whether events arrive."
        )
    elif arguments.picture:
        for pattern in found:
            OUT.print(picture(pattern, _since(pattern, zone)))
    else:
        OUT.print(_table(found, zone))
    return 0


def _read_patterns(settings: Settings, *, everything: bool) -> list[Pattern]:
    """What the store knows; it is opened for reading, so nothing waits for us and nothing is made anew."""
    home = read_home_file(settings.home_file).id if settings.home_file else settings.home or "home"
    try:
        with closing(SqlStore(_reading_url(settings), home=home)) as store:
            return store.patterns(status=None if everything else "active")
    except (StoreError, SQLAlchemyError) as error:
        detail = str(getattr(error, "orig", error))
        raise UserError(f"expected a store that `ha-ai run` has written, got: {detail}") from error


def _reading_url(settings: Settings) -> str:
    """The store's URL; a SQLite file must be there and is opened read-only."""
    url: URL = make_url(settings.store_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        return settings.store_url
    path = Path(url.database)
    if not path.is_file():
        raise UserError(
            f"expected the store at {path.absolute()}, got no such file: run `ha-ai run` first, "
            "or go where it runs, or set HA_AI_DATABASE_PATH"
        )
    return read_only_url(path)


def _table(patterns: list[Pattern], zone: ZoneInfo) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0), header_style="bold")
    table.add_column("What", ratio=1)
    for name in ("Seen", "Next time", "Since"):
        table.add_column(name, justify="right", no_wrap=True)
    for pattern in patterns:
        gone = pattern.status == "retired"
        table.add_row(
            Text(f"{'No longer: ' if gone else ''}{claim(pattern)}"),
            f"{pattern.evidence.hits} of {pattern.evidence.opportunities}",
            "" if gone else f"{pattern.confidence:.0%}",
            _since(pattern, zone),
            style="dim" if gone or pattern.detail.automated else None,
        )
    return table


def _since(pattern: Pattern, zone: ZoneInfo) -> str:
    return f"{pattern.first_seen.replace(tzinfo=pattern.first_seen.tzinfo or UTC).astimezone(zone):%d %b %Y}"


def _order(pattern: Pattern) -> tuple[bool, bool, str, float]:
    return pattern.status == "retired", pattern.detail.automated, pattern.pattern_type, -pattern.confidence
