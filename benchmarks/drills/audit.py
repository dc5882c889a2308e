"""What the store holds, against what a clean run over the same events gives."""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from detectors.history import Aggregate
from detectors.registry import detectors
from pipeline.core.core import ClosedDay, LearningCore
from pipeline.core.day_set import DaySet
from schemas.events import Gap, StateChange
from schemas.home import Home
from sinks.store import SqlStore, day_sets

HOME = Home(id="home", tz="Europe/Berlin", lat=52.52, lon=13.405)


@dataclass(frozen=True, slots=True)
class Audit:
    """How the store differs from the clean run.

    Attributes
    ----------
    missing, over_counted
        Events, by their keys in the journal and by the samples in the day sets, whichever is more.
    inversions
        Events whose first delivery was taken before an earlier one of the same entity.
    differences
        Days, aggregates or patterns that are not byte for byte the clean run's, and what else is wrong.
    """

    missing: int
    over_counted: int
    inversions: int
    differences: Sequence[str]

    @property
    def is_exact(self) -> bool:
        """Whether nothing differs."""
        return not (self.missing or self.over_counted or self.differences)


@dataclass(frozen=True, slots=True)
class Learned:
    """What a run of the learning core makes of events: all in its canonical form."""

    days: dict[date, DaySet]
    aggregates: dict[tuple[str, str, str], str]
    patterns: dict[str, str]


@dataclass(frozen=True, slots=True)
class Retained:
    """What a store may have let go of: older entries of its journal, and older aggregates.

    Attributes
    ----------
    journal_from_us, aggregates_from
        From when on everything has to be there.
    """

    journal_from_us: int = 0
    aggregates_from: date = date.min

    def aggregates(self, kept: Learned) -> dict[tuple[str, str, str], str]:
        """Those that have to be there."""
        first = self.aggregates_from.isoformat()
        return {key: aggregate for key, aggregate in kept.aggregates.items() if key[0] >= first}


EVERYTHING = Retained()


def clean_run(events: Iterable[StateChange], gaps: Iterable[Gap] = ()) -> Learned:
    """Learn every event once, in process; days that are over are closed and judged."""
    core = LearningCore(HOME, detectors(), lateness_hours=24 * 400)
    for gap in gaps:
        core.note_gap(gap)
    for event in events:
        core.learn_one(event)
    closed = core.close_due()
    for _ in core.judge():
        pass
    patterns = {pattern.id: pattern.exact() for pattern in core.ledger.active.values()}
    return Learned(dict(core.open_days()), _aggregates(closed), patterns)


def audit(database: Path, events: Sequence[StateChange], retained: Retained = EVERYTHING) -> Audit:
    """Compare a store, whose owner has stopped, with a clean run."""
    store = SqlStore(f"sqlite:///{database}", home=HOME.id)
    try:
        expected = clean_run(events, store.gaps())
        held = _held(store)
        kept = {event.key for _, event in store.journal_after() if isinstance(event, StateChange)}
        pending = store.counts()["outbox"]
    finally:
        store.close()
    known = {event.key for event in events}
    wanted = {event.key for event in events if event.at_us >= retained.journal_from_us}
    samples, clean = _samples(held.days), _samples(expected.days)
    return Audit(
        missing=max(len(wanted - kept), (clean - samples).total()),
        over_counted=max(len(kept - known), (samples - clean).total()),
        inversions=_inversions(database, {event.key: place for place, event in enumerate(events)}),
        differences=[
            *_differing_days(held.days, expected.days),
            *_differing("aggregate", retained.aggregates(held), retained.aggregates(expected)),
            *_differing("pattern", held.patterns, expected.patterns),
            *_broken(database),
            *([f"{pending} messages of the outbox were not published"] if pending else []),
        ],
    )


def lost_of(database: Path, events: Sequence[StateChange]) -> list[StateChange]:
    """The events that are not in the journal."""
    store = SqlStore(f"sqlite:///{database}", home=HOME.id)
    try:
        kept = {event.key for _, event in store.journal_after() if isinstance(event, StateChange)}
    finally:
        store.close()
    return [event for event in events if event.key not in kept]


