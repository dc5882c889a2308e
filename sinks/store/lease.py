"""Leases: one owner a partition, and an epoch that fences those who were it before."""

from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, case, or_, select, update

from schemas.tables import LeaseRow, table_of
from sinks.store.engine import Database, insert_into
from sinks.store.errors import LeaseLostError

_LEASES = table_of(LeaseRow)
RELEASED_US = 0


class Held(NamedTuple):
    """A lease as its owner holds it."""

    partition: str
    owner: str
    epoch: int


class Beat(NamedTuple):
    """A lease as others see it.

    `until_us` is no date that anybody waits for: it is the owner's pulse, another number after each renewal.
    `ttl_us` is how long the owner said that it may be silent, 0 where it did not say.
    """

    owner: str
    epoch: int
    until_us: int
    ttl_us: int

    @property
    def is_released(self) -> bool:
        """True if the owner gave it up."""
        return self.until_us == RELEASED_US


class Leases:
    """Leases of a home: the owner of each partition.

    No clock decides. A lease is taken when its owner gave it up, or when whoever wants it has seen its pulse
    stand still for as long as the owner may be silent; what keeps two owners from writing is the epoch, which
    a transaction checks.
    """

    def __init__(self, database: Database, *, home: str) -> None:
        self._database = database
        self._home = home

    def beat(self, partition: str) -> Beat | None:
        """Return the state of the lease; None before anybody held it."""
        columns = (_LEASES.c.owner, _LEASES.c.epoch, _LEASES.c.until_us, _LEASES.c.ttl_us)
        wanted = select(*columns).where(_LEASES.c.home == self._home, _LEASES.c.partition == partition)
        with self._database.reading() as connection:
            row = connection.execute(wanted).one_or_none()
        return None if row is None else Beat(*row)

    def acquire(
        self, partition: str, owner: str, *, now_us: int, ttl_us: int, silent: Beat | None = None
    ) -> Held | None:
        """Take the lease if it is free or ours, or still stands as `silent` says; else None.

        `silent` is what its owner last said, where that has been silent for too long or is known to be dead.
        A single word from it meanwhile, and the lease stays its own.
        """
        row = {
            "home": self._home,
            "partition": partition,
            "owner": "",
            "epoch": 0,
            "until_us": RELEASED_US,
            "ttl_us": 0,
        }
        free = or_(_LEASES.c.until_us == RELEASED_US, _LEASES.c.owner == owner)
        take = (
            update(_LEASES)
            .where(_LEASES.c.home == self._home, _LEASES.c.partition == partition)
            .where(free if silent is None else or_(free, _stands(silent)))
            .values(owner=owner, epoch=_LEASES.c.epoch + 1, until_us=_pulse(now_us, ttl_us), ttl_us=ttl_us)
            .returning(_LEASES.c.epoch)
        )
        with self._database.writing() as connection:
            connection.execute(insert_into(connection, _LEASES).values(row).on_conflict_do_nothing())
            epoch = connection.execute(take).scalar()
        return None if epoch is None else Held(partition, owner, epoch)

    def renew(self, held: Held, *, now_us: int, ttl_us: int) -> bool:
        """Say that we are still there; False if somebody else owns the partition now."""
        statement = (
            update(_LEASES)
            .where(_is(self._home, held))
            .values(until_us=_pulse(now_us, ttl_us), ttl_us=ttl_us)
        )
        with self._database.writing() as connection:
            return connection.execute(statement).rowcount == 1

    def release(self, held: Held) -> None:
        """Let anybody take it at once; the epoch stays, so that it only ever grows."""
        statement = update(_LEASES).where(_is(self._home, held)).values(until_us=RELEASED_US)
        with self._database.writing() as connection:
            connection.execute(statement)


def check(connection: Connection, home: str, held: Held) -> None:
    """Raise `LeaseLostError` unless the lease is held; nobody can take it until the transaction ends."""
    statement = select(_LEASES.c.epoch).where(_is(home, held)).with_for_update(read=True)
    if connection.execute(statement).scalar() is None:
        raise LeaseLostError(f"expected {held.owner} to own {held.partition} in epoch {held.epoch}")


def _pulse(now_us: int, ttl_us: int) -> ColumnElement[int]:
    """Another number than the one that stands there, whatever the clock says."""
    until_us = max(now_us + ttl_us, RELEASED_US + 1)
    return case((_LEASES.c.until_us == until_us, until_us + 1), else_=until_us)


def _is(home: str, held: Held) -> ColumnElement[bool]:
    return and_(
        _LEASES.c.home == home,
        _LEASES.c.partition == held.partition,
        _LEASES.c.owner == held.owner,
        _LEASES.c.epoch == held.epoch,
    )


def _stands(beat: Beat) -> ColumnElement[bool]:
    return and_(
        _LEASES.c.owner == beat.owner, _LEASES.c.epoch == beat.epoch, _LEASES.c.until_us == beat.until_us
    )
