"""What stands in a payload: figures with digits that mean something, times on the clock, fields of later."""

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from pipeline.wording.sentences import sentence
from schemas import payload
from schemas.automations import Action, Automation, TimeTrigger
from schemas.circular_day import MINUTES_A_DAY
from schemas.commands import Modification, Press, Question, SignedCommand, Verb
from schemas.messages import Row
from schemas.patterns import (
    Detail,
    Hours,
    Pattern,
    PatternType,
    TimeOfDayDetail,
)
from schemas.payload import Instant, Schema, Strict, clock
from schemas.topics import TABLE
from tests.fixtures.details import AROUND_DST, CONDITIONS, DETAILS, NOISE, of
from tests.fixtures.offers import suggestion

DOCUMENTS = Path(__file__).parents[2] / "schemas/documents"
BERLIN = ZoneInfo("Europe/Berlin")


def figures(told: object, name: str = "") -> Iterator[tuple[str, float]]:
    """Yield every broken number in a payload, with the name of its field."""
    if isinstance(told, dict):
        for key, value in told.items():
            yield from figures(value, key)
    elif isinstance(told, list):
        for each in told:
            yield from figures(each, name)
    elif isinstance(told, float):
        yield name, told


@pytest.mark.parametrize("detail", DETAILS, ids=lambda detail: detail.pattern_type.value)
def test_what_is_published_has_few_digits_and_what_is_kept_has_all(detail: Detail) -> None:
    """Each figure says as much as is known; what is kept is what was computed, and is read back as it was."""
    found = of(detail)
    said = dict(figures(json.loads(found.published())))
    assert (said["confidence"], said["base_rate"], said["lift"]) == (0.824, 8.24e-06, 824.0)
    assert (said["e_value"], said["minute_before"]) == (8.24e98, 0.8)
    assert all(len(repr(value)) <= len("0.000123456") for value in said.values()), said
    assert Pattern.model_validate_json(found.exact()) == found
    assert f'"confidence":{NOISE!r}' in found.exact()
    assert "time_before" not in found.exact()
    # Rounding again changes nothing: a message that is handed on is the same message.
    again = Pattern.model_validate_json(found.published())
    assert (again.published(), sentence(again)) == (found.published(), sentence(found))


@pytest.mark.parametrize("detail", DETAILS, ids=lambda detail: detail.pattern_type.value)
def test_a_detail_is_read_by_the_kind_that_it_names(detail: Detail) -> None:
    """`pattern_type` stands in the pattern and in its detail; before, it stood in the pattern alone."""
    found = of(detail)
    plain = json.loads(found.published())
    assert plain["pattern_type"] == plain["detail"]["pattern_type"] == detail.pattern_type
    assert type(Pattern.model_validate(plain).detail) is type(detail)
    del plain["detail"]["pattern_type"]
    assert type(Pattern.model_validate(plain).detail) is type(detail)
    plain["detail"]["pattern_type"] = detail.pattern_type
    other = next(kind for kind in PatternType if kind is not detail.pattern_type)
    with pytest.raises(ValidationError, match=f"expected a detail of the kind {other}, got one of"):
        Pattern.model_validate({**plain, "pattern_type": other})


def test_every_kind_has_its_detail() -> None:
    """Each kind of pattern has one model of its detail, and the schema says by which field they are told."""
    models = get_args(get_args(Detail)[0])
    assert sorted(model.model_fields["pattern_type"].default for model in models) == sorted(PatternType)
    assert {type(detail) for detail in DETAILS} == set(models)
    schema = json.loads((DOCUMENTS / "pattern.v1.json").read_text())["properties"]["detail"]
    assert schema["discriminator"]["propertyName"] == "pattern_type"
    assert sorted(schema["discriminator"]["mapping"]) == sorted(PatternType)
    assert len(schema["oneOf"]) == len(PatternType)


@given(st.floats(0, 1439.9, allow_nan=False), st.sampled_from(AROUND_DST))
def test_the_clock_says_the_minute(minute: float, day: datetime) -> None:
    """Whatever the day, the time on the clock is the minute that is published, to the nearest one."""
    told = TimeOfDayDetail(**{**dict(DETAILS[0]), "minute": minute}).told()
    assert re.fullmatch(r"[0-2]\d:[0-5]\d", told["time"])
    wall = datetime.combine(day.astimezone(BERLIN), time.fromisoformat(told["time"]), BERLIN)
    apart = abs(wall.hour * 60 + wall.minute - told["minute"])
    assert min(apart, MINUTES_A_DAY - apart) <= 0.5
    assert min(abs(told["minute"] - minute), MINUTES_A_DAY - abs(told["minute"] - minute)) <= 0.0501
    assert told["time"] == clock(told["minute"]) == clock(minute)


@given(st.integers(0, MINUTES_A_DAY - 1))
def test_whole_minutes_are_said_exactly(minute: int) -> None:
    """A trigger's time is its minute, each of the day."""
    hours, minutes = divmod(minute, 60)
    assert TimeTrigger(minute=minute).told()["time"] == f"{hours:02}:{minutes:02}"
    assert Hours(after=minute / 60, before=24).told()["after_time"] == f"{hours:02}:{minutes:02}"


