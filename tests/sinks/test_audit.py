from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, update

from schemas.tables import AuditRow, table_of
from sinks.store import SqlStore, audit
from sinks.store.audit import AuditEntry, check

AUDIT = table_of(AuditRow)
# The store takes no NUL.
WORDS = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=12)
SAID = st.lists(st.tuples(st.integers(0, 2**50), WORDS, WORDS, WORDS, WORDS), min_size=2, max_size=6)
Said = list[tuple[int, str, str, str, str]]
Open = Callable[[], SqlStore]


@pytest.fixture
def opened(url: str) -> Open:
    """Opens one more store on the same database."""

    def open_store(home: str = "home") -> SqlStore:
        store = SqlStore(url, home=home)
        store.migrate()
        return store

    return open_store


def append(store: SqlStore, *details: str) -> None:
    """Append entries, each in a transaction of its own."""
    for number, detail in enumerate(details):
        with store.begin() as transaction:
            transaction.suggestions.audit(
                at_us=number, actor="Ada", what="approved", subject="0123456789abcdef", detail=detail
            )


def written(said: Said) -> list[AuditEntry]:
    """The entries of a log, as they are appended one after the other."""
    entries = list[AuditEntry]()
    for number, each in enumerate(said, 1):
        previous = entries[-1].hash if entries else audit.BEGINNING
        entries.append(audit.sealed("home", AuditEntry(number, *each, previous, b"")))
    return entries


@given(SAID, st.data())
def test_every_change_is_found(said: Said, data: st.DataObject) -> None:
    """One field of one entry is another: the log is not whole any more, and says where."""
    entries = written(said)
    assert check("home", entries) is None
    place = data.draw(st.integers(0, len(entries) - 1))
    name = data.draw(st.sampled_from(AuditEntry._fields))
    value: Any = getattr(entries[place], name)
    another: Any = {int: st.integers(0, 2**50), str: WORDS, bytes: st.binary(min_size=32, max_size=32)}
    changed: Any = {name: data.draw(another[type(value)].filter(lambda drawn: drawn != value))}
    entries[place] = entries[place]._replace(**changed)
    assert str(place + 1) in (check("home", entries) or "")


@given(SAID, st.data())
def test_every_removal_addition_and_exchange_is_found(said: Said, data: st.DataObject) -> None:
    """An entry that left before the end, came twice, or stands elsewhere is found."""
    entries = written(said)
    place = data.draw(st.integers(0, len(entries) - 2))
    other = data.draw(st.integers(0, len(entries) - 1).filter(lambda number: number != place))
    removed = entries[:place] + entries[place + 1 :]
    doubled = [*entries[: place + 1], entries[place], *entries[place + 1 :]]
    exchanged = list(entries)
    exchanged[place], exchanged[other] = exchanged[other], exchanged[place]
    for forged in (removed, doubled, exchanged):
        assert check("home", forged) is not None


@given(SAID)
def test_words_cannot_move_between_fields(said: Said) -> None:
    """What is told of one entry cannot be told of another split: each field has its own place in the hash."""
    entries = written(said)
    first = entries[0]
    moved = first._replace(actor=first.actor + first.what, what="")
    assert moved == first or check("home", [moved, *entries[1:]]) is not None


def test_another_homes_log_is_not_ours(opened: Callable[[str], SqlStore]) -> None:
    """Homes have chains of their own, and one does not pass for the other's."""
    one, other = opened("one"), opened("other")
    append(one, "a", "b")
    append(other, "c")
    assert [entry.number for entry in one.suggestions.audit()] == [1, 2]
    assert (one.suggestions.audit_fault(), other.suggestions.audit_fault()) == (None, None)
    assert check("other", one.suggestions.audit()) == "entry 1 is not what was written"
    with one._database.reading() as connection:
        assert audit.homes(connection) == ["one", "other"]


def test_removal_from_the_end_is_found(opened: Open) -> None:
    """The last entries, or all of them, cannot leave the store unnoticed."""
    store = opened()
    append(store, "a", "b", "c")
    assert store.suggestions.audit_fault() is None
    for last, expected in ((3, "after entry 2"), (1, "after entry 0")):
        with store._database.writing() as connection:
            connection.execute(delete(AUDIT).where(AUDIT.c.number >= last))
        assert (store.suggestions.audit_fault() or "").startswith(expected)
        with store._database.reading() as connection:
            assert audit.homes(connection) == ["home"]


def test_a_pruned_log_is_whole_from_where_it_says(opened: Open) -> None:
    """Old entries leave, an entry says up to which, and what is taken without saying so is still found."""
    store = opened()
    append(store, *map(str, range(25)))
    for _ in range(2):
        with store._database.writing() as connection:
            audit.prune(connection, "home", at_us=9, newest=10)
    numbers = [entry.number for entry in store.suggestions.audit()]
    assert (numbers, store.suggestions.audit_fault()) == (list(range(17, 27)), None)
    append(store, "later")
    assert store.suggestions.audit_fault() is None
    with store._database.writing() as connection:
        connection.execute(delete(AUDIT).where(AUDIT.c.number == 17))
    assert store.suggestions.audit_fault() == "expected entry 17, got 18: what was between is missing"
    with store._database.writing() as connection:
        connection.execute(update(AUDIT).where(AUDIT.c.number == 26).values(detail="entries up to 17 00"))
    assert store.suggestions.audit_fault() is not None


def test_a_change_in_the_store_is_found(opened: Open) -> None:
    """An entry that was rewritten in the database is named."""
    store = opened()
    append(store, "a", "b", "c")
    with store._database.writing() as connection:
        connection.execute(update(AUDIT).where(AUDIT.c.number == 2).values(actor="Eve"))
    assert store.suggestions.audit_fault() == "entry 2 is not what was written"


def test_concurrent_appends_make_one_chain(opened: Open) -> None:
    """Eight writers at once append twelve entries each: one whole chain of 96, none lost."""
    writers, each = 8, 12
    stores = [opened() for _ in range(writers)]
    begin = Barrier(writers)

    def write(number: int) -> None:
        begin.wait()
        append(stores[number], *(f"{number}.{place}" for place in range(each)))

    with ThreadPoolExecutor(writers) as executor:
        list(executor.map(write, range(writers)))
    entries = stores[0].suggestions.audit()
    assert len(entries) == writers * each
    assert stores[0].suggestions.audit_fault() is None
    for number in range(writers):
        mine = [entry.detail for entry in entries if entry.detail.startswith(f"{number}.")]
        assert mine == [f"{number}.{place}" for place in range(each)]


def test_what_is_not_committed_leaves_no_trace(opened: Open) -> None:
    """A transaction that fails takes its entry with it, and the next one follows without a break."""
    store = opened()
    append(store, "a")

    def fail() -> None:
        with store.begin() as transaction:
            transaction.suggestions.audit(at_us=0, actor="Eve", what="approved", subject="", detail="")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    append(store, "b")
    assert [entry.detail for entry in store.suggestions.audit()] == ["a", "b"]
    assert store.suggestions.audit_fault() is None


def test_any_text_is_kept_within_bounds(opened: Open) -> None:
    """NUL, half a surrogate pair and endless words come from outside: an entry is made all the same."""
    store = opened()
    append(store, "\x00nul", "half \ud83d", "x" * 100_000)
    details = [entry.detail for entry in store.suggestions.audit()]
    assert details == ["\ufffdnul", "half ?", "x" * audit.LONGEST]
    assert store.suggestions.audit_fault() is None
