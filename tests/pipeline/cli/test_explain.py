"""Why a finding is believed, as it is told to a person."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.wording.pictures import calendar, chain, minutes_of_day, weeks
from pipeline.wording.sentences import claim, sentence
from schemas.anomalies import Anomaly, AnomalyKind
from schemas.patterns import (
    Change,
    CoOccurrenceDetail,
    Dark,
    Detail,
    DurationDetail,
    Evidence,
    Pattern,
    Quantiles,
    SequenceDetail,
    Step,
    Target,
    TimeOfDayDetail,
)
from sinks.store import SqlStore
from tests.fixtures.offers import suggestion

Command = Any
MakePattern = Callable[..., Pattern]
MONDAY = date(2026, 10, 5)
LAG = Quantiles(p10=5, p50=8, p90=13)
PAIR = CoOccurrenceDetail(
    trigger=Target(entity_id="binary_sensor.front_door", state="on"),
    action=Target(entity_id="light.porch", state="on"),
    lag_seconds=LAG,
    probability=0.75,
    conditions=(Dark(),),
)
CHAIN = SequenceDetail(
    steps=(
        Step(entity_id="media_player.projector", state="on"),
        Step(entity_id="cover.blind", state="closed", lag_seconds=LAG),
        Step(entity_id="light.lamp", state="off", lag_seconds=Quantiles(p10=30, p50=45, p90=60)),
    ),
    support=9,
    within_seconds=72,
)
WASH = DurationDetail(
    entity_id="switch.washer",
    state="on",
    seconds=Quantiles(p10=2600, p50=2700, p90=2820),
    typical_hours=(8, 9, 20),
)


def evidence(**fields: Any) -> Evidence:
    """18 of 24, of which chance would give two."""
    defaults: dict[str, Any] = {
        "opportunities": 24,
        "hits": 18,
        "misses": 6,
        "recent_hits": tuple(MONDAY + timedelta(number) for number in (7, 8, 9, 9, 11)),
        "recent_misses": tuple(MONDAY + timedelta(number) for number in (0, 1, 9, 10, 15)),
        "base_rate": 1 / 12,
        "lift": 9.0,
        "interval": (0.58, 0.87),
        "e_value": 4321.0,
    }
    return Evidence(**{**defaults, **fields})


def pattern(detail: Detail, **fields: Any) -> Pattern:
    """A pattern that says this."""
    seen = datetime(2026, 10, 20, 18, 0, tzinfo=UTC)
    defaults: dict[str, Any] = {"confidence": 0.6, "occurrences": 18, "evidence": evidence()}
    given = {"home": "home", "first_seen": seen - timedelta(days=15), "last_seen": seen, **defaults, **fields}
    return Pattern.of(detail, **given)


@pytest.fixture
def told(ha_ai: Command) -> Callable[..., str]:
    """What is said of one finding, which came as a JSON line, on one line."""

    def tell(found: Pattern | Anomaly, *words: str) -> str:
        Path("found.jsonl").write_text(found.model_dump_json() + "\n")
        outcome = ha_ai("explain", found.id[:4], "--file", "found.jsonl", *words)
        assert (outcome.code, outcome.err) == (0, "")
        return " ".join(outcome.out.split())

    return tell


def test_habit_is_explained_without_jargon(told: Callable[..., str], make_pattern: MakePattern) -> None:
    """What it is, how often it could have shown and did, what chance gives and how we know, how sure."""
    change = Change(since=date(2026, 10, 12), minute_before=540, minute_after=424)
    found = make_pattern(change=change, evidence=evidence(opportunities=20, misses=2), confidence=0.7)
    said = told(found)
    for expected in (
        claim(found),
        "It could have shown on 20 days. It did on 18 of them, on 2 it did not.",
        "First seen on 5 October 2026, last on 30 October 2026 (UTC).",
        "it falls into this time on about 2 of 20 days; it did on 18.",
        "Chance looks as convincing as this at most once in 4,000.",
        "It is a habit on weekdays; the other days count neither way.",
        "As far as 26 days can tell, it keeps to the clock, 07:04, and not to the sun.",
        "Since 12 October 2026 it is at 07:04; before, it was at 09:00.",
        "It will show with a probability of 70%: of a hundred forecasts that say so, about 70 come true.",
        "That is less than 18 of 20",
        "somewhere from 58% to 87%",
        "no automation does this",
        "07h",
    ):
        assert expected in said
    for jargon in ("e-value", "e_value", "lift", "p-value", "base rate", "Bayes", "interval"):
        assert jargon not in said


def test_pair_tells_its_condition(told: Callable[..., str]) -> None:
    """A pair's occasions are uses of its trigger; under which condition, and why, is said."""
    said = told(pattern(PAIR))
    assert "24 times: front door (binary sensor) goes on, and porch (light) is not on already." in said
    assert "porch (light) goes on so soon about 2 of 24 times; it did 18 times." in said
    assert "Only when it is dark: otherwise it rarely follows" in said


