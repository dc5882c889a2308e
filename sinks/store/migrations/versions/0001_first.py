"""Journal, days, patterns, outbox, dead letters and leases."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "journal",
        sa.Column("seq", SEQ, primary_key=True, autoincrement=True),
        sa.Column("home", sa.String(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("entity_id", sa.String()),
        sa.Column("old", sa.String()),
        sa.Column("new", sa.String()),
        sa.Column("context_id", sa.String()),
        sa.Column("parent_id", sa.String()),
        sa.Column("user_id", sa.String()),
        sa.Column("attributes", sa.String()),
        sa.Column("mark", sa.Boolean(), nullable=False),
        sa.Column("service", sa.String()),
        sa.Column("entity_ids", sa.String()),
        sa.UniqueConstraint("home", "key", name="journal_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "day_sets",
        sa.Column("home", sa.String(), primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("sealed", sa.Boolean(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.Column("closed_us", sa.BigInteger()),
    )
    op.create_table(
        "day_aggregates",
        sa.Column("home", sa.String(), primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("detector", sa.String(), primary_key=True),
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("aggregate", sa.Text(), nullable=False),
    )
    op.create_table(
        "patterns",
        sa.Column("home", sa.String(), primary_key=True),
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("pattern_type", sa.String(), nullable=False),
        sa.Column("entity_id", sa.String(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("occurrences", sa.Integer(), nullable=False),
        sa.Column("first_seen_us", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_us", sa.BigInteger(), nullable=False),
        sa.Column("changed_us", sa.BigInteger(), nullable=False),
    )
    op.create_index("patterns_by_status", "patterns", ["home", "status"])
    op.create_index("patterns_by_entity", "patterns", ["home", "entity_id"])
    op.create_table(
        "outbox",
        sa.Column("seq", SEQ, primary_key=True, autoincrement=True),
        sa.Column("home", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("retain", sa.Boolean(), nullable=False),
        sa.Column("expiry_s", sa.Integer()),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("sent_us", sa.BigInteger()),
        sa.UniqueConstraint("home", "id", name="outbox_id"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "outbox_pending",
        "outbox",
        ["home", "seq"],
        sqlite_where=sa.text("sent_us IS NULL"),
        postgresql_where=sa.text("sent_us IS NULL"),
    )
    op.create_table(
        "dead_letters",
        sa.Column("seq", SEQ, primary_key=True, autoincrement=True),
        sa.Column("home", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.UniqueConstraint("home", "id", name="dead_letters_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "leases",
        sa.Column("home", sa.String(), primary_key=True),
        sa.Column("partition", sa.String(), primary_key=True),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
    )
