"""Attempts at a chain: uses of its first step, and what became of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detectors.following.log import Flags, Ids
from detectors.following.present import present
from detectors.following.timeline import Timeline
from detectors.following.trials import act, already, apart
from detectors.history import Millis


@dataclass(frozen=True, slots=True)
class Attempts:
    """Uses of a chain's first step that could have led through all of it.

    `rows` are their events, `times` those of all steps, one row an attempt; of the ones that did not come to
    the end, which `hits` tells, they mean nothing.
    """

    rows: Ids
    times: Millis
    hits: Flags

    def lately(self) -> "Attempts":
        """Those since the last clear change."""
        start, _ = present(self.hits)
        return Attempts(self.rows[start:], self.times[start:], self.hits[start:])


def attempt(timeline: Timeline, steps: Sequence[int], windows: Sequence[int]) -> Attempts:
    """Try the chain of these steps at every use of its first one; each other has its window to follow in.

    No attempt is where one of the entities is in its state already, what falls within one that is under way,
    and what was not seen whole.
    """
    first, *others = steps
    whole = sum(windows)
    _, position = timeline.triggers.expand(np.array([first]))
    at = timeline.triggers.of(first)
    able = timeline.log.seen(at, at + whole)
    for step in others:
        able &= ~already(timeline, np.full(len(at), step), at)
    at, rows = at[able], timeline.triggers.rows[position[able]]
    alone = apart(np.zeros(len(at), dtype=np.int64), at, np.full(len(at), whole), timeline.triggers.stride)
    at, rows = at[alone], rows[alone]
    hits, times = np.ones(len(at), dtype=np.bool_), [at]
    for step, window in zip(others, windows, strict=True):
        done, lags = act(timeline, np.full(len(at), step), times[-1], np.full(len(at), window))
        hits &= done >= 0
        times.append(times[-1] + lags)
    return Attempts(rows, np.stack(times, axis=1), hits)
