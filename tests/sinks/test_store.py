"""What is particular to the store."""

from collections.abc import Callable
from contextlib import closing
from datetime import date
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from schemas.events import ServiceCall, StateChange
from sinks.store import SqlStore, StoreUnavailableError, day_sets
from tests.fixtures.offers import pattern

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
MAYBE = st.none() | TEXT
NUMBER = st.integers(min_value=0, max_value=2**62)
ATTRIBUTE = st.tuples(TEXT, st.floats(allow_nan=False, allow_infinity=False) | TEXT)
CHANGES = st.builds(
    StateChange,
    NUMBER,
    TEXT,
    MAYBE,
    TEXT,
    MAYBE,
    MAYBE,
    MAYBE,
    st.lists(ATTRIBUTE, max_size=3).map(tuple),
    st.booleans(),
)
CALLS = st.builds(ServiceCall, NUMBER, st.lists(TEXT, max_size=3).map(tuple), TEXT)


@pytest.fixture
def store(sqlite_url: str) -> SqlStore:
    """An empty store on SQLite."""
    found = SqlStore(sqlite_url, busy_timeout_s=0.05)
    found.migrate()
    return found


@pytest.fixture(scope="module")
def new_home(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], SqlStore]:
    """Return what opens one database for ever new homes."""
    url = f"sqlite:///{tmp_path_factory.mktemp('store') / 'store.db'}"
    SqlStore(url).migrate()
    numbers = count()
    return lambda: SqlStore(url, home=str(next(numbers)))


@given(events=st.lists(CHANGES | CALLS, max_size=5))
def test_the_journal_gives_back_what_it_took(
    events: list[StateChange | ServiceCall], new_home: Callable[[], SqlStore]
) -> None:
    """Whatever text, numbers and attributes an event has, it comes back equal."""
    with closing(new_home()) as store:
        with store.begin() as transaction:
            transaction.journal([(bytes([n] * 16), event) for n, event in enumerate(events)], 1)
        assert [event for _, event in store.journal_after()] == events


@given(st.lists(CHANGES.map(lambda change: change._replace(entity_id=change.entity_id[:1])), max_size=5))
def test_the_last_states_are_those_of_the_newest_changes(
    new_home: Callable[[], SqlStore], changes: list[StateChange]
) -> None:
    """Of each entity the last by its time, and of equal times the last written; marks and calls tell none."""
    events: list[StateChange | ServiceCall] = [*changes, ServiceCall(1, ("light.hall",), "light.turn_on")]
    with closing(new_home()) as store:
        with store.begin() as transaction:
            transaction.journal([(bytes([number]), event) for number, event in enumerate(events)], 1)
        ordered = sorted(changes, key=lambda change: change.at_us)
        states = {change.entity_id: change.new for change in ordered if not change.mark}
        assert store.last_states() == states


def test_days_are_read_one_after_the_other(store: SqlStore) -> None:
    """The days from a date on come in order, whatever order they were written in."""
    days = [date(2026, 3, number) for number in (3, 1, 2)]
    with store.begin() as transaction:
        for day in days:
            transaction.save_day(day, str(day).encode(), events=1, sealed=False, at_us=1, applied_seq=3)
    assert day_sets.days(store) == [(day, False, 3) for day in (days[1], days[2], days[0])]
    assert day_sets.day_set(store, days[0]) == (days[0], False, str(days[0]).encode())


def test_an_empty_store_has_nothing(store: SqlStore) -> None:
    """Nothing is made up where nothing was written."""
    with store.begin() as transaction:
        assert transaction.journal([], received_us=1) == 0
        assert transaction.unseen([]) == set()
    assert (store.snapshot("model"), day_sets.day_set(store, date(2026, 1, 1))) == (None, None)
    assert set(store.counts().values()) == {0}


@pytest.mark.parametrize("damage", ["payload = x'00'", "version = 2", "applied_seq = 8", "checksum = x'00'"])
def test_a_damaged_snapshot_is_none(store: SqlStore, damage: str) -> None:
    """A snapshot is a cache: where anything in it changed it is refused, and the log says so."""
    with store.begin() as transaction:
        transaction.save_snapshot("model", b"good", version=1, applied_seq=7)
    assert store.snapshot("model") == (1, 7, b"good")
    with store._database.writing() as connection:
        connection.exec_driver_sql(f"UPDATE snapshots SET {damage}")  # noqa: S608
    with capture_logs() as logs:
        assert store.snapshot("model") is None
    assert [(log["log_level"], log["home"], log["name"]) for log in logs] == [("warning", "home", "model")]


