"""Gaps and snapshots; the journal and the dead letters find their newest rows of a home without a search."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "snapshots",
        sa.Column("home", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("applied_seq", sa.BigInteger(), nullable=False),
        sa.Column("checksum", sa.LargeBinary(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "gaps",
        sa.Column("home", sa.String(), primary_key=True),
        sa.Column("from_us", sa.BigInteger(), primary_key=True),
        sa.Column("reason", sa.String(), primary_key=True),
        sa.Column("to_us", sa.BigInteger(), nullable=False),
    )
    op.create_index("journal_order", "journal", ["home", "seq"])
    op.create_index("dead_letters_order", "dead_letters", ["home", "seq"])
