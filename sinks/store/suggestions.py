"""Suggestions in the store: what was proposed, what people said, what stands in Home Assistant."""

import json
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, select, update

from schemas.audit import NewAuditEntry
from schemas.deployments import AutomationVersion, Deployment, Drift, Failure, FailureReason
from schemas.instants import from_us, to_us
from schemas.suggestions import Opinion, Status, Suggestion, UserFeedback
from schemas.tables import (
    AutomationVersionRow,
    ControlRow,
    DeploymentRow,
    FeedbackRow,
    NonceRow,
    SuggestionRow,
    table_of,
)
from sinks.store.audit import AuditEntry, append_all, fault, read
from sinks.store.checksums import checksum, summed
from sinks.store.engine import Database, insert_into, take_turn, upsert
from sinks.store.rows import storable

_SUGGESTIONS = table_of(SuggestionRow)
_DEPLOYMENTS = table_of(DeploymentRow)
_VERSIONS = table_of(AutomationVersionRow)
_FEEDBACK = table_of(FeedbackRow)
_NONCES = table_of(NonceRow)
_CONTROLS = table_of(ControlRow)


class Kept(NamedTuple):
    """A suggestion as it was read; `changes` must still be the same when it is written again."""

    suggestion: Suggestion
    changes: int


class SuggestionReads:
    """Read a home's suggestions; each call sees one state of the database."""

    def __init__(self, database: Database, home: str) -> None:
        self._database = database
        self._home = home

    def all(self, *statuses: Status) -> list[Suggestion]:
        """Return the suggestions, or those of some statuses, oldest first."""
        with self._database.reading() as connection:
            return SuggestionWrites(connection, self._home).all(*statuses)

    def get(self, suggestion_id: str) -> Suggestion | None:
        """Return a suggestion."""
        with self._database.reading() as connection:
            kept = SuggestionWrites(connection, self._home).get(suggestion_id)
        return kept.suggestion if kept else None

    def some(self, suggestion_ids: Collection[str]) -> dict[str, Suggestion]:
        """Return those of some suggestions that are known, by id."""
        wanted = select(_SUGGESTIONS.c.metadata).where(
            _SUGGESTIONS.c.home == self._home, _SUGGESTIONS.c.id.in_(sorted(suggestion_ids))
        )
        with self._database.reading() as connection:
            found = map(Suggestion.model_validate_json, connection.execute(wanted).scalars())
            return {suggestion.id: suggestion for suggestion in found}

    def feedback(self) -> list[UserFeedback]:
        """Return what people said and did, oldest first."""
        wanted = select(_FEEDBACK).where(_FEEDBACK.c.home == self._home)
        with self._database.reading() as connection:
            rows = connection.execute(wanted.order_by(_FEEDBACK.c.at_us, _FEEDBACK.c.id)).all()
        return [_feedback(row) for row in rows]

    def deployments(self) -> list[Deployment]:
        """Return what is to stand in Home Assistant."""
        with self._database.reading() as connection:
            return SuggestionWrites(connection, self._home).deployments()

    def deployment(self, suggestion_id: str) -> Deployment | None:
        """Return what is to stand in Home Assistant for one suggestion."""
        with self._database.reading() as connection:
            return SuggestionWrites(connection, self._home).deployment(suggestion_id)

    def versions(self, suggestion_id: str) -> list[AutomationVersion]:
        """Return every version that was deployed of a suggestion, first one first."""
        with self._database.reading() as connection:
            return SuggestionWrites(connection, self._home).versions(suggestion_id)

    def audit(self) -> list[AuditEntry]:
        """Return the audit log; `audit_fault` says whether it is whole."""
        with self._database.reading() as connection:
            return read(connection, self._home)

    def audit_fault(self) -> str | None:
        """Return what is wrong with the audit log; None if it is as it was written, to its end."""
        with self._database.reading() as connection:
            return fault(connection, self._home)

    def control(self, name: str) -> Any:
        """Return what a person has set, None if nobody did."""
        with self._database.reading() as connection:
            return SuggestionWrites(connection, self._home).control(name)

    def controls(self, *names: str) -> dict[str, Any]:
        """Return what was set under these names; what was not is left out."""
        with self._database.reading() as connection:
            return SuggestionWrites(connection, self._home).controls(*names)

    def is_used(self, nonce: str) -> bool:
        """Return whether a nonce was used."""
        wanted = select(_NONCES.c.nonce).where(_NONCES.c.home == self._home, _NONCES.c.nonce == nonce)
        with self._database.reading() as connection:
            return connection.execute(wanted).first() is not None


