"""The detectors there are: adding one is a module of its own and a line here."""

from collections.abc import Callable, Mapping

from detectors.anomaly import Anomalies
from detectors.co_occurrence import CoOccurrence
from detectors.contract import Detector
from detectors.duration import Duration
from detectors.sequence import Sequence
from detectors.time_of_day import TimeOfDay

# In the order in which they judge: what builds on others' findings comes after them.
REGISTRY: tuple[type[Detector], ...] = (TimeOfDay, CoOccurrence, Sequence, Duration, Anomalies)


def detectors(half_life_days: Mapping[str, float] | None = None) -> list[Detector]:
    """One of each with its defaults, but for the half-lives that are given by kind.

    Examples
    --------
    >>> [detector.kind for detector in detectors({"time_of_day": 30.0})][:2]
    ['time_of_day', 'co_occurrence']
    """
    return [_make(kind, half_life_days or {}) for kind in REGISTRY]


def _make(kind: Callable[..., Detector], half_life_days: Mapping[str, float]) -> Detector:
    detector = kind()
    days = half_life_days.get(detector.kind)
    return detector if days is None else kind(half_life_days=days)
