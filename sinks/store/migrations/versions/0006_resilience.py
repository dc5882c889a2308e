"""Leases without clocks, checksums on rows, and room for what is quarantined or damaged."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

CHECKED = (
    "journal",
    "day_sets",
    "day_aggregates",
    "patterns",
    "anomalies",
    "outbox",
    "dead_letters",
    "gaps",
    "suggestions",
    "deployments",
    "automation_versions",
    "feedback",
    "nonces",
    "controls",
)


def _sequence() -> sa.Column[int]:
    growing = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("seq", growing, autoincrement=True, nullable=False)


def upgrade() -> None:
    op.add_column("leases", sa.Column("ttl_us", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("dead_letters", sa.Column("messages", sa.Integer(), server_default="1", nullable=False))
    for table in CHECKED:
        op.add_column(table, sa.Column("checksum", sa.LargeBinary(), nullable=True))
    op.create_table(
        "quarantine",
        _sequence(),
        sa.Column("home", sa.String(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("checksum", sa.LargeBinary(), nullable=True),
        sa.UniqueConstraint("home", "key", name="quarantine_key"),
        sa.PrimaryKeyConstraint("seq"),
        sqlite_autoincrement=True,
    )
    op.create_index("quarantine_by_time", "quarantine", ["home", "at_us"])
    op.create_table(
        "damaged",
        _sequence(),
        sa.Column("home", sa.String(), nullable=False),
        sa.Column("found_us", sa.BigInteger(), nullable=False),
        sa.Column("table_name", sa.String(), nullable=False),
        sa.Column("row_key", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("mended", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "commits",
        sa.Column("home", sa.String(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("home", "part"),
    )
