"""What a person sets has one owner: every role, in whichever process, reads it from the store."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.commands.controls import HomeControls, probability
from pipeline.ingest.messages import Message, PoisonError
from schemas.controls import Control
from sinks.store import SqlStore
from tests.sinks.conftest import postgresql_server, postgresql_url, sqlite_url, url

__all__ = ["postgresql_server", "postgresql_url", "sqlite_url", "url"]

OTHERWISE = 0.75
READ = """
import json, sys
from pipeline.commands.controls import HomeControls
from sinks.store import SqlStore
found = HomeControls.of(SqlStore(sys.argv[1]).suggestions)
print(json.dumps([found.is_learning, found.off_us, found.minimum_confidence(otherwise=0.75)]))
"""


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    """An empty store."""
    made = SqlStore(url)
    made.migrate()
    yield made
    made.close()


def read(store: SqlStore) -> tuple[bool, int | None, float]:
    """Return what is set."""
    found = HomeControls.of(store.suggestions)
    return found.is_learning, found.off_us, found.minimum_confidence(otherwise=OTHERWISE)


def switch(store: SqlStore, off_us: int | None) -> None:
    """Let a person press the switch."""
    with store.begin() as transaction:
        HomeControls.switch_learning(transaction.suggestions, off_us=off_us)


def test_until_a_person_sets_something_the_settings_count(store: SqlStore) -> None:
    """Learning is on, and the minimum confidence is that of the settings."""
    assert read(store) == (True, None, OTHERWISE)


def test_what_a_person_sets_is_read_after_a_restart_and_in_another_process(store: SqlStore, url: str) -> None:
    """Each control by itself; the switch knows since when it is off, and forgets that when it is on again."""
    switch(store, 7_000_000)
    with store.begin() as transaction:
        HomeControls.set_minimum_confidence(transaction.suggestions, 0.0)
    again = SqlStore(url)
    assert read(again) == (False, 7_000_000, 0.0)
    again.close()
    other = subprocess.run(
        [sys.executable, "-c", READ, url], check=True, capture_output=True, text=True, timeout=60
    )
    assert json.loads(other.stdout) == [False, 7_000_000, 0.0]
    switch(store, None)
    assert read(store) == (True, None, 0.0)


def test_a_switch_of_which_only_the_position_is_left_is_off(store: SqlStore) -> None:
    """The start mends a damaged switch so: since when it is off nobody knows."""
    with store.begin() as transaction:
        transaction.suggestions.set_control(Control.LEARNING, value=False)
    assert read(store) == (False, None, OTHERWISE)


def test_what_a_transaction_gives_up_was_never_set(store: SqlStore) -> None:
    """The switch and its time are kept together, or not at all."""
    with suppress(ZeroDivisionError), store.begin() as transaction:
        HomeControls.switch_learning(transaction.suggestions, off_us=5)
        raise ZeroDivisionError
    assert read(store) == (True, None, OTHERWISE)


@given(st.floats(0, 1), st.booleans())
def test_a_number_from_0_to_1_is_taken_from_a_person_only(number: float, retain: bool) -> None:  # noqa: FBT001
    """Whatever was retained is nobody's act."""
    message = Message("topic", f"{number:.6f}".encode(), 0, retain=retain)
    if retain:
        with pytest.raises(PoisonError):
            probability(message)
    else:
        assert probability(message) == pytest.approx(number, abs=1e-6)
