"""Co-occurrence: what people do shortly after something happened."""

from detectors.co_occurrence.detector import CoOccurrence

__all__ = ["CoOccurrence"]
