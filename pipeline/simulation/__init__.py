"""The generated household: Home Assistant's eventstream of people whose habits are known."""

from pipeline.simulation.household import Household
from pipeline.simulation.people import DIFFICULTIES, Level
from pipeline.simulation.recording import write_household
from pipeline.simulation.truth import Anchor, Automation, Chain, EntityState, Habit, Oddity, Pair, Truth

__all__ = [
    "DIFFICULTIES",
    "Anchor",
    "Automation",
    "Chain",
    "EntityState",
    "Habit",
    "Household",
    "Level",
    "Oddity",
    "Pair",
    "Truth",
    "write_household",
]
