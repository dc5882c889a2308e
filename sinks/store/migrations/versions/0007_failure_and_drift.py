"""Failure and drift of a deployment, each by itself: its detail was either."""

import sqlalchemy as sa
from alembic import op

from sinks.store.old_rows import split_detail

revision = "0007"
down_revision = "0006"

DEPLOYMENTS = sa.table(
    "deployments",
    *(sa.column(name) for name in ("home", "suggestion_id", "failure", "failure_text", "drift", "checksum")),
)


def upgrade() -> None:
    op.execute("ALTER TABLE deployments RENAME COLUMN detail TO failure_text")
    for name in ("failure", "drift"):
        op.add_column("deployments", sa.Column(name, sa.String(), server_default="", nullable=False))
    columns = DEPLOYMENTS.c
    found = op.get_bind().execute(sa.select(columns.home, columns.suggestion_id, columns.failure_text))
    for home, suggestion_id, detail in found.all():
        is_it = sa.and_(columns.home == home, columns.suggestion_id == suggestion_id)
        op.execute(sa.update(DEPLOYMENTS).where(is_it).values(**split_detail(detail), checksum=None))
