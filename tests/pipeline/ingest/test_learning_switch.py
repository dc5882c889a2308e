"""What comes while the switch is off, or happened in a pause, is passed over; all else is learned."""

import tempfile
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pipeline.ingest.learning_switch import LAG_US, LearningSwitch, SwitchEvent
from pipeline.ingest.messages import Message
from pipeline.learn.joined_gaps import GAPS_A_DAY
from schemas.events import PAUSED, Gap, ServiceCall, StateChange
from schemas.topics import Topics
from sinks.store import SqlStore
from tests.fixtures.runs import START_US, Run, carried, new_learner, state_changes
from tests.profiles import examples

S = 1_000_000
HOUR = 3_600 * S


def lamp(*seconds: int) -> dict[bytes, StateChange | ServiceCall]:
    """Changes of a lamp."""
    changes = [StateChange(second * S, "light.hall", "off", "on") for second in seconds]
    return {change.key: change for change in changes}


def seconds(switch: LearningSwitch, *at: int) -> list[int]:
    """Which of these seconds would be learned if they came now."""
    return [entry.at_us // S for entry in switch.follow(lamp(*at), []).learned.values()]


def test_a_switch_that_nobody_set_is_on() -> None:
    """Everything is learned, in its order."""
    assert seconds(LearningSwitch(), 30, 10, 20) == [30, 10, 20]


def test_off_lasts_until_on() -> None:
    """Through any number of batches; the pause is told once, when it is over."""
    off = LearningSwitch().follow(lamp(10, 20), [SwitchEvent(1, 11 * S, on=False)])
    assert (len(off.learned), off.gaps, off.switch) == (1, [], LearningSwitch(11 * S))
    still = off.switch.follow(lamp(30), [])
    assert (still.learned, still.gaps) == ({}, [])
    on = still.switch.follow(lamp(40, 60), [SwitchEvent(1, 50 * S, on=True)])
    assert on.gaps == [Gap(11 * S, 50 * S, PAUSED)]
    assert [entry.at_us for entry in on.learned.values()] == [60 * S]


def test_what_is_said_again_changes_nothing() -> None:
    """Off is since the first time; on that is on ends no pause."""
    switch = (
        LearningSwitch()
        .follow({}, [SwitchEvent(0, 10 * S, on=False), SwitchEvent(0, 20 * S, on=False)])
        .switch
    )
    assert switch == LearningSwitch(10 * S)
    again = LearningSwitch().follow({}, [SwitchEvent(0, 10 * S, on=True)])
    assert (again.switch, again.gaps) == (LearningSwitch(), [])


def test_what_happened_in_a_pause_is_passed_over_later_too() -> None:
    """From its first moment up to its end, which is not in it."""
    switch = LearningSwitch(pauses=(Gap(10 * S, 20 * S, PAUSED),))
    assert seconds(switch, 9, 10, 19, 20) == [9, 20]


def test_a_switch_that_the_broker_kept_was_set_when_its_neighbours_happened() -> None:
    """Behind a backlog the time of receipt tells nothing; the events around it do."""
    received_us = 3 * HOUR
    course = LearningSwitch().follow(
        lamp(100, 200, 300), [SwitchEvent(1, received_us, on=False), SwitchEvent(2, received_us, on=True)]
    )
    assert course.gaps == [Gap(100 * S + 1, 200 * S + 1, PAUSED)]
    assert [entry.at_us // S for entry in course.learned.values()] == [100, 300]
    first = LearningSwitch().follow(lamp(100), [SwitchEvent(0, received_us, on=False)])
    assert first.switch == LearningSwitch(100 * S)
    soon = LearningSwitch().follow(lamp(100), [SwitchEvent(1, 100 * S + LAG_US, on=False)])
    assert soon.switch == LearningSwitch(100 * S + LAG_US)


def test_a_late_neighbour_reaches_no_further_back_than_what_is_known() -> None:
    """An event of days ago beside the switch does not make days a pause."""
    course = LearningSwitch().follow(lamp(100), [SwitchEvent(1, 3 * HOUR, on=False)], latest_us=2 * HOUR)
    assert course.switch == LearningSwitch(2 * HOUR)


def test_service_calls_are_passed_over_too() -> None:
    """They are evidence about what is not learned."""
    call = ServiceCall(30 * S, ("light.hall",), "light.turn_on")
    assert LearningSwitch(10 * S).follow({b"call": call}, []).learned == {}


@pytest.mark.parametrize(("days", "kept"), [(30, True), (32, False)])
def test_a_pause_is_remembered_as_long_as_events_may_be_late(days: int, kept: bool) -> None:  # noqa: FBT001 a parameter
    """Longer than thirty days, and no longer than needed."""
    old = Gap(10 * S, 20 * S, PAUSED)
    off = LearningSwitch(20 * S + days * 24 * HOUR - S, (old,))
    on = off.follow({}, [SwitchEvent(0, 20 * S + days * 24 * HOUR, on=True)]).switch
    assert (old in on.pauses) is kept


def test_who_flips_the_switch_costs_little_and_leaves_little() -> None:
    """Ten thousand times off and on among events: the pauses are one, and the last word is off."""
    entries = lamp(*range(1, 201))
    turns = [SwitchEvent(100, 100 * S + place, on=bool(place % 2)) for place in range(20_001)]
    began_s = time.process_time()
    course = LearningSwitch().follow(entries, turns)
    # What costs the square of their number takes a minute.
    assert time.process_time() - began_s < 1.0
    assert course.switch.off_us is not None
    assert (len(course.gaps), len(course.learned)) == (1, 100)


def test_a_flood_of_turns_leaves_few_gaps_through_any_restart(tmp_path: Path) -> None:
    """In the store, in the core and in the switch; what happened afterwards is learned."""
    process = started(str(tmp_path))
    for place in range(100):
        at_us = START_US + place * 3 * S
        messages = [switched(b"OFF", at_us), switched(b"ON", at_us + S)]
        process.write(process.learner.prepare(process.learner.decode(messages)))
        process = process.killed() if place == 70 else process
    change = StateChange(START_US + HOUR, "light.hall", "off", "on")
    process.write(process.learner.prepare(process.learner.decode([carried(change)])))
    pauses = [gap for gap in process.store.gaps() if gap.reason == PAUSED]
    assert len(pauses) == GAPS_A_DAY
    assert pauses[-1].to_us >= START_US + 99 * 3 * S
    assert len([gap for gap in process.learner.core.gaps if gap.reason == PAUSED]) == GAPS_A_DAY
    assert process.kept().journal == [change]
    process.store.close()


Item = StateChange | bytes


# To shrink what fails would take minutes, with a store for each.
@settings(max_examples=examples(40), phases=(Phase.reuse, Phase.generate))
@given(
    places=st.lists(st.integers(0, 31), max_size=6, unique=True),
    cuts=st.lists(st.integers(1, 40), max_size=8),
    fates=st.lists(st.sampled_from(("kept", "killed before", "killed behind")), min_size=1, max_size=9),
)
def test_whatever_comes_twice_and_whoever_dies_off_is_off(
    places: list[int], cuts: list[int], fates: list[str]
) -> None:
    """Learned is what came while it was on, and no pause holds it; of all else a pause tells.

    A change alone between two turns may lie in a pause: theirs are so close that they are one.
    """
    stream = turned(state_changes(2), sorted(places))
    with tempfile.TemporaryDirectory() as folder:
        process, now_us = started(folder), START_US - S
        for place, batch in enumerate(cut(stream, sorted(cuts))):
            now_us = max(now_us, *(item.at_us for item in batch if isinstance(item, StateChange)), 0) + 20_000
            process = deliver(process, batch, now_us, fates[place % len(fates)])
        process.write(process.learner.prepare(process.learner.decode([switched(b"ON", END_US)])))
        journal, pauses = process.kept().journal, process.store.gaps()
        process.store.close()
    on, off = parted(stream)
    assert journal == sorted(on)
    paused = [gap for gap in pauses if gap.reason == PAUSED]
    alone = [
        item
        for before, item, behind in zip(stream, stream[1:], stream[2:], strict=False)
        if isinstance(before, bytes) and isinstance(behind, bytes)
    ]
    held = [each for each in on if any(gap.from_us <= each.at_us < gap.to_us for gap in paused)]
    assert [each for each in held if each not in alone] == []
    assert not [each for each in off if not any(gap.from_us <= each.at_us <= gap.to_us for gap in paused)]


END_US = state_changes(2)[-1].at_us + HOUR


def turned(changes: list[StateChange], places: list[int]) -> list[Item]:
    """The changes, with the switch turned before those at these places."""
    items: list[Item] = []
    for place, change in enumerate(changes):
        if place in places:
            items.append(b"ON" if places.index(place) % 2 else b"OFF")
        items.append(change)
    return items


def parted(stream: list[Item]) -> tuple[list[StateChange], list[StateChange]]:
    """What came while the switch was on, and while it was off."""
    parts: dict[bytes, list[StateChange]] = {b"ON": [], b"OFF": []}
    state = b"ON"
    for item in stream:
        if isinstance(item, bytes):
            state = item
        else:
            parts[state].append(item)
    return parts[b"ON"], parts[b"OFF"]


def cut(stream: list[Item], cuts: list[int]) -> list[list[Item]]:
    """The stream in batches."""
    edges = [0, *cuts, len(stream)]
    return [stream[begin:end] for begin, end in pairwise(edges) if stream[begin:end]]


def switched(payload: bytes, received_us: int) -> Message:
    """What turns the switch."""
    return Message(Topics().learning_set, payload, received_us)


def started(folder: str) -> Run:
    """A process over a new store."""
    store = SqlStore(f"sqlite:///{Path(folder) / 'ha-ai.db'}")
    store.migrate()
    return Run(store, new_learner(store))


def deliver(process: Run, batch: list[Item], received_us: int, fate: str) -> Run:
    """Deliver a batch, received when its last change had happened, and once more where somebody dies."""
    messages = [switched(item, received_us) if isinstance(item, bytes) else carried(item) for item in batch]
    work = process.learner.prepare(process.learner.decode(messages))
    if fate != "killed before":
        process.write(work)
    if fate != "kept":
        process = process.killed()
        process.write(process.learner.prepare(process.learner.decode(messages)))
    return process
