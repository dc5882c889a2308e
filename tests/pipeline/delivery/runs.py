"""Runs of the delivery protocol without a broker: a learner over a store, and a detector that finds soon."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace

from detectors.contract import Finding, Snapshot
from detectors.history import Aggregate, Day, History
from pipeline.core.core import LearningCore
from pipeline.core.day_set import DaySet
from pipeline.core.messages import Announcer
from pipeline.ingest.bounds import StreamClock
from pipeline.ingest.decoding import BatchDecoder, DecodedBatch
from pipeline.ingest.inputs import Eventstream, HomeAssistantInput
from pipeline.ingest.messages import Message
from pipeline.ingest.payloads import as_eventstream
from pipeline.learn.learner import HomeLearner
from pipeline.learn.work import Work
from schemas.anomalies import Anomaly, AnomalyDetail, AnomalyKind
from schemas.events import EventType, StateChange
from schemas.home import Home
from schemas.patterns import Evidence, Pattern, TimeOfDayDetail
from schemas.topics import Topics
from sinks.store import SqlStore

TOPIC = "homeassistant_events"
HOUR_US = 3_600_000_000
START_US = int(datetime(2026, 10, 20, tzinfo=UTC).timestamp()) * 1_000_000


class Strict:
    """Holds each stop of the fan for an alarm."""

    def see(self, event_type: EventType, at_ms: int) -> list[Anomaly]:
        return [_alarm(at_ms)] if event_type == ("switch.fan", "off") else []

    def measure(self, entity_id: str, value: float, at_ms: int) -> list[Anomaly]:
        del entity_id, value, at_ms
        return []

    def note_gap(self, from_ms: int, to_ms: int) -> None:
        """Learn nothing from a gap."""


class SeenTwice:
    """Finds every type that was seen on two days; a function of the closed days alone."""

    kind = "time_of_day"

    def learn_one(self, event_type: EventType, day: int) -> None:
        """Nominate nothing."""

    def close_day(self, day: Day) -> Mapping[str, Aggregate]:
        return {
            event_type.key: {
                "n": int((day.type_ids == number).sum()),
                "unseen_ms": sum(end_ms - start_ms for start_ms, end_ms in day.gaps_ms),
            }
            for number, event_type in enumerate(day.types)
        }

    def merge(self, one: Aggregate, other: Aggregate) -> Aggregate:
        return {"n": one["n"] + other["n"]}  # type: ignore[operator]

    def detect(self, history: History) -> Iterator[Finding | None]:
        for day in history.days:
            for at_ms, index in zip(day.at_ms.tolist(), day.type_ids.tolist(), strict=True):
                yield from Strict().see(day.types[index], at_ms)
        for event_type in sorted({event_type for day in history.days for event_type in day.types}):
            days = [day for day in history.days if event_type in day.types]
            yield _pattern(event_type, days, len(history.days)) if len(days) > 1 else None

    def watch(self, history: History) -> Strict:
        del history
        return Strict()

    def forget_before(self, day: int) -> None:
        """Forget nothing."""

    def snapshot(self) -> Snapshot:
        return {}

    def restore(self, snapshot: Snapshot) -> None:
        """Restore nothing."""


def _alarm(at_ms: int) -> Anomaly:
    evidence = Evidence(
        opportunities=1, hits=1, misses=0, base_rate=0.1, lift=1.0, interval=(0.0, 1.0), e_value=1.0
    )
    detail = AnomalyDetail(
        entity_id="switch.fan", kind=AnomalyKind.FLAPPING, at=datetime.fromtimestamp(at_ms / 1000, UTC),
        score=1.0, severity="low", expected="goes on", observed="stopped",
    )  # fmt: skip
    return Anomaly.of(detail, home="home", evidence=evidence)


def _pattern(event_type: EventType, days: Sequence[Day], opportunities: int) -> Pattern:
    evidence = Evidence(
        opportunities=opportunities, hits=len(days), misses=opportunities - len(days), base_rate=0.5,
        lift=1.0, interval=(0.0, 1.0), e_value=1.0,
    )  # fmt: skip
    detail = TimeOfDayDetail(
        entity_id=event_type.entity_id, state=event_type.state, minute=0.0, spread_minutes=1.0,
        days=tuple(range(7)), anchor="clock",
    )  # fmt: skip
    occurrences = sum(int((day.type_ids == day.types.index(event_type)).sum()) for day in days)
    return Pattern.of(
        detail, home="home", confidence=len(days) / opportunities, occurrences=occurrences, evidence=evidence,
        first_seen=datetime.fromtimestamp(days[0].start_ms / 1000, UTC),
        last_seen=datetime.fromtimestamp(days[-1].end_ms / 1000, UTC),
    )  # fmt: skip


def state_changes(days: int) -> list[StateChange]:
    """Twelve changes of three entities and four numbers a day, in order."""
    changes = []
    for number in range(days * 16):
        at_us = START_US + number * 90 * 60_000_000 + number
        if number % 4 == 3:
            changes.append(
                StateChange(at_us, "sensor.hall_temperature", "", f"{20 + number % 7}", f"s{number}")
            )
        else:
            name = ("light.hall", "switch.fan", "light.bath")[number % 3]
            old, new = ("off", "on") if number % 2 else ("on", "off")
            changes.append(StateChange(at_us, name, old, new, f"c{number}"))
    return changes


def carried(change: StateChange) -> Message:
    """The message that carries a change, received when it happened."""
    return Message(TOPIC, as_eventstream(change), change.at_us + 20_000)


def new_learner(store: SqlStore) -> HomeLearner:
    """A learner as a process makes it when it starts."""
    core = LearningCore(Home(), [SeenTwice()])
    decoder = BatchDecoder(
        HomeAssistantInput(Eventstream(TOPIC), status_topic="homeassistant/status"),
        StreamClock(),
        heartbeat_topic=Topics().heartbeat,
        learning_topic=Topics().learning_set,
    )
    learner = HomeLearner(store, core, decoder, Announcer("home", Topics()))
    learner.recover()
    return learner


@dataclass(frozen=True)
class Kept:
    """All that a store holds of what was learned, canonical; and the ids of what was to be published."""

    journal: list[StateChange]
    days: dict[str, str]
    aggregates: dict[tuple[str, str], str]
    patterns: list[str]
    anomalies: list[str] = field(compare=False)
    published: list[str] = field(compare=False)


def kept(store: SqlStore) -> Kept:
    """Read a store."""
    sets = [store.day_set(day) for day, *_ in store.days()]
    days = {str(each.day): json.dumps(DaySet.unpack(each.packed).canonical()) for each in sets if each}
    with store._database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT day, key, aggregate FROM day_aggregates").all()
        ids = connection.exec_driver_sql("SELECT id FROM outbox ORDER BY seq").scalars().all()
    return Kept(
        journal=sorted(entry for _, entry in store.journal_after() if isinstance(entry, StateChange)),
        days=days,
        aggregates={(day, key): aggregate for day, key, aggregate in rows},
        patterns=[pattern.model_dump_json() for pattern in store.patterns(status="active")],
        anomalies=[anomaly.model_dump_json() for anomaly in store.anomalies()],
        published=list(ids),
    )


@dataclass(frozen=True)
class Run:
    """One process: deliver, write, think, kill, stop; time is the stream's."""

    store: SqlStore
    learner: HomeLearner

    def deliver(self, changes: Sequence[StateChange]) -> None:
        """A batch, to its commit."""
        self.write(self.learn(changes))

    def learn(self, changes: Sequence[StateChange]) -> Work:
        """A batch, short of its commit."""
        return self.learner.prepare(self.decode(changes))

    def decode(self, changes: Sequence[StateChange]) -> DecodedBatch:
        """A batch, decoded."""
        return self.learner.decode([carried(change) for change in changes])

    def tell(self, topic: str, payload: bytes, received_us: int) -> None:
        """A message that carries no change, to its commit."""
        self.write(self.learner.prepare(self.learner.decode([Message(topic, payload, received_us)])))

    def write(self, work: Work) -> None:
        """Commit work, if there is any."""
        if work:
            self.learner.write(work, holder=None, now_us=START_US)

    def think(self) -> None:
        """Judge to the end, and write what comes of it."""
        while self.learner.thinking:
            self.write(self.learner.think(1.0))

    def rest(self) -> None:
        """Settle late days and judge, as in a quiet hour."""
        self.think()
        self.write(self.learner.settle())
        self.think()

    def killed(self) -> "Run":
        """The next process over the same store, after a kill."""
        return Run(self.store, new_learner(self.store))

    def stopped(self) -> "Run":
        """The next process after a planned stop."""
        self.write(self.learner.checkpoint())
        return self.killed()

    def kept(self) -> Kept:
        """What the store holds after a planned stop."""
        self.write(self.learner.checkpoint())
        return kept(self.store)


class Delivered:
    """A message as the subscriber hands it over, which notes its acknowledgement.

    Parameters
    ----------
    change
        What it carries.
    acknowledged
        Where it notes its payload, when it is acknowledged.
    error
        What acknowledging raises, as on a connection that was lost.
    """

    def __init__(
        self, change: StateChange, acknowledged: list[bytes], error: Exception | None = None
    ) -> None:
        self.raw_message = SimpleNamespace(topic=TOPIC, payload=as_eventstream(change), retain=False)
        self._acknowledged = acknowledged
        self._error = error

    async def ack(self) -> None:
        """Acknowledge it."""
        if self._error is not None:
            raise self._error
        self._acknowledged.append(self.raw_message.payload)
