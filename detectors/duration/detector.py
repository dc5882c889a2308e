"""Detector of how long a state lasts."""

from collections.abc import Iterator, Mapping
from itertools import compress

import numpy as np

from detectors.duration.candidates import Candidate, without_aliases
from detectors.duration.course import summarise
from detectors.duration.report import pattern
from detectors.duration.states import tells
from detectors.duration.stays import Stays, gather
from detectors.duration.trial import Tally, fit
from detectors.duration.window import is_timer
from detectors.evidence import accept
from detectors.history import Aggregate, Day, History
from schemas.events import EventType
from schemas.home import Home
from schemas.patterns import Pattern

LEAST_CONFIDENCE = 0.5
MOST_SLIPS = 1 / 3


class Duration:
    """Find how long a state lasts, where that is more regular than a stay that ends at any moment.

    A stay is the time from an entity's reaching a state to its leaving it; gaps and changes that were not
    seen make none. Left out is what automations or other entities began or ended, what a timer ends after
    equal times, and how long devices are at rest, move, or sense a motion. Where the length depends on the
    kind of day or the hour of the begin, each case is judged apart; where it changed for good, what came
    after. Each day's stays are forecast from those before it: in a window from the tenth to nine tenths, and
    as one more of their kind. What passes e-BH at `alpha`, against any mixture of stays that end at any
    moment, is a duration. A stay below a tenth or above tenfold the median is a slip: a miss that does not
    stretch the window.

    About half a microsecond a discrete event to close a day, 2 milliseconds a candidate to judge at 60 days.
    Aggregates hold lengths as buckets of half a percent.

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

    def close_day(self, day: Day) -> Mapping[str, Aggregate]:
        return summarise(day)

    def detect(self, history: History) -> Iterator[Pattern | None]:
        wanted = {each for each in history.seen_on(self.least_days) if tells(each)}
        if not history.days or not wanted:
            return
        candidates: list[Candidate] = []
        for gathered in gather(history.days, history.aggregates[self.kind], wanted):
            if gathered is not None:
                candidates += self._candidates(*gathered)
            yield None
        believed = accept(np.exp([each.log_e for each in candidates]), self.alpha)
        candidates = without_aliases(list(compress(candidates, believed.tolist())))
        yield None
        if candidates:
            usual = Tally.of([trial for each in candidates for _, trial in each.parts])
            for candidate in candidates:
                yield from self._say(candidate, usual, history.home)

    def _candidates(self, event_type: EventType, stays: Stays) -> Iterator[Candidate]:
        """The event type, if it is worth judging."""
        if len(stays) >= self.least_stays and len(np.unique(stays.days)) >= self.least_days:
            candidate = Candidate.of(event_type, stays, self.half_life_days)
            if candidate is not None:
                yield candidate

    def _say(self, candidate: Candidate, usual: Tally, home: Home) -> Iterator[Pattern]:
        """The durations as they are now, where the window holds enough and is narrow enough to say."""
        for slot, (part, trial) in enumerate(candidate.parts):
            if len(trial.hits) == 0 or trial.slips.mean() > MOST_SLIPS or is_timer(part.stays.lengths):
                continue
            window = fit(part.stays.lengths, part.stays.days, self.half_life_days)
            confidence = trial.forecast(self.half_life_days, usual)
            if confidence >= LEAST_CONFIDENCE and window.ratio <= self.widest:
                yield pattern(candidate, slot, window, home, confidence)
