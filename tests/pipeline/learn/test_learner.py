"""What a home's learner keeps through kills, failing stores and late events is what a clean run keeps."""

import gc
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest

from pipeline.mqtt.intake import Sight
from schemas.anomalies import Anomaly
from schemas.events import Gap, StateChange
from schemas.instants import from_us
from schemas.topics import Topics
from sinks.store import SqlStore, StoreUnavailableError, Transaction
from sinks.store.suggestions import SuggestionWrites
from tests.fixtures.runs import Kept, Run

STEPS = (
    "journal",
    "bury",
    "note_gaps",
    "save_day",
    "save_aggregates",
    "save_patterns",
    "save_anomalies",
    "enqueue",
    "save_snapshot",
)
BATCH = 7
STATUS = "homeassistant/status"
SWITCH = Topics().learning_set


def batches(changes: list[StateChange]) -> Iterator[list[StateChange]]:
    """The changes, a few at a time, each time with the two before them once more."""
    for start in range(0, len(changes), BATCH):
        yield changes[max(0, start - 2) : start + BATCH]


class Killed(BaseException):
    """The process is gone."""


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, step: str, error: type[BaseException]) -> Iterator[None]:
    """Let a step of the transaction fail, after it was done."""
    done = getattr(Transaction, step)

    def fail(self: Transaction, *arguments: Any, **options: Any) -> None:
        done(self, *arguments, **options)
        raise error(step)

    with monkeypatch.context() as patch:
        patch.setattr(Transaction, step, fail)
        yield


def test_the_clean_run_finds_something(clean: Kept) -> None:
    """What the others are compared with holds closed days, aggregates and patterns."""
    assert len(clean.journal) == 80
    assert len(clean.days) == 5
    assert clean.aggregates
    assert len(clean.patterns) == 6


