"""What a run of the suggester comes to, and the transaction that keeps it."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

import structlog

from pipeline.consumers.workshop import Examination
from pipeline.learning.local_days import LocalDays
from pipeline.settings import Settings
from pipeline.suggesting.announcing import changed, generated
from pipeline.suggesting.choosing import Situation, Sun, choose, is_repeat, room_today
from pipeline.suggesting.renewal import Outlook, renew
from pipeline.suggesting.scrutiny import scrutinise
from schemas.catalogue import Catalogue
from schemas.home import Home
from schemas.instants import to_us
from schemas.outgoing import Outgoing
from schemas.suggestions import Status, Suggestion
from schemas.topics import Topics
from sinks.store import SqlStore, Transaction
from sinks.store.suggestions import SuggestionWrites

log = structlog.get_logger()

ACTOR = "ha-ai"
TURN = "suggest"


class Renewed(NamedTuple):
    """A suggestion that waits, as it was and as it has to be."""

    before: Suggestion
    after: Suggestion


class Plan(NamedTuple):
    """What a run comes to, at `now`: new suggestions, the best first, and what becomes of those that wait."""

    now: datetime
    sun: Sun
    new: list[Suggestion]
    renewed: list[Renewed]


class Planner:
    """Decides what is suggested in a home, and keeps it.

    Parameters
    ----------
    settings, home
        How many a day, on which topics they are told, and where the home is.
    store
        What is known.
    """

    def __init__(self, settings: Settings, home: Home, store: SqlStore) -> None:
        self._budget = settings.suggestions_per_day
        self._topics = settings.topics
        self._home = home
        self._store = store
        self._days = LocalDays(home.zone)

    def decide(
        self, examination: Examination, catalogue: Catalogue | None, *, minimum: float, now: datetime
    ) -> Plan:
        """What is suggested now, and what becomes of what waits; writes nothing."""
        today = self._days.on(now.astimezone(self._home.zone).date())
        situation = Situation(
            now=now,
            sun=Sun(*self._days.sun(today, self._home.lat, self._home.lon)),
            suggestions=self._store.suggestions.all(),
            feedback=self._store.suggestions.feedback(),
            minimum=minimum,
            scrutinise=partial(scrutinise, catalogue=catalogue),
        )
        offers = {offer.id: offer for offer in examination.offers}
        outlook = Outlook(examination.patterns, offers, examination.trials)
        waiting = [each for each in situation.suggestions if each.status is Status.PENDING]
        after = [(each, renew(each, outlook, situation)) for each in waiting]
        new, passed = choose(examination.offers, situation, room=self._room(situation.suggestions, now))
        for each in passed:
            log.debug("not suggested", pattern=each.offer.pattern.id, reason=each.reason)
        return Plan(
            now, situation.sun, new, [Renewed(before, anew) for before, anew in after if anew is not None]
        )

    def keep(self, plan: Plan, transaction: Transaction) -> None:
        """Write a plan and what is said of it.

        Whoever keeps another plan at the same time waits; what it has suggested counts in the budget and is
        not repeated. What a person came first to stays as they left it.
        """
        suggestions = transaction.suggestions
        suggestions.take_turn(TURN)
        known = suggestions.all()
        messages = list[Outgoing]()
        for each in plan.new:
            if self._room(known, plan.now) and not _is_known(each, known, plan.sun):
                messages += _add(suggestions, each, self._topics)
                known.append(each)
        for renewed in plan.renewed:
            messages += _replace(suggestions, renewed, self._topics)
        transaction.enqueue(messages, to_us(plan.now))

    def _room(self, known: Sequence[Suggestion], now: datetime) -> int:
        return room_today(known, budget=self._budget, now=now, zone=self._home.zone)


def _is_known(suggestion: Suggestion, known: Sequence[Suggestion], sun: Sun) -> bool:
    return any(
        each.id == suggestion.id or is_repeat(each.automation, suggestion.automation, sun) for each in known
    )


def _add(suggestions: SuggestionWrites, suggestion: Suggestion, topics: Topics) -> list[Outgoing]:
    suggestions.add(suggestion)
    _audit(suggestions, "suggested", suggestion, suggestion.title)
    return [generated(suggestion, topics)]


def _replace(suggestions: SuggestionWrites, renewed: Renewed, topics: Topics) -> list[Outgoing]:
    before, after = renewed
    kept = suggestions.get(before.id)
    if kept is None or kept.suggestion != before or not suggestions.replace(after, changes=kept.changes):
        return []
    if after.status is Status.RETIRED:
        _audit(suggestions, "retired", after, after.reason)
        return [changed(after, topics, text=f"Taken back: {after.reason}.")]
    _audit(suggestions, "renewed", after, after.title)
    said = [changed(after, topics, text="Tried again on the last days.")]
    is_to_be_seen = after.version != before.version or after.snoozed_until != before.snoozed_until
    return [*said, generated(after, topics)] if is_to_be_seen else said


def _audit(suggestions: SuggestionWrites, what: str, suggestion: Suggestion, detail: str) -> None:
    at_us = to_us(suggestion.updated_at)
    suggestions.audit(at_us=at_us, actor=ACTOR, what=what, subject=suggestion.id, detail=detail)
