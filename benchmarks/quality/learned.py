"""What was learned of a home: its patterns as they stood after given days, and the days themselves."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from benchmarks.quality.homes import House
from detectors.history import History
from detectors.registry import detectors
from pipeline.learn.log_learner import LogLearner
from schemas.anomalies import Anomaly
from schemas.patterns import Pattern


@dataclass(frozen=True, slots=True)
class Learned:
    """A home that was learned once.

    Attributes
    ----------
    active
        Active patterns, by the number of calendar days after which they were.
    anomalies
        What was out of order, as it is judged after the last day.
    alarms
        What was said to be out of order as it happened; None where nights were left out.
    history
        All days.
    """

    active: dict[int, tuple[Pattern, ...]]
    anomalies: Sequence[Anomaly]
    alarms: Sequence[Anomaly] | None
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


def learn(house: House, judged_after: Collection[int], *, nightly: bool = False) -> Learned:
    """Learn a home as `ha-ai learn` does; keep the patterns that are active after so many days.

    Parameters
    ----------
    nightly
        Whether to judge every night, which alarms follow from, or only after the days that are asked for.
    """
    learner = LogLearner(house.home, detectors(), nightly=nightly)
    core, days = learner.core, learner.counts.days
    active: dict[int, tuple[Pattern, ...]] = {}
    closed = 0
    for entry in house.entries:
        for _ in learner.take(entry):
            pass
        if len(days) > closed:
            closed = len(days)
            number = (max(days) - min(days)).days + 1
            if number in judged_after:
                for _ in () if nightly else core.judge():
                    pass
                active[number] = tuple(core.ledger.active.values())
    for _ in learner.finish():
        pass
    active[(max(days) - min(days)).days + 1] = tuple(core.ledger.active.values())
    return Learned(active, core.anomalies, learner.take_alarms() if nightly else None, core.history())
