"""Each day set says up to which place of the journal it holds what happened."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("day_sets", sa.Column("applied_seq", sa.BigInteger(), server_default="0", nullable=False))
