"""A home whose store was learned, reviewed and backed up, and the start that opens it."""

import os
import shutil
from base64 import b64encode
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from benchmarks.drills.load import TOPIC, make_load, published
from benchmarks.review_desk import MADE, a_suggestion
from detectors.registry import detectors
from pipeline.core.core import LearningCore
from pipeline.core.messages import Announcer
from pipeline.history.damage import look_at_key, newest_copy, open_whole
from pipeline.history.row_mending import mend_rows
from pipeline.ingest.bounds import StreamClock
from pipeline.ingest.decoding import BatchDecoder
from pipeline.ingest.inputs import Eventstream, HomeAssistantInput
from pipeline.ingest.messages import Message
from pipeline.learn.learner import HomeLearner
from pipeline.learn.work import Work
from pipeline.runtime.key_file import KeyFileError, load_key
from pipeline.settings import Settings
from schemas.anomalies import Anomaly, AnomalyDetail, AnomalyKind
from schemas.deployments import AutomationVersion, Deployment
from schemas.events import Gap, StateChange
from schemas.home import Home
from schemas.instants import from_us
from schemas.outgoing import Outgoing
from schemas.patterns import Evidence, Pattern, PatternType, TimeOfDayDetail
from schemas.statuses import DeadLetter
from schemas.suggestions import Opinion, UserFeedback
from schemas.tables import QuarantineRow, table_of
from schemas.topics import Topics
from sinks.store import SqlStore, backup
from sinks.store.checksums import summed
from sinks.store.mending import Said

DAYS = 12
EVENTS = 1_200
BATCH = 50
DAY_US = 86_400_000_000
SUGGESTIONS = 6
HOME = Home(id="home", tz="Europe/Berlin", lat=52.52, lon=13.405)

