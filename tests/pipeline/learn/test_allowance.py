"""What a home does is taken, whatever a stranger publishes beside it; what is taken is bounded."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pipeline.core.local_days import LocalDays
from pipeline.ingest.messages import Reason
from pipeline.learn import allowance as bounds
from pipeline.learn.allowance import Allowance
from schemas.events import ServiceCall, StateChange
from sinks.store import SqlStore
from tests.fixtures.runs import START_US, Run, new_learner, state_changes

CAP = 100
S = 1_000_000
HOUR_US = 3_600 * S
DAYS = LocalDays(ZoneInfo("UTC"))
TODAY = DAYS.at(START_US // 1000).ordinal


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that a test reaches soon."""
    small = {
        "NEWCOMERS_AT_ONCE": 10,
        "NEWCOMERS_AN_HOUR": 2,
        "CHANGES_A_DAY": 50,
        "SAMPLES_A_DAY": 80,
        "STATES_A_DAY": 5,
        "ALL_CHANGES_A_DAY": 200,
        "CHANGES_SHARE": 20,
        "TARGETS_A_DAY": 30,
    }
    for name, value in small.items():
        monkeypatch.setattr(bounds, name, value)


def changed(entity_id: str, at_us: int = START_US, state: str = "on") -> StateChange:
    """A change of an entity."""
    return StateChange(at_us, entity_id, "before", state)


def known(*names: str, days: int = 3) -> Allowance:
    """A home whose entities were seen on some days before."""
    made = Allowance(DAYS, CAP)
    for day in range(1, days + 1):
        made.recall(names, TODAY - day)
    return made


def taken(made: Allowance, *changes: StateChange) -> int:
    """How many of some changes are taken."""
    return sum(made.refuses(change) is None for change in changes)


def test_a_new_home_may_have_most_of_what_there_is_place_for() -> None:
    """At once; the rest comes by and by."""
    made = Allowance(DAYS, CAP)
    assert taken(made, *(changed(f"light.l{place}") for place in range(CAP))) == CAP * 4 // 5
    assert made.refuses(changed("light.more")) is Reason.TOO_MANY_ENTITIES
    assert taken(made, *(changed(f"light.late{place}", START_US + HOUR_US) for place in range(10))) == 2


def test_spoofed_ids_take_no_place_of_a_known_home() -> None:
    """A few are taken for new entities, and all others refused; what is known is taken throughout."""
    made = known("light.hall")
    ids = [changed(f"light.spoof{place}", START_US + place * S) for place in range(1_000)]
    assert taken(made, *ids) == 10
    assert "flood: entities" in made.flooded()
    assert taken(made, *(changed("light.hall", START_US + place) for place in range(50))) == 50


def test_what_was_seen_on_one_day_leaves_for_what_comes_on_the_next() -> None:
    """And what was seen today, or on several days, does not."""
    homes = [f"light.home{place}" for place in range(90)]
    made = known(*homes)
    assert (
        taken(made, *(changed(f"light.spoof{place}", START_US - 24 * HOUR_US) for place in range(50))) == 10
    )
    assert taken(made, changed("light.new", START_US)) == 1
    assert made.left == [f"light.spoof{place}" for place in range(5)]
    assert taken(made, *map(changed, homes)) == 90


def test_while_all_places_are_taken_nobody_leaves_who_was_seen_today() -> None:
    """However many come."""
    made = known(*(f"light.home{place}" for place in range(CAP)))
    assert taken(made, *(changed(f"light.home{place}") for place in range(CAP))) == CAP
    assert made.refuses(changed("light.new")) is Reason.TOO_MANY_ENTITIES
    assert made.left == []


def test_free_text_is_no_behaviour() -> None:
    """After some states of a day no other one is taken; those that are known are."""
    made = known("select.mode")
    assert taken(made, *(changed("select.mode", START_US + k, f"s{k}") for k in range(40))) == 5
    assert taken(made, changed("select.mode", START_US + S, "s0")) == 1
    assert taken(made, changed("select.mode", START_US + 24 * HOUR_US, "s39")) == 1


def test_one_entity_has_its_bound_and_the_others_theirs() -> None:
    """Changes and numbers, each day anew."""
    made = known("light.hall", "light.bath", "sensor.power")
    assert taken(made, *(changed("light.hall", START_US + place) for place in range(100))) == 50
    assert taken(made, changed("light.bath")) == 1
    numbers = [changed("sensor.power", START_US + place, f"{place}.5") for place in range(100)]
    assert taken(made, *numbers) == 80
    assert taken(made, changed("light.hall", START_US + 24 * HOUR_US)) == 1


def test_a_flood_of_known_names_leaves_each_its_share() -> None:
    """Who changes as seldom as anything in a home is taken, however much else came that day."""
    noisy, quiet = [f"light.noisy{place}" for place in range(10)], [f"light.quiet{k}" for k in range(10)]
    made = known(*noisy, *quiet)
    flood = [changed(name, START_US + place) for place in range(1_000) for name in noisy]
    assert taken(made, *flood) <= 10 * 50
    assert "flood: changes" in made.flooded()
    assert taken(made, *(changed(name, START_US + k) for k in range(20) for name in quiet)) == 200


def test_targets_of_calls_are_bounded() -> None:
    """A call names a hundred at most; a flood of them is refused."""
    made = known("light.hall")
    calls = [ServiceCall(START_US + place, tuple(f"l.{n}" for n in range(10)), "a.b") for place in range(20)]
    assert [made.refuses(call) is None for call in calls] == [True] * 3 + [False] * 17


def test_what_was_taken_is_known_after_a_restart(tmp_path: Path) -> None:
    """From the store: who restarts begins no day anew, and forgets no entity."""
    store = SqlStore(f"sqlite:///{tmp_path / 'ha-ai.db'}")
    store.migrate()
    process = Run(store, new_learner(store))
    changes = state_changes(3)
    process.deliver(changes)
    now_us = changes[-1].at_us
    texts = [changed("light.hall", now_us + 1 + place, f"s{place}") for place in range(9)]
    process.deliver(texts)
    kept = len(process.kept().journal)
    assert kept == len(changes) + 3
    process = process.stopped().killed()
    process.judge_for()
    again = [changed("light.hall", now_us + 100 + place, f"t{place}") for place in range(9)]
    process.deliver(again)
    assert len(process.kept().journal) == kept
    assert store.dead_letters(99) == []
    spoofed = [changed(f"light.spoof{place}", now_us + 200 + place) for place in range(50)]
    process.deliver(spoofed)
    assert len(process.kept().journal) == kept + 10
    store.close()
