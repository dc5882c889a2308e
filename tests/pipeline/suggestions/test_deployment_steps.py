"""Which step comes after which, whatever comes between."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.suggestions.deployment_steps import (
    NOT_TO_REMOVE,
    US,
    Patience,
    Step,
    due_us,
    failed,
    forward,
    is_given_up,
    is_overdue,
    is_round_over,
    settled,
)
from schemas.deployments import Deployment, Failure, FailureReason

PATIENCE = Patience(pauses_s=(1.0, 2.0), rests_s=(60.0,))
AWAY = Failure(FailureReason.UNREACHABLE, "away")
WANTED = Deployment("id", "haai_id", 2, 1, "wanted", 0, "{}", 1_000)


def test_a_version_is_checked_written_enabled_and_stands() -> None:
    """The steps towards a version."""
    row, steps = WANTED, []
    while row.step != Step.STANDS:
        row = forward(row, 2_000)
        steps.append(row.step)
    assert steps == ["write", "enable", "stands"]
    assert (row.standing, row.attempts, row.updated_us) == (2, 0, 2_000)


def test_nothing_is_checked_removed_gone_and_stands() -> None:
    """The steps towards nothing."""
    row, steps = WANTED._replace(wanted=0), []
    while row.step != Step.STANDS:
        row = forward(row, 2_000)
        steps.append(row.step)
    assert steps == ["remove", "vanish", "stands"]
    assert row.standing == 0


def test_what_fails_is_tried_again_after_growing_pauses_and_then_taken_back() -> None:
    """A round ends with taking back; after a rest the next one begins."""
    row, pauses = WANTED._replace(step="write"), []
    while not is_round_over(row, PATIENCE):
        row = failed(row, Failure(FailureReason.UNREACHABLE, "away"), 5_000, PATIENCE)
        pauses.append(((due_us(row, PATIENCE, 5_000) or 0) - 5_000) / US)
    assert pauses == [1.0, 2.0, 0.0]
    assert row.step == Step.TAKE_BACK
    rests = settled(row, 6_000, PATIENCE)
    assert rests.step == Step.WANTED
    assert due_us(rests, PATIENCE, 6_000) == 6_000 + 60 * US


def test_a_clock_that_is_set_back_keeps_nothing_waiting() -> None:
    """What was done in the future, as the clock says now, is due now, and its entity was waited for."""
    hour_us = 3_600 * US
    for row in (
        WANTED._replace(updated_us=hour_us),
        WANTED._replace(step="write", attempts=1, failure=AWAY, updated_us=hour_us),
        WANTED._replace(step="take_back", attempts=3, failure=AWAY, updated_us=hour_us),
    ):
        assert due_us(row, PATIENCE, 5_000) == 5_000
        assert is_overdue(row, PATIENCE, 5_000)


def test_what_is_given_up_leaves_what_stood_before() -> None:
    """After the last round, or at once where trying again would not help."""
    row = failed(WANTED._replace(step="write"), Failure(FailureReason.MALFORMED, "no"), 5_000, PATIENCE)
    assert is_given_up(row, PATIENCE)
    left = settled(row, 6_000, PATIENCE)
    assert (left.step, left.wanted, left.standing, left.attempts) == ("stands", 1, 1, 0)
    assert due_us(left, PATIENCE, 10_000) is None


def test_a_trouble_that_somebody_has_to_mend_ends_the_round_at_once() -> None:
    """Trying again within seconds would only repeat it."""
    row = failed(WANTED, Failure(FailureReason.TOKEN, "token"), 5_000, PATIENCE)
    assert (row.attempts, row.step) == (PATIENCE.tries, Step.TAKE_BACK)


def test_what_is_not_gone_is_removed_again() -> None:
    """Waiting alone would not help."""
    stays = Failure(FailureReason.STAYS, "stays")
    row = failed(WANTED._replace(wanted=0, step="vanish"), stays, 5_000, PATIENCE)
    assert row.step == Step.REMOVE


def test_a_removal_is_never_given_up() -> None:
    """Whatever is in its way, it is told after each round, and tried again at last once a rest."""
    row, told = WANTED._replace(wanted=0, step="remove"), 0
    for _ in range(10 * PATIENCE.most):
        row = failed(row, Failure(FailureReason.SERVER_ERROR, "500"), 5_000, PATIENCE)
        told += is_round_over(row, PATIENCE)
        assert not is_given_up(row, PATIENCE)
    assert told == 10 * PATIENCE.most / PATIENCE.tries
    assert (row.wanted, row.standing) == (0, 1)
    assert due_us(row, PATIENCE, 10_000) == 5_000 + 60 * US


def test_a_removal_that_was_refused_for_good_is_tried_again_after_the_shortest_rest() -> None:
    """It may run until it is gone: each refusal ends a round, and no more than one."""
    patience = Patience(pauses_s=(1.0, 2.0), rests_s=(60.0, 600.0))
    row = WANTED._replace(wanted=0, step="remove")
    waited_s = []
    for _ in range(3):
        row = failed(row, Failure(FailureReason.MALFORMED, "400"), 5_000, patience)
        waited_s.append(((due_us(row, patience, 10_000) or 0) - 5_000) / US)
    assert waited_s == [60.0, 600.0, 600.0]


@pytest.mark.parametrize("reason", sorted(NOT_TO_REMOVE))
def test_what_nobody_ordered_or_is_not_ours_is_not_removed(reason: FailureReason) -> None:
    """What stands is left as it is."""
    left = failed(WANTED._replace(wanted=0, step="remove"), Failure(reason, "no"), 5_000, PATIENCE)
    assert (left.step, left.wanted, left.standing) == ("stands", 1, 1)


@pytest.mark.parametrize("step", ["enable", "write"])
def test_a_step_after_one_that_failed_is_due_at_once(step: str) -> None:
    """Pauses lie between attempts at the same step."""
    tried = failed(WANTED, Failure(FailureReason.UNREACHABLE, "away"), 5_000, PATIENCE)
    assert due_us(forward(tried, 7_000), PATIENCE, 7_000) == 7_000
    assert due_us(WANTED._replace(step=step, attempts=2), PATIENCE, 7_000) == WANTED.updated_us


@given(
    wanted=st.integers(0, 3),
    standing=st.integers(0, 3),
    outcomes=st.lists(st.sampled_from([None, *FailureReason]), max_size=60),
)
def test_whatever_happens_it_ends_in_what_was_wanted_or_in_what_stood(
    wanted: int, standing: int, outcomes: list[FailureReason | None]
) -> None:
    """No sequence of successes and failures leads to a third thing, or on for ever."""
    row = WANTED._replace(wanted=wanted, standing=standing)
    endless = iter([*outcomes, *[None] * 10])
    for taken, outcome in enumerate(endless):
        if row.step == Step.STANDS:
            break
        now_us = 2_000 + taken
        if row.step == Step.TAKE_BACK:
            row = settled(row, now_us, PATIENCE)
        elif outcome is None:
            row = forward(row, now_us)
        else:
            row = failed(row, Failure(outcome, "why"), now_us, PATIENCE)
    assert row.step == Step.STANDS
    assert row.wanted == row.standing
    assert row.standing in {wanted, standing}
    if not wanted and not NOT_TO_REMOVE & set(outcomes):
        assert row.standing == 0
    assert (row.attempts, row.is_well) == (0, True)
