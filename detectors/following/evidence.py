"""Evidence of the occasions of a pair or a chain, as a pattern carries it."""

from collections.abc import Sequence
from datetime import date

import numpy as np

from detectors.evidence import beta_interval
from detectors.following.log import Flags, Ids
from detectors.history import Day
from schemas.patterns import Evidence

RECENT = 10


def evidence(days: Sequence[Day], numbers: Ids, hits: Flags, *, base_rate: float, e_value: float) -> Evidence:
    """Say which occasions were hits; `numbers` tell on which of the days each was, oldest first."""
    n, k = len(hits), int(np.count_nonzero(hits))
    return Evidence(
        opportunities=n,
        hits=k,
        misses=n - k,
        recent_hits=_recent(days, numbers[hits]),
        recent_misses=_recent(days, numbers[~hits]),
        base_rate=base_rate,
        lift=k / n / base_rate,
        interval=beta_interval(k, n),
        e_value=e_value,
    )


def _recent(days: Sequence[Day], numbers: Ids) -> tuple[date, ...]:
    return tuple(days[number].date for number in numbers[-RECENT:].tolist())
