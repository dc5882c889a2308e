"""Finds of one thing after another against the planted pairs."""

from collections.abc import Iterable

from pipeline.simulation.scoring.grounds import Grounds, entity_state
from pipeline.simulation.scoring.scores import Share, Verdict
from pipeline.simulation.truth import EntityState, Pair, Truth
from schemas.patterns import CoOccurrenceDetail, Pattern

ENOUGH = 5


class PairJudge:
    """Gives verdicts on patterns of co-occurrence.

    Parameters
    ----------
    truth
        Of the household.
    until
        Epoch seconds up to which it counts.
    """

    def __init__(self, truth: Truth, until: float) -> None:
        self._pairs = truth.pairs
        self._rooms = truth.rooms
        self._until = until
        self._grounds = Grounds(truth)
        self._found: list[tuple[Pair, CoOccurrenceDetail]] = []

    @property
    def learnable(self) -> list[str]:
        """Pairs that came about often enough."""
        return [
            pair.pair_id
            for pair in self._pairs
            if sum(acted < self._until for _, acted in pair.occurrences) >= ENOUGH
        ]

    def judge(self, patterns: Iterable[Pattern]) -> list[Verdict]:
        """Give a verdict on each."""
        return [
            self._verdict(pattern, pattern.detail)
            for pattern in patterns
            if isinstance(pattern.detail, CoOccurrenceDetail)
        ]

    def conditions(self) -> Share:
        """Of the conditional pairs that were found, how many name every condition by its kind."""
        conditional = [(pair, detail) for pair, detail in self._found if pair.conditions]
        named = [
            {each.kind for each in pair.conditions} <= {each.kind for each in detail.conditions}
            for pair, detail in conditional
        ]
        return Share(sum(named), len(named))

    def _verdict(self, pattern: Pattern, detail: CoOccurrenceDetail) -> Verdict:
        trigger, action = entity_state(detail.trigger), entity_state(detail.action)
        for pair in self._pairs:
            if (trigger, action) == (pair.trigger, pair.action):
                if any(pair is found for found, _ in self._found):
                    return Verdict(pattern, "wrong", "said twice", pair.pair_id)
                self._found.append((pair, detail))
                return Verdict(pattern, "right", "pair", pair.pair_id)
        wrong = self._reason_against(trigger, action)
        if wrong is not None:
            return Verdict(pattern, "wrong", wrong)
        neutral = self._reason_for(trigger, action)
        return Verdict(pattern, "neutral" if neutral else "wrong", neutral or "not planted")

    def _reason_against(self, trigger: EntityState, action: EntityState) -> str | None:
        """Return the reason why people do not do the one after the other, or None."""
        if action in self._grounds.machines:
            return "machine"
        if trigger.entity_id != action.entity_id and self._grounds.repeats(
            trigger.entity_id, action.entity_id
        ):
            return "derived"
        if any((action, trigger) == (pair.trigger, pair.action) for pair in self._pairs):
            return "reversed"
        if self._grounds.share_cause(trigger, action):
            return "common cause"
        apart = self._grounds.steps_apart(trigger, action)
        if apart is not None and apart != 1:
            return "transitive" if apart > 1 else "reversed"
        return None

    def _reason_for(self, trigger: EntityState, action: EntityState) -> str | None:
        """Return the reason why the one does come after the other although no pair was planted, or None."""
        if self._grounds.steps_apart(trigger, action) == 1:
            return "part of a chain"
        if self._grounds.follows_people(action.entity_id):
            return "follows people"
        if trigger.entity_id == action.entity_id or self._grounds.is_echo(action):
            return "put back"
        if self._leads_there(trigger, action):
            return "on the way"
        return None

    def _leads_there(self, trigger: EntityState, action: EntityState) -> bool:
        """Return whether the trigger is what people set off on their way to what they mean to do."""
        if not self._grounds.is_planted(action):
            return False
        pairs = [pair for pair in self._pairs if pair.action == action]
        if any(self._grounds.repeats(trigger.entity_id, pair.trigger.entity_id) for pair in pairs):
            return True
        places = [action.entity_id, *(pair.trigger.entity_id for pair in pairs)]
        near = self._rooms.get(trigger.entity_id) in {self._rooms.get(place) for place in places}
        arrives = trigger.entity_id.startswith("person.")
        return (near or arrives) and self._grounds.follows_people(trigger.entity_id)