def unseen_of(database: Path, events: Sequence[StateChange]) -> set[bytes]:
    """Keys of the events that are not in the journal, and lie in a gap that says so."""
    lost, gaps = lost_of(database, events), gaps_of(database)
    return {event.key for event in lost if any(gap.from_us <= event.at_us <= gap.to_us for gap in gaps)}


def gaps_of(database: Path) -> list[Gap]:
    """The gaps in their order."""
    store = SqlStore(f"sqlite:///{database}", home=HOME.id)
    try:
        return sorted(store.gaps())
    finally:
        store.close()


def text_of(database: Path, query: str) -> str:
    """What a query on a living store gives first; nothing while it cannot be read."""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=1.0)) as connection:
            row = connection.execute(query).fetchone()
    except sqlite3.OperationalError:
        return ""
    return "" if row is None else str(row[0])


def count_of(database: Path, query: str) -> int:
    """The number that a query on a living store gives; -1 while it cannot be read."""
    return int(text_of(database, query) or -1)


@contextmanager
def difference_to_come(
    database: Path, events: Sequence[StateChange], retained: Retained = EVERYTHING
) -> Iterator[Callable[[], bool]]:
    """Give what says whether a living store, which has all events, is still judging or publishing them."""
    store = SqlStore(f"sqlite:///{database}", home=HOME.id)
    expected = clean_run(events, store.gaps())

    def is_wrong() -> bool:
        held = _held(store)
        aggregates = retained.aggregates(held) == retained.aggregates(expected)
        judged = aggregates and held.patterns == expected.patterns
        return not judged or bool(store.counts()["outbox"])

    try:
        yield is_wrong
    finally:
        store.close()


def _held(store: SqlStore) -> Learned:
    kept = [day_sets.day_set(store, day) for day, *_ in day_sets.days(store)]
    days = {stored.day: DaySet.unpack(stored.packed) for stored in kept if stored is not None}
    aggregates = {
        (day.isoformat(), detector, key): _canonical(aggregate)
        for day in days
        for detector, of_detector in day_sets.aggregates(store, day).items()
        for key, aggregate in of_detector.items()
    }
    patterns = {pattern.id: pattern.exact() for pattern in store.patterns(status="active")}
    return Learned(days, aggregates, patterns)


def _canonical(aggregate: Aggregate) -> str:
    return json.dumps(aggregate, sort_keys=True, separators=(",", ":"))


def _aggregates(closed: Iterable[ClosedDay]) -> dict[tuple[str, str, str], str]:
    return {
        (done.day.date.isoformat(), detector, key): _canonical(aggregate)
        for done in closed
        for detector, aggregates in done.aggregates.items()
        for key, aggregate in aggregates.items()
    }


def _samples(days: dict[date, DaySet]) -> Counter[tuple[str, date]]:
    """How many changes and samples of each entity the day sets count."""
    samples: Counter[tuple[str, date]] = Counter()
    for day, events in days.items():
        for entity_id, changes in events.changes.items():
            samples[entity_id, day] += len(changes)
        for entity_id, steps in events.numbers.items():
            samples[entity_id, day] += sum(step.samples for step in steps.values())
    return samples


def _differing_days(held: dict[date, DaySet], expected: dict[date, DaySet]) -> list[str]:
    packed = {str(day): events.pack() for day, events in held.items()}
    return _differing("day set", packed, {str(day): events.pack() for day, events in expected.items()})


def _differing(what: str, held: dict, expected: dict) -> list[str]:  # type: ignore[type-arg]
    keys = sorted(key for key in held.keys() | expected.keys() if held.get(key) != expected.get(key))
    return [f"{what} {key}" for key in keys]


def _broken(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
    return [] if verdict == "ok" else [f"the database: {verdict}"]


def _inversions(database: Path, places: dict[bytes, int]) -> int:
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT entity_id, key FROM journal ORDER BY seq").fetchall()
    latest: dict[str, int] = {}
    inversions = 0
    for entity_id, key in rows:
        place = places.get(key, -1)
        inversions += place < latest.get(entity_id, -1)
        latest[entity_id] = max(place, latest.get(entity_id, -1))
    return inversions