def test_chain_is_drawn_step_by_step(told: Callable[..., str]) -> None:
    """The steps stand below one another in their order, with the time between them."""
    lines = chain(CHAIN)
    assert [line for line in lines if line.startswith("●")] == [
        "●  projector (media player) goes on",
        "●  blind (cover) becomes closed",
        "●  lamp (light) goes off",
    ]
    assert lines[2] == "│  after 8 s, mostly 5 s to 13 s"
    said = told(pattern(CHAIN))
    assert "● projector (media player) goes on │ │ after 8 s" in said
    assert "nine times in ten within 72 s; 6 times they did not." in said


def test_duration_is_explained(told: Callable[..., str]) -> None:
    """How long, how often that was foreseen right, and at which hours it begins."""
    said = told(pattern(WASH))
    assert "It was foreseen 24 times, from what was seen on other days: now mostly 43 min to 47 min." in said
    assert "00 ········██··········█··· 24" in said
    assert "It will last as foreseen with a probability of 60%" in said


def test_anomaly_is_explained(told: Callable[..., str], anomaly: Anomaly) -> None:
    """What happened and since when in the home's time, what was expected, how unusual it is."""
    Path("home.json").write_text(json.dumps({"tz": "Europe/Berlin", "lat": 52.5, "lon": 13.4}))
    said = told(anomaly, "--home", "home.json")
    assert said.startswith("Oven (switch) has been on for 12 h. anomaly")
    assert "It has been out of order since 3 November 2026 at 06:30." in said
    assert "It is usually on for less than 90 min." in said
    assert "Severity: high. When all is in order, it happens about once in 2,000 such occasions." in said
    assert "Of 20 occasions like it, 20 went as expected." in said


def test_missed_routine_tells_what_usually_is(told: Callable[..., str], anomaly: Anomaly) -> None:
    """What did not happen, and when it usually does."""
    expected = "is usually turned off around 22:40: on 18 of the last 18 such days"
    missed = anomaly.detail.model_copy(
        update={
            "kind": AnomalyKind.MISSED_ROUTINE,
            "expected": expected,
            "observed": "was not turned off between 22:10 and 23:10",
        }
    )
    said = told(anomaly.model_copy(update={"detail": missed}))
    assert said.startswith("Oven (switch) was not turned off between 22:10 and 23:10.")
    assert "It is usually turned off around 22:40: on 18 of the last 18 such days." in said


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"automated": True}, "An automation does this already: it is nobody's habit"),
        ({"status": "retired"}, "It is a habit no more"),
        ({"evidence": evidence(e_value=1e300)}, "less than once in a billion"),
        ({"evidence": evidence(e_value=26.0)}, "at most once in 20."),
        ({"evidence": evidence(e_value=1.9)}, "it may well be chance"),
        ({"evidence": evidence(base_rate=1e-5)}, "it falls into this time hardly ever in 24 days"),
        ({"evidence": evidence(base_rate=0.02)}, "it falls into this time less than once in 24 days"),
        ({"confidence": 0.9}, "That is more than 18 of 24"),
    ],
)
def test_what_is_special_is_said(
    told: Callable[..., str], make_pattern: MakePattern, fields: dict[str, Any], expected: str
) -> None:
    """An automation's doing, a habit that is gone, evidence beyond doubt, a habit that has become regular."""
    assert expected in told(make_pattern(**{"evidence": evidence(), **fields}))


