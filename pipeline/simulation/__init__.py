"""The generated household: Home Assistant's eventstream of people whose habits are known."""

from pipeline.simulation.household import Household
from pipeline.simulation.recording import write_household
from pipeline.simulation.truth import Automation, EntityState, Habit, Pair, Truth

__all__ = ["Automation", "EntityState", "Habit", "Household", "Pair", "Truth", "write_household"]