class SuggestionWrites:
    """Reads and writes on suggestions within one transaction of `SqlStore.begin`."""

    def __init__(self, connection: Connection, home: str) -> None:
        self._connection = connection
        self._home = home

    def all(self, *statuses: Status) -> list[Suggestion]:
        """Return the suggestions, or those of some statuses, oldest first."""
        wanted = select(_SUGGESTIONS.c.metadata).where(_SUGGESTIONS.c.home == self._home)
        if statuses:
            wanted = wanted.where(_SUGGESTIONS.c.status.in_(statuses))
        rows = self._connection.execute(wanted.order_by(_SUGGESTIONS.c.created_us, _SUGGESTIONS.c.id))
        return [Suggestion.model_validate_json(whole) for whole in rows.scalars()]

    def get(self, suggestion_id: str) -> Kept | None:
        """Return a suggestion and how often it was written."""
        wanted = select(_SUGGESTIONS.c.metadata, _SUGGESTIONS.c.changes).where(
            _SUGGESTIONS.c.home == self._home, _SUGGESTIONS.c.id == suggestion_id
        )
        row = self._connection.execute(wanted).one_or_none()
        return None if row is None else Kept(Suggestion.model_validate_json(row.metadata), row.changes)

    def add(self, suggestion: Suggestion) -> bool:
        """Keep a new suggestion; False where one with its id is known, whatever became of it."""
        row = {**_suggestion_row(suggestion), "home": self._home, "changes": 1}
        return self._insert(_SUGGESTIONS, row)

    def replace(self, suggestion: Suggestion, *, changes: int) -> bool:
        """Keep a suggestion in place of the one that was read; False if somebody wrote it meanwhile."""
        row = {**_suggestion_row(suggestion), "home": self._home, "changes": changes + 1}
        statement = (
            update(_SUGGESTIONS)
            .where(_SUGGESTIONS.c.home == self._home, _SUGGESTIONS.c.id == suggestion.id)
            .where(_SUGGESTIONS.c.changes == changes)
            .values(**row, checksum=checksum(_SUGGESTIONS, row))
        )
        return self._connection.execute(statement).rowcount == 1

    def use_nonce(self, nonce: str, at_us: int) -> bool:
        """Note a nonce; False if it was used before."""
        return self._insert(_NONCES, {"home": self._home, "nonce": nonce, "seen_us": at_us})

    def say(self, feedback: UserFeedback) -> bool:
        """Keep what a person said or did; False where it is known."""
        row = {
            "home": self._home,
            "id": feedback.message_id,
            "at_us": to_us(feedback.at),
            **feedback.model_dump(mode="json", exclude={"schema_version", "message_id", "at"}),
        }
        return self._insert(_FEEDBACK, row)

    def deployments(self) -> list[Deployment]:
        """Return what is to stand in Home Assistant."""
        wanted = select(_DEPLOYMENTS).where(_DEPLOYMENTS.c.home == self._home)
        rows = self._connection.execute(wanted.order_by(_DEPLOYMENTS.c.updated_us))
        return [_deployment(row) for row in rows]

    def deployment(self, suggestion_id: str) -> Deployment | None:
        """Return what is to stand in Home Assistant for one suggestion."""
        return next((each for each in self.deployments() if each.suggestion_id == suggestion_id), None)

    def deploy(self, deployment: Deployment, *, instead_of: Deployment | None = None) -> bool:
        """Keep what is to stand in Home Assistant, in place of what was read of it, None if that was nothing.

        False if somebody wrote it meanwhile.
        """
        if instead_of is None:
            return self._insert(_DEPLOYMENTS, {"home": self._home, **_deployment_row(deployment)})
        statement = update(_DEPLOYMENTS).where(_DEPLOYMENTS.c.home == self._home)
        for name, value in _storable(_deployment_row(instead_of)).items():
            statement = statement.where(_DEPLOYMENTS.c[name] == value)
        row = {**_storable(_deployment_row(deployment)), "home": self._home}
        written = statement.values(**row, checksum=checksum(_DEPLOYMENTS, row))
        return self._connection.execute(written).rowcount == 1

    def versions(self, suggestion_id: str) -> list[AutomationVersion]:
        """Return every version that was deployed of a suggestion, first one first."""
        wanted = select(*[_VERSIONS.c[name] for name in AutomationVersion._fields]).where(
            _VERSIONS.c.home == self._home, _VERSIONS.c.suggestion_id == suggestion_id
        )
        rows = self._connection.execute(wanted.order_by(_VERSIONS.c.version)).all()
        return [
            AutomationVersion(
                row.version,
                row.content_hash,
                Suggestion.model_validate_json(row.suggestion),
                json.loads(row.config),
                row.deployed_us,
            )
            for row in rows
        ]

    def add_version(self, version: AutomationVersion) -> bool:
        """Keep a version of an automation; False where it is known."""
        row = {
            **version._asdict(),
            "home": self._home,
            "suggestion_id": version.suggestion.id,
            "suggestion": version.suggestion.exact(),
            "config": json.dumps(version.config, sort_keys=True),
        }
        return self._insert(_VERSIONS, row)

    def audit(self, *, at_us: int, actor: str, what: str, subject: str, detail: str = "") -> None:
        """Append to the audit log; what is longer than it may be is cut."""
        self.audit_all([NewAuditEntry(at_us, actor, what, subject, detail)])

    def audit_all(self, said: Sequence[NewAuditEntry]) -> None:
        """Append several entries to the audit log, in their order."""
        if said:
            append_all(self._connection, self._home, said)

    def control(self, name: str) -> Any:
        """Return what was set, None if nothing was."""
        return self.controls(name).get(name)

    def controls(self, *names: str) -> dict[str, Any]:
        """Return what was set under these names; what was not is left out."""
        wanted = select(_CONTROLS.c.name, _CONTROLS.c.value).where(
            _CONTROLS.c.home == self._home, _CONTROLS.c.name.in_([str(name) for name in names])
        )
        return {name: json.loads(value) for name, value in self._connection.execute(wanted)}

    def take_turn(self, task: str) -> None:
        """Wait until nobody else is at this task in this home; it is ours until the transaction ends."""
        take_turn(self._connection, f"ha-ai {task} {self._home}")

    def set_control(self, name: str, value: object) -> None:
        """Keep what a person has set."""
        row = {"home": self._home, "name": str(name), "value": json.dumps(value)}
        upsert(self._connection, _CONTROLS, [row])

    def _insert(self, table: Table, row: dict[str, Any]) -> bool:
        row = summed([_storable(row)], table)[0]
        statement = insert_into(self._connection, table).values(row).on_conflict_do_nothing()
        # On PostgreSQL SQLAlchemy forgets how many rows an INSERT has added, unless it is told to keep that.
        added = self._connection.execute(statement, execution_options={"preserve_rowcount": True})
        return bool(added.rowcount == 1)


