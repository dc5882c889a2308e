"""``ha-ai learn``: the learning core over a log, on the log's own clock."""

import argparse
import sys
from pathlib import Path

from detectors.registry import detectors
from pipeline.cli import UserError
from pipeline.ingest.log_reader import LogReader
from pipeline.ingest.logs import LogError, read_log
from pipeline.learning.log_learner import LogLearner
from pipeline.wording import sentence
from schemas.home import Home
from schemas.patterns import Pattern


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", type=Path, help="CSV or JSON lines, also .gz")
    parser.add_argument("--tz", help="IANA time zone of the home")
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
    try:
        for entry in read_log(arguments.file):
            item = reader.read(entry)
            if item is not None:
                for change in learner.take(item):
                    if arguments.changes:
                        _show(change.pattern, as_json=as_json)
    except LogError as error:
        raise UserError(str(error)) from error
    for change in learner.finish():
        if arguments.changes:
            _show(change.pattern, as_json=as_json)
    if not arguments.changes:
        for pattern in learner.core.ledger.active.values():
            _show(pattern, as_json=as_json)
    counts = learner.counts
    print(  # noqa: T201 a command's report
        f"{counts.learned} state changes on {len(counts.days)} days, {counts.duplicates} duplicates, "
        f"{counts.too_late} too late, {reader.poison} that could not be read; "
        f"{len(learner.core.ledger.active)} patterns",
        file=sys.stderr,
    )
    return 0


def _home(arguments: argparse.Namespace) -> Home:
    given = {name: getattr(arguments, name) for name in ("tz", "lat", "lon")}
    stated = {name: value for name, value in given.items() if value is not None}
    if arguments.home is None:
        return Home.model_validate(stated)
    try:
        return Home.model_validate({**Home.read(arguments.home).model_dump(), **stated})
    except OSError as error:
        raise UserError(f"expected a home.json, got: {error}") from error


def _show(pattern: Pattern, *, as_json: bool) -> None:
    print(pattern.model_dump_json() if as_json else sentence(pattern))  # noqa: T201 what the command is for
