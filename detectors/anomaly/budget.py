"""Budget of alarms for a home: of what repeats, one; of many, the most unusual."""

from collections.abc import Mapping
from dataclasses import dataclass

from detectors.anomaly.alarms import DAY_MS, HIGH, HOUR_MS, MINUTE_MS, Alarm
from schemas.anomalies import AnomalyKind

WEEK_MS = 7 * DAY_MS
LONG_AGO = -WEEK_MS
# Of the alarms of a week, those that may come all at once, after a quiet time; and what is kept of them for
# what is most unusual.
AT_ONCE, RESERVE = 1.5, 0.5
# The part of missed routines.
ROUTINES = 0.12
# The same again, of the same entity, within this time is no news.
COOL_DOWN_MS: Mapping[AnomalyKind, int] = {
    AnomalyKind.MISSED_ROUTINE: 3 * DAY_MS,
    AnomalyKind.LEFT_ON: 20 * HOUR_MS,
    AnomalyKind.NIGHT_OPENING: 12 * HOUR_MS,
    AnomalyKind.STUCK_SENSOR: 3 * DAY_MS,
    AnomalyKind.FLAPPING: 12 * HOUR_MS,
    AnomalyKind.NUMERIC: 3 * DAY_MS,
}
# What begins so close together, in several entities, is one thing: a group, a scene, a dead radio.
TOGETHER_MS: Mapping[AnomalyKind, int] = {
    AnomalyKind.MISSED_ROUTINE: 0,
    AnomalyKind.LEFT_ON: 5_000,
    AnomalyKind.NIGHT_OPENING: 15 * MINUTE_MS,
    AnomalyKind.STUCK_SENSOR: 30 * MINUTE_MS,
    AnomalyKind.FLAPPING: MINUTE_MS,
    AnomalyKind.NUMERIC: 30 * MINUTE_MS,
}


@dataclass(slots=True)
class Account:
    """A token bucket: `tokens` at most `capacity`, `weekly` new ones a week."""

    capacity: float
    weekly: float
    tokens: float = 0.0
    at_ms: int = 0

    def __post_init__(self) -> None:
        self.tokens = self.capacity

    def spend(self, at_ms: int, reserve: float = 0.0) -> bool:
        """Take a token, if there is one beyond the reserve."""
        passed_ms = max(0, at_ms - self.at_ms)
        self.tokens = min(self.capacity, self.tokens + self.weekly * passed_ms / WEEK_MS)
        self.at_ms = max(self.at_ms, at_ms)
        if self.tokens < 1 + reserve:
            return False
        self.tokens -= 1
        return True


class Budget:
    """Says which alarms pass, in the order of time: so many a week, in the long run.

    Missed routines have an account of their own: which routines there are is judged anew every night, and
    must not change what was said of anything else.
    """

    def __init__(self, per_week: float) -> None:
        weekly = (1 - ROUTINES) * per_week
        self.faults = Account(capacity=max(1.0, AT_ONCE * weekly), weekly=weekly)
        self.routines = Account(capacity=1.0, weekly=ROUTINES * per_week)
        self.last: dict[tuple[AnomalyKind, str], int] = {}
        self.begun: dict[AnomalyKind, list[int]] = {}
        self._reserve = min(self.faults.capacity - 1, RESERVE * weekly)

    def admits(self, alarm: Alarm) -> bool:
        """Tell whether an alarm is said, and book it."""
        key = (alarm.kind, alarm.entity_id)
        if alarm.at_ms - self.last.get(key, LONG_AGO) < COOL_DOWN_MS[alarm.kind] or self._explained(alarm):
            return False
        begun = self.begun.setdefault(alarm.kind, [])
        if any(abs(alarm.began_ms - other) < TOGETHER_MS[alarm.kind] for other in begun):
            return False
        faults = self._account(alarm.kind) is self.faults
        reserve = self._reserve if faults and alarm.score < HIGH[alarm.kind] else 0.0
        if not self._account(alarm.kind).spend(alarm.at_ms, reserve):
            return False
        self.last[key] = alarm.at_ms
        begun.append(alarm.began_ms)
        del begun[:-20]
        return True

    def _explained(self, alarm: Alarm) -> bool:
        """Return whether a routine is missed that the entity's fault kept from showing."""
        return alarm.kind is AnomalyKind.MISSED_ROUTINE and any(
            alarm.at_ms - self.last.get((kind, alarm.entity_id), LONG_AGO) < DAY_MS for kind in AnomalyKind
        )

    def adopt(self, past: "Budget") -> None:
        """Book what another budget admitted since."""
        for key, at_ms in past.last.items():
            if at_ms > self.last.get(key, LONG_AGO):
                self.last[key] = at_ms
                self._account(key[0]).spend(at_ms)

    def _account(self, kind: AnomalyKind) -> Account:
        return self.routines if kind is AnomalyKind.MISSED_ROUTINE else self.faults
