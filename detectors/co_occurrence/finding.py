"""A verified pair: what its trials say, and how that is told as a pattern."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np

from detectors.evidence import beta_interval, lower_bound
from detectors.following.confidence import confide
from detectors.following.lags import are_automated, focus, quantiles
from detectors.following.log import Log
from detectors.following.trials import Trials
from detectors.history import History, Millis
from schemas.events import EventType
from schemas.patterns import Condition, CoOccurrenceDetail, Evidence, Pattern, Quantiles, Target

RECENT = 10
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
        """How often somebody brought the action about."""
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
        """Whether its lags are such as only machines keep."""
        return are_automated(self.lags_ms)

    @cached_property
    def focus(self) -> float:
        """How much its lags lie around a typical one."""
        return focus(self.lags_ms, self.window_ms)

    @cached_property
    def score(self) -> float:
        """Harmonic mean of the hit rate's lower bound and the share of the action's uses that it explains."""
        sure, share = lower_bound(self.hits, len(self.trials.at)), self.hits / self.uses
        return 2 * sure * share / (sure + share)

    def pattern(self, log: Log, history: History, half_life_days: float) -> Pattern:
        """Tell it as a pattern."""
        hit = self.trials.hits
        done = (self.trials.at + self.trials.lags)[hit] + log.origin_ms
        low, mid, high = (round(lag / 1000, 3) for lag in quantiles(self.lags_ms, (0.1, 0.5, 0.9)))
        detail = CoOccurrenceDetail(
            trigger=Target(entity_id=self.trigger.entity_id, state=self.trigger.state),
            action=Target(entity_id=self.action.entity_id, state=self.action.state),
            lag_seconds=Quantiles(p10=low, p50=mid, p90=high),
            probability=self.rate,
            conditions=() if self.condition is None else (self.condition,),
        )
        days = len(history.days) - int(log.days_of(self.trials.rows[:1])[0])
        return Pattern.of(
            detail,
            home=history.home.id,
            confidence=confide(hit, days, half_life_days),
            occurrences=self.hits,
            first_seen=EPOCH + timedelta(milliseconds=int(done[0])),
            last_seen=EPOCH + timedelta(milliseconds=int(done[-1])),
            evidence=self._evidence(log, history),
        )

    def _evidence(self, log: Log, history: History) -> Evidence:
        hit, days = self.trials.hits, log.days_of(self.trials.rows)
        trials = len(hit)
        return Evidence(
            opportunities=trials,
            hits=self.hits,
            misses=trials - self.hits,
            recent_hits=tuple(history.days[day].date for day in days[hit][-RECENT:].tolist()),
            recent_misses=tuple(history.days[day].date for day in days[~hit][-RECENT:].tolist()),
            base_rate=self.base_rate,
            lift=self.rate / self.base_rate,
            interval=beta_interval(self.hits, trials),
            e_value=self.e_value,
        )