def test_calendar_begins_where_everything_is_told() -> None:
    """A mark a day; of the days before the first of the last hits, or misses, nothing is known."""
    days = calendar(evidence())
    assert (days[0].day, days[-1].day) == (MONDAY + timedelta(7), MONDAY + timedelta(15))
    assert "".join(day.mark for day in days) == "●●◐○●···○"
    assert list(weeks(days)) == [
        "        Mo Tu We Th Fr Sa Su",
        "12 Oct  ●  ●  ◐  ○  ●  ·  ·",
        "19 Oct  ·  ○",
    ]
    whole = calendar(evidence(hits=5, misses=5))
    assert whole[0].day == MONDAY
    assert calendar(evidence(recent_hits=(), recent_misses=())) == []
    assert len(calendar(evidence(recent_hits=(MONDAY,), recent_misses=()))) == 1


@pytest.mark.parametrize(("minute", "spread", "rows"), [(0.0, 3.0, ["23h", "00h"]), (720.0, 45.0, 6)])
def test_minutes_are_drawn_across_midnight(minute: float, spread: float, rows: Any) -> None:
    """The hours about a habit are drawn, a character a minute, and highest at its middle."""
    detail = TimeOfDayDetail(
        entity_id="light.hall", state="on", minute=minute, spread_minutes=spread, days=(0,), anchor="clock"
    )
    drawn = dict(line.split(maxsplit=1) for line in minutes_of_day(detail)[:-1])
    assert list(drawn) == rows if isinstance(rows, list) else len(drawn) == rows
    assert {len(line) for line in drawn.values()} == {60}
    assert drawn[f"{int(minute // 60):02d}h"][0] == "█"


def test_json_is_one_object(ha_ai: Command, make_pattern: MakePattern) -> None:
    """The same as JSON: what is claimed, the paragraphs, the days, and the pattern itself."""
    found = make_pattern(evidence=evidence())
    Path("found.jsonl").write_text(found.model_dump_json())
    told = json.loads(ha_ai("explain", found.id, "--file", "found.jsonl", "--json").out)
    assert (told["id"], told["claim"]) == (found.id, claim(found))
    assert [each["title"] for each in told["paragraphs"]][:2] == [
        "What was seen",
        "What chance alone would give",
    ]
    assert told["days"][2] == {"day": "2026-10-14", "hits": 2, "misses": 1}
    assert told["found"] == found.told()


def test_store_is_read_for_patterns_and_anomalies(
    ha_ai: Command, make_pattern: MakePattern, anomaly: Anomaly
) -> None:
    """Whatever the store knows can be explained, by the beginning of its id."""
    found = make_pattern(status="retired")
    store = SqlStore("sqlite:///ha-ai.db")
    store.migrate()
    with store.begin() as transaction:
        transaction.save_patterns([found], 1)
        transaction.save_anomalies([anomaly])
    store.close()
    assert "habit no more" in ha_ai("explain", found.id[:7]).out
    assert "Oven (switch)" in ha_ai("explain", anomaly.id[:7].upper()).out


def test_ids_that_name_none_or_several_are_said(ha_ai: Command, make_pattern: MakePattern) -> None:
    """An unknown id is answered with where it was sought, an ambiguous one with the candidates."""
    many = [make_pattern(slot=slot, entity_id=f"light.{slot}") for slot in range(40)]
    Path("found.jsonl").write_text("\n".join(each.model_dump_json() for each in many))
    unknown = ha_ai("explain", "xyz", "--file", "found.jsonl")
    assert unknown.code == 2
    assert "got 'xyz', expected the beginning of one of the 40 ids in found.jsonl\n" in unknown.err
    several = ha_ai("explain", "", "--file", "found.jsonl")
    assert several.code == 2
    assert "40 ids are known:" in several.err
    assert f"\n  {many[0].id[:7]}  {claim(many[0])}" in several.err
    assert "and 30 more" in several.err


def test_ids_alike_are_told_apart(ha_ai: Command, make_pattern: MakePattern) -> None:
    """As much of the ids is shown as tells them apart."""
    alike = [make_pattern().model_copy(update={"id": f"a1234567{end}"}) for end in ("bc", "bd")]
    Path("found.jsonl").write_text("\n".join(each.model_dump_json() for each in alike))
    said = ha_ai("explain", "a1", "--file", "found.jsonl").err
    assert "2 ids begin with a1:\n  a1234567bc  You" in said


def test_unknown_id_of_the_store_says_where_ids_are(ha_ai: Command) -> None:
    """Where the store was read, the command that lists its ids is named."""
    store = SqlStore("sqlite:///ha-ai.db")
    store.migrate()
    store.close()
    assert "one of the 0 ids: `ha-ai patterns` shows them" in ha_ai("explain", "a").err