def test_when_a_pattern_changed_is_when_it_was_written_last(store: SqlStore) -> None:
    """Each pattern has the time of its own last change, active or not."""
    with store.begin() as transaction:
        transaction.save_patterns([pattern("light.a"), pattern("light.b")], 1)
    gone = pattern("light.b").model_copy(update={"status": "retired"})
    with store.begin() as transaction:
        transaction.save_patterns([gone], 2)
    assert store.pattern_changes() == {pattern("light.a").id: 1, gone.id: 2}


UNREADABLE = {
    "a kind that a later version knows": "replace(metadata, 'time_of_day', 'rising_water')",
    "no JSON": "'{'",
    "a field too few": "replace(metadata, '\"evidence\"', '\"proof\"')",
}


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
def test_patterns_that_cannot_be_read_are_left_out(store: SqlStore, content: str) -> None:
    """The others are there, and the log says once how many are not, and why."""
    with store.begin() as transaction:
        transaction.save_patterns([pattern(f"light.{name}") for name in "abc"], 1)
    lost = (pattern("light.a").id, pattern("light.b").id)
    with store._database.writing() as connection:
        connection.exec_driver_sql(f"UPDATE patterns SET metadata = {content} WHERE id IN {lost}")  # noqa: S608
    with capture_logs() as logs:
        assert [store.patterns(status="active") for _ in range(3)] == [[pattern("light.c")]] * 3
    assert [(log["log_level"], log["home"], log["count"]) for log in logs] == [("warning", "home", 2)]
    assert logs[0]["reason"]
    with store.begin() as transaction:
        transaction.save_patterns([pattern("light.a")], 2)
    assert {each.id for each in store.patterns()} == {pattern("light.a").id, pattern("light.c").id}


def test_a_pattern_of_a_later_version_is_read_without_what_it_added(store: SqlStore) -> None:
    """A field that this version does not know is passed over, wherever it stands."""
    with store.begin() as transaction:
        transaction.save_patterns([pattern("light.a")], 1)
    added = "replace(metadata, '{\"', '{\"added\":1,\"')"
    with store._database.writing() as connection:
        connection.exec_driver_sql(f"UPDATE patterns SET metadata = {added}")  # noqa: S608
    assert store.patterns() == [pattern("light.a")]


def test_what_is_kept_of_a_pattern_is_exact(store: SqlStore) -> None:
    """No figure is rounded in the store: what is read back is what was judged, to the last digit."""
    sure = pattern("light.a", minute=420 + 1 / 3).model_copy(update={"confidence": 0.8235294117647058})
    with store.begin() as transaction:
        transaction.save_patterns([sure], 1)
    assert store.patterns() == [sure]


def test_a_full_disk_passes(store: SqlStore) -> None:
    """A store without room says so and takes the same transaction when there is room again."""
    with store._database.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match="full"), store.begin() as transaction:
            transaction.save_snapshot("model", bytes(100_000), version=1, applied_seq=7)
        assert store.snapshot("model") is None
    with store._database.reading() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    with store.begin() as transaction:
        transaction.save_snapshot("model", bytes(100_000), version=1, applied_seq=7)
    assert store.snapshot("model") is not None


def test_a_store_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    """A folder that is not mounted yet may come."""
    with pytest.raises(StoreUnavailableError, match="unable to open"):
        SqlStore(f"sqlite:///{tmp_path / 'absent' / 'store.db'}").migrate()


def test_a_session_that_the_server_ends_passes(postgresql_url: str) -> None:
    """What was in the transaction is not kept, and the next one finds a new session."""
    store = SqlStore(postgresql_url)
    store.migrate()

    def write() -> None:
        with store.begin() as transaction:
            transaction.save_snapshot("model", b"lost", version=1, applied_seq=1)
            transaction._connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(StoreUnavailableError):
        write()
    assert store.snapshot("model") is None
    with store.begin() as transaction:
        transaction.save_snapshot("model", b"kept", version=1, applied_seq=1)
    assert store.snapshot("model") == (1, 1, b"kept")


def test_a_mistake_is_not_taken_for_a_lock(sqlite_url: str) -> None:
    """What no retry heals, such as a table that is not there, is not reported as passing."""
    with pytest.raises(OperationalError, match="no such table"):
        SqlStore(sqlite_url).counts()


def test_commits_reach_the_disk(store: SqlStore) -> None:
    """The database is journalled ahead and waits for the disk at every commit."""
    with store._database.reading() as connection:
        pragmas = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    assert pragmas == ["wal", 2, 1, 50]
