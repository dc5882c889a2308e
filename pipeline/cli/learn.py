"""``ha-ai learn``: the learning core over a log, on the log's own clock."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from detectors.contract import Detector
from detectors.registry import detectors
from pipeline.cli import UserError
from pipeline.cli.home_file import read_home_file
from pipeline.cli.terminal import order, short_id
from pipeline.core.core import LearningCore
from pipeline.core.ledger import PatternChange, What
from pipeline.ingest.logs import LogError, LogReader, read_log
from pipeline.learn.log_learner import Counts, LogLearner
from pipeline.learn.parallel.learner import ParallelLearner, TooManyEntitiesError
from pipeline.learn.parallel.worker import WorkerError
from pipeline.settings import Settings
from pipeline.wording.sentences import claim, counted, sentence
from schemas.anomalies import Anomaly
from schemas.home import Home
from schemas.patterns import Pattern

FORMS = "rows of ts, entity_id, state or events of mqtt_eventstream as JSON lines"


class Learned(NamedTuple):
    """Result of learning from a log."""

    core: LearningCore
    counts: Counts
    reader: LogReader


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", type=Path, help="CSV or JSON lines, also .gz")
    parser.add_argument("--tz", help="IANA time zone of the home (UTC)")
    parser.add_argument("--lat", type=float, help="latitude, degrees")
    parser.add_argument("--lon", type=float, help="longitude, degrees")
    parser.add_argument("--home", type=Path, help="home.json with tz, lat, lon and rooms")
    parser.add_argument("--json", action="store_true", help="JSON lines, on a terminal too")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--changes", action="store_true", help="judge every night; print patterns and anomalies as they come"
    )
    how.add_argument(
        "--workers", type=int, default=1, metavar="N", help="processes that read the log (%(default)s)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Learn the file; JSON lines go to standard output, everything else to standard error."""
    if arguments.workers < 1:
        raise UserError(f"expected at least one worker, got {arguments.workers}")
    as_json = arguments.json or not sys.stdout.isatty()
    home = _home(arguments)
    try:
        if arguments.workers > 1:
            learned = _learn_in_parallel(arguments.file, home, arguments.workers)
        else:
            learned = _learn(arguments.file, home, as_json=as_json, changes=arguments.changes)
    except (LogError, TooManyEntitiesError, WorkerError) as error:
        raise UserError(str(error)) from error
    if not arguments.changes:
        patterns = learned.core.ledger.active.values()
        shown = patterns if as_json else sorted(patterns, key=order)
        found: list[Pattern | Anomaly] = [*shown, *learned.core.anomalies]
        for each in found:
            _show(each, as_json=as_json)
    poison = learned.reader.poison
    if poison and not learned.counts.learned:
        raise UserError(
            f"expected {FORMS} in {arguments.file}, got {poison:,} lines of which none can be read"
        )
    _report(learned)
    return 0


def _learn(path: Path, home: Home, *, as_json: bool, changes: bool) -> Learned:
    learner, reader = LogLearner(home, _detectors(), nightly=changes), LogReader()

    def tell(found: Iterable[PatternChange]) -> None:
        for change in found:
            if changes and change.what is not What.REFRESHED:
                _show_change(change, as_json=as_json)
        if changes:
            for alarm in learner.take_alarms():
                _show_alarm(alarm, as_json=as_json)

    for entry in read_log(path):
        item = reader.read(entry)
        if item is not None:
            tell(learner.take(item))
    tell(learner.finish())
    return Learned(learner.core, learner.counts, reader)


def _learn_in_parallel(path: Path, home: Home, workers: int) -> Learned:
    learner = ParallelLearner(home, _detectors(), workers=workers)
    learner.learn(read_log(path))
    return Learned(learner.core, learner.counts, learner.reader)


def _detectors() -> list[Detector]:
    """As `ha-ai run` has them."""
    return detectors(Settings().of_kinds)


def _report(learned: Learned) -> None:
    core, counts, reader = learned
    print(  # noqa: T201 a command's report
        f"{counted(counts.learned, 'state change')} on {counted(len(counts.days), 'day')} of {core.home.tz}, "
        f"{counted(counts.duplicates, 'duplicate')}, {counts.too_late:,} too late, "
        f"{reader.poison:,} that could not be read; {counted(len(core.ledger.active), 'pattern')}, "
        f"{counted(len(core.anomalies), 'anomaly', 'anomalies')}",
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
        print(f"no longer  {claim(change.pattern)} {short_id(change.pattern)}")  # noqa: T201 what the command is for
    else:
        print(f"{change.what:<9}  {_in_words(change.pattern)}")  # noqa: T201 what the command is for


def _show(found: Pattern | Anomaly, *, as_json: bool) -> None:
    print(found.model_dump_json() if as_json else _in_words(found))  # noqa: T201 what the command is for


def _in_words(found: Pattern | Anomaly) -> str:
    return f"{sentence(found)} {short_id(found)}"


def _show_alarm(alarm: Anomaly, *, as_json: bool) -> None:
    if as_json:
        _show(alarm, as_json=True)
    else:
        print(f"{'anomaly':<9}  {_in_words(alarm)}")  # noqa: T201 what the command is for
