"""The rows of the store. Times are UTC microseconds as integers: SQLite would lose a zone."""

from datetime import date

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel


def _sequence() -> Column[int]:
    """A growing number; SQLite gives one out only for its own integer type."""
    return Column("seq", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True)


class JournalRow(SQLModel, table=True):
    """A state change or, where `service` is set, a service call; `key` is what duplicates are known by."""

    __tablename__ = "journal"
    __table_args__ = (
        UniqueConstraint("home", "key", name="journal_key"),
        Index("journal_order", "home", "seq"),
        {"sqlite_autoincrement": True},
    )

    seq: int | None = Field(default=None, sa_column=_sequence())
    home: str
    key: bytes
    received_us: int = Field(sa_type=BigInteger)
    at_us: int = Field(sa_type=BigInteger)
    entity_id: str | None = None
    old: str | None = None
    new: str | None = None
    context_id: str | None = None
    parent_id: str | None = None
    user_id: str | None = None
    attributes: str | None = None
    mark: bool = False
    service: str | None = None
    entity_ids: str | None = None
    checksum: bytes | None = None


class DaySetRow(SQLModel, table=True):
    """The packed exact set of one local day; a sealed one was closed."""

    __tablename__ = "day_sets"

    home: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    sealed: bool
    events: int
    packed: bytes
    closed_us: int | None = Field(default=None, sa_type=BigInteger)
    applied_seq: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    checksum: bytes | None = None


class DayAggregateRow(SQLModel, table=True):
    """Aggregates of one detector on one local day, by key, as compressed JSON."""

    __tablename__ = "day_aggregates"

    home: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    detector: str = Field(primary_key=True)
    packed: bytes
    checksum: bytes | None = None


class PatternRow(SQLModel, table=True):
    """A pattern; the column `metadata` holds the whole of it as JSON, the others are for queries."""

    __tablename__ = "patterns"
    __table_args__ = (
        Index("patterns_by_status", "home", "status"),
        Index("patterns_by_entity", "home", "entity_id"),
    )

    home: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    pattern_type: str
    entity_id: str
    whole: str = Field(sa_column=Column("metadata", Text, nullable=False))
    status: str
    confidence: float
    occurrences: int
    first_seen_us: int = Field(sa_type=BigInteger)
    last_seen_us: int = Field(sa_type=BigInteger)
    changed_us: int = Field(sa_type=BigInteger)
    checksum: bytes | None = None


class AnomalyRow(SQLModel, table=True):
    """Something out of order that was said; the column `metadata` holds the whole of it as JSON."""

    __tablename__ = "anomalies"
    __table_args__ = (Index("anomalies_by_time", "home", "at_us"),)

    home: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    kind: str
    entity_id: str
    at_us: int = Field(sa_type=BigInteger)
    whole: str = Field(sa_column=Column("metadata", Text, nullable=False))
    checksum: bytes | None = None


class OutboxRow(SQLModel, table=True):
    """A message that is to be published, or was."""

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("home", "id", name="outbox_id"),
        Index(
            "outbox_pending",
            "home",
            "seq",
            sqlite_where=text("sent_us IS NULL"),
            postgresql_where=text("sent_us IS NULL"),
        ),
        {"sqlite_autoincrement": True},
    )

    seq: int | None = Field(default=None, sa_column=_sequence())
    home: str
    id: str
    topic: str
    payload: bytes
    retain: bool
    expiry_s: int | None = None
    created_us: int = Field(sa_type=BigInteger)
    sent_us: int | None = Field(default=None, sa_type=BigInteger)
    checksum: bytes | None = None


class DeadLetterRow(SQLModel, table=True):
    """A message that could not be taken, with the beginning of its payload; in a flood one of `messages`."""

    __tablename__ = "dead_letters"
    __table_args__ = (
        UniqueConstraint("home", "id", name="dead_letters_id"),
        Index("dead_letters_order", "home", "seq"),
        {"sqlite_autoincrement": True},
    )

    seq: int | None = Field(default=None, sa_column=_sequence())
    home: str
    id: str
    reason: str
    detail: str
    topic: str
    received_us: int = Field(sa_type=BigInteger)
    size_bytes: int
    payload: bytes
    messages: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    checksum: bytes | None = None


class LeaseRow(SQLModel, table=True):
    """Owner of a partition, and until when; the epoch grows with every owner and fences the ones before."""

    __tablename__ = "leases"

    home: str = Field(primary_key=True)
    partition: str = Field(primary_key=True)
    owner: str
    epoch: int = Field(sa_type=BigInteger)
    until_us: int = Field(sa_type=BigInteger)
    ttl_us: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})


class SnapshotRow(SQLModel, table=True):
    """A cache's content up to a place in the journal; disposable."""

    __tablename__ = "snapshots"

    home: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    version: int
    applied_seq: int = Field(sa_type=BigInteger)
    checksum: bytes
    payload: bytes


