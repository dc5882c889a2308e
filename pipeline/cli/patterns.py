"""``ha-ai patterns``: what is known of the home, from its store."""

import argparse
from collections.abc import Sequence
from datetime import UTC
from zoneinfo import ZoneInfo

from rich.table import Table
from rich.text import Text

from pipeline.cli.store_reader import reading, zone_of
from pipeline.cli.terminal import ERR, OUT, alarm, order, picture, say, short_id
from pipeline.settings import Settings
from pipeline.wording.sentences import claim
from schemas.anomalies import Anomaly
from schemas.patterns import Pattern


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="JSON lines")
    form.add_argument(
        "--picture", action="store_true", help="with the evidence in words and a strip of the day"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="those too that are no more")
    which.add_argument("--anomalies", action="store_true", help="what was out of order, instead")


def run(arguments: argparse.Namespace) -> int:
    """Read the store, beside a running pipeline if there is one."""
    settings = Settings()
    with reading(settings) as store:
        if arguments.anomalies:
            _show_anomalies(store.anomalies(), arguments, zone_of(settings))
        else:
            found = store.patterns(status=None if arguments.all else "active")
            _show_patterns(sorted(found, key=order), arguments, zone_of(settings))
    return 0


def _show_patterns(found: Sequence[Pattern], arguments: argparse.Namespace, zone: ZoneInfo) -> None:
    if arguments.json:
        for pattern in found:
            say(pattern.published(zone).decode())
    elif not found:
        ERR.print(
            "No patterns yet: the first ones need some days. `ha-ai doctor` says whether events arrive."
        )
    elif arguments.picture:
        for pattern in found:
            OUT.print(picture(pattern, _since(pattern, zone)))
    else:
        OUT.print(_table(found, zone))


def _show_anomalies(found: Sequence[Anomaly], arguments: argparse.Namespace, zone: ZoneInfo) -> None:
    if not found and not arguments.json:
        ERR.print("Nothing was out of order so far.")
    for anomaly in found:
        if arguments.json:
            say(anomaly.published(zone).decode())
        else:
            OUT.print(alarm(anomaly, f"{anomaly.detail.at.astimezone(zone):%d %b %H:%M}"))


def _table(patterns: Sequence[Pattern], zone: ZoneInfo) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0), header_style="bold")
    table.add_column("What", ratio=1)
    for name in ("Seen", "Next time", "Since", "Explain"):
        table.add_column(name, justify="right", no_wrap=True)
    for pattern in patterns:
        gone = pattern.status == "retired"
        table.add_row(
            Text(f"{'No longer: ' if gone else ''}{claim(pattern)}"),
            f"{pattern.evidence.hits} of {pattern.evidence.opportunities}",
            "" if gone else f"{pattern.confidence:.0%}",
            _since(pattern, zone),
            short_id(pattern),
            style="dim" if gone or pattern.detail.automated else None,
        )
    return table


def _since(pattern: Pattern, zone: ZoneInfo) -> str:
    return f"{pattern.first_seen.replace(tzinfo=pattern.first_seen.tzinfo or UTC).astimezone(zone):%d %b %Y}"
