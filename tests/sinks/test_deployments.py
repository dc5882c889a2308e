"""How far a deployment has come is kept only in place of what was read of it."""

from collections.abc import Iterator

import pytest

from schemas.deployments import Deployment, Drift, Failure, FailureReason
from sinks.store import SqlStore

WANTED = Deployment("0123456789abcdef", "haai_0123456789abcdef", 1, 0, "wanted", 0, "{}", 1_000)


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    """A store with a deployment that was just ordered."""
    made = SqlStore(url)
    made.migrate()
    with made.begin() as transaction:
        transaction.suggestions.deploy(WANTED)
    yield made
    made.close()


def move(store: SqlStore, to: Deployment, instead_of: Deployment) -> bool:
    """Keep one in place of another."""
    with store.begin() as transaction:
        return transaction.suggestions.deploy(to, instead_of=instead_of)


def test_a_step_is_kept_in_place_of_the_one_before(store: SqlStore) -> None:
    """Once: whoever read the same may not keep another after it."""
    written = WANTED._replace(step="write", updated_us=2_000)
    assert move(store, written, WANTED)
    assert not move(store, written._replace(step="enable"), WANTED)
    assert store.suggestions.deployment(WANTED.suggestion_id) == written


def test_what_home_assistant_says_is_kept_by_every_database(store: SqlStore) -> None:
    """A step that failed is kept with its words, whatever bytes they hold, and the next one in its place."""
    failed = WANTED._replace(failure=Failure(FailureReason.SERVER_ERROR, "status 500: \x00\ud83d"))
    assert move(store, failed, WANTED)
    kept = store.suggestions.deployment(WANTED.suggestion_id)
    assert kept == WANTED._replace(failure=Failure(FailureReason.SERVER_ERROR, "status 500: \ufffd?"))
    assert move(store, WANTED, failed)


def test_what_was_ordered_first_is_not_written_over_unread(store: SqlStore) -> None:
    """Whoever read that there is none may not keep one when there is."""
    with store.begin() as transaction:
        assert not transaction.suggestions.deploy(WANTED._replace(wanted=2))
    assert store.suggestions.deployment(WANTED.suggestion_id) == WANTED


OTHERS = [
    WANTED._replace(wanted=0),
    WANTED._replace(standing=1),
    WANTED._replace(attempts=1),
    WANTED._replace(approval="{ }"),
    WANTED._replace(failure=Failure(FailureReason.UNREACHABLE, "away")),
    WANTED._replace(failure=Failure(FailureReason.STARTING, "")),
    WANTED._replace(drift=Drift.OFF),
    WANTED._replace(updated_us=1_001),
]


@pytest.mark.parametrize("ordered", OTHERS)
def test_whatever_was_ordered_meanwhile_stays(store: SqlStore, ordered: Deployment) -> None:
    """Every field tells that somebody wrote it."""
    with store.begin() as transaction:
        transaction.suggestions.deploy(ordered, instead_of=WANTED)
    assert not move(store, WANTED._replace(step="write"), WANTED)
    assert store.suggestions.deployment(WANTED.suggestion_id) == ordered


def test_one_home_moves_nothing_of_another(store: SqlStore, url: str) -> None:
    """Homes in one database do not see each other."""
    other = SqlStore(url, home="other")
    assert not move(other, WANTED._replace(step="write"), WANTED)
    other.close()
    assert store.suggestions.deployment(WANTED.suggestion_id) == WANTED
