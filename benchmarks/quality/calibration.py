"""Whether confidence is what it says: the share of the next opportunities that are hits."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.quality.learned import Learned
from benchmarks.quality.occasions import Aftermath

BINS = 10
CHECKED_DAYS = 14


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a pattern promised, and what came of it in the following days."""

    kind: str
    confidence: float
    hits: int
    opportunities: int


@dataclass(frozen=True, slots=True)
class Reliability:
    """Opportunities in bins of equal count by confidence: what each bin promised and kept."""

    promised: list[float]
    kept: list[float]
    counts: list[int]

    @property
    def error(self) -> float:
        """Expected calibration error: mean distance of promised and kept, by opportunities."""
        apart = np.abs(np.subtract(self.promised, self.kept))
        return float(np.average(apart, weights=self.counts)) if self.counts else 0.0


def forecasts(learned: Learned, learned_days: int) -> list[Forecast]:
    """What the patterns that stood after so many days came to in the two weeks that followed."""
    first = learned.place(learned_days)
    end = learned.place(learned_days + CHECKED_DAYS)
    if first == end:
        return []
    aftermath = Aftermath(learned.history, first, end)
    found = []
    for pattern in learned.active.get(learned_days, ()):
        if not pattern.detail.automated:
            outcomes = aftermath.outcomes(pattern)
            hits = sum(outcome.hit for outcome in outcomes)
            found.append(Forecast(pattern.pattern_type.value, pattern.confidence, hits, len(outcomes)))
    return found


def reliability(made: Iterable[Forecast], bins: int = BINS) -> Reliability:
    """Pool the forecasts over opportunities, each with its pattern's confidence."""
    ordered = sorted(made, key=lambda each: (each.confidence, each.hits, each.opportunities))
    number = sum(each.opportunities for each in ordered)
    promised = np.repeat([each.confidence for each in ordered], [each.opportunities for each in ordered])
    # Where equal confidences meet a bin's edge, all of them count by their mean.
    rates = _mean_by_confidence(ordered)
    kept = np.array([rates[confidence] for confidence in promised.tolist()])
    parts = [part for part in np.array_split(np.arange(number), bins) if len(part)]
    return Reliability(
        promised=[float(promised[part].mean()) for part in parts],
        kept=[float(kept[part].mean()) for part in parts],
        counts=[len(part) for part in parts],
    )


def _mean_by_confidence(ordered: Sequence[Forecast]) -> dict[float, float]:
    sums: dict[float, list[int]] = defaultdict(lambda: [0, 0])
    for each in ordered:
        sums[each.confidence][0] += each.hits
        sums[each.confidence][1] += each.opportunities
    return {confidence: hits / max(1, number) for confidence, (hits, number) in sums.items()}
