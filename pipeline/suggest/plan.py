"""Plan of a run of the suggester, and the transaction that stores it."""

from collections.abc import Container, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import NamedTuple

import structlog

from pipeline.backtest.runner import BacktestResult
from pipeline.core.local_days import LocalDays
from pipeline.settings.sections import SuggestSettings
from pipeline.suggestions.messages import MessageFactory
from pipeline.suggestions.renewal import Outlook, Renewed, renew_all
from pipeline.suggestions.repeats import Sun
from pipeline.suggestions.selection import SelectionContext, check, choose, room_today
from schemas.catalogue import Catalogue
from schemas.home import Home
from schemas.instants import from_us, to_us
from schemas.outgoing import Outgoing
from schemas.suggestions import Status, Suggestion
from sinks.store import SqlStore, Transaction
from sinks.store.suggestions import SuggestionWrites

log = structlog.get_logger(__name__)

ACTOR = "ha-ai"
TURN = "suggest"


class Plan(NamedTuple):
    """Plan of a run: new suggestions, the best first, and the renewed pending ones.

    One that was taken back and is made again is among those to be made.
    """

    context: SelectionContext
    new: list[Suggestion]
    renewed: list[Renewed]


class Planner:
    """Decides on the suggestions of a home, and stores them.

    Parameters
    ----------
    settings, home
        How many a day, on which topics they are told, and where the home is.
    store
        What is known.
    """

    def __init__(self, settings: SuggestSettings, home: Home, store: SqlStore) -> None:
        self._budget = settings.suggestions_per_day
        self._messages = MessageFactory(home.id, settings.topics, home.zone)
        self._home = home
        self._store = store
        self._days = LocalDays(home.zone)

    def decide(
        self, result: BacktestResult, catalogue: Catalogue | None, *, minimum: float, now: datetime
    ) -> Plan:
        """Return the plan of new suggestions and of the renewed pending ones; writes nothing."""
        context = self._context(catalogue, minimum=minimum, now=now)
        renewed = renew_all(self._outlook(result), context)
        after = {each.before.id: each.after for each in renewed}
        waits = {each.pattern_id for each in context.suggestions if each.status is Status.PENDING}
        known = [after.get(each.id, each) for each in context.suggestions]
        new, passed = choose(
            # What is taken back now does not come back now.
            [offer for offer in result.offers if offer.pattern.id not in waits],
            replace(context, suggestions=known),
            room=self._room(known, now),
        )
        for each in passed:
            log.debug("not suggested", pattern=each.offer.pattern.id, reason=each.reason)
        return Plan(context, new, renewed)

    def keep(self, plan: Plan, transaction: Transaction) -> None:
        """Store a plan with its audit entries and its messages.

        Whoever keeps another plan at the same time waits; what it has suggested counts in the budget and is
        not repeated. What a person came first to stays as they left it.
        """
        suggestions = transaction.suggestions
        suggestions.take_turn(TURN)
        context = replace(plan.context, suggestions=suggestions.all())
        history, now = context.history(), context.now
        made, messages = list[Suggestion](), list[Outgoing]()
        for each in plan.new:
            is_known = history.repeated(each.pattern_id, each.automation, made)
            if is_known is None and self._room([*context.suggestions, *made], now):
                messages += self._make(suggestions, each)
                made.append(each)
        for renewed in plan.renewed:
            messages += self._replace(suggestions, renewed)
        transaction.enqueue(messages, to_us(now))

    def _context(self, catalogue: Catalogue | None, *, minimum: float, now: datetime) -> SelectionContext:
        today = self._days.on(now.astimezone(self._home.zone).date())
        suggestions = self._store.suggestions.all()
        waiting = {each.automation_id for each in suggestions if each.status is Status.PENDING}
        return SelectionContext(
            now=now,
            sun=Sun(*self._days.sun(today, self._home.lat, self._home.lon)),
            suggestions=suggestions,
            feedback=self._store.suggestions.feedback(),
            minimum=minimum,
            check=partial(check, catalogue=_without(catalogue, waiting)),
        )

    def _outlook(self, result: BacktestResult) -> Outlook:
        return Outlook(
            patterns=result.patterns,
            changed={name: from_us(at_us) for name, at_us in self._store.pattern_changes().items()},
            offers={offer.pattern.id: offer for offer in result.offers},
            trials=result.trials,
        )

    def _room(self, known: Sequence[Suggestion], now: datetime) -> int:
        return room_today(known, budget=self._budget, now=now, zone=self._home.zone)

    def _make(self, suggestions: SuggestionWrites, suggestion: Suggestion) -> list[Outgoing]:
        kept = suggestions.get(suggestion.id)
        if kept is None:
            suggestions.add(suggestion)
        else:
            suggestions.replace(suggestion, changes=kept.changes)
        _audit(suggestions, "suggested" if kept is None else "suggested again", suggestion, suggestion.title)
        return [self._messages.generated(suggestion)]

    def _replace(self, suggestions: SuggestionWrites, renewed: Renewed) -> list[Outgoing]:
        before, after = renewed
        kept = suggestions.get(before.id)
        if kept is None or kept.suggestion != before or not suggestions.replace(after, changes=kept.changes):
            return []
        if after.status is Status.RETIRED:
            _audit(suggestions, "retired", after, after.reason)
            return [self._messages.changed(after, text=f"Taken back: {after.reason}.")]
        _audit(suggestions, "renewed", after, after.title)
        said = [self._messages.changed(after, text="Tried again on the last days.")]
        is_to_be_seen = after.version != before.version or after.snoozed_until != before.snoozed_until
        return [*said, self._messages.generated(after)] if is_to_be_seen else said


def _without(catalogue: Catalogue | None, automation_ids: Container[str]) -> Catalogue | None:
    """Return the catalogue without deployed versions of pending suggestions: they would conflict."""
    if catalogue is None:
        return None
    others = tuple(each for each in catalogue.automations if each.automation_id not in automation_ids)
    return replace(catalogue, automations=others)


def _audit(suggestions: SuggestionWrites, what: str, suggestion: Suggestion, detail: str) -> None:
    at_us = to_us(suggestion.updated_at)
    suggestions.audit(at_us=at_us, actor=ACTOR, what=what, subject=suggestion.id, detail=detail)
