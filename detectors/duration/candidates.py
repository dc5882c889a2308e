"""Stays that may have a typical length, and what speaks for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np

from detectors.duration.lengths import BUCKETS, Ints, middle_s
from detectors.duration.splitting import Part, parts
from detectors.duration.stays import Stays
from detectors.duration.trial import Trial
from detectors.duration.window import Flags
from detectors.evidence import LOG_CAP
from schemas.events import EventType

MOST_OF_TIME = 0.5
MOST_STAYS = 6_000
"""Of more, a hundred a day for two months, the latest are judged: that takes some milliseconds still."""
DAY_S = 86_400
ALIAS_SHARE = 0.8
ALIAS_BUCKETS = 2


@dataclass(frozen=True, slots=True)
class Candidate:
    """The stays of an event type, split where their length depends on something, each part with its trial.

    `log_e` is the logarithm of the evidence of all parts together, less the choice of the split.
    """

    event_type: EventType
    stays: Stays
    parts: Sequence[tuple[Part, Trial]]
    log_e: float

    @classmethod
    def of(cls, event_type: EventType, stays: Stays, half_life_days: float) -> "Candidate | None":
        """Judge stays by themselves; None where they cannot say anything of the household."""
        if stays.others > len(stays) or is_rest(stays):
            return None
        stays = stays.latest(MOST_STAYS)
        found = [(part, Trial.of(part.stays, half_life_days)) for part in parts(stays)]
        log_e = sum(trial.log_e for _, trial in found) - log(max(part.ways for part, _ in found))
        return cls(event_type, stays, found, min(log_e, LOG_CAP))


def is_rest(stays: Stays) -> bool:
    """Return whether the entity is in this state most of the time."""
    within_s = sum(map(middle_s, stays.lengths.tolist()))
    return within_s > MOST_OF_TIME * DAY_S * float(stays.days[-1] - stays.days[0] + 1)


def without_aliases(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Leave out sensors whose stays are those of a device: they repeat it, under contexts of their own."""
    devices = [each for each in candidates if not _is_sensor(each)]
    medians = np.array([np.median(each.stays.lengths) for each in devices])
    kept = []
    for candidate in candidates:
        near = np.abs(medians - np.median(candidate.stays.lengths)) <= ALIAS_BUCKETS
        if not _is_sensor(candidate) or not any(
            _repeats(candidate.stays, devices[place].stays) for place in np.nonzero(near)[0]
        ):
            kept.append(candidate)
    return kept


def _is_sensor(candidate: Candidate) -> bool:
    return candidate.event_type.entity_id.partition(".")[0].endswith("sensor")


def _repeats(stays: Stays, of: Stays) -> bool:
    """Return whether most stays began in the same hour as one of the other's and lasted as long."""
    shifts = np.arange(-ALIAS_BUCKETS, ALIAS_BUCKETS + 1)
    same: Flags = np.isin(_places(stays), _places(of)[:, None] + shifts)
    return int(same.sum()) >= ALIAS_SHARE * max(len(stays), len(of))


def _places(stays: Stays) -> Ints:
    return (stays.days * 24 + stays.hours) * (2 * BUCKETS) + stays.lengths
