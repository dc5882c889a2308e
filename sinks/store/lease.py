"""Leases: one owner a partition, and an epoch that fences those who were it before."""

from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, or_, select, update

from schemas.tables import LeaseRow, table_of
from sinks.store.engine import Database, insert_into
from sinks.store.errors import LeaseLostError

_LEASES = table_of(LeaseRow)


class Held(NamedTuple):
    """A lease as its owner holds it."""

    partition: str
    owner: str
    epoch: int


class Leases:
    """Who owns which partition of a home.

    A lease that ran out stays good until somebody else takes it: what keeps two owners from writing is the
    epoch, which a transaction checks, not the clocks.
    """

    def __init__(self, database: Database, *, home: str) -> None:
        self._database = database
        self._home = home

    def owner(self, partition: str) -> str | None:
        """Who held the lease last; None before anybody did."""
        wanted = select(_LEASES.c.owner).where(_LEASES.c.home == self._home, _LEASES.c.partition == partition)
        with self._database.reading() as connection:
            return connection.execute(wanted).scalar()

    def acquire(
        self, partition: str, owner: str, *, now_us: int, ttl_us: int, instead_of: str | None = None
    ) -> Held | None:
        """Take the lease if it is free, ran out, is ours or `instead_of` holds it; else None.

        Whoever is named in `instead_of` must be known to be dead; the epoch fences it off all the same.
        """
        row = {"home": self._home, "partition": partition, "owner": "", "epoch": 0, "until_us": 0}
        take = (
            update(_LEASES)
            .where(_LEASES.c.home == self._home, _LEASES.c.partition == partition)
            .where(or_(_LEASES.c.until_us <= now_us, _LEASES.c.owner.in_([owner, instead_of or owner])))
            .values(owner=owner, epoch=_LEASES.c.epoch + 1, until_us=now_us + ttl_us)
            .returning(_LEASES.c.epoch)
        )
        with self._database.writing() as connection:
            connection.execute(insert_into(connection, _LEASES).values(row).on_conflict_do_nothing())
            epoch = connection.execute(take).scalar()
        return None if epoch is None else Held(partition, owner, epoch)

    def renew(self, held: Held, *, now_us: int, ttl_us: int) -> bool:
        """Say that we are still there; False if somebody else owns the partition now."""
        statement = update(_LEASES).where(_is(self._home, held)).values(until_us=now_us + ttl_us)
        with self._database.writing() as connection:
            return connection.execute(statement).rowcount == 1

    def release(self, held: Held) -> None:
        """Let anybody take it at once; the epoch stays, so that it only ever grows."""
        statement = update(_LEASES).where(_is(self._home, held)).values(until_us=0)
        with self._database.writing() as connection:
            connection.execute(statement)


def check(connection: Connection, home: str, held: Held) -> None:
    """Raise `LeaseLostError` unless the lease is held; nobody can take it until the transaction ends."""
    statement = select(_LEASES.c.epoch).where(_is(home, held)).with_for_update(read=True)
    if connection.execute(statement).scalar() is None:
        raise LeaseLostError(f"expected {held.owner} to own {held.partition} in epoch {held.epoch}")


def _is(home: str, held: Held) -> ColumnElement[bool]:
    return and_(
        _LEASES.c.home == home,
        _LEASES.c.partition == held.partition,
        _LEASES.c.owner == held.owner,
        _LEASES.c.epoch == held.epoch,
    )
