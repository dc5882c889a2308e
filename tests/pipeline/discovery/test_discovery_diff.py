"""From whatever is retained, the steps lead to what should be, and no further."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.discovery.discovery import Discovery, Form
from pipeline.discovery.discovery_diff import DiscoveryDiff, Steps, digest
from schemas.suggestions import Status, Suggestion
from schemas.topics import Topics
from tests.fixtures.discovery import NOW, hub, suggestion

SHOWING = DiscoveryDiff(Discovery("homeassistant"), Topics())


def wanted(*suggestions: Suggestion, form: Form = Form.DEVICE) -> dict[str, bytes]:
    """What should be retained for these."""
    return SHOWING.wanted(hub(), suggestions, form, NOW)


def digests(retained: Mapping[str, bytes]) -> dict[str, bytes]:
    """What is known of what is retained."""
    return {topic: digest(payload) for topic, payload in retained.items()}


def after(retained: Mapping[str, bytes], steps: Steps) -> dict[str, bytes]:
    """What a broker retains when the steps were taken."""
    kept = {**retained, **dict([*steps.begin, *steps.follow])}
    return {topic: payload for topic, payload in kept.items() if payload}


shown = st.lists(
    st.builds(
        suggestion,
        st.integers(1, 4),
        status=st.sampled_from(list(Status)),
        title=st.sampled_from(("a", "b")),
        snoozed_until=st.sampled_from((None, NOW + timedelta(hours=1))),
    ),
    max_size=4,
    unique_by=lambda each: each.id,
)


@given(shown, shown, st.sampled_from(Form), st.sampled_from(Form), st.booleans())
def test_the_steps_lead_there_from_anywhere(
    before: list[Suggestion],
    now: list[Suggestion],
    old: Form,
    new: Form,
    again: bool,  # noqa: FBT001 a parameter
) -> None:
    """Whatever was shown, in whichever form; taken twice they change nothing more."""
    retained, goal = wanted(*before, form=old), wanted(*now, form=new)
    steps = SHOWING.steps(digests(retained), goal, new, again=again)
    assert after(retained, steps) == goal
    assert SHOWING.steps(digests(goal), goal, new) == Steps([], [])
    assert [topic for topic, _ in SHOWING.steps(digests(goal), goal, new, again=True).follow] == list(goal)


def test_what_is_settled_leaves_nothing_behind() -> None:
    """In either form, and its state too, which goes last."""
    for form in Form:
        steps = SHOWING.steps(digests(wanted(suggestion(), form=form)), wanted(form=form), form)
        topics = [topic for topic, payload in steps.follow if payload == b""]
        assert len(topics) == (2 if form is Form.DEVICE else 5)
        assert topics[-1] == Topics().suggestion_state(suggestion().id)


def test_another_form_waits_until_the_first_is_gone() -> None:
    """Home Assistant refuses an entity whose unique id it still knows."""
    steps = SHOWING.steps(
        digests(wanted(suggestion(), form=Form.COMPONENTS)), wanted(suggestion()), Form.DEVICE
    )
    assert steps.begin
    assert {payload for _, payload in steps.begin} == {b""}
    assert {topic.split("/")[1] for topic, _ in steps.begin} == {"sensor", "button", "switch", "number"}
    assert {topic.split("/")[1] for topic, _ in steps.follow} == {"device"}


def test_a_changed_suggestion_is_there_before_the_old_one_goes() -> None:
    """So that Home Assistant keeps the device, its area and its name."""
    steps = SHOWING.steps(digests(wanted(suggestion(title="a"))), wanted(suggestion(title="b")), Form.DEVICE)
    assert steps.begin == []
    assert [bool(payload) for _, payload in steps.follow] == [True, True, False]


def test_what_others_left_in_our_place_is_removed() -> None:
    """An earlier version's entity, or one that somebody put there."""
    stray = "homeassistant/button/haai/stray/config"
    steps = SHOWING.steps(digests({**wanted(), stray: b"{}"}), wanted(), Form.DEVICE)
    assert (stray, b"") in steps.begin


def test_what_others_announced_in_our_place_is_taken_away_first() -> None:
    """Else Home Assistant would keep on our device what they added; a state needs no removal."""
    goal = wanted(suggestion())
    forged = dict.fromkeys(goal, b"forged")
    steps = SHOWING.steps(digests(forged), goal, Form.DEVICE, foreign=goal)
    assert {topic for topic, _ in steps.begin} == {topic for topic in goal if "/device/" in topic}
    assert after(forged, steps) == goal
    assert SHOWING.steps(digests(goal), goal, Form.DEVICE, foreign=goal) == Steps([], [])
    assert SHOWING.steps({}, goal, Form.DEVICE, foreign=goal).begin == []
    assert SHOWING.steps(digests(forged), goal, Form.DEVICE).begin == []


@pytest.mark.parametrize(
    ("retained", "form"),
    [({}, Form.COMPONENTS), (wanted(), Form.DEVICE), (wanted(form=Form.COMPONENTS), Form.COMPONENTS)],
)
def test_the_form_is_known_by_what_is_retained(retained: dict[str, bytes], form: Form) -> None:
    """While Home Assistant cannot be asked, nothing is announced anew in another form."""
    assert SHOWING.form_of(retained) is form
