"""What people see of suggestions on a terminal."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from pipeline.answer.answerer import Answerer
from pipeline.cli.suggestion_view import days, standing
from pipeline.wording.suggestions import proof
from schemas.patterns import Weekday
from schemas.suggestions import Experience, Status
from schemas.topics import Role
from tests.fixtures.hosting import Hosted
from tests.fixtures.offers import automation, offer, suggestion, trial

Command = Any


@pytest.fixture
def hosted(tmp_path: Path, at_broker: Any) -> Iterator[Hosted]:
    """A running answerer at the broker that the settings name."""
    running = Hosted(tmp_path, at_broker.url, {Role.ANSWER: Answerer})
    with capture_logs():
        running.start()
        yield running
        running.stop()


def test_table_shows_what_waits_or_runs(hosted: Hosted, ha_ai: Command) -> None:
    """A line a suggestion with its proof in short; settled ones only if asked for."""
    waiting, gone = suggestion(), suggestion(offer("light.bath", 600), status=Status.REJECTED)
    hosted.keep(waiting, gone)
    shown = ha_ai("suggestions")
    assert shown.code == 0
    assert waiting.title in shown.out
    assert "27 of 30" in shown.out
    assert waiting.id[:7] in shown.out
    assert gone.title not in shown.out
    everything = ha_ai("suggestions", "--all")
    assert gone.title in everything.out
    assert "rejected" in everything.out


def test_nothing_to_show(hosted: Hosted, ha_ai: Command) -> None:
    """Where there is nothing, it is said where suggestions come from; an id names nothing then."""
    assert hosted.store.suggestions.all() == []
    shown = ha_ai("suggestions")
    assert (shown.code, shown.out) == (0, "")
    assert "they follow from patterns" in shown.err
    named = ha_ai("suggestions", "abc")
    assert named.code == 2
    assert "there are no suggestions yet" in named.err


def test_one_is_shown_whole(hosted: Hosted, ha_ai: Command) -> None:
    """Title, description, proof with its dates, experience, conflicts, and the YAML to copy."""
    dates: dict[str, Any] = {
        "wanted_dates": (date(2026, 11, 2), date(2026, 11, 3)),
        "unwanted_dates": (date(2026, 11, 4), date(2026, 11, 4)),
        "missed_dates": (date(2026, 11, 3), date(2026, 11, 6)),
    }
    known = suggestion(
        trial=trial(**dates),
        experience=Experience(kept=2, undone=1),
        conflicts=("it touches what Evening lights touches",),
        ha_entity_id="automation.hall",
    )
    hosted.keep(known)
    shown = ha_ai("suggestions", known.id[:5])
    assert shown.code == 0
    for words in (known.title, known.description, proof(known.trial), "Evening lights", "automation.hall"):
        assert words in shown.out
    assert "Of 3 suggestions like it, 2 were kept and 1 was not." in shown.out
    assert "Unwanted: 4 Nov\n" in shown.out
    assert "2 Nov  ●  ◐  ○     ·" in shown.out
    assert "● wanted   ○ unwanted   · missed: you did it without it   ◐ more than one" in shown.out
    assert shown.out.endswith(known.automation_yaml)


def test_json_is_what_is_stored(hosted: Hosted, ha_ai: Command) -> None:
    """One by its id, or all as lines, as they are in the store."""
    known = suggestion()
    hosted.keep(known, suggestion(offer("light.bath", 600)))
    one = ha_ai("suggestions", known.id.upper(), "--json")
    assert json.loads(one.out) == known.told()
    lines = ha_ai("suggestions", "--json").out.splitlines()
    assert {json.loads(line)["id"] for line in lines} == {each.id for each in hosted.store.suggestions.all()}


def test_ambiguous_beginning_is_told(hosted: Hosted, ha_ai: Command) -> None:
    """A beginning that several ids have is answered with them, one that none has with where they are."""
    first, second = (
        suggestion(offer("light.bath", 600)).model_copy(update={"id": f"abc{n:013}"}) for n in (1, 2)
    )
    hosted.keep(first, second)
    outcome = ha_ai("suggestions", "abc")
    assert outcome.code == 2
    assert "2 ids begin with abc" in outcome.err
    assert first.title in outcome.err
    unknown = ha_ai("suggestions", "fff")
    assert unknown.code == 2
    assert "expected the beginning of one of the 2 ids: `ha-ai suggestions --all` shows them" in unknown.err


def test_what_a_terminal_obeys_is_not_printed(hosted: Hosted, ha_ai: Command) -> None:
    """Control characters in what is answered do nothing."""
    known = suggestion(title="Hall\x1b[2J\nlamp", conflicts=("a\x07b",))
    hosted.keep(known)
    for outcome in (ha_ai("suggestions"), ha_ai("suggestions", known.id)):
        assert "\x1b" not in outcome.out
        assert "\x07" not in outcome.out
        assert "Hall [2J lamp" in outcome.out


def test_nobody_answers(at_broker: Any, ha_ai: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody answers it is said who should have."""
    assert at_broker.url
    monkeypatch.setattr("pipeline.cli.commanding.ANSWER_S", 0.2)
    outcome = ha_ai("suggestions")
    assert outcome.code == 2
    assert "no answer within 0.2 s: is `ha-ai run` running, with its consumer answer?" in outcome.err


