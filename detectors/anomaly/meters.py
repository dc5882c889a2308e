"""Numeric sensors, followed in 5-minute steps."""

from detectors.anomaly.alarms import Alarm, span
from detectors.anomaly.deadlines import METER, Deadlines
from detectors.anomaly.numeric import ALARM, NumericScorer
from detectors.anomaly.signs import Signs
from detectors.anomaly.silences import (
    FEWEST_STEPS,
    LONGEST_STEPS,
    SHORTEST_STEPS,
    STEP_MS,
    STEPS_A_DAY,
    Silence,
)
from schemas.anomalies import AnomalyKind

# After a pause of so many steps, or of twice the longest, what changed meanwhile is no surprise.
PAUSE_STEPS = 24
# A numeric sensor that was not heard of for so long has left.
FORGOTTEN_STEPS = 14 * STEPS_A_DAY
UNMEASURED = -1


class Meter:
    """A numeric sensor: how long it is silent, and what it measures in which context.

    Samples are gathered to the mean of their 5-minute step, which is what a history keeps of them, so that
    past and present are judged alike. Days are UTC days here.
    """

    __slots__ = ("blind_until", "count", "entity_id", "scorer", "silence", "step", "total")

    def __init__(self, entity_id: str, step: int) -> None:
        self.entity_id = entity_id
        self.step = UNMEASURED
        self.total = 0.0
        self.count = 0
        self.blind_until = 0
        self.silence = Silence(step)
        self.scorer = NumericScorer()

    def hear(self, step: int) -> None:
        """Hear a sign of life in a step that is later than the last one."""
        if step // STEPS_A_DAY > self.silence.last // STEPS_A_DAY:
            self.silence.close_day(FEWEST_STEPS, SHORTEST_STEPS, LONGEST_STEPS)
        self.silence.see(step)

    def begin(self, step: int) -> None:
        """Begin to gather a step."""
        if self.step >= 0 and step - self.step > max(PAUSE_STEPS, 2 * self.silence.longest):
            self.blind_until = step + PAUSE_STEPS // 2
        self.step, self.total, self.count = step, 0.0, 0

    def finish(self) -> Alarm | None:
        """Judge and learn the mean of the step."""
        if not self.count:
            return None
        at_ms = self.step * STEP_MS
        score = self.scorer.learn_one(self.total / self.count, at_ms)
        self.count = 0
        if score < ALARM or self.step < self.blind_until:
            return None
        surprise = self.scorer.surprise
        return Alarm(
            entity_id=self.entity_id,
            kind=AnomalyKind.NUMERIC,
            at_ms=at_ms,
            began_ms=at_ms,
            score=score,
            expected=surprise.expected,
            observed=surprise.observed,
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


class Meters(dict[str, Meter]):
    """The numeric sensors of a home, by entity."""

    def __init__(self, deadlines: Deadlines) -> None:
        super().__init__()
        self._deadlines = deadlines

    def hear(self, entity_id: str, signs: Signs) -> None:
        """Hear of a sensor that spoke; what it said is not known."""
        meter = self._meter(entity_id, signs.first)
        if signs.first > meter.silence.last:
            meter.hear(signs.first)
        meter.silence.go_on(signs.last, signs.number - 1, signs.longest)
        self._await(meter)

    def take(self, entity_id: str, value: float, at_ms: int) -> Alarm | None:
        """Take a sample; say what the step that it ends tells."""
        step = at_ms // STEP_MS
        meter = self._meter(entity_id, step)
        if step > meter.silence.last:
            meter.hear(step)
            self._await(meter)
        if step < meter.step:
            return None
        alarm = None
        if step > meter.step:
            alarm = meter.finish()
            meter.begin(step)
        meter.total += value
        meter.count += 1
        return alarm

    def check(self, entity_id: str, now_ms: int) -> Alarm | None:
        """Say whether a sensor that was to speak by now is stuck."""
        meter = self[entity_id]
        meter.silence.queued = False
        if meter.silence.limit and meter.due_ms <= now_ms:
            return meter.stuck()
        self._await(meter)
        return None

    def skip(self, until_ms: int) -> None:
        """Take the time before for unseen."""
        for meter in self.values():
            meter.silence.skip(until_ms // STEP_MS)

    def adopt(self, past: "Meters", now_ms: int) -> None:
        """Take over what only the past measured, unless it has left; of what was heard, we know more."""
        oldest = now_ms // STEP_MS - FORGOTTEN_STEPS
        for entity_id, meter in past.items():
            mine = self.get(entity_id)
            if meter.step < oldest or (mine is not None and mine.step != UNMEASURED):
                continue
            self[entity_id] = meter
            if mine is not None:
                meter.silence = mine.silence
            else:
                meter.silence.queued = False
                self._await(meter)

    def _meter(self, entity_id: str, step: int) -> Meter:
        meter = self.get(entity_id)
        if meter is None:
            meter = self[entity_id] = Meter(entity_id, step)
        return meter

    def _await(self, meter: Meter) -> None:
        silence = meter.silence
        if silence.limit and not silence.queued and not silence.told:
            silence.queued = True
            # Due from this instant on, while deadlines are due after theirs.
            self._deadlines.add(meter.due_ms - 1, METER, meter.entity_id, 0)
