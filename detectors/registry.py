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


def detectors(
    half_life_days: Mapping[str, float] | None = None, anomalies_per_week: float | None = None
) -> list[Detector]:
    """One of each with its defaults, but for what is given: half-lives by kind, the budget of alarms.

    Examples
    --------
    >>> [detector.kind for detector in detectors({"time_of_day": 30.0})][:2]
    ['time_of_day', 'co_occurrence']
    """
    given = {kind: {"half_life_days": days} for kind, days in (half_life_days or {}).items()}
    if anomalies_per_week is not None:
        given[Anomalies.kind] = {"per_week": anomalies_per_week}
    return [_make(kind, given) for kind in REGISTRY]


def _make(kind: Callable[..., Detector], given: Mapping[str, Mapping[str, float]]) -> Detector:
    detector = kind()
    options = given.get(detector.kind)
    return kind(**options) if options else detector