def test_no_broker(ha_ai: Command, monkeypatch: pytest.MonkeyPatch, free_port: int) -> None:
    """Where there is no broker, it is said where one was expected."""
    monkeypatch.setenv("HA_AI_MQTT_URL", f"mqtt://127.0.0.1:{free_port}")
    outcome = ha_ai("suggestions")
    assert outcome.code == 2
    assert f"expected an MQTT broker at mqtt://127.0.0.1:{free_port}" in outcome.err


def test_days_are_those_of_the_last_weeks() -> None:
    """The calendar ends with the last day of the trial and is bounded; without dates there is none."""
    assert days(trial(), automation()) == []
    marks = days(trial(wanted_dates=(date(2026, 11, 19),), first_day=date(2025, 1, 1)), automation())
    assert marks[-1].day == date(2026, 11, 19)
    assert (marks[-1].mark, marks[0].mark) == ("●", " ")
    assert len(marks) == 43


def test_nothing_is_missed_where_it_is_not_to_run() -> None:
    """A weekend on which somebody did it is blank for what runs on weekdays only; other days keep signs."""
    friday, saturday = date(2026, 11, 13), date(2026, 11, 14)
    tried = trial(missed_dates=(friday, saturday), unwanted_dates=(date(2026, 11, 12),))
    marks = {each.day: each.mark for each in days(tried, automation(conditions=(Weekday(days=(0, 3, 4)),)))}
    assert [marks[day] for day in (date(2026, 11, 12), friday, saturday)] == ["○", "·", " "]


def test_put_off_says_until_when(hosted: Hosted, ha_ai: Command) -> None:
    """What is put off is no plain pending, in the list and on its page; what was put off before is."""
    until = datetime.now(UTC) + timedelta(days=14)
    known = suggestion(snoozed_until=until)
    hosted.keep(known)
    words = f"put off until {until.day} {until:%b}"
    assert words in ha_ai("suggestions").out
    assert words in ha_ai("suggestions", known.id).out


def test_standing() -> None:
    """The year is said where it is another one; the past and what is settled need no day."""
    now = datetime(2026, 12, 20, tzinfo=UTC)
    assert standing(suggestion(snoozed_until=now + timedelta(days=4)), now) == "put off until 24 Dec"
    assert standing(suggestion(snoozed_until=now + timedelta(days=14)), now) == "put off until 3 Jan 2027"
    assert standing(suggestion(snoozed_until=now), now) == "pending"
    settled = suggestion(snoozed_until=now + timedelta(days=4), status=Status.REJECTED)
    assert standing(settled, now) == "rejected"
