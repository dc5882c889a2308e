"""Types that are two names of one thing: a lamp and its group, a lock and its contact, lamps of a scene."""

import numpy as np

from detectors.co_occurrence.log import Flags, Ids, Log

SAME_MOMENT_MS = 1_000
NEIGHBOURS = 6
ALWAYS = 0.8
LEAST_TIMES = 4


def followers(log: Log) -> Flags:
    """Tell which types nearly always come within a second of another one, and it of them, but not first.

    Of such a group only the type that is mostly the first speaks; its like are neither triggers nor actions.
    """
    rows = np.nonzero(log.may_trigger)[0]
    at, ids = log.at[rows], log.type_ids[rows].astype(np.int64)
    width = len(log.types)
    codes = []
    for step in range(1, NEIGHBOURS + 1):
        close = (at[step:] - at[:-step] <= SAME_MOMENT_MS) & (ids[step:] != ids[:-step])
        codes.append(ids[:-step][close] * width + ids[step:][close])
    pairs, times = np.unique(np.concatenate(codes), return_counts=True)
    return _all_but_first(pairs // width, pairs % width, times, log.count(log.may_trigger))


def _all_but_first(first: Ids, second: Ids, times: Ids, uses: Ids) -> Flags:
    """Of each two types that are always together, mark the one that is less often the first."""
    marked = np.zeros(len(uses), dtype=np.bool_)
    ordered = {(int(a), int(b)): int(n) for a, b, n in zip(first, second, times, strict=True)}
    leads: dict[int, int] = {}
    groups: list[tuple[int, int]] = []
    for a, b in sorted({(min(pair), max(pair)) for pair in ordered}):
        one, other = ordered.get((a, b), 0), ordered.get((b, a), 0)
        if one + other >= max(LEAST_TIMES, ALWAYS * max(uses[a], uses[b])):
            leads[a] = leads.get(a, 0) + one
            leads[b] = leads.get(b, 0) + other
            groups.append((a, b))
    for a, b in groups:
        marked[b if (leads[a], -a) > (leads[b], -b) else a] = True
    return marked
