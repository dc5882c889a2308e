"""A verified pair: what its trials say, and how that is told as a pattern."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from detectors.evidence import lower_bound
from detectors.following.confidence import confide
from detectors.following.evidence import evidence
from detectors.following.lags import are_automated, focus, in_seconds
from detectors.following.log import Log
from detectors.following.trials import Trials
from detectors.history import History, Millis
from schemas.events import EventType
from schemas.patterns import Condition, CoOccurrenceDetail, Pattern, Target


@dataclass(frozen=True)
class Finding:
    """One verified candidate with the trials that count for it, all of them or those under its condition.

    `trigger_at` are all uses of the trigger, `used_at` those of the action that count. `holds` says whether
    it is a habit, and not too weak for one.
    """

    trigger: EventType
    action: EventType
    trigger_id: int
    trigger_at: Millis
    used_at: Millis
    window_ms: int
    trials: Trials
    base_rate: float
    e_value: float
    condition: Condition | None = None
    holds: bool = False

    def since(self, start: int) -> "Finding":
        """Count only from this trial on."""
        trials = self.trials.take(np.arange(start, len(self.trials.at)))
        return replace(self, trials=trials, used_at=self.used_at[self.used_at >= trials.at[0]])

    @property
    def uses(self) -> int:
        """Number of times that somebody brought the action about."""
        return len(self.used_at)

    @cached_property
    def hits(self) -> int:
        """Trials that led to the action."""
        return int(np.count_nonzero(self.trials.hits))

    @property
    def rate(self) -> float:
        """Share of trials that led to the action."""
        return self.hits / len(self.trials.at)

    @property
    def lags_ms(self) -> Millis:
        """Time from trigger to action of each hit."""
        return self.trials.lags[self.trials.hits]

    @cached_property
    def automated(self) -> bool:
        """True if its lags are such as only machines keep."""
        return are_automated(self.lags_ms)

    @cached_property
    def focus(self) -> float:
        """Degree to which its lags lie around a typical one."""
        return focus(self.lags_ms, self.window_ms)

    @cached_property
    def score(self) -> float:
        """Harmonic mean of the hit rate's lower bound and the share of the action's uses that it explains."""
        sure, share = lower_bound(self.hits, len(self.trials.at)), self.hits / self.uses
        return 2 * sure * share / (sure + share)

    def pattern(self, log: Log, history: History, half_life_days: float) -> Pattern:
        """Tell it as a pattern."""
        hits, days = self.trials.hits, log.days_of(self.trials.rows)
        done = (self.trials.at + self.trials.lags)[hits].tolist()
        detail = CoOccurrenceDetail(
            trigger=Target(entity_id=self.trigger.entity_id, state=self.trigger.state),
            action=Target(entity_id=self.action.entity_id, state=self.action.state),
            lag_seconds=in_seconds(self.lags_ms),
            probability=self.rate,
            conditions=() if self.condition is None else (self.condition,),
        )
        return Pattern.of(
            detail,
            home=history.home.id,
            confidence=confide(hits, len(history.days) - int(days[0]), half_life_days),
            occurrences=self.hits,
            first_seen=log.moment(done[0]),
            last_seen=log.moment(done[-1]),
            evidence=evidence(history.days, days, hits, base_rate=self.base_rate, e_value=self.e_value),
        )