class GapRow(SQLModel, table=True):
    """An interval in which the home could not be seen."""

    __tablename__ = "gaps"

    home: str = Field(primary_key=True)
    from_us: int = Field(primary_key=True, sa_type=BigInteger)
    reason: str = Field(primary_key=True)
    to_us: int = Field(sa_type=BigInteger)
    checksum: bytes | None = None


class SuggestionRow(SQLModel, table=True):
    """A suggestion; the column `metadata` holds the whole of it as JSON, the others are for queries.

    `changes` grows with every write: who has read it may write only if nobody did meanwhile.
    """

    __tablename__ = "suggestions"
    __table_args__ = (Index("suggestions_by_status", "home", "status"),)

    home: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    pattern_id: str
    pattern_type: str
    entity_id: str
    status: str
    version: int
    changes: int
    created_us: int = Field(sa_type=BigInteger)
    updated_us: int = Field(sa_type=BigInteger)
    whole: str = Field(sa_column=Column("metadata", Text, nullable=False))
    checksum: bytes | None = None


class DeploymentRow(SQLModel, table=True):
    """Version wanted in Home Assistant for a suggestion, and the state of its deployment.

    `wanted` is the version that is to stand there, 0 for none; `standing` the one that does. `approval` is
    the signed command that said so. `failure` is the reason for which its last step failed, with
    `failure_text` in words; `drift` how what stands differs from what was deployed. Empty is none.
    """

    __tablename__ = "deployments"

    home: str = Field(primary_key=True)
    suggestion_id: str = Field(primary_key=True)
    automation_id: str
    wanted: int
    standing: int
    step: str
    attempts: int
    approval: str = Field(sa_type=Text)
    failure_text: str = Field(sa_type=Text)
    updated_us: int = Field(sa_type=BigInteger)
    checksum: bytes | None = None
    failure: str = Field(default="", sa_column_kwargs={"server_default": ""})
    drift: str = Field(default="", sa_column_kwargs={"server_default": ""})


class AutomationVersionRow(SQLModel, table=True):
    """One version of an automation: the suggestion as it was approved, and what Home Assistant was given."""

    __tablename__ = "automation_versions"

    home: str = Field(primary_key=True)
    suggestion_id: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    content_hash: str
    suggestion: str = Field(sa_type=Text)
    config: str = Field(sa_type=Text)
    deployed_us: int = Field(sa_type=BigInteger)
    checksum: bytes | None = None


class FeedbackRow(SQLModel, table=True):
    """Feedback of a person on a suggestion."""

    __tablename__ = "feedback"

    home: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    suggestion_id: str
    at_us: int = Field(sa_type=BigInteger)
    opinion: str
    pattern_type: str
    device_class: str
    person: str
    text: str = Field(sa_type=Text)
    checksum: bytes | None = None


class AuditRow(SQLModel, table=True):
    """Entry of the audit log, hashed with the one before: none can be changed or left out unnoticed."""

    __tablename__ = "audit"

    home: str = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    at_us: int = Field(sa_type=BigInteger)
    actor: str
    what: str
    subject: str
    detail: str = Field(sa_type=Text)
    previous: bytes
    hash: bytes


class NonceRow(SQLModel, table=True):
    """A command's nonce, or a press: neither counts twice."""

    __tablename__ = "nonces"

    home: str = Field(primary_key=True)
    nonce: str = Field(primary_key=True)
    seen_us: int = Field(sa_type=BigInteger)
    checksum: bytes | None = None


class ControlRow(SQLModel, table=True):
    """Setting that a person has changed while the pipeline runs, as JSON."""

    __tablename__ = "controls"

    home: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    value: str = Field(sa_type=Text)
    checksum: bytes | None = None


class QuarantineRow(SQLModel, table=True):
    """A message whose event time cannot be true by our clock, whole: it is taken once the clock says so."""

    __tablename__ = "quarantine"
    __table_args__ = (
        UniqueConstraint("home", "key", name="quarantine_key"),
        Index("quarantine_by_time", "home", "at_us"),
        {"sqlite_autoincrement": True},
    )

    seq: int | None = Field(default=None, sa_column=_sequence())
    home: str
    key: bytes
    topic: str
    payload: bytes
    received_us: int = Field(sa_type=BigInteger)
    at_us: int = Field(sa_type=BigInteger)
    reason: str
    checksum: bytes | None = None


class DamagedRow(SQLModel, table=True):
    """A row that was not as it was written, set aside; `mended` says what became of it."""

    __tablename__ = "damaged"
    __table_args__ = ({"sqlite_autoincrement": True},)

    seq: int | None = Field(default=None, sa_column=_sequence())
    home: str
    found_us: int = Field(sa_type=BigInteger)
    table_name: str
    row_key: str
    content: bytes
    mended: str


class CommitsRow(SQLModel, table=True):
    """Number of transactions kept: a store that has lost some has fewer than its mark says."""

    __tablename__ = "commits"

    home: str = Field(primary_key=True)
    part: str = Field(primary_key=True)
    number: int = Field(sa_type=BigInteger)


METADATA = SQLModel.metadata


def table_of(row: type[SQLModel]) -> Table:
    """Return the table that holds these rows."""
    return METADATA.tables[str(row.__tablename__)]
