"""Duration: how long a state lasts."""

from detectors.duration.detector import Duration

__all__ = ["Duration"]
