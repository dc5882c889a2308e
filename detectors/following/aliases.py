"""Types that are two names of one thing: a lamp and its group, a lock and its contact, lamps of a scene."""

import numpy as np

from detectors.following.log import Flags, Ids, Log

SAME_MOMENT_MS = 1_000
NEIGHBOURS = 6
ALWAYS = 0.8
LEAST_TIMES = 4


def followers(log: Log, types: Flags) -> Flags:
    """Tell which of `types` nearly always come within a second of another one, and it of them, but not first.

    Of such a group only the type that is mostly the first speaks; its like are neither triggers nor actions.
    """
    rows = np.nonzero(log.may_trigger & types[log.type_ids])[0]
    at, ids = log.at[rows], log.type_ids[rows].astype(np.int64)
    pairs = [
        (ids[:-step][close], ids[step:][close])
        for step in range(1, NEIGHBOURS + 1)
        for close in (at[step:] - at[:-step] <= SAME_MOMENT_MS,)
    ]
    first, second = (np.concatenate(side) for side in zip(*pairs, strict=True))
    return _all_but_first(first, second, log.count(log.may_trigger))


def _all_but_first(first: Ids, second: Ids, uses: Ids) -> Flags:
    """Of each two types that are always together, mark the one that is less often the first."""
    low, high = np.minimum(first, second), np.maximum(first, second)
    codes, nth, times = np.unique(low * len(uses) + high, return_inverse=True, return_counts=True)
    low_first = np.bincount(nth[first < second], minlength=len(codes))
    low, high = codes // len(uses), codes % len(uses)
    always = (low != high) & (times >= np.maximum(LEAST_TIMES, ALWAYS * np.maximum(uses[low], uses[high])))
    low, high = low[always], high[always]
    low_first, high_first = low_first[always], times[always] - low_first[always]
    leads = np.bincount(low, low_first, len(uses)) + np.bincount(high, high_first, len(uses))
    marked = np.zeros(len(uses), dtype=np.bool_)
    marked[np.where(leads[low] >= leads[high], high, low)] = True
    return marked
