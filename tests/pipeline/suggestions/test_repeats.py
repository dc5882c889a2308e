import pytest

from pipeline.suggestions.repeats import SuggestionHistory, is_repeat
from schemas.automations import Action, MqttTrigger, NumericTrigger, StateTrigger, SunTrigger, TimeTrigger
from schemas.suggestions import Opinion, Status
from tests.fixtures.offers import SUN, automation, offer, opinion, pattern, suggestion

UNWANTED = (Opinion.REJECTED, Opinion.UNDONE, Opinion.REMOVED, Opinion.DISABLED)
LATE = automation(minute=800)


@pytest.mark.parametrize("said", Opinion)
def test_what_people_undid_is_dismissed(said: Opinion) -> None:
    """A suggestion that was taken back stays so after a person undid or removed it, and only then."""
    known = suggestion(status=Status.RETIRED)
    history = SuggestionHistory.of([known], [opinion(said, known.id)], SUN)
    is_dismissed = said in UNWANTED
    assert (history.repeated(known.pattern_id, known.automation) is known) is is_dismissed
    assert (history.repeated("another pattern", known.automation) is known) is is_dismissed
    assert (history.returning(known.id) is known) is not is_dismissed
    assert history.is_dismissed(known.automation) is is_dismissed
    assert history.dismissals(known.pattern_id) == is_dismissed


@pytest.mark.parametrize("status", Status)
def test_nothing_comes_back_but_what_was_taken_back(status: Status) -> None:
    """What waits, is deployed or was rejected is there, and is repeated by its like."""
    known = suggestion(status=status)
    history = SuggestionHistory.of([known], [], SUN)
    assert (history.returning(known.id) is known) is (status is Status.RETIRED)
    assert (history.repeated("another pattern", known.automation) is None) is (status is Status.RETIRED)


def test_what_a_person_had_changed_is_dismissed_at_every_moment() -> None:
    """Its time says nothing of the habit's any more, so the habit has not moved away from it."""
    rejected = suggestion(status=Status.REJECTED)
    said = [opinion(Opinion.MODIFIED, rejected.id)]
    assert SuggestionHistory.of([rejected], [], SUN).repeated(rejected.pattern_id, LATE) is None
    assert SuggestionHistory.of([rejected], said, SUN).repeated(rejected.pattern_id, LATE) is rejected


def test_what_follows_an_entity_does_not_move() -> None:
    """A pattern whose automation does not run by the clock stays dismissed, however else it would run."""
    follows = automation(trigger=StateTrigger(entity_id="binary_sensor.door", to="on"))
    rejected = suggestion(offer(automation=follows), status=Status.REJECTED)
    history = SuggestionHistory.of([rejected], [], SUN)
    for other in (LATE, automation(trigger=NumericTrigger(entity_id="sensor.lux", below=9))):
        assert history.repeated(rejected.pattern_id, other) is rejected


def test_what_was_made_just_now_is_repeated_too() -> None:
    """Suggestions that are about to be kept count as those that are."""
    made = suggestion()
    history = SuggestionHistory.of([], [], SUN)
    assert history.repeated(pattern(state="other").id, made.automation, [made]) is made
    assert history.repeated(pattern(state="other").id, LATE, [made]) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (TimeTrigger(minute=420), TimeTrigger(minute=375), True),
        (TimeTrigger(minute=10), TimeTrigger(minute=1430), True),
        (TimeTrigger(minute=420), TimeTrigger(minute=520), False),
        (SunTrigger(event="sunset", offset_minutes=-30), TimeTrigger(minute=960), True),
        (SunTrigger(event="sunset"), SunTrigger(event="sunset", offset_minutes=40), True),
        (SunTrigger(event="sunset"), SunTrigger(event="sunrise"), False),
        (
            StateTrigger(entity_id="light.a", to="on"),
            StateTrigger(entity_id="light.a", to="off", for_seconds=9),
            True,
        ),
        (StateTrigger(entity_id="sensor.a", to="9"), NumericTrigger(entity_id="sensor.a", above=3), True),
        (StateTrigger(entity_id="light.a", to="on"), StateTrigger(entity_id="light.b", to="on"), False),
        (
            MqttTrigger(topic="ha-ai/events/sports/scored"),
            MqttTrigger(topic="ha-ai/events/sports/scored"),
            True,
        ),
        (
            MqttTrigger(topic="ha-ai/events/sports/scored"),
            MqttTrigger(topic="ha-ai/events/sports/lost"),
            False,
        ),
        (TimeTrigger(minute=0), StateTrigger(entity_id="light.a", to="on"), False),
    ],
)
def test_what_is_the_same_occasion(one: object, other: object, same: bool) -> None:  # noqa: FBT001 a table's column
    """Times within 45 minutes, whichever way they are said, and the same entity or topic."""
    first, second = automation(trigger=one), automation(trigger=other)
    assert is_repeat(first, second, SUN) is is_repeat(second, first, SUN) is same


def test_other_deeds_are_no_repeat() -> None:
    """Switching the same light off, or another one on, at the same time is something else."""
    assert not is_repeat(automation(), automation(service="turn_off"), SUN)
    assert not is_repeat(automation(), automation("light.bath"), SUN)


def test_one_deed_in_common_is_enough() -> None:
    """An automation that does the same and more is a repeat."""
    both = [Action(service="light.turn_on", entity_id=name) for name in ("light.bath", "light.hall")]
    assert is_repeat(automation(), automation(actions=tuple(both)), SUN)
