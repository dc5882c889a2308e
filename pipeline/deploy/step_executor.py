"""Steps of a deployment in Home Assistant: each looks before it acts, so that it may be repeated."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import structlog

from pipeline.automations.render import is_same
from pipeline.commands.admission import admitted, approval_of, approved
from pipeline.deploy.admin_client import AdminClient
from pipeline.deploy.deployment_writer import DeploymentWriter
from pipeline.runtime.role import RoleContext
from pipeline.settings.sections import DeploySettings
from pipeline.suggestions.deployment_steps import Patience, Step, is_overdue
from pipeline.suggestions.drift import ConfigOwner, owner_of
from pipeline.suggestions.failures import StepFailedError
from pipeline.timing.clock import monotonic_s
from schemas.catalogue import Catalogue
from schemas.deployments import AutomationVersion, Deployment, FailureReason
from sinks.home_assistant import HomeAssistantError, Refused
from sinks.store import Held, LeaseLostError

log = structlog.get_logger(__name__)

T = TypeVar("T")
Config = Mapping[str, Any]
FRESH_S = 2.0
MODES = ("recovery_mode", "safe_mode")


class StepExecutor:
    """Executes one step of a deployment, and stores its outcome.

    Parameters
    ----------
    context
        What the deployer works with.
    key
        What orders are signed with.
    client
        Home Assistant, with an administrator's token.
    writer
        Where a step is kept.
    patience
        How long an entity is waited for.
    is_ours
        Whether we still hold the lease, asked before anything is written.
    """

    def __init__(
        self,
        context: RoleContext[DeploySettings],
        key: bytes,
        client: AdminClient,
        writer: DeploymentWriter,
        *,
        patience: Patience,
        is_ours: Callable[[Held], Awaitable[bool]],
    ) -> None:
        self._context = context
        self._key = key
        self._client = client
        self._writer = writer
        self._patience = patience
        self._is_ours = is_ours
        self._seen: tuple[float, Catalogue] | None = None
        self._warned: dict[str, tuple[str, frozenset[FailureReason]]] = {}
        self._steps = {
            Step.WANTED: self._check,
            Step.WRITE: self._write,
            Step.ENABLE: self._enable,
            Step.REMOVE: self._remove,
            Step.VANISH: self._vanish,
            Step.TAKE_BACK: self._take_back,
        }

    async def take(self, row: Deployment, held: Held) -> bool:
        """Take the next step; False where something is still waited for.

        Raises
        ------
        LeaseLostError
            Another deployer has taken over.
        StoreUnavailableError
            Nothing of the step was kept; it is to be taken again.
        """
        refusal = self._client.refusal()
        if refusal is not None and (row.step == Step.TAKE_BACK or row.failure == refusal.failure):
            return False
        try:
            if refusal is not None:
                raise refusal.with_traceback(None)
            return await self._steps[Step(row.step)](row, held)
        except StepFailedError as error:
            failure = error
        except Refused as error:
            failure = self._client.failure(error)
        except HomeAssistantError as error:
            failure = StepFailedError(FailureReason.UNREACHABLE, str(error))
        self._warn(row, failure)
        if row.step == Step.TAKE_BACK:
            return False
        return await self._keep(partial(self._writer.failed, row, held, self._context.now_us(), failure))

    def _warn(self, row: Deployment, failure: StepFailedError) -> None:
        """Log a failure: as a warning the first time that an order meets its reason, then as debug."""
        approval, met = self._warned.get(row.suggestion_id, ("", frozenset()))
        if approval != row.approval:
            met = frozenset()
        say = log.debug if failure.reason in met else log.warning
        say("step not done", suggestion=row.suggestion_id, step=row.step, error=str(failure))
        self._warned[row.suggestion_id] = (row.approval, met | {failure.reason})

    async def is_running(self) -> bool:
        """Return whether Home Assistant has started: before that, a missing automation may still exist."""
        found = await self._client.reader.configuration()
        return found.get("state") == "RUNNING" and not any(found.get(mode) for mode in MODES)

    async def versions(self, row: Deployment) -> dict[int, AutomationVersion]:
        """Return all versions of a deployment that were ever written, by number."""
        kept = await self._context.ask(lambda: self._context.store.suggestions.versions(row.suggestion_id))
        return {each.version: each for each in kept}

    async def _check(self, row: Deployment, held: Held) -> bool:
        """Check that a deployment was ordered, is what was approved, and may run in this home."""
        approval = approval_of(row, self._key)
        await self._require_running()
        version = None
        if row.wanted:
            versions = await self.versions(row)
            suggestion = await self._context.ask(
                lambda: self._context.store.suggestions.get(row.suggestion_id)
            )
            content = approved(row, approval, suggestion, list(versions.values()))
            config = admitted(content, versions.get(row.wanted), await self._catalogue())
            version = AutomationVersion(
                row.wanted, content.content_hash, content, dict(config), self._context.now_us()
            )
        return await self._keep(partial(self._writer.forward, row, held, self._context.now_us(), version))

    async def _catalogue(self) -> Catalogue:
        """Return the home's catalogue, at most `FRESH_S` seconds old, so that orders in a row share it."""
        seen = self._seen
        if seen is None or monotonic_s() - seen[0] > FRESH_S:
            # The time from before the answer: what changes while it comes is not taken for known.
            seen = self._seen = (monotonic_s(), await self._client.reader.catalogue())
        return seen[1]

    async def _write(self, row: Deployment, held: Held) -> bool:
        versions = await self.versions(row)
        config, known = versions[row.wanted].config, [each.config for each in versions.values()]
        match owner_of(await self._client.home_assistant.read(row.automation_id), config, known):
            case ConfigOwner.SOMEBODYS:
                raise StepFailedError(FailureReason.EDITED if row.standing else FailureReason.FOREIGN)
            case ConfigOwner.NOTHING | ConfigOwner.OURS:
                await self._put(row, held, config, versions)
        return await self._keep(partial(self._writer.forward, row, held, self._context.now_us()))

    async def _put(
        self, row: Deployment, held: Held, config: Config, versions: Mapping[int, AutomationVersion]
    ) -> None:
        """Write and read back; what came out as something else is taken back while we know it as ours."""
        await self._require_lease(held)
        await self._client.home_assistant.write(row.automation_id, config)
        kept = await self._client.home_assistant.read(row.automation_id)
        if kept is None:
            raise StepFailedError(FailureReason.NOT_KEPT)
        if not is_same(kept, config):
            if row.standing in versions:
                await self._client.home_assistant.write(row.automation_id, versions[row.standing].config)
            else:
                await self._client.home_assistant.delete(row.automation_id)
            raise StepFailedError(FailureReason.ALTERED)

    async def _enable(self, row: Deployment, held: Held) -> bool:
        entity = await self._client.home_assistant.entity(row.automation_id)
        if entity is None:
            if not is_overdue(row, self._patience, self._context.now_us()):
                return False
            await self._require_running()
            raise StepFailedError(FailureReason.NOT_LOADED)
        if entity.get("state") == "unavailable":
            raise StepFailedError(FailureReason.NOT_SET_UP)
        return await self._keep(partial(self._writer.stands, row, held, self._context.now_us(), entity))

    async def _remove(self, row: Deployment, held: Held) -> bool:
        await self._require_running()
        found = await self._client.home_assistant.read(row.automation_id)
        if found is not None:
            known = [each.config for each in (await self.versions(row)).values()]
            is_somebodys = owner_of(found, {}, known) is ConfigOwner.SOMEBODYS
            if is_somebodys and not row.standing:
                raise StepFailedError(FailureReason.FOREIGN)
            if is_somebodys:
                # What a person made of it goes as the person wishes, but can be read and made again.
                await self._keep(partial(self._writer.edited, row, held, self._context.now_us(), found))
                log.info("what was changed by hand is removed", automation=row.automation_id)
            await self._require_lease(held)
            await self._client.home_assistant.delete(row.automation_id)
        return await self._keep(partial(self._writer.forward, row, held, self._context.now_us()))

    async def _vanish(self, row: Deployment, held: Held) -> bool:
        await self._require_running()
        if await self._client.home_assistant.read(row.automation_id) is not None:
            raise StepFailedError(FailureReason.STAYS)
        if await self._client.home_assistant.entity(row.automation_id) is not None:
            if not is_overdue(row, self._patience, self._context.now_us()):
                return False
            raise StepFailedError(FailureReason.STAYS)
        return await self._keep(partial(self._writer.gone, row, held, self._context.now_us()))

    async def _take_back(self, row: Deployment, held: Held) -> bool:
        """Put back what stood before, or nothing; what is somebody's own is left."""
        await self._require_running()
        versions = await self.versions(row)
        before = versions.get(row.standing)
        known = [each.config for each in versions.values()]
        found = await self._client.home_assistant.read(row.automation_id)
        match owner_of(found, before.config if before else {}, known):
            case ConfigOwner.OURS:
                await self._require_lease(held)
                if before is None:
                    await self._client.home_assistant.delete(row.automation_id)
                else:
                    await self._client.home_assistant.write(row.automation_id, before.config)
                return False
            case ConfigOwner.NOTHING if (
                await self._client.home_assistant.entity(row.automation_id) is not None
            ):
                return False
        return await self._keep(partial(self._writer.taken_back, row, held, self._context.now_us()))

    async def _require_running(self) -> None:
        if not await self.is_running():
            raise StepFailedError(FailureReason.STARTING)

    async def _require_lease(self, held: Held) -> None:
        if not await self._is_ours(held):
            raise LeaseLostError("expected to be the only deployer, another one has taken over")

    async def _keep(self, call: Callable[[], bool]) -> bool:
        await self._context.commit(call)
        return True
