"""Learning over a store without a broker: what a process would do with batches, in this one."""

from collections.abc import Iterator, Sequence
from unittest.mock import patch

from benchmarks.drills.audit import HOME
from benchmarks.drills.load import TOPIC, published
from detectors.registry import detectors
from pipeline.core.core import LearningCore
from pipeline.core.messages import Announcer
from pipeline.ingest.bounds import StreamClock
from pipeline.ingest.decoding import BatchDecoder
from pipeline.ingest.inputs import Eventstream, HomeAssistantInput
from pipeline.ingest.messages import Message
from pipeline.learn.learner import HomeLearner
from pipeline.learn.work import Work
from schemas.events import StateChange
from schemas.topics import Topics
from sinks.store import SqlStore

BATCH = 500


def learner_over(store: SqlStore) -> HomeLearner:
    """A learner as a process makes it at its start: it has taken up what the store holds."""
    topics = Topics()
    decoder = BatchDecoder(
        HomeAssistantInput(Eventstream(TOPIC), status_topic="homeassistant/status"),
        StreamClock(),
        heartbeat_topic=topics.heartbeat,
        learning_topic=topics.learning_set,
    )
    learner = HomeLearner(store, LearningCore(HOME, detectors()), decoder, Announcer(HOME.id, topics))
    learner.recover()
    return learner


def batches(events: Sequence[StateChange]) -> Iterator[Sequence[StateChange]]:
    """The events as a busy broker delivers them."""
    for begin in range(0, len(events), BATCH):
        yield events[begin : begin + BATCH]


def deliver(learner: HomeLearner, events: Sequence[StateChange]) -> None:
    """A batch, to its commit."""
    decoded = learner.decode([Message(TOPIC, published(event).payload, event.at_us) for event in events])
    _write(learner, learner.prepare(decoded))


def rest(learner: HomeLearner) -> None:
    """Close what late events changed, judge to the end, and write all down as before a planned stop."""
    with patch("pipeline.learn.learner.LATE_S", 0.0):
        _write(learner, learner.settle())
    while learner.thinking:
        _write(learner, learner.judge_for(1.0))
    _write(learner, learner.checkpoint())


def _write(learner: HomeLearner, work: Work) -> None:
    if work:
        learner.write(work, holder=None, now_us=1)
