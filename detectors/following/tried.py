"""Results of the trials of many candidates, a slice of some milliseconds at a time."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

import numpy as np

from detectors.evidence import Floats, log_e_values
from detectors.following.log import Ids
from detectors.following.nulls import base_rates, directed, dwell_times
from detectors.following.timeline import Series, Timeline
from detectors.following.trials import Candidates, Trials, replay

WIDER = 2.5
LONGEST_WINDOW_MS = 300_000
LOG_WINDOWS = float(np.log(6))
SLICE_TRIGGERS = 20_000


@dataclass(frozen=True, slots=True)
class Tried:
    """Candidates that are promising, with their trials, base rates and logarithms of e-values."""

    candidates: Candidates
    trials: Trials
    rates: Floats
    log_e: Floats


def try_all(
    timeline: Timeline, candidates: Candidates, *, least_coverage: float, least_rate: float
) -> Generator[None, None, list[Tried]]:
    """Try all candidates; those stay that come first, and whose hits are enough.

    Parameters
    ----------
    timeline
        The events, by trigger and action.
    candidates
        Pairs with the windows in which they stand out most. These are widened: what follows later is the same
        habit's tail.
    least_coverage
        Least share of an action's uses that are hits.
    least_rate
        Least share of trials that are.
    """
    yield None
    dwells = dwell_times(timeline)
    windows = np.minimum((candidates.windows * WIDER).astype(np.int64), LONGEST_WINDOW_MS)
    tried: list[Tried] = []
    for part in _slices(timeline, replace(candidates, windows=windows)):
        yield None
        trials = replay(timeline, part)
        hits, opportunities = tally(trials, part)
        uses = timeline.actions.counts()[part.actions]
        promising = (hits >= least_coverage * uses) & (hits >= least_rate * opportunities)
        promising[promising] = directed(timeline, part.take(promising))
        tried.append(_weigh(timeline, part.take(promising), trials.among(promising), dwells))
    yield None
    return tried


def _weigh(timeline: Timeline, candidates: Candidates, trials: Trials, dwells: Series) -> Tried:
    rates = base_rates(timeline, candidates, trials, dwells)
    return Tried(candidates, trials, rates, log_e_values(*tally(trials, candidates), rates) - LOG_WINDOWS)


def tally(trials: Trials, candidates: Candidates) -> tuple[Ids, Ids]:
    """Count hits and opportunities of each candidate."""
    count = len(candidates)
    return np.bincount(trials.nth[trials.hits], minlength=count), np.bincount(trials.nth, minlength=count)


def _slices(timeline: Timeline, candidates: Candidates) -> Iterator[Candidates]:
    """Split the candidates so that each part is tried in some milliseconds."""
    part = np.cumsum(timeline.triggers.counts()[candidates.triggers]) // SLICE_TRIGGERS
    for number in np.unique(part):
        yield candidates.take(part == number)