@given(st.integers(0, 212 * 86_400_000), st.sampled_from(["UTC", "Europe/Berlin"]))
def test_instants_have_the_offset_of_the_home(after_ms: int, zone: str) -> None:
    """It is the same instant, and its clock is the home's, also on days of 23 and 25 hours."""
    instant: TypeAdapter[datetime] = TypeAdapter(Instant)
    at, home = AROUND_DST[0] + timedelta(milliseconds=after_ms), ZoneInfo(zone)
    said = json.loads(instant.dump_json(at, context={payload.ZONE: home}))
    assert datetime.fromisoformat(said) == at
    assert datetime.fromisoformat(said).replace(tzinfo=None) == at.astimezone(home).replace(tzinfo=None)
    assert json.loads(instant.dump_json(at)).endswith("Z")
    assert json.loads(instant.dump_json(at, context={payload.ZONE: home}, round_trip=True)).endswith("Z")


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (payload.Probability, 0.99951, 1.0),
        (payload.SmallProbability, 0.000123456, 0.000123),
        (payload.Ratio, 1234.5, 1230.0),
        (payload.Score, 12.3456, 12.35),
        (payload.Rate, 0.12349, 0.123),
        (payload.Cost, -1.23456, -1.235),
        (payload.Seconds, 0.349, 0.3),
        (payload.Minutes, -17.96, -18.0),
        (payload.MinuteOfDay, 1439.96, 0.0),
        (payload.Finite, 21.55555, 21.55555),
    ],
)
def test_each_kind_of_figure_has_its_digits(kind: Any, value: float, said: float) -> None:
    """They are rounded where they are published, and nowhere else."""
    figure: TypeAdapter[float] = TypeAdapter(kind)
    assert json.loads(figure.dump_json(value)) == said
    assert json.loads(figure.dump_json(value, round_trip=True)) == value
    assert figure.dump_python(value) == figure.validate_python(value) == value


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_consumers_may_meet_what_a_later_version_adds(row: Row[Any]) -> None:
    """No schema of what we say forbids fields that it does not know; those of commands do."""
    is_closed = '"additionalProperties": false' in (DOCUMENTS / row.document).read_text()
    assert is_closed == issubclass(row.payload, Strict)
    if row.is_said and not issubclass(row.payload, SignedCommand):
        assert not is_closed


def test_what_is_commanded_names_nothing_unknown() -> None:
    """Commands, presses and questions are refused with a field that is not theirs, however deep it stands."""
    change = Modification(condition=CONDITIONS[0])
    command = SignedCommand(
        verb=Verb.MODIFY, suggestion_id="0" * 16, content_hash="0" * 64, approver="Ada", nonce="0" * 32,
        issued_at_ms=0, expires_at_ms=1, change=change,
    )  # fmt: skip
    question = Question(ask="backtest", change=change)
    press = Press.model_validate({"suggestion_id": "0" * 16, "verb": "undo", "content_hash": "0" * 64})
    for each in (command, question, press):
        plain = json.loads(each.exact())
        assert type(each).read(each.exact().encode()) == each
        for place in list(_places(plain)):
            place["added"] = 1
            with pytest.raises(ValidationError, match="added"):
                type(each).read(json.dumps(plain).encode())
            del place["added"]


def _places(plain: object) -> Iterator[dict[str, Any]]:
    if isinstance(plain, dict):
        yield plain
    parts = plain.values() if isinstance(plain, dict) else plain if isinstance(plain, list) else ()
    for each in parts:
        yield from _places(each)


def test_what_we_say_is_read_with_fields_of_later() -> None:
    """A pattern of a newer version is the pattern of ours, without what was added to any part of it."""
    for detail in DETAILS:
        found = of(detail)
        plain = json.loads(found.exact())
        for place in list(_places(plain)):
            place["added"] = {"by": "a newer version"}
        assert Pattern.model_validate(plain) == found


def test_payloads_cannot_be_changed() -> None:
    """What was said stays as it was said."""

    class Said(Schema):
        text: str

    with pytest.raises(ValidationError, match="frozen"):
        Said(text="so").text = "otherwise"  # type: ignore[misc]


def test_what_was_approved_and_signed_before_still_counts() -> None:
    """The hash of a suggestion and the bytes of a command are those of exact content."""
    lamp = Action(service="light.turn_on", entity_id="light.hall", data={"brightness": 127.5})
    proposed = Automation(trigger=TimeTrigger(minute=425), conditions=CONDITIONS, actions=(lamp,))
    plain = {
        "id": "0123456789abcdef", "title": "Hall", "description": "Hall on", "automation_yaml": "yaml",
        "automation": proposed,
    }  # fmt: skip
    approved = "3a62195889916673a0383edb15b9aa147ed06c9d4041b09891279146e371b784"
    assert suggestion().model_copy(update=plain).content_hash == approved
    command = SignedCommand(
        verb=Verb.MODIFY, suggestion_id="0" * 16, content_hash="0" * 64, approver="Ada", nonce="0" * 32,
        issued_at_ms=0, expires_at_ms=1, change=Modification(condition=CONDITIONS[0]),
    )  # fmt: skip
    assert hashlib.sha256(command.signed_bytes).hexdigest()[:16] == "53bec274d3350efd"
