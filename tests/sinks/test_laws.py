"""Every store keeps every law, on a real database; every law rejects a store that breaks it."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from unittest.mock import MagicMock

import pytest

from schemas.anomalies import Anomaly, AnomalyDetail, AnomalyKind
from schemas.events import Gap, ServiceCall, StateChange
from schemas.outgoing import Outgoing
from schemas.patterns import CoOccurrenceDetail, Evidence, Pattern, Quantiles, Target
from schemas.statuses import DeadLetter
from schemas.tables import LeaseRow, table_of
from sinks.store import (
    Beat,
    Held,
    LeaseLostError,
    SqlStore,
    StoredSnapshot,
    StoreUnavailableError,
    Transaction,
    day_sets,
)

Lock = Callable[[], AbstractContextManager[None]]
Entries = Sequence[tuple[bytes, StateChange | ServiceCall]]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOON_US = 1_772_366_400_000_000
YEAR_US = 365 * 86_400 * 1_000_000
DAY = date(2026, 3, 1)
MANY = 4_500  # journal entries: more than two pages, more keys than one query asks for


@dataclass(frozen=True)
class Site:
    """One database, and the kind of store that is tried on it."""

    url: str
    lock: Lock
    kind: type[SqlStore] = SqlStore

    def open(self, home: str = "home") -> SqlStore:
        """Open one more store on the database."""
        store = self.kind(self.url, home=home, busy_timeout_s=0.05)
        store.migrate()
        return store


def entries(count: int, first: int = 0) -> list[tuple[bytes, StateChange | ServiceCall]]:
    """Return state changes whose event times run backwards, under their keys."""
    changes = [StateChange(NOON_US - n, f"light.l{n % 7}", None, str(n)) for n in range(first, first + count)]
    return [(change.key, change) for change in changes]


def append(transaction: Transaction, wanted: Entries) -> int:
    """Append what the journal does not hold, as the group commit does."""
    unseen = transaction.unseen([key for key, _ in wanted])
    return transaction.journal([(key, event) for key, event in wanted if key in unseen], NOON_US)


def pattern(name: str, confidence: float = 0.5) -> Pattern:
    """Return a pattern about that light."""
    evidence = Evidence(
        opportunities=9, hits=8, misses=1, base_rate=0.1, lift=8.9, interval=(0.6, 0.97), e_value=1e5
    )
    detail = CoOccurrenceDetail(
        trigger=Target(entity_id="binary_sensor.door", state="on"),
        action=Target(entity_id=name, state="on"),
        lag_seconds=Quantiles(p10=1, p50=2, p90=9),
        probability=0.9,
    )
    return Pattern.of(
        detail,
        home="home",
        confidence=confidence,
        occurrences=8,
        first_seen=NOON,
        last_seen=NOON + timedelta(days=8, microseconds=1),
        evidence=evidence,
    )


def anomaly(name: str) -> Anomaly:
    """Return something out of order about that light."""
    evidence = Evidence(
        opportunities=9, hits=9, misses=0, base_rate=0.01, lift=1, interval=(0.7, 1.0), e_value=1e3
    )
    detail = AnomalyDetail(
        entity_id=name, kind=AnomalyKind.LEFT_ON, at=NOON, score=2.0, severity="low",
        expected="is off within an hour", observed="has been on for nine hours",
    )  # fmt: skip
    return Anomaly.of(detail, home="home", evidence=evidence)


def messages(*ids: str) -> list[Outgoing]:
    """Return messages to publish."""
    return [Outgoing(name, "ha-ai/events/x", name.encode() + b"\x00\xff", expiry_s=300) for name in ids]


def letter(name: str) -> DeadLetter:
    """Return a dead letter."""
    return DeadLetter(
        message_id=name,
        reason="not JSON",
        detail="expected an object",
        topic="home/events",
        received_at=NOON,
        size_bytes=3,
        payload_base64="/wAB",
    )


LEASES = table_of(LeaseRow)
CALL = (b"c" * 16, ServiceCall(NOON_US, ("light.l0", "light.l1"), "light.turn_on"))
RICH = StateChange(
    NOON_US, "light.rich", "off", "on", "ctx", "parent", "user", (("brightness", 128.5), ("mode", "ü")), True
)

STEPS: list[Callable[[Transaction], object]] = [
    lambda transaction: append(transaction, [*entries(10), CALL, (RICH.key, RICH)]),
    lambda transaction: transaction.save_day(
        DAY, b"\x00packed", events=3, sealed=False, at_us=NOON_US, applied_seq=2
    ),
    lambda transaction: transaction.save_aggregates(DAY, "time_of_day", {"a": {"n": 1}, "b": {"n": 2}}),
    lambda transaction: transaction.save_patterns([pattern("light.a"), pattern("light.b")], NOON_US),
    lambda transaction: transaction.save_anomalies([anomaly("light.a"), anomaly("light.b")]),
    lambda transaction: transaction.enqueue(messages("m2", "m1"), NOON_US),
    lambda transaction: transaction.bury([letter("l1"), letter("l2")]),
    lambda transaction: transaction.save_snapshot("model", b"\x00model", version=1, applied_seq=3),
    lambda transaction: transaction.note_gaps(
        [Gap(5, 9, "restart"), Gap(5, 7, "restart"), Gap(5, 6, "away")]
    ),
]


def write(store: SqlStore, steps: Sequence[Callable[[Transaction], object]] = tuple(STEPS)) -> None:
    """Commit all the steps together."""
    with store.begin() as transaction:
        for step in steps:
            step(transaction)


def aggregates(store: SqlStore) -> dict[str, Any]:
    """Return the aggregates of `DAY`, which only people and other programs read."""
    kept = day_sets.aggregates(store, DAY)
    return {f"{detector} {key}": each for detector, of in kept.items() for key, each in of.items()}


def content(store: SqlStore) -> dict[str, Any]:
    """Return all that the store lets one read."""
    return {
        "journal": list(store.journal_after()),
        "days": [day_sets.day_set(store, day) for day, *_ in day_sets.days(store)],
        "patterns": store.patterns(),
        "anomalies": store.anomalies(),
        "pending": store.pending(1000),
        "letters": store.dead_letters(1000),
        "snapshot": store.snapshot("model"),
        "gaps": store.gaps(),
        "counts": store.counts(),
        "aggregates": aggregates(store),
    }


def reads_back(site: Site) -> None:
    """What was committed is read back as it was, by another store too."""
    store = site.open()
    write(store)
    store.close()
    found = content(site.open())
    assert [event for _, event in found["journal"]] == [*(event for _, event in entries(10)), CALL[1], RICH]
    assert found["days"] == [(DAY, False, b"\x00packed")]
    assert sorted(known.detail.entity_id for known in found["anomalies"]) == ["light.a", "light.b"]
    assert anomaly("light.a") in found["anomalies"]
    assert {known.detail: known for known in found["patterns"]} == {
        known.detail: known for known in (pattern("light.a"), pattern("light.b"))
    }
    assert found["pending"] == messages("m2", "m1")
    assert found["letters"] == [letter("l2"), letter("l1")]
    assert found["snapshot"] == StoredSnapshot(version=1, applied_seq=3, payload=b"\x00model")
    assert found["aggregates"] == {"time_of_day a": {"n": 1}, "time_of_day b": {"n": 2}}
    assert found["gaps"] == [Gap(5, 6, "away"), Gap(5, 9, "restart")]


def is_idempotent(site: Site) -> None:
    """The same commit a second time changes nothing, not even where nobody asked what is unseen."""
    store = site.open()
    write(store)
    once = content(store)
    write(store)
    assert content(store) == once
    with store.begin() as transaction:
        assert transaction.journal(entries(10), NOON_US) == once["journal"][-1][0]
    assert content(store) == once


def keeps_order(site: Site) -> None:
    """The journal and the outbox give out what they took in the order in which they took it."""
    store = site.open()
    wanted = entries(MANY)
    names = [f"m{number * 7919 % 100:02}" for number in range(100)]
    for part in range(3):
        with store.begin() as transaction:
            last = append(transaction, wanted[part * MANY // 3 : (part + 1) * MANY // 3])
            transaction.enqueue(messages(*names[part::3]), NOON_US)
    read = list(store.journal_after())
    assert [event for _, event in read] == [event for _, event in wanted]
    assert [seq for seq, _ in read] == sorted(seq for seq, _ in read)
    assert read[-1][0] == last
    assert list(store.journal_after(read[40][0])) == read[41:]
    assert [message.id for message in store.pending(1000)] == [*names[0::3], *names[1::3], *names[2::3]]


def clears_nothing_undelivered(site: Site) -> None:
    """A message stays until it is said to be sent, however often it is read and whatever is pruned."""
    store = site.open()
    names = [f"m{number}" for number in range(1200)]
    with store.begin() as transaction:
        transaction.enqueue(messages(*names), NOON_US)
    for _ in range(2):
        assert [message.id for message in store.pending(2000)] == names
    assert [message.id for message in store.pending(2)] == names[:2]
    store.sent([*names[:3], *names[4:]], NOON_US)
    store.prune(now_us=NOON_US + 400 * 86_400_000_000)
    assert [message.id for message in store.pending(2000)] == ["m3"]
    assert store.counts()["outbox"] == 1


def keeps_all_or_nothing(site: Site) -> None:
    """A transaction that fails after any of its steps leaves nothing."""
    store = site.open()
    before = content(store)
    for done in range(1, len(STEPS) + 1):
        with suppress(ZeroDivisionError):
            write(store, [*STEPS[:done], lambda _: 1 // 0])
        assert content(store) == before, f"after {done} steps"


def survives_a_lock(site: Site) -> None:
    """A locked store says so, keeps nothing of the transaction, and takes it when it is tried again."""
    store = site.open()
    before = content(store)
    with site.lock():
        for _ in range(2):
            with pytest.raises(StoreUnavailableError):
                write(store)
            with pytest.raises(StoreUnavailableError):
                store.leases.acquire("p0", "a", now_us=0, ttl_us=10)
        assert content(store) == before
    write(store)
    other = replace(site, kind=SqlStore).open()
    assert content(other)["counts"]["journal"] == 12


def fences_former_owners(site: Site) -> None:
    """Who lost the lease writes nothing any more, and hears of it; so it does of its own restart."""
    first, second = site.open(), site.open()
    held = _acquired(first, "a", now_us=100)
    assert second.leases.acquire("p0", "b", now_us=10**15, ttl_us=10) is None
    seen = second.leases.beat("p0")
    assert seen is not None
    assert (seen.owner, seen.epoch, seen.ttl_us) == ("a", held.epoch, 10)
    assert first.leases.renew(held, now_us=100, ttl_us=10)
    assert second.leases.acquire("p0", "b", now_us=10**15, ttl_us=10, silent=seen) is None
    successor = _acquired(second, "b", now_us=115, silent=second.leases.beat("p0"))
    restarted = _acquired(second, "b", now_us=116)
    assert held.epoch < successor.epoch < restarted.epoch
    for lost in (held, successor):
        assert not first.leases.renew(lost, now_us=117, ttl_us=10)
        first.leases.release(lost)
        with pytest.raises(LeaseLostError), first.begin(holder=lost) as transaction:
            append(transaction, entries(1))
    assert list(first.journal_after()) == []
    assert first.leases.acquire("p0", "a", now_us=118, ttl_us=10) is None
    with second.begin(holder=restarted) as transaction:
        append(transaction, entries(1))
    assert len(list(first.journal_after())) == 1
    second.leases.release(restarted)
    free = _acquired(first, "a", now_us=119)
    other = Beat("c", free.epoch, 129, 10)
    assert second.leases.acquire("p0", "b", now_us=120, ttl_us=10, silent=other) is None
    dead = _acquired(second, "b", now_us=120, silent=second.leases.beat("p0"))
    assert restarted.epoch < free.epoch < dead.epoch
    assert not first.leases.renew(free, now_us=121, ttl_us=10)


def lends_nothing_out_of_a_commit(site: Site) -> None:
    """Nobody takes the lease between the check of it and the commit, even when it ran out meanwhile."""
    first, second = site.open(), site.open()
    held = _acquired(first, "a", now_us=100)
    silent = second.leases.beat("p0")
    with first.begin(holder=held) as transaction:
        with pytest.raises(StoreUnavailableError):
            second.leases.acquire("p0", "b", now_us=1000, ttl_us=10, silent=silent)
        append(transaction, entries(1))
    assert second.leases.acquire("p0", "b", now_us=1000, ttl_us=10, silent=silent) is not None


def keeps_homes_apart(site: Site) -> None:
    """Homes in one database do not see each other, and neither takes the other's keys for its own."""
    one, other = site.open("one"), site.open("other")
    steps = [step for step in STEPS if step is not STEPS[3]]
    untouched = content(other)
    write(one, steps)
    assert content(other) == untouched
    write(other, steps)
    one.sent(["m1", "m2"], NOON_US)
    mine, others = content(one), content(other)
    assert len(mine["journal"]) == len(others["journal"]) == 12
    assert (mine["pending"], others["pending"]) == ([], messages("m2", "m1"))
    assert _acquired(one, "a", now_us=1).epoch == _acquired(other, "b", now_us=1).epoch == 1


