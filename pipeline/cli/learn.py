"""``ha-ai learn``: the learning core over a log, on the log's own clock."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from detectors.registry import detectors
from pipeline.cli import UserError
from pipeline.cli.home_file import read_home_file
from pipeline.cli.terminal import claim
from pipeline.ingest.log_reader import LogReader
from pipeline.ingest.logs import LogError, read_log
from pipeline.learning.ledger import PatternChange, What
from pipeline.learning.log_learner import LogLearner
from pipeline.wording import sentence
from schemas.home import Home
from schemas.patterns import Pattern

FORMS = "rows of ts, entity_id, state or events of mqtt_eventstream as JSON lines"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", type=Path, help="CSV or JSON lines, also .gz")
    parser.add_argument("--tz", help="IANA time zone of the home (UTC)")
    parser.add_argument("--lat", type=float, help="latitude, degrees")
    parser.add_argument("--lon", type=float, help="longitude, degrees")
    parser.add_argument("--home", type=Path, help="home.json with tz, lat, lon and rooms")
    parser.add_argument("--json", action="store_true", help="JSON lines, on a terminal too")
    parser.add_argument("--changes", action="store_true", help="print patterns as they come, change and go")


def run(arguments: argparse.Namespace) -> int:
    """Learn the file; JSON lines go to standard output, everything else to standard error."""
    as_json = arguments.json or not sys.stdout.isatty()
    learner = LogLearner(_home(arguments), detectors())
    reader = LogReader()
    for change in _changes(arguments.file, reader, learner):
        if arguments.changes and change.what is not What.REFRESHED:
            _show_change(change, as_json=as_json)
    if not arguments.changes:
        for pattern in learner.core.ledger.active.values():
            _show(pattern, as_json=as_json)
    if reader.poison and not learner.counts.learned:
        raise UserError(
            f"expected {FORMS} in {arguments.file}, got {reader.poison:,} lines of which none can be read"
        )
    _report(reader, learner)
    return 0


def _changes(path: Path, reader: LogReader, learner: LogLearner) -> Iterator[PatternChange]:
    try:
        for entry in read_log(path):
            item = reader.read(entry)
            if item is not None:
                yield from learner.take(item)
    except LogError as error:
        raise UserError(str(error)) from error
    yield from learner.finish()


def _report(reader: LogReader, learner: LogLearner) -> None:
    counts, core = learner.counts, learner.core
    print(  # noqa: T201 a command's report
        f"{counts.learned:,} state changes on {len(counts.days)} days of {core.home.tz}, "
        f"{counts.duplicates:,} duplicates, {counts.too_late:,} too late, "
        f"{reader.poison:,} that could not be read; {len(core.ledger.active)} patterns",
        file=sys.stderr,
    )


def _home(arguments: argparse.Namespace) -> Home:
    given = {name: getattr(arguments, name) for name in ("tz", "lat", "lon")}
    stated = {name: value for name, value in given.items() if value is not None}
    if arguments.home is None:
        return Home.model_validate(stated)
    return Home.model_validate({**read_home_file(arguments.home).model_dump(), **stated})


def _show_change(change: PatternChange, *, as_json: bool) -> None:
    if as_json:
        _show(change.pattern, as_json=True)
    elif change.what is What.RETIRED:
        print(f"no longer  {claim(change.pattern)}")  # noqa: T201 what the command is for
    else:
        print(f"{change.what:<9}  {sentence(change.pattern)}")  # noqa: T201 what the command is for


def _show(pattern: Pattern, *, as_json: bool) -> None:
    print(pattern.model_dump_json() if as_json else sentence(pattern))  # noqa: T201 what the command is for
