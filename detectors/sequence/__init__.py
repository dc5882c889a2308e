"""Sequence: chains of three steps and more that people take in one order."""

from detectors.sequence.detector import Sequence

__all__ = ["Sequence"]
