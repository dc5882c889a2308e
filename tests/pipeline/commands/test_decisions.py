from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.review_desk import a_suggestion
from pipeline.commands.decisions import Order, Outcome, carried_out, decide, readable
from schemas.commands import Verb
from schemas.suggestions import Status, Suggestion

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
DONE, ALREADY, REFUSED = Outcome.DONE, Outcome.ALREADY, Outcome.REFUSED


def in_status(status: Status) -> Suggestion:
    """A suggestion of which that has become."""
    return a_suggestion().model_copy(update={"status": status})


def order(verb: Verb, content_hash: str | None = None, text: str = "") -> Order:
    """What Anna wants of the suggestion."""
    seen = content_hash or a_suggestion().content_hash
    return Order(verb, verb.value, a_suggestion().id, seen, "Anna", "command:1", text=text)


@pytest.mark.parametrize(
    ("status", "approve", "reject", "not_now", "modify", "undo"),
    [
        (Status.PENDING, DONE, DONE, DONE, DONE, REFUSED),
        (Status.APPROVED, ALREADY, REFUSED, REFUSED, REFUSED, DONE),
        (Status.DEPLOYED, ALREADY, REFUSED, REFUSED, REFUSED, DONE),
        (Status.REJECTED, REFUSED, ALREADY, REFUSED, REFUSED, REFUSED),
        (Status.RETIRED, REFUSED, REFUSED, REFUSED, REFUSED, ALREADY),
    ],
)
def test_what_may_become_of_each_status(
    status: Status, approve: Outcome, reject: Outcome, not_now: Outcome, modify: Outcome, undo: Outcome
) -> None:
    """Only what waits can be decided on, only what was approved undone; the same again is no refusal."""
    verbs = (Verb.APPROVE, Verb.REJECT, Verb.NOT_NOW, Verb.MODIFY, Verb.ROLLBACK)
    outcomes = [decide(in_status(status), order(verb), is_undone=False).outcome for verb in verbs]
    assert outcomes == [approve, reject, not_now, modify, undo]


@pytest.mark.parametrize("verb", [Verb.APPROVE, Verb.REJECT, Verb.NOT_NOW, Verb.MODIFY, Verb.ROLLBACK])
@pytest.mark.parametrize("status", list(Status))
def test_only_what_was_seen_is_decided_on(status: Status, verb: Verb) -> None:
    """Whoever saw another content decides nothing, whatever has become of the suggestion."""
    decision = decide(in_status(status), order(verb, "f" * 64), is_undone=False)
    assert (decision.outcome, decision.code) == (REFUSED, "changed")


def test_an_unknown_suggestion_is_refused() -> None:
    """There is nothing to decide on."""
    assert decide(None, order(Verb.APPROVE), is_undone=False).code == "unknown"


def test_what_is_being_undone_is_not_undone_twice() -> None:
    """While the automation is being removed, a second Undo is one that was said already."""
    assert decide(in_status(Status.DEPLOYED), order(Verb.ROLLBACK), is_undone=True).outcome is ALREADY


def test_an_approval_ends_the_waiting() -> None:
    """What was put off can be approved, and is not put off any more."""
    put_off = carried_out(a_suggestion(), order(Verb.NOT_NOW, text="later"), now=NOW, not_now_days=14)
    assert put_off.status is Status.PENDING
    assert (put_off.snoozed_until, put_off.reason) == (NOW + timedelta(days=14), "later")
    assert decide(put_off, order(Verb.APPROVE), is_undone=False).outcome is DONE
    approved = carried_out(put_off, order(Verb.APPROVE), now=NOW, not_now_days=14)
    assert (approved.status, approved.snoozed_until) == (Status.APPROVED, None)


@pytest.mark.parametrize("verb", [Verb.APPROVE, Verb.REJECT, Verb.NOT_NOW, Verb.ROLLBACK])
def test_no_decision_changes_what_was_seen(verb: Verb) -> None:
    """Content and version stay; only a modification makes another suggestion."""
    before = a_suggestion()
    after = carried_out(before, order(verb), now=NOW, not_now_days=14)
    assert (after.content_hash, after.version) == (before.content_hash, before.version)
    assert after.updated_at == NOW


def test_a_reason_is_kept_as_one_readable_line() -> None:
    """Control characters and those that turn the direction of reading around are gone."""
    assert readable("no\r\n\x1b[31mway\u202e\x00 ✓") == "no [31mway ✓"
