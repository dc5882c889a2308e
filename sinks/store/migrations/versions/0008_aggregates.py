"""One row a day and detector for all its aggregates, packed: each key had one, and names took most of it."""

import json
import zlib
from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from alembic import op

from sinks.store.checksums import sum_of

revision = "0008"
down_revision = "0007"

PLACE = ("home", "day", "detector")


def _table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, sa.column("day", sa.Date()), *map(sa.column, columns))


OLD = _table("day_aggregates", "home", "detector", "key", "aggregate", "checksum")
NEW = _table("day_aggregates", "home", "detector", "packed")
DAYS = _table("day_sets", "home", "sealed", "closed_us", "checksum")


def _read(rows: Iterable[sa.RowMapping]) -> dict[str, dict[str, object]]:
    """Read the aggregates of a day; a ValueError where one is not as it was written."""
    aggregates: dict[str, dict[str, object]] = {}
    for row in rows:
        covered = [row["home"], row["day"], row["detector"], row["key"], row["aggregate"]]
        aggregate = json.loads(row["aggregate"])
        if row["checksum"] not in (None, sum_of(covered)) or not isinstance(aggregate, dict):
            raise ValueError(f"expected an aggregate of {row['day']} as it was written, got other text")
        aggregates[row["key"]] = aggregate
    return aggregates


def _close_anew(connection: sa.Connection, place: Mapping[str, Any]) -> None:
    """Let a day be closed again, which makes its aggregates anew."""
    of = (DAYS.c.home == place["home"], DAYS.c.day == place["day"])
    connection.execute(sa.update(DAYS).where(*of).values(sealed=False, closed_us=None, checksum=None))


def upgrade() -> None:
    connection = op.get_bind()
    ordered = sa.select(OLD).order_by(*(OLD.c[name] for name in (*PLACE, "key")))
    packed: list[dict[str, Any]] = []
    for place, rows in groupby(connection.execute(ordered).mappings(), key=itemgetter(*PLACE)):
        named = dict(zip(PLACE, place, strict=True))
        try:
            plain = json.dumps(_read(rows), sort_keys=True, separators=(",", ":"))
        except ValueError:
            _close_anew(connection, named)
        else:
            packed.append({**named, "packed": zlib.compress(plain.encode(), 6)})
    op.drop_table("day_aggregates")
    op.create_table(
        "day_aggregates",
        sa.Column("home", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("detector", sa.String(), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.Column("checksum", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint(*PLACE),
    )
    if packed:
        connection.execute(NEW.insert(), packed)
