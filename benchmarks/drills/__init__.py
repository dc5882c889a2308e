"""Fault drills: real processes, real brokers, exactly known events, and what the store holds at the end."""

from benchmarks.drills.catalogue import DRILLS
from benchmarks.drills.drill import Drill, Size
from benchmarks.drills.trial import HEADER, Row

__all__ = ["DRILLS", "HEADER", "Drill", "Row", "Size"]
