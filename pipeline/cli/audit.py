"""``ha-ai audit``: who did what to which suggestion, and whether the log is whole."""

import argparse
import json
import re
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from rich.table import Table
from rich.text import Text

from pipeline.cli import SHORT_ID
from pipeline.cli.store_reader import reading, zone_of
from pipeline.cli.terminal import ERR, OUT, readable, say
from pipeline.settings import Settings
from pipeline.wording.sentences import counted
from schemas.instants import from_us
from sinks.store.audit import AuditEntry

BROKEN = 1
# Ids of users and hashes are not read, and take the room of what is.
_USER_ID = re.compile(r"(?:^|(?<=user=))[0-9a-f]{13,}\b")
_HASH = re.compile(r"\b[0-9a-f]{13,}\b ?")
ID_SHOWN = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="JSON lines")


def run(arguments: argparse.Namespace) -> int:
    """Read the log and follow its chain; 1 if something was changed or is missing."""
    settings = Settings()
    with reading(settings) as store:
        entries = store.suggestions.audit()
        wrong = store.suggestions.audit_fault()
    if arguments.json:
        for entry in entries:
            say(json.dumps(_plain(entry), ensure_ascii=False))
    elif entries:
        OUT.print(_table(entries, zone_of(settings)))
    if wrong:
        ERR.print(f"The log is broken: {wrong}.", style="bold red")
        return BROKEN
    whole = counted(len(entries), "entry", "entries")
    ERR.print(f"The log is whole: {whole}, each hashed with the one before.", style="dim")
    return 0


def _table(entries: Sequence[AuditEntry], zone: ZoneInfo) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("When", "Who", "What", "Which"):
        table.add_column(name, no_wrap=True)
    table.add_column("Detail", ratio=1)
    for entry in entries:
        words = (_cut(entry.actor), entry.what, entry.subject[:SHORT_ID], _without_hashes(entry.detail))
        at = f"{from_us(entry.at_us).astimezone(zone):%d %b %H:%M}"
        table.add_row(at, *(Text(readable(each)) for each in words))
    return table


def _cut(words: str) -> str:
    return _USER_ID.sub(lambda found: found[0][:ID_SHOWN], words)


def _without_hashes(words: str) -> str:
    return _HASH.sub("", _cut(words)).rstrip()


def _plain(entry: AuditEntry) -> dict[str, object]:
    hashes = {"previous": entry.previous.hex(), "hash": entry.hash.hex()}
    return {**entry._asdict(), "at": from_us(entry.at_us).isoformat(), **hashes}
