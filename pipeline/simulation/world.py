"""World that all parts of a run share."""

from dataclasses import dataclass
from random import Random

from pipeline.simulation.agenda import Agenda
from pipeline.simulation.almanac import Almanac
from pipeline.simulation.days import Calendar
from pipeline.simulation.instance import HomeAssistant


@dataclass(frozen=True, slots=True)
class World:
    """Time, what days it brings, what is to come and the Home Assistant that sees it."""

    seed: int
    calendar: Calendar
    almanac: Almanac
    agenda: Agenda
    home_assistant: HomeAssistant

    def rng(self, part: str) -> Random:
        """Return a part's own randomness, so that one part's draws never shift another's."""
        return Random(f"{self.seed}/{part}")


def poisson(rng: Random, mean: float) -> int:
    """Draw how many events with exponential gaps fit into one unit of time."""
    number, reached = 0, rng.expovariate(1.0)
    while reached < mean:
        number += 1
        reached += rng.expovariate(1.0)
    return number
