"""How long a state lasts."""

import re
from collections.abc import Iterator, Mapping
from itertools import compress
from math import log

import numpy as np

from detectors.contract import Snapshot
from detectors.duration.candidate import Candidate
from detectors.duration.lengths import middle_s
from detectors.duration.report import pattern
from detectors.duration.splitting import parts
from detectors.duration.stays import Stays, gather, join, summarise
from detectors.duration.window import Tally, attempt, fit, is_timer
from detectors.evidence import accept
from detectors.history import Aggregate, Day, History
from detectors.nomination import Nominations
from schemas.events import EventType
from schemas.home import Home
from schemas.patterns import Pattern

# An entity at rest waits for its next use: what it waits for is no habit of this state.
AT_REST = frozenset("off closed idle standby locked docked home none unknown disarmed below_horizon".split())
# On the way between two states it takes the time that its motor takes.
ON_THE_WAY = frozenset("opening closing locking unlocking arming pending buffering returning".split())
# These hold their state for a time that is set in them.
SENSING = re.compile(r"^(binary_)?sensor\..*(motion|occupancy|presence|pir|vibration)")
LEAST_RATE = 0.5
MOST_OF_TIME = 0.5
DAY_S = 86_400
TYPES_A_SLICE = 8


class Duration:
    """Find how long a state lasts, where that is more regular than a stay that ends at any moment.

    A stay is the time from an entity's reaching a state to its leaving it; gaps and changes that were not
    seen make none. Left out is what automations or other entities began or ended, what a timer ends after
    equal times, and how long devices are at rest, move, or sense a motion. Where the length depends on the
    kind of day, on darkness or on the hour of the begin, each case is judged apart; where it changed for
    good, what came after. The window from the tenth to nine tenths of the stays of even days must hold more
    of those of odd ones than any mixture of memoryless stays could have in it, and the other way round; what
    passes e-BH at `alpha` is a duration.

    About 1.5 microseconds a discrete event to close a day, 0.5 milliseconds a candidate to judge.
    Aggregates hold lengths as buckets of half a percent and merge exactly.

    Parameters
    ----------
    alpha
        Share of the reported durations that may be none.
    half_life_days
        Days after which a stay counts half.
    least_stays, least_days
        Stays, and days with one, that a duration must have.
    widest
        How many times as long as the shortest of eight in ten stays the longest may be.

    Examples
    --------
    >>> Duration(alpha=0.05).kind
    'duration'

    References
    ----------
    R. Wang, A. Ramdas (2022). False discovery rate control with e-values. Journal of the Royal Statistical
    Society B 84(3), 822-852. doi:10.1111/rssb.12489
    """

    kind = "duration"

    def __init__(
        self,
        *,
        alpha: float = 0.05,
        half_life_days: float = 28.0,
        least_stays: int = 10,
        least_days: int = 5,
        widest: float = 6.0,
    ) -> None:
        if not 0 < alpha < 1 or widest <= 1:
            raise ValueError(f"expected alpha between 0 and 1 and widest above 1, got {alpha} and {widest}")
        if half_life_days <= 0 or least_stays < 1 or least_days < 1:
            raise ValueError(
                f"expected half_life_days, least_stays and least_days above 0, "
                f"got {half_life_days}, {least_stays} and {least_days}"
            )
        self.alpha = alpha
        self.half_life_days = half_life_days
        self.least_stays = least_stays
        self.least_days = least_days
        self.widest = widest
        self._nominations = Nominations()

    def learn_one(self, event_type: EventType, day: int) -> None:
        self._nominations.see(event_type, day)

    def close_day(self, day: Day) -> Mapping[str, Aggregate]:
        return summarise(day)

    def merge(self, one: Aggregate, other: Aggregate) -> Aggregate:
        return join(one, other)

    def forget_before(self, day: int) -> None:
        self._nominations.forget_before(day)

    def snapshot(self) -> Snapshot:
        return self._nominations.snapshot()

    def restore(self, snapshot: Snapshot) -> None:
        self._nominations.restore(snapshot)

    def detect(self, history: History) -> Iterator[Pattern | None]:
        wanted = {each for each in self._nominations.seen_on(self.least_days) if _tells(each)}
        if not history.days or not wanted:
            return
        candidates: list[Candidate] = []
        for place, gathered in enumerate(gather(history.days, history.aggregates[self.kind], wanted)):
            if gathered is not None:
                candidates += self._candidates(*gathered)
            if gathered is None or place % TYPES_A_SLICE == 0:
                yield None
        believed = accept(np.exp([each.log_e for each in candidates]), self.alpha)
        candidates = list(compress(candidates, believed.tolist()))
        if candidates:
            usual = Tally.of([each.trial for each in candidates])
            yield from (self._say(each, usual, history.home) for each in candidates)

    def _say(self, candidate: Candidate, usual: Tally, home: Home) -> Pattern | None:
        """The duration as it is now, unless its window is too wide to say something."""
        stays = candidate.part.stays
        window = fit(stays.lengths, stays.days, self.half_life_days)
        if window.ratio > self.widest:
            return None
        return pattern(candidate, window, home, candidate.trial.forecast(self.half_life_days, usual))

    def _candidates(self, event_type: EventType, stays: Stays) -> Iterator[Candidate]:
        """What of an event type is worth judging."""
        if not self._enough(stays) or stays.others > len(stays) or _is_rest(stays):
            return
        for slot, part in enumerate(parts(stays)):
            if not self._enough(part.stays) or is_timer(part.stays.lengths):
                continue
            trial = attempt(part.stays, self.half_life_days)
            if np.count_nonzero(trial.hits) >= LEAST_RATE * len(trial.hits):
                yield Candidate(event_type, slot, part, trial, trial.log_e - log(part.ways))

    def _enough(self, stays: Stays) -> bool:
        return len(stays) >= self.least_stays and len(np.unique(stays.days)) >= self.least_days


def _is_rest(stays: Stays) -> bool:
    """Whether the entity is in this state most of the time."""
    within_s = sum(map(middle_s, stays.lengths.tolist()))
    return within_s > MOST_OF_TIME * DAY_S * float(stays.days[-1] - stays.days[0] + 1)


def _tells(event_type: EventType) -> bool:
    """Whether how long the state lasts can say something of the household."""
    return not (
        event_type.state in AT_REST or event_type.state in ON_THE_WAY or SENSING.search(event_type.entity_id)
    )
