"""Numeric sensors, followed in 5-minute steps."""

from detectors.anomaly.alarms import Alarm, span
from detectors.anomaly.numeric import ALARM, NumericScorer
from detectors.anomaly.silences import FEWEST_STEPS, LONGEST_STEPS, SHORTEST_STEPS, STEP_MS, Silence
from schemas.anomalies import AnomalyKind

STEPS_A_DAY = 288


class Meter:
    """A numeric sensor: how long it is silent, and what it measures in which context.

    Samples are gathered to the mean of their 5-minute step, which is what a history keeps of them, so that past
    and present are judged alike. Days are UTC days here.
    """

    __slots__ = ("count", "entity_id", "scorer", "silence", "step", "total")

    def __init__(self, entity_id: str, step: int) -> None:
        self.entity_id = entity_id
        self.step = step
        self.total = 0.0
        self.count = 0
        self.silence = Silence(step)
        self.scorer = NumericScorer()

    def begin(self, step: int) -> None:
        """Begin a step: a sign of life."""
        if step // STEPS_A_DAY > self.step // STEPS_A_DAY:
            self.silence.close_day(FEWEST_STEPS, SHORTEST_STEPS, LONGEST_STEPS)
        self.silence.see(step)
        self.step, self.total, self.count = step, 0.0, 0

    def finish(self) -> Alarm | None:
        """Judge and learn the mean of the step."""
        if not self.count:
            return None
        at_ms = self.step * STEP_MS
        score = self.scorer.learn_one(self.total / self.count, at_ms)
        self.count = 0
        if score < ALARM:
            return None
        surprise = self.scorer.surprise
        return Alarm(
            entity_id=self.entity_id,
            kind=AnomalyKind.NUMERIC,
            at_ms=at_ms,
            began_ms=at_ms,
            score=score,
            expected=f"is usually {surprise.expected}",
            observed=f"was {surprise.observed}",
            occasions=self.silence.signs,
            usual=self.silence.signs,
        )

    @property
    def due_ms(self) -> int:
        """When its silence will be too long."""
        return (self.silence.due + 1) * STEP_MS

    def stuck(self) -> Alarm:
        """Say the silence that has just become too long."""
        self.silence.told = True
        last_ms = (self.silence.last + 1) * STEP_MS
        return Alarm(
            entity_id=self.entity_id,
            kind=AnomalyKind.STUCK_SENSOR,
            at_ms=self.due_ms,
            began_ms=last_ms,
            score=self.silence.score,
            expected=f"usually reports at least every {span(max(1, self.silence.longest) * STEP_MS)}",
            observed=f"has been silent for {span(self.due_ms - last_ms)}",
            occasions=self.silence.signs,
            usual=self.silence.signs,
        )
