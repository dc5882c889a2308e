"""The detectors there are: adding one is a module of its own and a line here."""

from detectors.anomaly import Anomalies
from detectors.co_occurrence import CoOccurrence
from detectors.contract import Detector
from detectors.duration import Duration
from detectors.sequence import Sequence
from detectors.time_of_day import TimeOfDay

# In the order in which they judge: what builds on others' findings comes after them.
REGISTRY: tuple[type[Detector], ...] = (TimeOfDay, CoOccurrence, Sequence, Duration, Anomalies)


def detectors() -> list[Detector]:
    """One of each, with its defaults."""
    return [kind() for kind in REGISTRY]
