"""Events that the clock does not believe wait, and are learned once it does: each exactly once."""

from collections.abc import Iterator

import pytest

from pipeline.core.core import LearningCore
from pipeline.core.messages import Announcer
from pipeline.ingest.bounds import WallClock
from pipeline.ingest.decoding import BatchDecoder
from pipeline.ingest.eventstream import as_eventstream
from pipeline.ingest.inputs import Eventstream, HomeAssistantInput, Statestream
from pipeline.ingest.messages import Message
from pipeline.ingest.statestream import as_statestream
from pipeline.learn import allowance
from pipeline.learn.learner import HomeLearner
from schemas.events import Gap, ServiceCall, StateChange
from schemas.home import Home
from schemas.topics import Topics
from sinks.store import SqlStore, Waiting, quarantine
from tests.fixtures.runs import TOPIC, SeenTwice, kept

DAY_US = 86_400_000_000
BASE = "homeassistant_state"


def learner(store: SqlStore, kind: str = "eventstream") -> HomeLearner:
    """A learner that judges event times by the time of receipt."""
    stream = Statestream(BASE) if kind == "statestream" else Eventstream(TOPIC)
    decoder = BatchDecoder(
        HomeAssistantInput(stream, status_topic="homeassistant/status"),
        WallClock(),
        heartbeat_topic=Topics().heartbeat,
        learning_topic=Topics().learning_set,
    )
    made = HomeLearner(store, LearningCore(Home(), [SeenTwice()]), decoder, Announcer("home", Topics()))
    made.recover()
    return made


def write(made: HomeLearner, messages: list[Message]) -> None:
    """Take a batch to its commit."""
    made.write(made.prepare(made.decode(messages)), holder=None, now_us=0)


def received(change: StateChange, ahead_us: int, kind: str = "eventstream") -> list[Message]:
    """The messages of a change, received by a clock that is ahead by so much."""
    at_us = change.at_us + 20_000 + ahead_us
    if kind == "statestream":
        return [Message(topic, payload, at_us) for topic, payload in as_statestream(change, BASE)]
    return [Message(TOPIC, as_eventstream(change), at_us)]


def take_all_back(made: HomeLearner, now_us: int) -> int:
    """Take back until nothing is due; return how many batches that took."""
    for number in range(100):
        work = made.take_back(now_us)
        made.write(work, holder=None, now_us=0)
        if not work.released:
            return number
    raise AssertionError("it does not end")


def keys(store: SqlStore) -> list[bytes]:
    """What the journal holds, as duplicates are known."""
    return [change.key for change in kept(store).journal]


def finish(made: HomeLearner) -> None:
    """Settle late days, judge, and write the checkpoint."""
    made.write(made.settle(), holder=None, now_us=0)
    while made.thinking:
        made.write(made.judge_for(1.0), holder=None, now_us=0)
    made.write(made.checkpoint(), holder=None, now_us=0)


@pytest.fixture
def store(tmp_path: object) -> Iterator[SqlStore]:
    """An empty store."""
    made = SqlStore(f"sqlite:///{tmp_path}/waiting.db")
    made.migrate()
    yield made
    made.close()


@pytest.mark.parametrize("kind", ["eventstream", "statestream"])
@pytest.mark.parametrize("ahead_days", [-365, -1, 31, 400])
def test_what_waited_is_learned_once_the_clock_is_right(
    store: SqlStore,
    tmp_path: object,
    changes: list[StateChange],
    kind: str,
    ahead_days: int,
) -> None:
    """Half under a wrong clock, each twice, over a restart: the store comes to what a right clock gives."""
    clean = SqlStore(f"sqlite:///{tmp_path}/clean.db")
    clean.migrate()
    steady = learner(clean, kind)
    made, half = learner(store, kind), len(changes) // 2
    for number, change in enumerate(changes):
        write(steady, received(change, 0, kind))
        is_wrong = half <= number < half + half // 2
        for message in [received(change, ahead_days * DAY_US if is_wrong else 0, kind)] * (1 + is_wrong):
            write(made, message)
        if number == half + 10:
            made = learner(store, kind)
    assert store.quarantine.extent().total > half // 4
    assert take_all_back(made, changes[-1].at_us) >= 1
    assert store.quarantine.extent().total == 0
    finish(steady)
    finish(made)
    assert kept(store).days == kept(clean).days
    assert keys(store) == keys(clean)
    assert kept(store).aggregates == kept(clean).aggregates
    clean.close()


