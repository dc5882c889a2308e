"""Suggestions in words."""

import unicodedata
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from pipeline.wording.suggestions import (
    category,
    description,
    experience_in_words,
    priority,
    proof,
    suggestion_text,
    title,
)
from schemas.automations import Automation, check_plain
from schemas.patterns import PatternType
from schemas.suggestions import Category, Experience, Priority, Suggestion, Trial

AUTOMATION: TypeAdapter[Automation] = TypeAdapter(Automation)
WEEKDAYS = {"kind": "weekday", "days": [0, 1, 2, 3, 4]}
AT_SEVEN = {"kind": "time", "minute": 425}
DOOR = {"kind": "state", "entity_id": "binary_sensor.front_door", "to": "on"}
LAMP_ON = {"service": "light.turn_on", "entity_id": "light.hall_lamp"}
LAMP_OFF = {"service": "light.turn_off", "entity_id": "light.hall_lamp", "after_seconds": 600}


def automation(trigger: object, *actions: object, conditions: Any = ()) -> Automation:
    """An automation of plain parts."""
    return AUTOMATION.validate_python(
        {"trigger": trigger, "conditions": tuple(conditions), "actions": actions or (LAMP_ON,)}
    )


def trial(**fields: Any) -> Trial:
    """Thirty days on which an automation was tried."""
    defaults: dict[str, Any] = {
        "first_day": date(2026, 10, 1),
        "last_day": date(2026, 10, 30),
        "days": 30,
        "fired": 27,
        "wanted": 25,
        "unwanted": 2,
        "missed": 3,
        "wanted_per_day": 0.8,
        "unwanted_per_day": 0.1,
        "regret": -0.5,
    }
    return Trial(**{**defaults, **fields})


@pytest.mark.parametrize(
    ("trigger", "conditions", "actions", "said"),
    [
        (AT_SEVEN, [WEEKDAYS], [LAMP_ON], "Turn on hall lamp at 07:05 on weekdays"),
        (AT_SEVEN, [], [LAMP_ON, LAMP_OFF], "Turn on hall lamp for 10 min at 07:05"),
        (
            {"kind": "sun", "event": "sunset", "offset_minutes": -18},
            [{"kind": "home", "somebody": True}],
            [{"service": "cover.close_cover", "entity_id": "cover.blinds"}],
            "Close blinds 18 min before sunset, while somebody is at home",
        ),
        (DOOR, [{"kind": "dark"}], [LAMP_ON], "When front door opens, turn on hall lamp, when it is dark"),
        (DOOR, [WEEKDAYS], [LAMP_ON], "When front door opens, turn on hall lamp, on weekdays"),
        (
            {"kind": "state", "entity_id": "binary_sensor.hall_motion", "to": "off", "for_seconds": 300},
            [],
            [{"service": "light.turn_off", "entity_id": "light.hall"}],
            "When hall motion has been off for 5 min, turn off hall (light)",
        ),
        (
            {"kind": "state", "entity_id": "person.alex", "to": "home"},
            [],
            [
                {
                    "service": "climate.set_temperature",
                    "entity_id": "climate.bath",
                    "data": {"temperature": 21.5, "hvac_mode": "heat"},
                },
                LAMP_ON,
            ],
            "When alex comes home, set bath to 21.5° in mode heat and 1 more",
        ),
        (
            {"kind": "numeric", "entity_id": "sensor.bath_humidity", "above": 70, "below": 90},
            [],
            [{"service": "fan.turn_on", "entity_id": "fan.bath", "data": {"percentage": 40}}],
            "When bath humidity comes to be between 70 and 90, turn on bath (fan) at 40 %",
        ),
        (
            {"kind": "mqtt", "topic": "ha-ai/events/sports/team_scored"},
            [],
            [{"service": "lawn_mower.start_mowing", "entity_id": "lawn_mower.back"}],
            "When team scored is told by sports, do start mowing with back (lawn mower)",
        ),
    ],
)
def test_title(trigger: object, conditions: list[object], actions: list[object], said: str) -> None:
    """A title says what is done and when, as one would say it."""
    assert title(automation(trigger, *actions, conditions=conditions)) == said


def test_title_of_long_names() -> None:
    """Names that are too long for a title are cut, not what is done with them."""
    long_id = "light." + "very_long_" * 20 + "lamp"
    said = title(automation(DOOR, {"service": "light.turn_on", "entity_id": long_id}))
    assert said == "When front door opens, turn on very long very long very long v…"


