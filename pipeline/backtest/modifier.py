"""Modification of a suggestion as a person wants it: checked as a new one is, and backtested."""

from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.automations.modify import ModificationError, modified
from pipeline.backtest.runner import BacktestError, BacktestRunner
from pipeline.commands.decisions import Altered, ModificationRefusedError
from pipeline.runtime.home import catalogue_of
from pipeline.runtime.role import RoleContext
from pipeline.settings.sections import BacktestSettings
from pipeline.suggestions.experience import experience
from pipeline.suggestions.selection import check
from schemas.automations import Automation
from schemas.catalogue import Catalogue
from schemas.commands import Modification
from schemas.suggestions import STANDING, Suggestion, Trial

if TYPE_CHECKING:
    from sinks.home_assistant import HomeAssistantReader


class Modifier:
    """Makes what a person wants of a suggestion, or says why not; writes nothing."""

    def __init__(self, context: RoleContext[BacktestSettings], reader: "HomeAssistantReader | None") -> None:
        self._context = context
        self._reader = reader
        self._runner = BacktestRunner(context.settings, context.home)

    async def of(self, suggestion: Suggestion, change: Modification) -> Altered:
        """Return what becomes of a suggestion's automation, with its trial.

        Raises
        ------
        ModificationRefusedError
            It cannot be made, must not run, stands in another's way, or could not be tried.
        """
        catalogue = _without(await catalogue_of(self._reader), suggestion.automation_id)
        automation = _made(suggestion.automation, change, catalogue)
        others = [each for each in await self._standing() if each.id != suggestion.id]
        # What is unsafe or impossible is not tried out at all.
        if problem := check(automation, suggestion.trial, others, catalogue=catalogue).problem:
            raise ModificationRefusedError("unfit", problem)
        trial = await self.tried(suggestion, automation)
        verdict = check(automation, trial, others, catalogue=catalogue)
        if against := verdict.problem or verdict.conflict:
            raise ModificationRefusedError("unfit", against)
        feedback = await self._context.ask(self._context.store.suggestions.feedback)
        lived = experience(feedback, suggestion.pattern_type, automation.domain)
        return Altered(automation, trial, lived, verdict.told)

    async def tried(self, suggestion: Suggestion, automation: Automation) -> Trial:
        """Return what an automation would have done for the habit that a suggestion follows, up to now.

        Raises
        ------
        ModificationRefusedError
            The habit is forgotten, or it could not be tried.
        """
        patterns = await self._context.ask(self._context.store.patterns)
        pattern = next((each for each in patterns if each.id == suggestion.pattern_id), None)
        if pattern is None:
            raise ModificationRefusedError("forgotten", "the habit that it follows is not known any more")
        try:
            return await self._runner.try_out(pattern, automation)
        except BacktestError as error:
            raise ModificationRefusedError(
                "untried", f"it could not be tried on the past: {error}"
            ) from error

    async def _standing(self) -> list[Suggestion]:
        return await self._context.ask(lambda: self._context.store.suggestions.all(*STANDING))


def _without(catalogue: Catalogue | None, automation_id: str) -> Catalogue | None:
    """Return the catalogue without the automation itself, which would conflict with its own change."""
    if catalogue is None:
        return None
    others = tuple(each for each in catalogue.automations if each.automation_id != automation_id)
    return replace(catalogue, automations=others)


def _made(automation: Automation, change: Modification, catalogue: Catalogue | None) -> Automation:
    try:
        made = modified(automation, change, catalogue)
    except ModificationError as error:
        raise ModificationRefusedError("modification", str(error)) from error
    if made == automation:
        raise ModificationRefusedError("modification", "it is so already")
    return made