def replaces_what_it_knows(site: Site) -> None:
    """A day, its aggregates, a pattern and a snapshot stand in place of what they were."""
    store = site.open()
    write(store)
    with store.begin() as transaction:
        transaction.save_day(DAY, b"more", events=4, sealed=True, at_us=NOON_US, applied_seq=2)
        transaction.save_aggregates(DAY, "time_of_day", {"b": {"n": 3}})
        transaction.save_patterns([pattern("light.a", confidence=0.75)], NOON_US)
        transaction.save_snapshot("model", b"newer", version=2, applied_seq=9)
        transaction.note_gaps([Gap(5, 8, "restart"), Gap(5, 30, "away")])
    assert day_sets.day_set(store, DAY) == (DAY, True, b"more")
    assert aggregates(store) == {"time_of_day b": {"n": 3}}
    assert sorted(known.confidence for known in store.patterns(status="active")) == [0.5, 0.75]
    assert store.snapshot("model") == (2, 9, b"newer")
    assert store.gaps() == [Gap(5, 30, "away"), Gap(5, 9, "restart")]
    assert store.anomalies(since_us=NOON_US + 1) == []
    assert store.gaps(since_us=9) == [Gap(5, 30, "away")]


def tells_each_beat_from_the_last(site: Site) -> None:
    """An owner whose clock stands still, or jumps back by a year, is heard all the same."""
    store = site.open()
    held = _acquired(store, "a", now_us=10**15)
    beats = [store.leases.beat("p0")]
    for now_us in (10**15, 10**15, 10**15 - YEAR_US, 10**15 - YEAR_US, 0, 0):
        assert store.leases.renew(held, now_us=now_us, ttl_us=10)
        beats.append(store.leases.beat("p0"))
    for before, after in pairwise(beats):
        assert before != after
    assert not any(beat.is_released for beat in beats if beat)
    store.leases.release(held)
    released = store.leases.beat("p0")
    assert released is not None
    assert released.is_released