EVIDENCE = Evidence(
    opportunities=9, hits=9, misses=0, base_rate=0.1, lift=1.0, interval=(0.0, 1.0), e_value=99.0
)


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with all that belongs to the home."""

    folder: Path

    @property
    def database(self) -> Path:
        """The store."""
        return self.folder / "ha-ai.db"

    @property
    def key(self) -> Path:
        """The key that signs commands."""
        return self.folder / "ha-ai.key"

    @property
    def backups(self) -> Path:
        """Where backups lie."""
        return self.folder / "backups"

    @property
    def settings(self) -> Settings:
        """As they are set in that folder."""
        return Settings(_env_file=None, database_path=self.database, command_key_file=self.key)


def make_home(place: Place, *, seed: int) -> list[StateChange]:
    """Learn days, back them up a day before their end, and leave all as a kill would; return the events."""
    events = list(make_load(EVENTS, seed=seed, hours=24.0 * DAYS, duplicates=0.0).events)
    load_key(place.key, create=True)
    yesterday_us = events[-1].at_us - DAY_US
    store = SqlStore(place.settings.store_url, home=HOME.id)
    store.migrate()
    look_at_key(store, place.settings)
    learner = new_learner(store)
    deliver(learner, [each for each in events if each.at_us < yesterday_us])
    fill_tables(store, yesterday_us)
    backup.take(place.database, place.backups, home=HOME.id)
    deliver(learner, [each for each in events if each.at_us >= yesterday_us])
    killed = Place(place.folder.with_name(place.folder.name + "-killed"))
    shutil.copytree(place.folder, killed.folder)
    store.close()
    shutil.rmtree(place.folder)
    killed.folder.rename(place.folder)
    return events


def start(place: Place, events: Sequence[StateChange] = ()) -> list[Said]:
    """Start as the product does, work for a moment, and stop; return what was said to be damaged."""
    settings = place.settings
    open_whole(settings)
    with closing(SqlStore(settings.store_url, home=HOME.id)) as store:
        store.migrate()
        mend_rows(store, HOME, newest_copy(settings))
        with suppress(KeyFileError):
            load_key(place.key, create=True)
        look_at_key(store, settings)
        learner = new_learner(store)
        deliver(learner, events)
        _write(learner, learner.checkpoint(), learner.core.watermark_ms * 1000)
        store.suggestions.all()
        store.suggestions.feedback()
        store.suggestions.audit()
        for each in store.suggestions.deployments():
            store.suggestions.versions(each.suggestion_id)
        store.patterns()
        store.anomalies()
        store.dead_letters(1_000)
        store.pending(1_000)
        with store.begin() as transaction:
            transaction.suggestions.audit(at_us=1, actor="drill", what="started", subject="")
        return store.integrity.notices()


def deliver(learner: HomeLearner, events: Sequence[StateChange]) -> None:
    """Learn events to their commits, and judge."""
    for first in range(0, len(events), BATCH):
        batch = events[first : first + BATCH]
        decoded = learner.decode([Message(TOPIC, published(each).payload, each.at_us) for each in batch])
        _write(learner, learner.prepare(decoded), batch[-1].at_us)
    last_us = learner.core.watermark_ms * 1000
    for work in (learner.settle(), *_thought(learner)):
        _write(learner, work, last_us)


def new_learner(store: SqlStore) -> HomeLearner:
    """A learner as a process makes it when it starts."""
    decoder = BatchDecoder(
        HomeAssistantInput(Eventstream(TOPIC), status_topic="homeassistant/status"),
        StreamClock(),
        heartbeat_topic=Topics().heartbeat,
        learning_topic=Topics().learning_set,
    )
    core = LearningCore(HOME, detectors())
    learner = HomeLearner(store, core, decoder, Announcer(HOME.id, Topics()))
    learner.recover()
    return learner


def pattern(number: int) -> Pattern:
    """A pattern that days ago was one, and is kept as retired."""
    detail = TimeOfDayDetail(
        entity_id=f"light.lamp_{number}",
        state="on",
        minute=420.0,
        spread_minutes=5.0,
        days=(0, 1),
        anchor="clock",
    )
    made = Pattern.of(
        detail, home=HOME.id, confidence=0.9, occurrences=9, evidence=EVIDENCE, first_seen=MADE,
        last_seen=MADE,
    )  # fmt: skip
    return made.model_copy(update={"status": "retired"})


def anomaly(number: int) -> Anomaly:
    """Something that was out of order once."""
    detail = AnomalyDetail(
        entity_id=f"switch.fan_{number}", kind=AnomalyKind.FLAPPING, at=MADE, score=1.0, severity="low",
        expected="goes on", observed="stopped",
    )  # fmt: skip
    return Anomaly.of(detail, home=HOME.id, evidence=EVIDENCE)


def _quarantine(store: SqlStore, now_us: int) -> None:
    """Keep messages of another time, as long as nothing else makes them."""
    table = table_of(QuarantineRow)
    rows = [
        {
            "home": HOME.id, "key": bytes([n]) * 16, "topic": TOPIC, "payload": b"{}", "received_us": now_us,
            "at_us": now_us + 400 * DAY_US, "reason": "future",
        }
        for n in range(4)
    ]  # fmt: skip
    with store._database.writing() as connection:  # noqa: SLF001 nothing else writes them without a clock that is wrong
        connection.execute(table.insert(), summed(rows, table))


def _thought(learner: HomeLearner) -> list[Work]:
    works = []
    while learner.thinking:
        works.append(learner.judge_for(10.0))
    return works


def _write(learner: HomeLearner, work: Work, now_us: int) -> None:
    if work:
        learner.write(work, holder=None, now_us=now_us)


def fill_tables(store: SqlStore, now_us: int) -> None:
    """Put rows into every table that learning alone does not fill."""
    _review(store, now_us)
    _quarantine(store, now_us)
    with store.begin() as transaction:
        day = from_us(now_us).date()
        transaction.save_aggregates(day - timedelta(days=DAYS), "drill", {"light.hall": {"n": 1}})


def _review(store: SqlStore, now_us: int) -> None:
    """Fill the tables that people's decisions and what went wrong fill."""
    with store.begin() as transaction:
        writes = transaction.suggestions
        for number in range(SUGGESTIONS):
            made = a_suggestion(number)
            writes.add(made)
            writes.use_nonce(f"nonce-{number}", now_us)
            writes.audit(at_us=now_us, actor="Anna", what="approved", subject=made.id, detail="by hand")
            writes.deploy(Deployment(made.id, f"ha_ai_{number}", 1, 1, "stands", 0, "{}", now_us))
            writes.add_version(AutomationVersion(1, "0" * 64, made, {"alias": made.title}, now_us))
            writes.say(
                UserFeedback(
                    message_id=f"f{number}", at=from_us(now_us), suggestion_id=made.id,
                    opinion=Opinion.APPROVED, pattern_type=PatternType.TIME_OF_DAY, device_class="light",
                    person="Anna",
                )
            )  # fmt: skip
        writes.set_control("learning", True)
        writes.set_control("minimum_confidence", 0.8)
        transaction.note_gaps(
            [Gap(now_us - n * DAY_US, now_us - n * DAY_US + 60_000_000, "broker") for n in (1, 2)]
        )
        transaction.enqueue([Outgoing(f"m{n}", "ha-ai/test", os.urandom(50)) for n in range(5)], now_us)
        transaction.bury(
            [
                DeadLetter(
                    message_id=f"d{n}", reason="malformed", detail="expected JSON", topic=TOPIC,
                    received_at=from_us(now_us), size_bytes=3,
                    payload_base64=b64encode(b"{x}").decode(),
                )
                for n in range(5)
            ]
        )  # fmt: skip
        transaction.save_patterns([pattern(number) for number in range(4)], now_us)
        transaction.save_anomalies([anomaly(number) for number in range(4)])
        transaction.save_snapshot("home", HOME.model_dump_json().encode(), version=1, applied_seq=0)