def _storable(row: dict[str, Any]) -> dict[str, Any]:
    """A row of which every database takes every text."""
    return {name: storable(value) if isinstance(value, str) else value for name, value in row.items()}


def _deployment_row(deployment: Deployment) -> dict[str, Any]:
    failure = deployment.failure
    return {
        **deployment._asdict(),
        "failure": failure.reason.value if failure else "",
        "failure_text": failure.text if failure else "",
        "drift": deployment.drift.value,
    }


def _deployment(row: Any) -> Deployment:
    return Deployment(
        suggestion_id=row.suggestion_id,
        automation_id=row.automation_id,
        wanted=row.wanted,
        standing=row.standing,
        step=row.step,
        attempts=row.attempts,
        approval=row.approval,
        updated_us=row.updated_us,
        failure=Failure(FailureReason(row.failure), row.failure_text) if row.failure else None,
        drift=Drift(row.drift),
    )


def _suggestion_row(suggestion: Suggestion) -> dict[str, Any]:
    return {
        "id": suggestion.id,
        "pattern_id": suggestion.pattern_id,
        "pattern_type": suggestion.pattern_type.value,
        "entity_id": suggestion.automation.actions[0].entity_id,
        "status": suggestion.status.value,
        "version": suggestion.version,
        "created_us": to_us(suggestion.created_at),
        "updated_us": to_us(suggestion.updated_at),
        "metadata": suggestion.exact(),
    }


def _feedback(row: Any) -> UserFeedback:
    return UserFeedback(
        message_id=row.id,
        at=from_us(row.at_us),
        suggestion_id=row.suggestion_id,
        opinion=Opinion(row.opinion),
        pattern_type=row.pattern_type,
        device_class=row.device_class,
        person=row.person,
        text=row.text,
    )