def _acquired(store: SqlStore, owner: str, *, now_us: int, silent: Beat | None = None) -> Held:
    held = store.leases.acquire("p0", owner, now_us=now_us, ttl_us=10, silent=silent)
    assert held is not None
    return held


class Rounding(SqlStore):
    """Reads event times back in seconds."""

    def journal_after(self, after_seq: int = 0) -> Iterator[tuple[int, StateChange | ServiceCall]]:
        for seq, event in super().journal_after(after_seq):
            yield seq, event._replace(at_us=event.at_us // 1_000_000 * 1_000_000)


class Forgetful(SqlStore):
    """Takes every key for unseen, and sees to it that the database does not object."""

    @contextmanager
    def begin(self, *, holder: Held | None = None) -> Iterator[Transaction]:
        with super().begin(holder=holder) as transaction:
            known = sum(1 for _ in self.journal_after())
            journal = transaction.journal

            def again(entries: Entries, received_us: int) -> int:
                return journal([(bytes([known]) + key[1:], event) for key, event in entries], received_us)

            transaction.unseen = set  # type: ignore[method-assign, assignment]
            transaction.journal = again  # type: ignore[method-assign]
            yield transaction


class Alphabetical(SqlStore):
    """Publishes by id."""

    def pending(self, limit: int, *, without: Collection[str] = ()) -> list[Outgoing]:
        return sorted(super().pending(1000, without=without))[:limit]


class Chronological(SqlStore):
    """Reads the journal by event time."""

    def journal_after(self, after_seq: int = 0) -> Iterator[tuple[int, StateChange | ServiceCall]]:
        yield from sorted(super().journal_after(after_seq), key=lambda entry: entry[1].at_us)


class Hasty(SqlStore):
    """Takes a message that was read for one that was sent."""

    def pending(self, limit: int, *, without: Collection[str] = ()) -> list[Outgoing]:
        found = super().pending(limit, without=without)
        self.sent([message.id for message in found], NOON_US)
        return found


class Tolerant(SqlStore):
    """Commits what was written before a failure."""

    @contextmanager
    def begin(self, *, holder: Held | None = None) -> Iterator[Transaction]:
        failures = []
        with super().begin(holder=holder) as transaction:
            try:
                yield transaction
            except ZeroDivisionError as error:
                failures.append(error)
        if failures:
            raise failures[0]


class Silent(SqlStore):
    """Loses what it cannot write, without a word."""

    @contextmanager
    def begin(self, *, holder: Held | None = None) -> Iterator[Transaction]:
        transaction = super().begin(holder=holder)
        try:
            yield transaction.__enter__()
        except StoreUnavailableError:
            yield MagicMock()
            return
        transaction.__exit__(None, None, None)


class Unfenced(SqlStore):
    """Does not look at the lease."""

    @contextmanager
    def begin(self, *, holder: Held | None = None) -> Iterator[Transaction]:
        del holder
        with super().begin() as transaction:
            yield transaction


class Timeless(SqlStore):
    """Gives an owner that comes back the epoch that it had."""

    def __init__(self, url: str, *, home: str, busy_timeout_s: float) -> None:
        super().__init__(url, home=home, busy_timeout_s=busy_timeout_s)
        acquire = self.leases.acquire
        given: dict[tuple[str, str], Held | None] = {}

        def once(partition: str, owner: str, **how: Any) -> Held | None:
            if (partition, owner) not in given:
                given[partition, owner] = acquire(partition, owner, **how)
            return given[partition, owner]

        self.leases.acquire = once  # type: ignore[method-assign]


class Punctual(SqlStore):
    """Takes the clock's word for a beat."""

    def __init__(self, url: str, *, home: str, busy_timeout_s: float) -> None:
        super().__init__(url, home=home, busy_timeout_s=busy_timeout_s)

        def renew(held: Held, *, now_us: int, ttl_us: int) -> bool:
            del held
            with self._database.writing() as connection:
                return connection.execute(LEASES.update().values(until_us=now_us + ttl_us)).rowcount == 1

        self.leases.renew = renew  # type: ignore[method-assign]


class CheckingAhead(SqlStore):
    """Looks at the lease in a transaction of its own."""

    @contextmanager
    def begin(self, *, holder: Held | None = None) -> Iterator[Transaction]:
        with super().begin(holder=holder):
            pass
        yield MagicMock(unseen=lambda _: set())


class Additive(SqlStore):
    """Adds a day's aggregates to those that it had."""

    @contextmanager
    def begin(self, *, holder: Held | None = None) -> Iterator[Transaction]:
        kept: dict[str, Mapping[str, object]] = {}
        with super().begin(holder=holder) as transaction:
            save = transaction.save_aggregates
            kept.update(day_sets.aggregates(self, DAY).get("time_of_day", {}))
            transaction.save_aggregates = lambda day, detector, aggregates: save(  # type: ignore[method-assign]
                day, detector, {**kept, **aggregates}
            )
            yield transaction


class Shared(SqlStore):
    """Puts all homes into one."""

    def __init__(self, url: str, *, home: str, busy_timeout_s: float) -> None:
        super().__init__(url, home=home[:0], busy_timeout_s=busy_timeout_s)


class Stubborn(SqlStore):
    """Keeps the first version of a day."""

    @contextmanager
    def begin(self, *, holder: Held | None = None) -> Iterator[Transaction]:
        with super().begin(holder=holder) as transaction:
            save = transaction.save_day
            transaction.save_day = lambda day, packed, **rest: (  # type: ignore[method-assign]
                save(day, packed, **rest) if day_sets.day_set(self, day) is None else None
            )
            yield transaction


LAWS: dict[Callable[[Site], None], list[type[SqlStore]]] = {
    reads_back: [Rounding],
    is_idempotent: [Forgetful],
    keeps_order: [Alphabetical, Chronological],
    clears_nothing_undelivered: [Hasty],
    keeps_all_or_nothing: [Tolerant],
    survives_a_lock: [Silent],
    fences_former_owners: [Unfenced, Timeless],
    lends_nothing_out_of_a_commit: [CheckingAhead],
    tells_each_beat_from_the_last: [Punctual],
    keeps_homes_apart: [Shared],
    replaces_what_it_knows: [Stubborn, Additive],
}
SABOTEURS = [(law, saboteur) for law, saboteurs in LAWS.items() for saboteur in saboteurs]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_the_store_keeps_the_law(law: Callable[[Site], None], url: str, lock: Callable[[str], Lock]) -> None:
    """On SQLite and on PostgreSQL the law holds."""
    law(Site(url, lock(url)))


@pytest.mark.parametrize(("law", "saboteur"), SABOTEURS, ids=lambda named: named.__name__)
def test_the_law_rejects_its_saboteur(
    law: Callable[[Site], None], saboteur: type[SqlStore], sqlite_url: str, lock: Callable[[str], Lock]
) -> None:
    """A store that breaks the law does not pass for one that keeps it."""
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        law(Site(sqlite_url, lock(sqlite_url), saboteur))
