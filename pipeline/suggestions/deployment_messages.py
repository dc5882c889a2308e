"""Messages about deployments, with ids that follow from their content."""

from datetime import datetime
from typing import Literal

from pipeline.suggestions.message_factory import MessageFactory
from schemas.commands import AutomationExecuted, AutomationFailed
from schemas.deployments import Deployment
from schemas.outgoing import Outgoing
from schemas.topics import Topics

What = Literal["deployed", "rolled_back", "removed", "ran"]


class Messages(MessageFactory):
    """Makes the deployer's messages of one home."""

    def executed(
        self, what: What, row: Deployment, text: str, *, entity_id: str | None, at: datetime
    ) -> Outgoing:
        """Return the message that an automation was deployed, rolled back or removed, or that it ran."""
        version = row.standing
        identity = self._identity(what, row.suggestion_id, str(version), at.isoformat())
        payload = AutomationExecuted(
            message_id=identity,
            at=at,
            what=what,
            suggestion_id=row.suggestion_id,
            automation_id=row.automation_id,
            entity_id=entity_id,
            version=version,
            text=text,
        )
        return Topics.automation_executed.outgoing(self._topics, identity, payload)

    def failed(self, suggestion_id: str, step: str, text: str, *, is_retried: bool, at: datetime) -> Outgoing:
        """Return the message that a step failed."""
        identity = self._identity("failed", suggestion_id, step, at.isoformat())
        payload = AutomationFailed(
            message_id=identity,
            at=at,
            suggestion_id=suggestion_id,
            automation_id=f"haai_{suggestion_id}",
            step=step,
            retried=is_retried,
            text=text,
        )
        return Topics.automation_failed.outgoing(self._topics, identity, payload)
