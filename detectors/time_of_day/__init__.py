"""Habits of the clock and of the sun."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np

from detectors.history import Aggregate, Day, History
from detectors.time_of_day.report import report
from detectors.time_of_day.search import Search
from detectors.time_of_day.season import seasons
from detectors.time_of_day.uses import FIELDS, MOST_DAYS, OVERHANG, SLOT_MIN, SLOT_S, gather
from schemas.events import Cause
from schemas.patterns import Pattern

__all__ = ["TimeOfDay"]

# Their states are what habits are told apart from.
NO_BEHAVIOUR = ("sun.", "weather.")


class TimeOfDay:
    """Find what happens at a time of day: on the clock, or relative to sunrise or sunset.

    Every window of the day, in every look-back and class of weekdays, is weighed by an e-value: hits among
    the days against how often the window would be hit by chance, as the entity's other uses and the
    activity of its room and home let expect; what senses people is weighed against its own other hours, for
    its activity is the home's. Types whose mean e-value passes e-BH at `alpha`, and is at least as many as
    there are days, may have a habit: it must also hit a good share of its days and outlive the checks of its
    course through them, which are what mostly keeps chance out. Its uses are taken away, and what is left is
    scanned again. Of a habit are then told anchor, class of weekdays, beginning, move and end.

    About 0.4 milliseconds an event type and judging at 30 days, 0.6 at 60.

    Parameters
    ----------
    alpha
        Share of the event types passed to the checks that may have no habit; of what is reported, one to
        four in a hundred were chance on simulated homes, up to nine on very noisy ones.
    half_life_days
        Opportunities after which one counts half in the forecast.
    look_backs_days
        Spans that are judged: short ones see a new habit sooner, long ones a rare one. At most 63.
    widths_min
        Widths of the windows: multiples of 5 up to 120.
    min_days
        Days on which an event type must have been seen to be judged.
    weekly_from_days
        Look-back from which habits of a single weekday are sought.

    Examples
    --------
    >>> TimeOfDay(alpha=0.05).kind
    'time_of_day'

    References
    ----------
    R. Wang, A. Ramdas (2022). False discovery rate control with e-values. Journal of the Royal Statistical
    Society B 84(3), 822-852. doi:10.1111/rssb.12489
    """

    kind = "time_of_day"

    def __init__(
        self,
        *,
        alpha: float = 0.2,
        half_life_days: float = 14.0,
        look_backs_days: Sequence[int] = (14, 28, 56),
        widths_min: Sequence[int] = (15, 30, 60, 120),
        min_days: int = 4,
        weekly_from_days: int = 28,
    ) -> None:
        if not 0 < alpha < 1:
            raise ValueError(f"expected alpha between 0 and 1, got {alpha}")
        if half_life_days <= 0 or min_days < 1 or weekly_from_days < 1:
            raise ValueError(
                f"expected half_life_days, min_days and weekly_from_days above 0, "
                f"got {half_life_days}, {min_days} and {weekly_from_days}"
            )
        if not look_backs_days or not all(1 <= days <= MOST_DAYS for days in look_backs_days):
            raise ValueError(f"expected look_backs_days from 1 to {MOST_DAYS}, got {tuple(look_backs_days)}")
        widest = OVERHANG * SLOT_MIN
        if not widths_min or not all(0 < width <= widest and width % SLOT_MIN == 0 for width in widths_min):
            raise ValueError(
                f"expected multiples of {SLOT_MIN} to {widest}, got widths_min={tuple(widths_min)}"
            )
        self.alpha = alpha
        self.half_life_days = half_life_days
        self.look_backs_days = tuple(sorted(set(look_backs_days)))
        self.widths_min = tuple(sorted(set(widths_min)))
        self.min_days = min_days
        self.weekly_from_days = weekly_from_days

    def close_day(self, day: Day) -> Mapping[str, Aggregate]:
        """Say, for each event type, when it was used: local seconds, the first of every five minutes.

        ``seconds`` holds what people or devices did, ``automated`` what automations did.
        """
        kept = np.nonzero(~day.derived)[0]
        second = np.floor(day.minutes[kept] * 60).astype(np.int64)
        column = day.type_ids[kept].astype(np.int64) * 2 + (day.causes[kept] == Cause.AUTOMATION)
        order = np.argsort(column * 100_000 + second, kind="stable")
        column, second = column[order], second[order]
        _, first = np.unique(column * 1_000 + second // SLOT_S, return_index=True)
        column, second = column[first], second[first]
        edges = np.nonzero(np.diff(column, prepend=-1, append=-1))[0].tolist()
        times = second.tolist()
        aggregates: dict[str, dict[str, list[int]]] = {}
        for low, high in pairwise(edges):
            index, automated = divmod(int(column[low]), 2)
            event_type = day.types[index]
            if not event_type.entity_id.startswith(NO_BEHAVIOUR):
                aggregate = aggregates.setdefault(event_type.key, {})
                aggregate[FIELDS[automated]] = times[low:high]
        return aggregates

    def detect(self, history: History) -> Iterator[Pattern | None]:
        seen = history.seen_on(self.min_days)
        wanted = {each for each in seen if not each.entity_id.startswith(NO_BEHAVIOUR)}
        if not history.days or not wanted:
            return
        gathered = None
        for gathered in gather(history, self.kind, wanted, self.look_backs_days[-1]):
            if gathered is None:
                yield None
        if gathered is None or not gathered[1].types:
            return
        span, uses = gathered
        rooms = sorted(set(history.home.rooms.values()))
        index = {name: number for number, name in enumerate(rooms)}
        room = np.array([index.get(history.home.rooms.get(each.entity_id, ""), -1) for each in uses.types])
        sought = seasons(span, self.look_backs_days, self.weekly_from_days)
        widths = [width // SLOT_MIN for width in self.widths_min]
        habits = None
        for habits in Search(span, uses, room, sought, widths, self.alpha).run():
            if habits is None:
                yield None
        yield from report(habits or [], span, uses, history.home, self.half_life_days)