def test_description() -> None:
    """A description says everything that runs: when, each action with its values and delay, only if what."""
    made = automation(
        AT_SEVEN,
        {**LAMP_ON, "data": {"brightness": 153}, "after_seconds": 30},
        {
            "service": "media_player.volume_set",
            "entity_id": "media_player.radio",
            "data": {"volume_level": 0.3},
        },
        LAMP_OFF,
        conditions=[
            {"kind": "dark"},
            WEEKDAYS,
            {"kind": "weekday", "days": [0, 4, 5]},
            {"kind": "hours", "after": 6.5, "before": 9},
            {"kind": "temperature", "entity_id": "sensor.outside", "above": 2, "below": 10},
            {"kind": "state", "entity_id": "person.alex", "state": "not_home"},
        ],
    )
    assert description(made) == (
        "At 07:05 on Mondays and Fridays, the automation waits 30 s and turns on hall lamp (light) "
        "at 60 % brightness. Then it sets the volume of radio (media player) to 30 %. 10 min later "
        "it turns off hall lamp (light). It does so only when it is dark, between 06:30 and 09:00, "
        "while outside (sensor) is between 2 and 10 and while alex (person) is away."
    )


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        (
            {},
            (
                "It would have run 27 times in the last 30 days: 25 as you did it yourself, "
                "2 when you did not; you did it 3 times without it."
            ),
        ),
        (
            {"fired": 25, "unwanted": 0, "missed": 0},
            (
                "It would have run 25 times in the last 30 days, each time as you did it yourself; "
                "you never did it without it."
            ),
        ),
        (
            {"fired": 1, "wanted": 0, "unwanted": 1, "missed": 1, "days": 1},
            "It would have run once on the last day, when you did not do it; you did it once without it.",
        ),
        (
            {"fired": 0, "wanted": 0, "unwanted": 0, "missed": 2},
            "It would never have run in the last 30 days; you did it 2 times without it.",
        ),
        (
            {"fired": 0, "wanted": 0, "unwanted": 0, "missed": 0},
            "It would never have run in the last 30 days; nor did you do it.",
        ),
        ({"days": 0}, "There are no days yet on which it could be tried."),
    ],
)
def test_proof(figures: dict[str, int], said: str) -> None:
    """Every figure of a trial is said in the grammar of its count, and none that it has not."""
    assert proof(trial(**figures)) == said


@pytest.mark.parametrize(
    ("kept", "undone", "said"),
    [
        (0, 0, ""),
        (1, 0, "The only suggestion like it so far was kept."),
        (0, 1, "The only suggestion like it so far was not kept."),
        (3, 0, "Of 3 suggestions like it, all were kept."),
        (0, 2, "Of 2 suggestions like it, none was kept."),
        (1, 4, "Of 5 suggestions like it, 1 was kept and 4 were not."),
    ],
)
def test_experience(kept: int, undone: int, said: str) -> None:
    """What became of others like it is counted, where there were any."""
    assert experience_in_words(Experience(kept=kept, undone=undone)) == said


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (LAMP_ON, Category.COMFORT),
        (LAMP_OFF, Category.ENERGY),
        ({"service": "homeassistant.turn_on", "entity_id": "light.hall"}, Category.COMFORT),
        (
            {"service": "climate.set_hvac_mode", "entity_id": "climate.bath", "data": {"hvac_mode": "off"}},
            Category.ENERGY,
        ),
        ({"service": "switch.turn_on", "entity_id": "switch.coffee_maker"}, Category.CONVENIENCE),
    ],
)
def test_category(action: object, expected: Category) -> None:
    """What it is good for follows from the first thing that it does."""
    assert category(automation(AT_SEVEN, action)) is expected


@pytest.mark.parametrize(
    ("trigger", "conditions"),
    [
        ({"kind": "state", "entity_id": "person.alex", "to": "not_home"}, []),
        (AT_SEVEN, [{"kind": "home", "somebody": False}]),
    ],
)
def test_category_of_what_is_done_on_leaving(trigger: object, conditions: list[object]) -> None:
    """What is closed or lit as people leave, or while they are away, is security; switching off is energy."""
    closing = {"service": "cover.close_cover", "entity_id": "cover.blinds"}
    assert category(automation(trigger, closing, conditions=conditions)) is Category.SECURITY
    assert category(automation(trigger, LAMP_OFF, conditions=conditions)) is Category.ENERGY


@pytest.mark.parametrize(
    ("confidence", "wanted_per_day", "expected"),
    [
        (0.95, 0.9, Priority.HIGH),
        (0.95, 0.3, Priority.MEDIUM),
        (0.85, 0.9, Priority.MEDIUM),
        (0.95, 0.1, Priority.LOW),
        (0.75, 2.0, Priority.LOW),
    ],
)
def test_priority(confidence: float, wanted_per_day: float, expected: Priority) -> None:
    """What is sure and frequent matters; what is doubtful or rare does not."""
    assert priority(trial(wanted_per_day=wanted_per_day), confidence) is expected


