"""Monitors deployed automations: one removed, switched off or edited by hand is reported once."""

import asyncio
from functools import partial
from typing import Any, NamedTuple

import structlog

from pipeline.deploy.admin_client import AdminClient
from pipeline.deploy.deployment_writer import DeploymentWriter
from pipeline.deploy.step_executor import StepExecutor
from pipeline.runtime.role import RoleContext
from pipeline.settings.sections import DeploySettings
from pipeline.suggestions.deployment_steps import US, Patience, Step
from pipeline.suggestions.drift import drift_of
from pipeline.timing.clock import monotonic_s
from schemas.deployments import Deployment, Drift
from schemas.suggestions import Suggestion
from sinks.home_assistant import Refused
from sinks.store import Held

log = structlog.get_logger(__name__)


class Glance(NamedTuple):
    """Drift of an automation, and its entity."""

    drift: Drift
    entity: dict[str, Any] | None


class DriftMonitor:
    """Checks every deployed automation for drift, and those changed lately for late writes.

    Parameters
    ----------
    context
        What the deployer works with.
    client
        Home Assistant, with an administrator's token.
    executor, writer
        What the deployer knows of a deployment, and where it is kept.
    patience
        How long an automation may be off before that counts.
    """

    def __init__(
        self,
        context: RoleContext[DeploySettings],
        client: AdminClient,
        executor: StepExecutor,
        writer: DeploymentWriter,
        patience: Patience,
    ) -> None:
        self._context = context
        self._client = client
        self._executor = executor
        self._writer = writer
        self._patience = patience
        self._off_since_s: dict[str, float] = {}

    async def look_once(self, held: Held) -> None:
        """Check all of them once; nothing is concluded while Home Assistant starts, or refuses the token.

        Raises
        ------
        HomeAssistantError
            It does not answer.
        StoreError
            Nothing could be kept.
        """
        rows = [row for row in await self._context.ask(self._read) if self._is_looked_after(row)]
        if not rows or self._client.refusal() is not None:
            return
        try:
            if await self._executor.is_running():
                for row in rows:
                    await self._look_at(row, held)
        except Refused as error:
            self._client.failure(error)
            raise

    def _read(self) -> list[Deployment]:
        return self._context.store.suggestions.deployments()

    def _is_looked_after(self, row: Deployment) -> bool:
        is_fresh = self._context.now_us() - row.updated_us < self._patience.stray_s * US
        return row.step == Step.STANDS and (row.standing > 0 or is_fresh)

    async def _look_at(self, row: Deployment, held: Held) -> None:
        suggestion = await self._context.ask(lambda: self._context.store.suggestions.get(row.suggestion_id))
        glance = await self._glance(row, suggestion)
        if glance.drift is Drift.GONE:
            await asyncio.sleep(self._patience.again_s)
            glance = await self._glance(row, suggestion)
            if not await self._executor.is_running():
                return
        if not self._counts(row, glance.drift):
            return
        if glance.drift is not row.drift:
            log.info("found otherwise than deployed", suggestion=row.suggestion_id, look=glance.drift.name)
            now_us = self._context.now_us()
            await self._context.commit(partial(self._writer.noticed, row, held, now_us, glance.drift))
        elif suggestion and glance.entity and glance.entity["entity_id"] != suggestion.ha_entity_id:
            await self._context.commit(
                partial(self._writer.renamed, row, held, self._context.now_us(), glance.entity["entity_id"])
            )

    def _counts(self, row: Deployment, drift: Drift) -> bool:
        """Return whether a drift lasted long enough: people switch an automation off for a moment, too."""
        if drift is not Drift.OFF:
            self._off_since_s.pop(row.suggestion_id, None)
            return True
        # A clock that is set says nothing of how long it lasted.
        now_s = monotonic_s()
        return now_s - self._off_since_s.setdefault(row.suggestion_id, now_s) >= self._patience.off_s

    async def _glance(self, row: Deployment, suggestion: Suggestion | None) -> Glance:
        versions = await self._executor.versions(row)
        standing = versions.get(row.standing)
        found = await self._client.home_assistant.read(row.automation_id)
        entity = await self._entity(row, suggestion) if standing else None
        known = [each.config for each in versions.values()]
        return Glance(drift_of(found, entity, standing.config if standing else None, known), entity)

    async def _entity(self, row: Deployment, suggestion: Suggestion | None) -> dict[str, Any] | None:
        """Return the automation's entity by its last known id; only if that changed, all states are read."""
        if suggestion is not None and suggestion.ha_entity_id is not None:
            found = await self._client.reader.state(suggestion.ha_entity_id)
            if found is not None and found["attributes"].get("id") == row.automation_id:
                return found
        return await self._client.home_assistant.entity(row.automation_id)
