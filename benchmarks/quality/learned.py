"""What was learned of a home: its patterns as they stood after given days, and the days themselves."""

from collections.abc import Collection
from dataclasses import dataclass

from benchmarks.quality.homes import House
from detectors.history import History
from detectors.registry import detectors
from pipeline.learning.log_learner import LogLearner
from schemas.anomalies import Anomaly
from schemas.patterns import Pattern


@dataclass(frozen=True, slots=True)
class Learned:
    """A home that was learned once, night by night.

    Attributes
    ----------
    active
        Active patterns, by the number of calendar days after which they were.
    anomalies
        Every anomaly that was said, as it happened or in a night.
    history
        All days.
    """

    active: dict[int, tuple[Pattern, ...]]
    anomalies: list[Anomaly]
    history: History

    @property
    def days(self) -> int:
        """Calendar days from the first to the last."""
        first, last = self.history.days[0].date, self.history.days[-1].date
        return (last - first).days + 1

    def place(self, days: int) -> int:
        """Place in the history of the first day that is not one of the first `days`."""
        first = self.history.days[0].date.toordinal()
        return sum(day.date.toordinal() < first + days for day in self.history.days)


def learn(house: House, judged_after: Collection[int]) -> Learned:
    """Learn a home as `ha-ai learn` does; keep the patterns that are active after so many days."""
    learner = LogLearner(house.home, detectors())
    core = learner.core
    active: dict[int, tuple[Pattern, ...]] = {}
    said: dict[str, Anomaly] = {}

    def note() -> None:
        days = learner.counts.days
        number = (max(days) - min(days)).days + 1
        if number in judged_after:
            active[number] = tuple(core.ledger.active.values())
        said.update((anomaly.id, anomaly) for anomaly in (*core.take_alarms(), *core.anomalies))

    closed = 0
    for entry in house.entries:
        for _ in learner.take(entry):
            pass
        if len(learner.counts.days) > closed:
            closed = len(learner.counts.days)
            note()
    for _ in learner.finish():
        pass
    note()
    return Learned(active, list(said.values()), core.history())
