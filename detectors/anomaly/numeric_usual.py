"""Usual values of a numeric entity, by hour of the day and of the week, and how far it strays."""

from array import array
from typing import Any

DAY_HOURS, WEEK_HOURS = 24, 168
# Weight of the newest hour, at least: an overall figure follows in some days, an hour of the day in a week.
OVERALL, LEVEL, OF_DAY, OF_WEEK = 0.01, 0.02, 0.12, 0.25
# Visits of an hour after which it has a say.
KNOWN = 2
CONTEXTS = ("recent level", "hour of the day", "hour of the week")
# An hour strays at least as much as these shares of its neighbours and of all hours: edges wander, and
# a quiet hour was perhaps only lucky.
OF_NEIGHBOURS, OF_ALL = 0.7, 0.3


class Usual:
    """Forecast of an hour's mean by the context that erred least: recent level, hour of day, or hour of week.

    Constant memory, about 1.3 kB; some microseconds an hour; not mergeable.

    Examples
    --------
    >>> usual = Usual()
    >>> for hour in range(24 * 7):
    ...     usual.learn_one(hour, 20.0 if hour % 24 < 12 else 30.0, reach=100.0)
    >>> round(usual.value(24 * 7 + 3)), usual.context(24 * 7 + 3)
    (20, 'hour of the day')
    """

    __slots__ = ("_day", "_day_visits", "_errors", "_hours", "_week", "_week_visits", "level")

    def __init__(self) -> None:
        self.level = 0.0
        self._hours = 0
        self._errors = [0.0, 0.0, 0.0]
        self._day = array("d", bytes(8 * DAY_HOURS))
        self._day_visits = array("I", bytes(4 * DAY_HOURS))
        self._week = array("f", bytes(4 * WEEK_HOURS))
        self._week_visits = array("B", bytes(WEEK_HOURS))

    def knows(self, hour: int) -> bool:
        """Return whether this hour of the day came often enough to say what it is like."""
        return self._day_visits[hour % DAY_HOURS] >= KNOWN

    def value(self, hour: int) -> float:
        """Forecast for an hour, counted from any midnight."""
        return self._forecasts(hour)[self._chosen(hour)]

    def context(self, hour: int) -> str:
        """Name of the context that the forecast goes by."""
        return CONTEXTS[self._chosen(hour)]

    def learn_one(self, hour: int, value: float, reach: float) -> None:
        """Learn the mean of an hour; what is further off than `reach` moves the forecasts by that only."""
        day, week = hour % DAY_HOURS, hour % WEEK_HOURS
        visits, week_visits = self._day_visits[day], self._week_visits[week]
        if self._hours == 0:
            self.level = value
        if visits == 0:
            self._day[day] = self.level
        self._learn_errors(hour, value)
        limit = reach if visits > KNOWN else abs(value - self.level) + abs(value - self._day[day])
        self._hours += 1
        by_level, by_day, by_week = (
            min(max(value - forecast, -limit), limit) for forecast in self._forecasts(hour)
        )
        self.level += max(LEVEL, 1 / self._hours) * by_level
        self._day[day] += max(OF_DAY, 1 / (visits + 1)) * by_day
        if visits >= KNOWN:
            self._week[week] += max(OF_WEEK, 1 / (week_visits + 1.5)) * by_week
            self._week_visits[week] = min(week_visits + 1, 255)
        self._day_visits[day] = visits + 1

    def _forecasts(self, hour: int) -> tuple[float, float, float]:
        day = self._day[hour % DAY_HOURS]
        return self.level, day, day + self._week[hour % WEEK_HOURS]

    def _chosen(self, hour: int) -> int:
        level, day, week = self._errors
        if not self.knows(hour) or (level <= day and level <= week):
            return 0
        return 1 if day <= week or self._week_visits[hour % WEEK_HOURS] < KNOWN else 2

    def _learn_errors(self, hour: int, value: float) -> None:
        rate = max(OVERALL, 1 / (self._hours + 1))
        for context, forecast in enumerate(self._forecasts(hour)):
            error, known = abs(value - forecast), self._errors[context]
            if self._hours > DAY_HOURS:
                error = min(error, 4 * known + abs(forecast) * 1e-6)
            self._errors[context] = known + rate * (error - known)

    def snapshot(self) -> list[Any]:
        """Plain values."""
        arrays = (self._day, self._day_visits, self._week, self._week_visits)
        return [self.level, self._hours, list(self._errors), *(list(each) for each in arrays)]

    def restore(self, snapshot: list[Any]) -> None:
        """Take up what `snapshot` returned."""
        level, hours, errors, day, day_visits, week, week_visits = snapshot
        self.level, self._hours, self._errors = float(level), int(hours), [float(error) for error in errors]
        self._day, self._day_visits = array("d", day), array("I", day_visits)
        self._week, self._week_visits = array("f", week), array("B", week_visits)


class Spread:
    """Usual size of a deviation, by hour of the day; never less than a share of its neighbours'.

    Examples
    --------
    >>> spread = Spread()
    >>> for hour in range(24 * 7):
    ...     spread.learn_one(hour, 1.0)
    >>> spread.at(3)
    1.0
    """

    __slots__ = ("_all", "_day", "_hours", "_visits")

    def __init__(self) -> None:
        self._hours = 0
        self._all = 0.0
        self._day = array("f", bytes(4 * DAY_HOURS))
        self._visits = array("B", bytes(DAY_HOURS))

    def at(self, hour: int) -> float:
        """Usual size at an hour; 0 before anything was learned."""
        day, sizes = hour % DAY_HOURS, self._day
        if self._visits[day] < KNOWN:
            return 2 * self._all
        beside = max(sizes[day - 1], sizes[day - DAY_HOURS + 1])
        return max(sizes[day], OF_NEIGHBOURS * beside, OF_ALL * self._all)

    def learn_one(self, hour: int, size: float) -> None:
        """Learn the size of an hour's deviation."""
        day = hour % DAY_HOURS
        visits = self._visits[day]
        self._hours += 1
        self._day[day] += max(OF_DAY, 1 / (visits + 1)) * (size - self._day[day])
        self._all += max(OVERALL, 1 / self._hours) * (size - self._all)
        self._visits[day] = min(visits + 1, 255)

    def snapshot(self) -> list[Any]:
        """Plain values."""
        return [self._all, self._hours, list(self._day), list(self._visits)]

    def restore(self, snapshot: list[Any]) -> None:
        """Take up what `snapshot` returned."""
        overall, hours, day, visits = snapshot
        self._all, self._hours = float(overall), int(hours)
        self._day, self._visits = array("f", day), array("B", visits)
