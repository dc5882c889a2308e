"""When numeric sensors spoke: few runs of steps instead of many steps."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.anomaly.silences import SHORTEST_STEPS, STEP_MS, STEPS_A_DAY

ANY = ""
# In a pause beyond this many steps of them all, nothing was heard of the home.
STILL_STEPS = 3


class Signs(NamedTuple):
    """Signs of life in a `number` of five-minute steps, counted since 1970, with this `longest` pause.

    No pause is long enough for an alarm, and the run ends with its UTC day at the latest.
    """

    first: int
    last: int
    number: int
    longest: int


def signs_of(heard: Mapping[str, bytes], from_ms: int, to_ms: int) -> Iterator[tuple[str, Signs]]:
    """The runs of a day in which each entity spoke, and, under `ANY`, those in which any of them did.

    Examples
    --------
    >>> heard = {"sensor.boiler": bytes([0b11100100, 0, 0b00000001])}
    >>> [signs for entity_id, signs in signs_of(heard, 0, 24 * STEP_MS) if entity_id != ANY]
    [Signs(first=0, last=5, number=4, longest=3), Signs(first=23, last=23, number=1, longest=0)]
    """
    names, steps = list(heard), (to_ms - from_ms) // STEP_MS
    if not names or not steps:
        return
    packed = np.frombuffer(b"".join(heard.values()), dtype=np.uint8).reshape(len(names), -1)
    spoke = np.unpackbits(packed, axis=1, count=steps)
    first = from_ms // STEP_MS
    for _, signs in _runs(spoke.max(axis=0, keepdims=True), first, STILL_STEPS + 1):
        yield ANY, signs
    for row, signs in _runs(spoke, first, SHORTEST_STEPS):
        yield names[row], signs


def _runs(spoke: NDArray[np.generic], first: int, pause: int) -> Iterator[tuple[int, Signs]]:
    rows, steps = np.nonzero(spoke)
    if not len(rows):
        return
    steps += first
    pauses = np.diff(steps, prepend=steps[0])
    begins = np.diff(rows, prepend=-1) > 0
    begins |= (pauses >= pause) | (np.diff(steps // STEPS_A_DAY, prepend=-1) != 0)
    pauses[begins] = 0
    starts = np.flatnonzero(begins)
    ends = np.append(starts[1:], len(steps))
    runs = (rows[starts], steps[starts], steps[ends - 1], ends - starts, np.maximum.reduceat(pauses, starts))
    for row, *signs in zip(*(each.tolist() for each in runs), strict=True):
        yield row, Signs(*signs)