def test_a_kill_between_taking_and_writing_changes_nothing(
    store: SqlStore, changes: list[StateChange]
) -> None:
    """What was taken and not written waits still; what was written does not come again."""
    made = learner(store)
    for change in changes[:20]:
        write(made, received(change, -2 * DAY_US))
    made.take_back(changes[-1].at_us)
    assert store.quarantine.extent().total > 0
    assert take_all_back(learner(store), changes[-1].at_us) == 1
    again = learner(store)
    assert take_all_back(again, changes[-1].at_us) == 0
    for change in changes[:20]:
        write(again, received(change, 0))
    finish(again)
    assert len(kept(store).journal) == len({change.key for change in kept(store).journal})


def test_learned_already_does_not_wait(store: SqlStore, changes: list[StateChange]) -> None:
    """What comes again while the clock is wrong was learned before."""
    made = learner(store)
    for ahead_us in (0, -2 * DAY_US):
        for change in changes[:20]:
            write(made, received(change, ahead_us))
    assert store.quarantine.extent().total == 0


def test_nothing_waits_that_happened_while_learning_was_off(
    store: SqlStore, changes: list[StateChange]
) -> None:
    """A wrong clock makes nothing anybody's behaviour."""
    made = learner(store)
    write(made, received(changes[0], 0))
    write(made, [Message(Topics().learning_set, b"OFF", changes[0].at_us + 1)])
    for change in changes[1:20]:
        write(made, received(change, -2 * DAY_US))
    assert store.quarantine.extent().total == 0