def test_batches_change_nothing(start: Callable[[], Run], changes: list[StateChange], clean: Kept) -> None:
    """Redelivered in batches the changes come to what they come to one by one."""
    process = start()
    for batch in batches(changes):
        process.deliver(batch)
        process.judge_for()
    process.rest()
    assert process.kept() == clean


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_of_a_commit_loses_nothing(
    start: Callable[[], Run],
    changes: list[StateChange],
    clean: Kept,
    step: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever was not committed comes again, and counts once."""
    process = start()
    kills = 0
    for batch in batches(changes):
        try:
            with failing(monkeypatch, step, Killed):
                process.deliver(batch)
                process.judge_for()
        except Killed:
            kills += 1
            process = process.killed()
            process.deliver(batch)
            process.judge_for()
    process.rest()
    assert kills > 0
    assert process.kept() == clean


@pytest.mark.parametrize("step", STEPS)
def test_a_store_that_fails_is_written_again(
    start: Callable[[], Run],
    changes: list[StateChange],
    clean: Kept,
    step: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same work, written again after a failure, is written once."""
    process = start()
    for batch in batches(changes):
        work = process.learn(batch)
        with failing(monkeypatch, step, StoreUnavailableError):
            try:
                process.write(work)
            except StoreUnavailableError:
                pass
            else:
                continue
        process.write(work)
        process.judge_for()
    process.rest()
    assert process.kept() == clean


def test_what_nobody_watched_is_told_when_its_day_is_judged(
    start: Callable[[], Run], changes: list[StateChange]
) -> None:
    """Days that come faster than they are judged, between two judgements, keep none of their alarms back."""
    process = start()
    process.deliver(changes[:20])
    process.rest()
    for batch in batches(changes[20:]):
        process.deliver(batch)
    process.rest()
    stops = [change for change in changes if (change.entity_id, change.new) == ("switch.fan", "off")]
    assert len(process.kept().anomalies) == len(stops) > 5


def test_what_nobody_watched_before_a_kill_is_told_after_it(
    start: Callable[[], Run], changes: list[StateChange]
) -> None:
    """Days that were closed, and not judged before the process died, keep none of their alarms back."""
    process = start()
    for batch in batches(changes[:44]):
        process.deliver(batch)
    process = process.killed()
    process.rest()
    stops = [change for change in changes[:44] if (change.entity_id, change.new) == ("switch.fan", "off")]
    assert len(process.kept().anomalies) == len(stops) > 5


@pytest.mark.parametrize("step", STEPS)
def test_what_is_out_of_order_is_said_once(
    start: Callable[[], Run], changes: list[StateChange], step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each alarm is kept and said once, through a kill at any step, and if nobody watched before it too."""
    process = start()
    for batch in batches(changes[:34]):
        process.deliver(batch)
    process.rest()
    for batch in batches(changes[32:]):
        try:
            with failing(monkeypatch, step, Killed):
                process.deliver(batch)
        except Killed:
            process = process.killed()
            process.deliver(batch)
        process.judge_for()
    wanted = [change for change in changes if (change.entity_id, change.new) == ("switch.fan", "off")]
    said = process.kept()
    assert len(wanted) > 5
    assert [Anomaly.model_validate_json(each).detail.at for each in said.anomalies] == [
        from_us(change.at_us // 1000 * 1000) for change in wanted
    ]
    ids = [Anomaly.model_validate_json(each).id for each in said.anomalies]
    assert [name for name in said.published if name in ids] == ids


def test_a_kill_after_every_batch_loses_nothing(
    start: Callable[[], Run], changes: list[StateChange], clean: Kept
) -> None:
    """Recovered from checkpoint and journal, again and again, the core is where it was."""
    process = start()
    for batch in batches(changes):
        process.deliver(batch)
        process = process.killed()
    process.rest()
    assert process.kept() == clean


def test_a_planned_stop_after_every_batch_loses_nothing(
    start: Callable[[], Run], changes: list[StateChange], clean: Kept
) -> None:
    """Recovered from its last checkpoint alone, the core is where it was."""
    process = start()
    for batch in batches(changes):
        process.deliver(batch)
        process = process.stopped()
    process.rest()
    assert process.kept() == clean


def test_the_collector_leaves_the_history_alone_while_it_is_judged(
    start: Callable[[], Run], changes: list[StateChange]
) -> None:
    """Looking through all that a home has would hold the stream; afterwards it may again."""
    process = start()
    process.deliver(changes)
    while process.learner.thinking and not gc.get_freeze_count():
        process.write(process.learner.judge_for(1e-6))
    assert gc.get_freeze_count()
    process.rest()
    assert not gc.get_freeze_count()


@pytest.mark.parametrize("end", ["killed", "stopped"])
def test_late_events_reach_sealed_days(
    start: Callable[[], Run], changes: list[StateChange], clean: Kept, end: str
) -> None:
    """Events of the first day, days after its end, and then an end before the day is closed again."""
    late, rest = changes[5:9], changes[:5] + changes[9:]
    process = start()
    process.deliver(rest)
    process.judge_for()
    process.deliver(late)
    process = getattr(process, end)()
    process.rest()
    assert process.kept() == clean


def test_late_events_of_the_last_day_are_gathered(
    start: Callable[[], Run], changes: list[StateChange], clean: Kept
) -> None:
    """A day that was closed is not closed again for each of them, the last one neither: some seconds pass."""
    process = start()
    last = process.learner.core.days.at(changes[-1].at_us // 1000)
    late = [each for each in changes if each.at_us < last.start_ms * 1000][-2:]
    process.deliver([each for each in changes if each not in late])
    process.rest()
    for each in late:
        work = process.learn([each])
        assert (work.closed, process.learner.late) == ([], True)
        process.write(work)
    process.rest()
    assert process.kept() == clean


def test_an_interrupted_judgement_says_the_same_once_more(
    start: Callable[[], Run], changes: list[StateChange], clean: Kept
) -> None:
    """Killed before its findings were written, it finds them again, under the same message ids."""
    process = start()
    process.deliver(changes[:40])
    process.rest()
    process.deliver(changes[40:])
    found = process.learner.judge_for(1.0)
    assert found.outgoing
    process = process.killed()
    process.rest()
    written = process.kept()
    assert (written.aggregates, written.patterns) == (clean.aggregates, clean.patterns)
    assert {message.id for message in found.outgoing} <= set(written.published)
    assert len(set(written.published)) == len(written.published)


def test_a_judgement_in_slices_says_how_many_patterns_changed(
    start: Callable[[], Run], changes: list[StateChange], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though they were written before the slice that says that the day was judged."""
    process = start()
    process.deliver(changes)
    ticks = count()
    monkeypatch.setattr("pipeline.learn.learner.monotonic_s", lambda: float(next(ticks)))
    slices = [process.learner.judge_for(1.5) for _ in range(20) if process.learner.thinking]
    said = [json.loads(message.payload) for work in slices for message in work.outgoing]
    found = [each for each in said if "pattern" in each]
    assert len(found) == 6
    assert [each["patterns_changed"] for each in said if "patterns_changed" in each] == [6] * 4


@pytest.mark.parametrize("end", ["killed", "stopped"])
def test_home_assistant_is_away_over_our_restart(
    start: Callable[[], Run], changes: list[StateChange], end: str
) -> None:
    """Its will is said once: who starts later and only hears itself knows from the store that it is away."""
    process = start()
    process.deliver(changes[:3])
    left_us = changes[2].at_us + 1_000_000
    process.tell(STATUS, b"offline", left_us)
    process.tell(Topics().heartbeat, b"", left_us + 30_000_000)
    process = getattr(process, end)()
    process.learner.note_sight(Sight(left_us + 60_000_000, stands=True, resumed=True))
    process.tell(Topics().heartbeat, b"", left_us + 61_000_000)
    process.deliver(changes[3:4])
    gap = Gap(changes[2].at_us, changes[3].at_us, "home_assistant")
    assert process.store.gaps() == [gap]
    process = process.killed()
    process.learner.note_sight(Sight(changes[3].at_us + 1_000_000, stands=True, resumed=True))
    process.deliver(changes[4:5])
    assert process.store.gaps() == [
        gap,
        Gap(changes[3].at_us // 1000 * 1000 - 1_000_000, changes[3].at_us + 1_000_000, "not_running"),
    ]


@pytest.mark.parametrize("end", ["killed", "stopped"])
def test_a_loss_outlives_the_process_that_noticed_it(
    start: Callable[[], Run], changes: list[StateChange], end: str
) -> None:
    """The next one ends it, where it is subscribed again, and not with what it saw before that."""
    process = start()
    process.deliver(changes[:3])
    lost_us = changes[2].at_us
    process.write(process.learner.note_sight(Sight(lost_us + 500_000, stands=False)))
    process = getattr(process, end)()
    process.deliver(changes[3:4])
    assert process.store.gaps() == []
    process.write(process.learner.note_sight(Sight(changes[4].at_us, stands=True, resumed=False)))
    assert process.store.gaps() == [Gap(lost_us - 1_000_000, changes[4].at_us, "broker")]


@pytest.mark.parametrize("end", ["killed", "stopped"])
def test_what_is_seen_while_learning_is_off_is_not_learned(
    start: Callable[[], Run], changes: list[StateChange], end: str
) -> None:
    """Over a restart and a midnight: nothing of it is kept but a gap, in which there was no opportunity."""
    before, paused, after = changes[:14], changes[14:44], changes[44:]
    off_us, on_us = paused[0].at_us - 1_000_000, after[0].at_us - 1_000_000
    process = start()
    process.deliver(before)
    process.tell(SWITCH, b"OFF", off_us)
    process.deliver(paused[:10])
    process = getattr(process, end)()
    assert process.store.suggestions.control("learning") is False
    process.deliver(paused[10:])
    process.tell(SWITCH, b"ON", on_us)
    process.deliver(after)
    process.deliver(paused[:3])
    process.rest()
    written = process.kept()
    assert written.journal == sorted(before + after)
    assert process.store.suggestions.control("learning") is True
    assert Gap(off_us, on_us, "paused") in process.store.gaps()
    unseen_ms = [each for day in process.learner.core.history().days for each in day.gaps_ms]
    assert sum(end_ms - begin_ms for begin_ms, end_ms in unseen_ms) >= 20 * 3_600_000


def test_late_events_of_a_pause_are_not_learned_after_a_restart(
    start: Callable[[], Run], changes: list[StateChange]
) -> None:
    """What happened in a pause and comes when it is over is passed over, by the next process too."""
    process = start()
    process.deliver(changes[:4])
    process.tell(SWITCH, b"OFF", changes[4].at_us - 1)
    process.tell(SWITCH, b"ON", changes[8].at_us - 1)
    process = process.killed()
    process.deliver(changes[4:10])
    assert process.kept().journal == sorted(changes[:4] + changes[8:10])


def test_a_kill_before_the_commit_leaves_the_switch_as_it_was(
    start: Callable[[], Run], changes: list[StateChange], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message comes again, and only then learning is off."""
    process = start()
    process.deliver(changes[:4])
    with monkeypatch.context() as patch:
        patch.setattr(SuggestionWrites, "set_control", _away)
        with pytest.raises(StoreUnavailableError):
            process.tell(SWITCH, b"OFF", changes[4].at_us - 1)
    process = process.killed()
    assert process.store.suggestions.control("learning") is None
    process.tell(SWITCH, b"OFF", changes[4].at_us - 1)
    process.deliver(changes[4:6])
    assert process.kept().journal == sorted(changes[:4])


def test_a_store_that_cannot_be_read_learns_nothing(
    start: Callable[[], Run], changes: list[StateChange], clean: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch whose duplicates cannot be looked up is left as it was, and learned later."""
    process = start()
    for batch in batches(changes):
        decoded = process.decode(batch)
        with monkeypatch.context() as patch:
            patch.setattr(SqlStore, "unseen", _away)
            with pytest.raises(StoreUnavailableError):
                process.learner.prepare(decoded)
        process.write(process.learner.prepare(decoded))
    process.rest()
    assert process.kept() == clean


def _away(*_: object) -> None:
    raise StoreUnavailableError("locked")
