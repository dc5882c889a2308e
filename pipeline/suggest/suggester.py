"""Suggests automations: backtests them when a day was judged, and renews the pending ones."""

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import partial

import structlog
from pydantic import ValidationError

from pipeline.backtest.runner import BacktestError, BacktestRequest, BacktestRunner
from pipeline.commands.controls import HomeControls
from pipeline.runtime.home import reader_of
from pipeline.runtime.role import IncomingMessage, Loop, RoleContext, Subscriber
from pipeline.settings.sections import SuggestSettings
from pipeline.suggest.plan import Plan, Planner
from pipeline.timing.clock import monotonic_s
from pipeline.timing.waiting import Debounce
from schemas.catalogue import Catalogue
from schemas.instants import from_us
from schemas.statuses import AnalysisComplete
from schemas.suggestions import Status
from schemas.topics import Role
from sinks.store import StoreError, StoreUnavailableError

log = structlog.get_logger(__name__)

SNAPSHOT = "suggesting"
SNAPSHOT_VERSION = 1
# Days that end at once are one occasion, and so are those of a replay, however long each takes.
QUIET_S = 3.0
REPLAY_QUIET_S = 30.0
# Learning judges anew after its start, and says so: that is the better occasion.
START_QUIET_S = 20.0
# Who asks for suggestions gets them from days that are judged anew, or else from what was judged before.
JUDGED_WITHIN_S = 15.0
AGAIN_S = 60.0
SAY_AGAIN_S = 600.0


class HomeUnseenError(Exception):
    """Home Assistant does not answer, so existing automations cannot be compared."""


class Suggester:
    """Suggests the automations that did well in the backtest.

    Any number may run, each on the whole home: all that is known is in the store, and who keeps what it
    found looks there again, so that the day's budget holds for all together.

    Parameters
    ----------
    context
        What it works with.
    runner
        Where automations are tried, if not on the context's own store.
    """

    name = Role.SUGGEST

    def __init__(
        self, context: RoleContext[SuggestSettings], *, runner: BacktestRunner | None = None
    ) -> None:
        self._context = context
        self._runner = runner or BacktestRunner(context.settings, context.home)
        self._planner = Planner(context.settings, context.home, context.store)
        self._debounce = Debounce()
        self._say_at_s = 0.0

    def subscribers(self) -> Sequence[Subscriber]:
        topics = self._context.settings.topics
        return [
            Subscriber(topics.analysis_complete, self._take_analysis),
            Subscriber(topics.analysis_run, self._take_order),
        ]

    def loops(self) -> Sequence[Loop]:
        return [self._suggest_when_asked]

    async def run_once(self) -> Plan:
        """Backtest, choose, and store the plan.

        Raises
        ------
        HomeUnseenError
            Home Assistant does not answer.
        pipeline.backtest.runner.BacktestError
            Nothing could be tried.
        sinks.store.StoreError
            Nothing could be kept.
        """
        catalogue = await self._catalogue()
        minimum, attempts = await self._context.ask(self._read)
        result = await self._runner.examine(minimum, attempts)
        decide = partial(self._planner.decide, result, catalogue, minimum=minimum, now=self._now())
        plan = await self._context.ask(decide)
        await self._context.commit(partial(self._keep, plan))
        log.info("suggested", new=len(plan.new), renewed=len(plan.renewed), offers=len(result.offers))
        return plan

    async def _take_analysis(self, received: IncomingMessage) -> None:
        """Request a run because a day was judged; later for a day long past, as more will follow."""
        try:
            analysis = AnalysisComplete.model_validate_json(received.payload)
        except ValidationError:
            self._pass_over()
            return
        is_replayed = analysis.day < self._today() - timedelta(days=1)
        self._debounce.ask(REPLAY_QUIET_S if is_replayed else QUIET_S)

    def _pass_over(self) -> None:
        """Say that somebody published what learning does not say, once in a while."""
        if monotonic_s() >= self._say_at_s:
            self._say_at_s = monotonic_s() + SAY_AGAIN_S
            topic = self._context.settings.topics.analysis_complete
            log.warning("passed over: expected a judged day, got something else", topic=topic)

    async def _take_order(self, received: IncomingMessage) -> None:
        """Request a run because a person asked for it; retained messages are ignored.

        Learning judges the days anew and says so, which is the occasion; it is waited for so long.
        """
        if not received.retain:
            self._debounce.ask(JUDGED_WITHIN_S)

    async def _suggest_when_asked(self) -> None:
        """Run after what asks for it, and after the start if nothing was tried today, until cancelled."""
        if await self._is_due():
            self._debounce.ask(START_QUIET_S)
        while True:
            await self._debounce.wait()
            await self._try_to_run()

    async def _try_to_run(self) -> None:
        """Run; what fails and passes by itself is tried again soon, all else when the next day was judged."""
        try:
            await self.run_once()
        except (HomeUnseenError, StoreUnavailableError) as error:
            log.warning("nothing suggested yet, trying again soon", error=str(error), again_s=AGAIN_S)
            self._debounce.ask(AGAIN_S)
        except (BacktestError, StoreError) as error:
            log.error("nothing suggested, again when a day was judged", error=str(error))  # noqa: TRY400 the error says it
        except Exception:
            log.exception("nothing suggested, again when a day was judged")

    async def _is_due(self) -> bool:
        """Return whether there are patterns and nothing was tried today; True if the store cannot be read."""
        try:
            return await self._context.ask(lambda: not self._was_tried_today() and self._has_patterns())
        except StoreUnavailableError:
            return True

    def _was_tried_today(self) -> bool:
        stored = self._context.store.snapshot(SNAPSHOT)
        tried = json.loads(stored.payload)["day"] if stored else ""
        return bool(tried == self._today().isoformat())

    def _has_patterns(self) -> bool:
        return bool(self._context.store.counts()["patterns"])

    async def _catalogue(self) -> Catalogue | None:
        """Return Home Assistant's catalogue; None if it is not configured or refuses to answer."""
        reader = reader_of(self._context.settings)
        if reader is None:
            return None
        from sinks.home_assistant import HomeAssistantError, Unreachable  # noqa: PLC0415 only where it is set up

        try:
            return await reader.catalogue()
        except Unreachable as error:
            raise HomeUnseenError(str(error)) from error
        except HomeAssistantError as error:
            log.warning("suggesting without what Home Assistant knows", error=str(error))
            return None

    def _read(self) -> tuple[float, list[BacktestRequest]]:
        """Return the minimum confidence, and the pending suggestions to backtest again."""
        store = self._context.store
        active = {pattern.id: pattern for pattern in store.patterns(status="active")}
        controls, otherwise = HomeControls.of(store.suggestions), self._context.settings.minimum_confidence
        return controls.minimum_confidence(otherwise=otherwise), [
            BacktestRequest(id=each.id, pattern=active[each.pattern_id], automation=each.automation)
            for each in store.suggestions.all(Status.PENDING)
            if each.pattern_id in active
        ]

    def _keep(self, plan: Plan) -> None:
        tried = json.dumps({"day": self._today().isoformat()}).encode()
        with self._context.store.begin() as transaction:
            self._planner.keep(plan, transaction)
            transaction.save_snapshot(SNAPSHOT, tried, version=SNAPSHOT_VERSION, applied_seq=0)

    def _now(self) -> datetime:
        return from_us(self._context.now_us())

    def _today(self) -> date:
        return self._now().astimezone(self._context.home.zone).date()