def test_a_flood_pushes_out_itself_and_is_counted(
    store: SqlStore, changes: list[StateChange], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events of a far future make room before those that are nearest to what was learned."""
    monkeypatch.setattr(quarantine, "MOST", 30)
    made = learner(store)
    write(made, received(changes[0], 0))
    near = [change for change in changes[1:25] if change.old]
    for change in near:
        write(made, received(change, -2 * DAY_US))
    waiting = store.quarantine.extent().total
    assert 10 < waiting < 25
    for number in range(100):
        far = StateChange(4_000_000_000_000_000 + number, f"light.x{number}", "off", "on", "c")
        write(made, received(far, -400 * DAY_US))
    assert store.quarantine.extent().total <= 30
    assert made.pushed_out == waiting + 100 - store.quarantine.extent().total
    assert len(store.quarantine.due(0, changes[-1].at_us, 100)) == waiting


def test_a_service_call_waits_too(store: SqlStore) -> None:
    """Calls and changes are read back as they were."""
    call = ServiceCall(7, ("light.hall",), "light.turn_on")
    change = StateChange(8, "light.hall", None, "on", "c", None, "u", (("brightness", 3.0), ("mode", "a")))
    with store.begin() as transaction:
        for entry in (call, change):
            waiting = Waiting(bytes([entry.at_us]), entry, "t\x00", 9, "future")
            transaction.quarantine.add([waiting, waiting])
    assert [each.entry for each in store.quarantine.due(0, 10, 9)] == [call, change]


def test_a_clock_that_was_ahead_leaves_no_gap_beyond_now(store: SqlStore, changes: list[StateChange]) -> None:
    """A heartbeat of next year ends our absence then; once the clock is right it ended now."""
    made = learner(store)
    now_us = changes[0].at_us + 20_000
    write(made, received(changes[0], 0))
    made.write(made.checkpoint(), holder=None, now_us=0)
    made = learner(store)
    made.gaps.connected(now_us + 400 * DAY_US, resumed=True)
    write(made, [Message(Topics().heartbeat, b"", now_us + 400 * DAY_US)])
    assert store.gaps()[-1].to_us == now_us + 400 * DAY_US
    later_us = now_us + 60_000_000
    made.write(made.clip_gaps(later_us), holder=None, now_us=0)
    expected = [Gap(changes[0].at_us // 1000 * 1000 - 1_000_000, later_us, "not_running")]
    assert store.gaps() == expected
    assert made.core.gaps == expected
    again = learner(store)
    again.clip_gaps(later_us)
    assert again.gaps.loss is not None
    assert again.gaps.loss[0] <= later_us


def test_while_events_wait_no_heartbeat_ends_a_gap(store: SqlStore, changes: list[StateChange]) -> None:
    """The first event that is taken back ends it: the home was in sight from then on."""
    made = learner(store)
    write(made, received(changes[0], 0))
    made.write(made.checkpoint(), holder=None, now_us=0)
    made = learner(store)
    made.gaps.connected(changes[9].at_us, resumed=True)
    for change in changes[1:9]:
        write(made, received(change, -2 * DAY_US))
    write(made, [Message(Topics().heartbeat, b"", changes[9].at_us)])
    assert store.gaps() == []
    take_all_back(made, changes[9].at_us)
    first = next(change for change in changes[1:9] if change.old)
    assert [gap.to_us for gap in store.gaps()] == [first.at_us]


def test_days_to_come_that_were_learned_are_put_aside(
    store: SqlStore, tmp_path: object, changes: list[StateChange]
) -> None:
    """Both clocks were ahead by a year for some events: the other days are as if they had not been."""
    clean = SqlStore(f"sqlite:///{tmp_path}/clean.db")
    clean.migrate()
    steady, made = learner(clean), learner(store)
    half = len(changes) // 2
    for number, change in enumerate(changes):
        write(steady, received(change, 0))
        write(made, received(change, 0))
        if number == half:
            for later in changes[half + 1 : half + 9]:
                ahead = later._replace(at_us=later.at_us + 400 * DAY_US)
                write(made, received(ahead, 0))
        if number == half + 5:
            made = learner(store)
            assert made.is_ahead(change.at_us)
            made.write(made.turn_back(change.at_us), holder=None, now_us=0)
            assert not made.is_ahead(change.at_us)
        if number == half + 10:
            made = learner(store)
            assert not made.is_ahead(change.at_us)
    finish(steady)
    finish(made)
    held, expected = kept(store), kept(clean)
    assert {day: held.days[day] for day in expected.days} == expected.days
    assert {key: held.aggregates[key] for key in expected.aggregates} == expected.aggregates
    assert held.patterns == expected.patterns
    assert {day[:4] for day in set(held.days) - set(expected.days)} == {"2027"}
    assert len(held.journal) > len(expected.journal)
    clean.close()


@pytest.mark.parametrize(
    ("kind", "topic"), [("eventstream", TOPIC), ("statestream", f"{BASE}/light/hall/last_updated")]
)
def test_what_is_above_the_allowance_is_told_with_the_topic_on_which_it_came(
    store: SqlStore, changes: list[StateChange], monkeypatch: pytest.MonkeyPatch, kind: str, topic: str
) -> None:
    """At once, and where it waited for the clock."""
    monkeypatch.setattr(allowance, "CHANGES_A_DAY", 1)
    made, first = learner(store, kind), changes[0]
    for number, ahead_us in enumerate((0, 0, 0, 31 * DAY_US)):
        at_us = first.at_us + number * 1_000_000
        change = first._replace(at_us=at_us, old=f"s{number}", new=f"s{number + 1}", context_id=f"t{number}")
        write(made, received(change, ahead_us, kind))
    # The state stream tells no old state of the first change, which then is none.
    at_once = 2 if kind == "eventstream" else 1
    assert [letter.topic for letter in store.dead_letters(9)] == [topic] * at_once
    assert take_all_back(made, first.at_us) == 1
    assert [letter.topic for letter in store.dead_letters(9)] == [topic] * (at_once + 1)


def lamp(minute: int, state: str, changes: list[StateChange]) -> StateChange:
    """The lamp of the hall, some minutes after the beginning."""
    return StateChange(changes[0].at_us + minute * 60_000_000, "light.hall", None, state)


def said(store: SqlStore) -> list[tuple[str | None, str]]:
    """What changed, from which state to which, in the order in which it happened."""
    journal = sorted(kept(store).journal, key=lambda change: change.at_us)
    return [(change.old, change.new) for change in journal]


@pytest.mark.parametrize("is_started_again", [False, True])
@pytest.mark.parametrize("is_taken_first", [False, True])
def test_the_state_stream_goes_on_from_what_waits(
    store: SqlStore, changes: list[StateChange], *, is_started_again: bool, is_taken_first: bool
) -> None:
    """A new process knows the last state too, although it waits, or waited and was written later."""
    made = learner(store, "statestream")
    wrong = {2: -2 * DAY_US}
    for minute, state in enumerate(("off", "on", "dim", "off", "on")):
        if is_started_again and minute > 1:
            made = learner(store, "statestream")
        write(made, received(lamp(minute, state, changes), wrong.get(minute, 0), "statestream"))
        if minute == (2 if is_taken_first else 3):
            assert store.quarantine.extent().total == 1
            assert take_all_back(made, lamp(9, "", changes).at_us) == 1
    assert said(store) == [("off", "on"), ("on", "dim"), ("dim", "off"), ("off", "on")]