def test_suggestion_text() -> None:
    """A suggestion is told with its title, what it does, its proof, and what became of others."""
    made = automation(DOOR)
    at = datetime(2026, 10, 31, tzinfo=UTC)
    suggestion = Suggestion(
        id="0" * 16,
        home="home",
        pattern_id="1" * 16,
        pattern_type=PatternType.CO_OCCURRENCE,
        title=title(made),
        description=description(made),
        automation=made,
        automation_yaml="",
        category=category(made),
        priority=Priority.HIGH,
        confidence=0.9,
        trial=trial(),
        experience=Experience(kept=2, undone=1),
        created_at=at,
        updated_at=at,
    )
    assert suggestion_text(suggestion) == (
        "When front door opens, turn on hall lamp. When front door (binary sensor) opens, the automation "
        "turns on hall lamp (light). It would have run 27 times in the last 30 days: 25 as you did it "
        "yourself, 2 when you did not; you did it 3 times without it. Of 3 suggestions like it, 2 were kept "
        "and 1 was not."
    )


def is_plain(text: str) -> bool:
    """Whether Home Assistant takes it for nothing but text."""
    try:
        check_plain(text)
    except ValueError:
        return False
    return True


TEXTS = st.text(max_size=255).filter(is_plain)
WORDS = st.from_regex(r"[a-z0-9_]{1,100}", fullmatch=True)
ENTITY_IDS = st.builds("{}.{}".format, st.sampled_from(["light", "cover", "person", "x_1"]) | WORDS, WORDS)
NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
WAITS = st.integers(0, 86_400)
TRIGGERS = st.one_of(
    st.fixed_dictionaries({"kind": st.just("time"), "minute": st.integers(0, 1439)}),
    st.fixed_dictionaries(
        {
            "kind": st.just("sun"),
            "event": st.sampled_from(["sunrise", "sunset"]),
            "offset_minutes": st.integers(-360, 360),
        }
    ),
    st.fixed_dictionaries(
        {"kind": st.just("state"), "entity_id": ENTITY_IDS, "to": TEXTS, "for_seconds": WAITS}
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("numeric"),
            "entity_id": ENTITY_IDS,
            "above": NUMBERS,
            "below": NUMBERS,
            "for_seconds": WAITS,
        }
    ),
    st.builds(
        lambda source, event: {"kind": "mqtt", "topic": f"ha-ai/events/{source}/{event}"}, WORDS, WORDS
    ),
)
CONDITIONS = st.one_of(
    st.just({"kind": "dark"}),
    st.fixed_dictionaries({"kind": st.just("weekday"), "days": st.lists(st.integers(0, 6), max_size=9)}),
    st.fixed_dictionaries({"kind": st.just("hours"), "after": st.floats(0, 24), "before": st.floats(0, 24)}),
    st.fixed_dictionaries({"kind": st.just("home"), "somebody": st.booleans()}),
    st.fixed_dictionaries(
        {"kind": st.just("temperature"), "entity_id": ENTITY_IDS, "above": NUMBERS, "below": NUMBERS}
    ),
    st.fixed_dictionaries({"kind": st.just("state"), "entity_id": ENTITY_IDS, "state": TEXTS}),
)
SETTINGS = st.dictionaries(
    st.sampled_from(["brightness", "temperature", "position", "option", "value", "volume_level"]),
    st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
)
SERVICES = st.sampled_from(["light.turn_on", "cover.set_cover_position", "select.select_option"]) | ENTITY_IDS
ACTIONS = st.fixed_dictionaries(
    {"service": SERVICES, "entity_id": ENTITY_IDS, "data": SETTINGS, "after_seconds": WAITS}
)
AUTOMATIONS = st.fixed_dictionaries(
    {
        "trigger": TRIGGERS,
        "conditions": st.lists(CONDITIONS, max_size=8),
        "actions": st.lists(ACTIONS, min_size=1, max_size=8),
    }
).map(AUTOMATION.validate_python)
PUNCTUATION = " .,:;()%°+-…"


@given(AUTOMATIONS)
def test_nothing_but_words(made: Automation) -> None:
    """Whatever entities and states are called, what is said of them is bounded and nothing but words."""
    short, long = title(made), description(made)
    assert 0 < len(short) <= 80
    assert 0 < len(long) < 5_000
    for character in short + long:
        assert character in PUNCTUATION or unicodedata.category(character)[0] in "LN", character


@given(
    st.integers(0, 2_000),
    st.integers(0, 2_000),
    st.integers(0, 2_000),
    st.integers(0, 400),
)
def test_proof_is_one_sentence(wanted: int, unwanted: int, missed: int, days: int) -> None:
    """A proof is one sentence, whatever the figures are, and never says zero."""
    said = proof(trial(fired=wanted + unwanted, wanted=wanted, unwanted=unwanted, missed=missed, days=days))
    assert said[0].isupper()
    assert said.endswith(".")
    assert said.count(".") == 1
    assert " 0 " not in said
