"""Messages about patterns, and the ids that readers insert or ignore by."""

from datetime import UTC, date, datetime

import pytest

from pipeline.core.ledger import PatternChange, What
from pipeline.core.messages import Announcer
from pipeline.wording.sentences import sentence
from schemas.patterns import Evidence, Pattern, TimeOfDayDetail
from schemas.statuses import PatternDetected
from schemas.topics import Topics

MONDAY, TUESDAY = date(2026, 11, 16), date(2026, 11, 17)


@pytest.fixture
def found() -> Pattern:
    """A habit of seven in the morning."""
    detail = TimeOfDayDetail(
        entity_id="light.hall", state="on", minute=420, spread_minutes=5, days=(0,), anchor="clock"
    )
    evidence = Evidence(
        opportunities=9, hits=9, misses=0, base_rate=0.1, lift=10, interval=(0.7, 1), e_value=1e4
    )
    at = datetime(2026, 11, 16, 7, tzinfo=UTC)
    return Pattern.of(
        detail, home="home", confidence=0.9, occurrences=9, first_seen=at, last_seen=at, evidence=evidence
    )


def test_a_finding_has_one_id_on_one_day(found: Pattern) -> None:
    """Said twice of the same days it is the same message, said on a later day it is another."""
    announcer = Announcer("home", Topics())
    change = PatternChange(What.DETECTED, found)
    first, again, later = (announcer.pattern(change, day) for day in (MONDAY, MONDAY, TUESDAY))
    assert first == again
    assert first.id != later.id


def test_what_was_merely_refreshed_is_not_said(found: Pattern) -> None:
    """A message that says nothing new is not made."""
    with pytest.raises(ValueError, match="refreshed"):
        Announcer("home", Topics()).pattern(PatternChange(What.REFRESHED, found), MONDAY)


def test_a_message_says_it_in_words_too(found: Pattern) -> None:
    """An automation in Home Assistant can show a finding to people as it comes."""
    said = Announcer("home", Topics()).pattern(PatternChange(What.DETECTED, found), MONDAY)
    message = PatternDetected.model_validate_json(said.payload)
    assert message.text == sentence(found)
    assert message.text.startswith("You turn on hall (light) on Mondays around 07:00")
