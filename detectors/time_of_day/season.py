"""Among which days habits are sought: look-backs and classes of weekdays."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from detectors.time_of_day.uses import Bools, Span

# A habit of some weekdays shows on the others less than this times as often.
CONTRAST = 0.45
# Days of a class that a look-back should have, where a longer one has them.
FEWEST_OF_CLASS = 9
EVERY_DAY = tuple(range(7))
CLASSES: tuple[tuple[tuple[int, ...], float], ...] = (
    (EVERY_DAY, 0.3),
    ((0, 1, 2, 3, 4), 0.2),
    ((5, 6), 0.2),
    *(((day,), 0.3 / 7) for day in EVERY_DAY),
)
"""Classes of weekdays, with how likely a habit keeps to each."""


@dataclass(frozen=True, slots=True)
class Season:
    """Days among which a habit is sought: a look-back and a class of weekdays.

    `days` are those of the class, `others` the rest of the look-back; `prior` sums to 1 over all seasons.
    """

    look_back: int
    weekdays: tuple[int, ...]
    prior: float
    days: Bools
    others: Bools


def seasons(span: Span, look_backs: Sequence[int], weekly_from: int) -> list[Season]:
    """Return the seasons to search: each class in the look-backs that have enough of its days."""
    lengths = sorted({min(length, span.days) for length in look_backs})
    # Two look-backs of nearly the same length would only share the evidence.
    lengths = [a for i, a in enumerate(lengths) if lengths[-1] == a or lengths[i + 1] >= 1.25 * a]
    found = []
    for weekdays, prior in CLASSES:
        inside = np.isin(span.weekdays, weekdays)
        fitting = [each for each in lengths if each * len(weekdays) >= FEWEST_OF_CLASS * 7] or lengths[-1:]
        if len(weekdays) == 1:
            fitting = [each for each in lengths[-1:] if each >= weekly_from]
        for length in fitting:
            recent = span.live & (np.arange(span.days) >= span.days - length)
            found.append(Season(length, weekdays, prior / len(fitting), recent & inside, recent & ~inside))
    everything = sum(season.prior for season in found)
    return [replace(season, prior=season.prior / everything) for season in found]
