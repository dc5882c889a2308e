"""Whatever order kills, failures and redeliveries come in, a clean run's result comes of it."""

import os
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from pipeline.mqtt.intake import Sight
from schemas.events import Gap, StateChange
from sinks.store import SqlStore, StoreUnavailableError, Transaction
from tests.fixtures.runs import HOUR_US, START_US, Kept, Run, new_learner, state_changes
from tests.profiles import examples

# A nightly run takes 10,000 of 100 steps.
EXAMPLES = int(os.environ.get("HA_AI_TEST_EXAMPLES", examples(25)))
STEPS = int(os.environ.get("HA_AI_TEST_STEPS", "20"))
DAYS = 4
CHANGES = state_changes(DAYS)
MINUTE_US = 60_000_000
# Two days longer than there are changes.
HOURS = st.integers(0, (DAYS + 2) * 24)


@cache
def clean(gaps: tuple[Gap, ...] = ()) -> Kept:
    """What a store holds after all changes, each once and in order, whose gaps were known before."""
    with tempfile.TemporaryDirectory() as folder:
        run = started(folder)
        with run.store.begin() as transaction:
            transaction.note_gaps(gaps)
        run = run.killed()
        for change in CHANGES:
            run.deliver([change])
        run.rest()
        kept = run.kept()
        run.store.close()
        return kept


def at_us(hour: int) -> int:
    """The moment so many hours after the start."""
    return START_US + hour * HOUR_US


def started(folder: str) -> Run:
    """A first process over a new store."""
    store = SqlStore(f"sqlite:///{Path(folder) / 'ha-ai.db'}")
    store.migrate()
    return Run(store, new_learner(store))


class DeliveryProtocol(RuleBasedStateMachine):
    """A broker that redelivers what was not acknowledged, and a process that may end anywhere."""

    @initialize()
    def start(self) -> None:
        """Start over an empty store."""
        self.settling = patch("pipeline.learn.learner.LATE_S", 0.0)
        self.settling.start()
        self.folder = tempfile.TemporaryDirectory()
        self.run = started(self.folder.name)
        self.waiting = list(CHANGES)
        self.acknowledged: list[StateChange] = []

    def batch(self, place: int, size: int, again: int) -> list[StateChange]:
        """Some that wait, not always the first, and some that were acknowledged before."""
        begin = place % max(1, len(self.waiting))
        known = self.acknowledged[-again:] if again else []
        return [*known, *self.waiting[begin : begin + size]]

    def acknowledge(self, batch: list[StateChange]) -> None:
        """The broker forgets what was committed."""
        self.acknowledged += [change for change in batch if change in self.waiting]
        self.waiting = [change for change in self.waiting if change not in batch]

    @rule(place=st.integers(0, 20), size=st.integers(1, 12), again=st.integers(0, 4))
    def deliver(self, place: int, size: int, again: int) -> None:
        """A batch comes, is committed and acknowledged."""
        batch = self.batch(place, size, again)
        self.run.deliver(batch)
        self.acknowledge(batch)

    @rule(size=st.integers(1, 12))
    def die_before_commit(self, size: int) -> None:
        """A kill between learning and commit."""
        self.run.learn(self.waiting[:size])
        self.run = self.run.killed()

    @rule(size=st.integers(1, 12))
    def die_before_acknowledging(self, size: int) -> None:
        """A kill between commit and acknowledgement."""
        self.run.deliver(self.waiting[:size])
        self.run = self.run.killed()

    @rule(size=st.integers(1, 12), step=st.sampled_from(("journal", "save_day", "enqueue")))
    def fail_once(self, size: int, step: str) -> None:
        """A store that does not take the commit at first."""
        batch = self.waiting[:size]
        work = self.run.learn(batch)
        with (
            patch.object(Transaction, step, side_effect=StoreUnavailableError("full")),
            suppress(StoreUnavailableError),
        ):
            self.run.write(work)
            return self.acknowledge(batch)
        self.run.write(work)
        return self.acknowledge(batch)

    @rule()
    def die(self) -> None:
        """A kill while nothing happens, perhaps in the middle of judging."""
        self.run.learner.judge_for(0.0)
        self.run = self.run.killed()

    @rule()
    def stop(self) -> None:
        """A planned stop."""
        self.run = self.run.stopped()

    @rule(hour=HOURS)
    def lose_sight(self, hour: int) -> None:
        """The connection breaks."""
        self.note_sight(hour, stands=False)

    @rule(hour=HOURS, resumed=st.booleans())
    def be_back(self, *, hour: int, resumed: bool) -> None:
        """It stands again, which is known after what the broker had kept has come."""
        self.note_sight(hour, stands=True, resumed=resumed)

    @rule(hour=HOURS, hours=st.integers(0, 9), kept=st.integers(1, 64), resumed=st.booleans())
    def be_away(self, *, hour: int, hours: int, kept: int, resumed: bool) -> None:
        """The broker is away, and what it had kept comes before we know that we are subscribed again."""
        self.note_sight(hour, stands=False)
        self.deliver(place=0, size=kept, again=0)
        self.note_sight(hour + hours, stands=True, resumed=resumed)

    def note_sight(self, hour: int, *, stands: bool, resumed: bool = False) -> None:
        """What becomes of the connection, to its commit."""
        sight = Sight(at_us(hour), stands=stands, resumed=resumed)
        self.run.write(self.run.learner.note_sight(sight))

    @rule(hour=HOURS)
    def stop_and_start_home_assistant(self, hour: int) -> None:
        """Home Assistant restarts in a minute."""
        for minute, said in ((0, b"offline"), (1, b"online")):
            self.run.tell("homeassistant/status", said, at_us(hour) + minute * MINUTE_US)

    @rule(hour=HOURS)
    def set_the_clock_back(self, hour: int) -> None:
        """The clock was ahead: no gap reaches beyond now."""
        self.run.write(self.run.learner.clip_gaps(at_us(hour)))

    @rule()
    def rest(self) -> None:
        """A quiet hour."""
        self.run.rest()

    def teardown(self) -> None:
        """All that waits comes, once; then the store is a clean run's."""
        self.run.deliver(list(self.waiting))
        self.run.rest()
        kept = self.run.kept()
        gaps = tuple(self.run.store.gaps())
        self.run.store.close()
        self.folder.cleanup()
        self.settling.stop()
        assert kept == clean(gaps)
        assert len(set(kept.published)) == len(kept.published)


TestDeliveryProtocol = DeliveryProtocol.TestCase
TestDeliveryProtocol.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    suppress_health_check=[HealthCheck.too_slow],
)


def test_the_machine_finds_a_learner_that_knows_no_duplicates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the look at the journal some order of faults counts something twice."""
    clean()
    monkeypatch.setattr(SqlStore, "unseen", lambda _self, keys: set(keys))
    found = settings(
        max_examples=examples(40), stateful_step_count=10, database=None, phases=(Phase.generate,)
    )
    with pytest.raises(AssertionError):
        run_state_machine_as_test(DeliveryProtocol, settings=found)
