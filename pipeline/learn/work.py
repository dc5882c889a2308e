"""Writes of one transaction of a home's learning, how they are written, and the models that are kept so."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

import structlog

from detectors.contract import DayLearner
from pipeline.commands.controls import HomeControls
from pipeline.core.core import ClosedDay, LearningCore
from pipeline.core.day_set import DaySet
from pipeline.core.messages import Announcer
from pipeline.ingest.decoding import DecodedBatch
from pipeline.ingest.learning_switch import LearningSwitch
from schemas.anomalies import Anomaly
from schemas.events import Gap
from schemas.outgoing import Outgoing
from schemas.patterns import Pattern
from sinks.store import SqlStore, Transaction, Waiting

SNAPSHOT = "learning"
SNAPSHOT_VERSION = 1
SEEN = "seen"
MODELS = "models"
MODELS_VERSION = 1

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Work:
    """Writes of one transaction. Written again until it is committed, or the process dies."""

    decoded: DecodedBatch = field(default_factory=DecodedBatch)
    unseen: list[bytes] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    ahead: Mapping[date, DaySet] = field(default_factory=dict)
    wrong_gaps: list[Gap] = field(default_factory=list)
    outdated: list[date] = field(default_factory=list)
    closed: list[ClosedDay] = field(default_factory=list)
    patterns: list[Pattern] = field(default_factory=list)
    anomalies: list[Anomaly] = field(default_factory=list)
    outgoing: list[Outgoing] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    released: list[bytes] = field(default_factory=list)
    seen: bytes | None = None
    models: bytes | None = None
    switch: LearningSwitch | None = None
    checkpoint: bool = False

    def __bool__(self) -> bool:
        decoded = self.decoded
        written = self.unseen or self.gaps or self.closed or self.patterns or self.outgoing
        moved = self.waiting or self.released or self.wrong_gaps
        noted = self.seen or self.models or self.switch or self.checkpoint
        return bool(written or moved or decoded.letters or noted)


class Written(NamedTuple):
    """Up to which place the journal is applied, and how many events that waited had to make room."""

    applied_seq: int
    pushed_out: int


def write(
    transaction: Transaction,
    work: Work,
    core: LearningCore,
    announcer: Announcer,
    *,
    applied_seq: int,
    now_us: int,
) -> Written:
    """Write all of `work`; a checkpoint is of what the core holds now."""
    entries = [(key, work.decoded.entries[key]) for key in work.unseen]
    seq = transaction.journal(entries, now_us) if entries else applied_seq
    transaction.bury(work.decoded.letters)
    transaction.quarantine.add(work.waiting)
    reached_us = core.watermark_ms * 1000 or now_us
    pushed_out = transaction.quarantine.make_room(reached_us) if work.waiting else 0
    transaction.quarantine.release(work.released)
    transaction.drop_gaps(work.wrong_gaps)
    transaction.note_gaps(work.gaps)
    transaction.open_days(work.outdated)
    for day, events in work.ahead.items():
        _save_ahead(transaction, day, events, seq, now_us)
    for closed in work.closed:
        _save_closed(transaction, closed, seq, now_us)
    transaction.save_patterns(work.patterns, now_us)
    transaction.save_anomalies(work.anomalies)
    letters = [announcer.dead_letter(letter) for letter in work.decoded.letters]
    transaction.enqueue([*letters, *work.outgoing], now_us)
    if work.seen:
        transaction.save_snapshot(SEEN, work.seen, version=SNAPSHOT_VERSION, applied_seq=0)
    if work.models:
        transaction.save_snapshot(MODELS, work.models, version=MODELS_VERSION, applied_seq=0)
    if work.switch:
        HomeControls.switch_learning(transaction.suggestions, off_us=work.switch.off_us)
    if work.checkpoint:
        _save_checkpoint(transaction, core, seq, now_us)
    return Written(seq, pushed_out)


def _save_checkpoint(transaction: Transaction, core: LearningCore, seq: int, now_us: int) -> None:
    due = {day.date for day in core.due()}
    for day, events in core.open_days().items():
        transaction.save_day(
            day,
            events.pack(),
            events=len(events),
            sealed=core.is_closed(day) and day not in due,
            at_us=now_us,
            applied_seq=seq,
        )
    plain = {"watermark_ms": core.watermark_ms, "measured": core.entities.measured()}
    payload = json.dumps(plain, allow_nan=False, separators=(",", ":")).encode()
    transaction.save_snapshot(SNAPSHOT, payload, version=SNAPSHOT_VERSION, applied_seq=seq)


def _save_ahead(transaction: Transaction, day: date, events: DaySet, seq: int, now_us: int) -> None:
    packed = events.pack()
    transaction.save_day(day, packed, events=len(events), sealed=True, at_us=now_us, applied_seq=seq)


def _save_closed(transaction: Transaction, closed: ClosedDay, seq: int, now_us: int) -> None:
    day, events = closed.day.date, closed.events
    transaction.save_day(day, events.pack(), events=len(events), sealed=True, at_us=now_us, applied_seq=seq)
    for detector, aggregates in closed.aggregates.items():
        transaction.save_aggregates(day, detector, aggregates)


def restore_models(store: SqlStore, core: LearningCore) -> None:
    """Let the learners of a core go on from what the store keeps of them."""
    stored = store.snapshot(MODELS)
    if stored is None or stored.version != MODELS_VERSION:
        return
    learners = [each for each in core.detectors if isinstance(each, DayLearner)]
    for kind in core.models.restore(json.loads(stored.payload), learners):
        log.warning("a model is learned anew from the days that are judged", kind=kind)


def models_to_keep(core: LearningCore) -> bytes | None:
    """Return the models of a core to be kept, if they changed since this was asked last."""
    if not core.models.is_changed:
        return None
    core.models.is_changed = False
    return json.dumps(core.models.snapshot(), allow_nan=False, separators=(",", ":")).encode()
