"""Suggestions, what became of them, and who did it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def _suggestions() -> list[sa.Column[str] | sa.Column[int]]:
    words = [_text(name) for name in ("id", "pattern_id", "pattern_type", "entity_id", "status")]
    return [
        *words,
        _count("version"),
        _count("changes"),
        _number("created_us"),
        _number("updated_us"),
        _long("metadata"),
    ]


def _deployments() -> list[sa.Column[str] | sa.Column[int]]:
    return [
        _text("suggestion_id"),
        _text("automation_id"),
        _count("wanted"),
        _count("standing"),
        _text("step"),
        _count("attempts"),
        _long("approval"),
        _long("detail"),
        _number("updated_us"),
    ]


def _automation_versions() -> list[sa.Column[str] | sa.Column[int]]:
    words = [_text("content_hash"), _long("suggestion"), _long("config")]
    return [_text("suggestion_id"), _count("version"), *words, _number("deployed_us")]


def _feedback() -> list[sa.Column[str] | sa.Column[int]]:
    words = [_text(name) for name in ("opinion", "pattern_type", "device_class", "person")]
    return [_text("id"), _text("suggestion_id"), _number("at_us"), *words, _long("text")]


def _audit() -> list[sa.Column[str] | sa.Column[int] | sa.Column[bytes]]:
    return [
        _number("number"),
        _number("at_us"),
        *(_text(name) for name in ("actor", "what", "subject")),
        _long("detail"),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
    ]


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False)


def _long(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def upgrade() -> None:
    for name, columns, keys in (
        ("suggestions", _suggestions(), ("home", "id")),
        ("deployments", _deployments(), ("home", "suggestion_id")),
        ("automation_versions", _automation_versions(), ("home", "suggestion_id", "version")),
        ("feedback", _feedback(), ("home", "id")),
        ("audit", _audit(), ("home", "number")),
        ("nonces", [_text("nonce"), _number("seen_us")], ("home", "nonce")),
        ("controls", [_text("name"), _long("value")], ("home", "name")),
    ):
        op.create_table(name, _text("home"), *columns, sa.PrimaryKeyConstraint(*keys))
    op.create_index("suggestions_by_status", "suggestions", ["home", "status"])