def test_id_of_a_suggestion_says_what_shows_it(ha_ai: Command) -> None:
    """Who gives a suggestion's id is told which command shows suggestions."""
    known = suggestion()
    store = SqlStore("sqlite:///ha-ai.db")
    store.migrate()
    with store.begin() as transaction:
        assert transaction.suggestions.add(known)
    store.close()
    outcome = ha_ai("explain", known.id[:7])
    assert outcome.code == 2
    assert f"got a suggestion's: `ha-ai suggestions {known.id[:7]}` shows it" in outcome.err


def test_times_of_a_file_alone_are_utc(told: Callable[..., str], anomaly: Anomaly) -> None:
    """Where nobody says where the home is, times are said to be UTC."""
    assert "since 3 November 2026 at 05:30 UTC." in told(anomaly)


@pytest.mark.parametrize(
    ("hits", "of", "sure", "range_", "words"),
    [
        (
            2,
            4,
            0.71,
            (0.19, 0.81),
            "right 2 of 4 times, by chance it would be less than one; such habits usu",
        ),
        (17, 17, 0.84, (0.89, 1.0), "to be cautious, next time with 84% probability."),
        (3, 3, 0.67, (0.47, 0.99), "less than one; to be cautious, next time with 67% probability."),
        (16, 20, 0.8, (0.62, 0.91), "less than one; next time with 80% probability."),
    ],
)
def test_a_forecast_unlike_what_was_seen_says_why(
    hits: int, of: int, sure: float, range_: tuple[float, float], words: str
) -> None:
    """The figures of one sentence do not contradict one another without a word."""
    seen = evidence(opportunities=of, hits=hits, misses=of - hits, interval=range_, base_rate=0.01)
    assert words in sentence(pattern(WASH, evidence=seen, confidence=sure))


def test_a_forecast_outside_the_range_is_explained(told: Callable[..., str]) -> None:
    """A forecast below what was seen is said to be so on purpose; without a miss, none is counted."""
    sure = evidence(opportunities=17, hits=17, misses=0, interval=(0.89, 1.0))
    said = told(pattern(WASH, evidence=sure, confidence=0.84))
    assert "That was right every time." in said
    assert "somewhere from 89% to 100%" in said
    assert "The forecast is below that on purpose: it is more cautious than what was seen." in said
    few = evidence(opportunities=4, hits=2, misses=2, interval=(0.19, 0.81))
    assert "That is more than 2 of 4: few occasions say little" in told(pattern(PAIR, evidence=few))
    assert "The forecast is above that" in told(pattern(WASH, evidence=few, confidence=0.9))


def test_lengths_that_are_the_same_are_said_once() -> None:
    """A length is said with its unit, a range only where there is one."""
    short = WASH.model_copy(update={"seconds": Quantiles(p10=118, p50=120, p90=122)})
    assert claim(pattern(short)) == "When washer (switch) goes on, that lasts about 2 min."
    assert claim(pattern(WASH)).endswith("that lasts 45 min, mostly 43 min to 47 min.")


def test_sentences_of_the_day_read_well(make_pattern: MakePattern) -> None:
    """Nothing goes "on on weekdays", and what is near the sun's rise or set is at it."""
    moving = make_pattern(entity_id="binary_sensor.hall")
    assert claim(moving).startswith("Hall (binary sensor) goes on, on weekdays around 07:04")
    by_sun = moving.detail.model_copy(update={"anchor": "sunset", "offset_minutes": -1.0})
    assert claim(pattern(by_sun)).endswith("(give or take 5 min), at sunset.")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "got: [Errno 2] No such file"),
        (b"\xff", "expected what `ha-ai learn --json` wrote"),
        (b"hello", "expected a pattern or an anomaly on each line of found.jsonl"),
    ],
)
def test_file_that_holds_no_findings_is_said(ha_ai: Command, content: bytes | None, message: str) -> None:
    """A file that is missing, binary or something else ends the command with what was expected of it."""
    if content is not None:
        Path("found.jsonl").write_bytes(content)
    outcome = ha_ai("explain", "1", "--file", "found.jsonl")
    assert outcome.code == 2
    assert message in outcome.err


def test_absent_store_is_said(ha_ai: Command) -> None:
    """Without a store there is nothing to explain, and none is made."""
    outcome = ha_ai("explain", "1")
    assert "expected the store at" in outcome.err
    assert not Path("ha-ai.db").exists()
