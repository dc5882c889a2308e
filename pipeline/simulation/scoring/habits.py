"""Finds of the clock and of the sun against the planted habits."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from statistics import median

from pipeline.simulation.scoring.grounds import Grounds
from pipeline.simulation.scoring.scores import Share, Verdict
from pipeline.simulation.truth import EntityState, Habit, Truth
from schemas.circular_day import apart
from schemas.patterns import Pattern, TimeOfDayDetail

ENOUGH = 4
LATEST = 7
NEAR_MINUTES = 20.0
NEAR_SPREADS = 1.5
DAYS_AGREE = 0.4
GRACE_S = 10 * 86_400.0


@dataclass(frozen=True, slots=True)
class Phase:
    """A time in which a habit is done about the same minute; `ended` is None while it is."""

    habit: Habit
    minutes: Sequence[float]
    ended: float | None = None

    def at(self, minute: float) -> bool:
        """Return whether the habit was about that minute of late."""
        reach = max(NEAR_MINUTES, NEAR_SPREADS * self.habit.spread_minutes)
        distances = [apart(minute, each) for each in self.minutes[-LATEST:]]
        return bool(distances) and median(distances) <= reach

    def on(self, days: Sequence[int]) -> bool:
        """Return whether the days are its days, most of them."""
        mine, theirs = set(self.habit.days), set(days) or set(range(7))
        return len(mine & theirs) >= DAYS_AGREE * len(mine | theirs)


class HabitJudge:
    """Gives verdicts on patterns of the time of day.

    Parameters
    ----------
    truth
        Of the household.
    until
        Epoch seconds up to which it counts.
    """

    def __init__(self, truth: Truth, until: float) -> None:
        self._until = until
        self._zone = truth.zone
        self._grounds = Grounds(truth)
        self._phases = [phase for habit in truth.habits for phase in self._split(habit)]
        self._minutes: dict[str, list[float]] = {}

    @property
    def learnable(self) -> list[str]:
        """Habits that are still done, and were often enough."""
        return [
            phase.habit.habit_id
            for phase in self._phases
            if phase.ended is None and len(phase.minutes) >= ENOUGH
        ]

    def judge(self, patterns: Iterable[Pattern]) -> list[Verdict]:
        """Give a verdict on each."""
        told: set[str] = set()
        verdicts = []
        for pattern in patterns:
            detail = pattern.detail
            if not isinstance(detail, TimeOfDayDetail):
                continue
            verdict = self._verdict(pattern, detail)
            if verdict.judgement == "right" and verdict.planted in told:
                verdict = Verdict(pattern, "wrong", "said twice", verdict.planted)
            told.add(verdict.planted)
            self._minutes.setdefault(_key(detail), []).append(detail.minute)
            verdicts.append(verdict)
        return verdicts

    def changes(self) -> Share:
        """Of the habits that moved long enough ago, how many were found at the new time and not the old."""
        hits = of = 0
        for old in self._phases:
            moved = old.habit.moved_on is not None and old.ended is not None
            new = next(
                (each for each in self._phases if each.habit is old.habit and each.ended is None), None
            )
            if not moved or new is None or old.ended is None or self._until - old.ended < GRACE_S:
                continue
            if len(new.minutes) < ENOUGH:
                continue
            action = old.habit.action
            said = self._minutes.get(f"{action.entity_id}={action.state}", [])
            hits += any(map(new.at, said)) and not any(old.at(each) and not new.at(each) for each in said)
            of += 1
        return Share(hits, of)

    def _verdict(self, pattern: Pattern, detail: TimeOfDayDetail) -> Verdict:
        action = EntityState(detail.entity_id, detail.state)
        near = [each for each in self._phases if each.habit.action == action and each.at(detail.minute)]
        fitting = [each for each in near if each.on(detail.days)]
        for phase in fitting:
            if phase.ended is None:
                return Verdict(pattern, "right", "habit", phase.habit.habit_id)
        if any(
            each.habit.action == action and self._just_ended(each, detail.minute) for each in self._phases
        ):
            return Verdict(pattern, "neutral", "just ended")
        reason = self._grounds.reason_without_plan(action)
        if reason is not None:
            return Verdict(pattern, "neutral", reason)
        if action in self._grounds.machines:
            return Verdict(pattern, "wrong", "machine")
        return Verdict(pattern, "wrong", "ended" if fitting else "other days" if near else "not planted")

    def _just_ended(self, phase: Phase, minute: float) -> bool:
        """Return whether a time is that of a habit which has just changed, or lies between old and new."""
        if phase.ended is None or self._until - phase.ended >= GRACE_S:
            return False
        habit = phase.habit
        between = sorted((habit.minute, habit.minute if habit.moved_minute is None else habit.moved_minute))
        return phase.at(minute) or between[0] <= minute <= between[1]

    def _split(self, habit: Habit) -> Iterable[Phase]:
        """Split a habit's occurrences where it moved or was dropped."""
        ends = [self._midnight(day) for day in (habit.moved_on, habit.dropped_on) if day is not None]
        begin = 0.0
        for end in [each for each in ends if each <= self._until]:
            yield Phase(habit, self._between(habit, begin, end), end)
            begin = end
        if habit.dropped_on is None or self._midnight(habit.dropped_on) > self._until:
            yield Phase(habit, self._between(habit, begin, self._until))

    def _between(self, habit: Habit, begin: float, end: float) -> list[float]:
        walls = [datetime.fromtimestamp(at, self._zone) for at in habit.occurrences if begin <= at < end]
        return [wall.hour * 60 + wall.minute + wall.second / 60 for wall in walls]

    def _midnight(self, day: str) -> float:
        return datetime.combine(date.fromisoformat(day), time(), self._zone).timestamp()


def _key(detail: TimeOfDayDetail) -> str:
    return f"{detail.entity_id}={detail.state}"
