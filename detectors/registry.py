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


def detectors(settings: Mapping[str, Mapping[str, float]] | None = None) -> list[Detector]:
    """One of each with its defaults, but for the parameters that are given, by kind and name.

    Examples
    --------
    >>> made = detectors({"time_of_day": {"half_life_days": 30.0}})
    >>> [detector.kind for detector in made][:2]
    ['time_of_day', 'co_occurrence']
    >>> detectors({"weather": {"half_life_days": 30.0}})
    Traceback (most recent call last):
    ValueError: expected settings of registered kinds, got some of weather
    """
    given = dict(settings or {})
    made = [_make(kind, given) for kind in REGISTRY]
    if given:
        raise ValueError(f"expected settings of registered kinds, got some of {', '.join(sorted(given))}")
    return made


def _make(kind: Callable[..., Detector], given: dict[str, Mapping[str, float]]) -> Detector:
    detector = kind()
    options = given.pop(detector.kind, None)
    return kind(**options) if options else detector
