"""No clock makes a day old: for any days that were kept, and any day that a clock calls today."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sinks.store.ages import Term, leaving

TERM = Term(20, 4)
DAY = st.dates(date(2024, 1, 1), date(2028, 12, 31)) | st.dates(date(2026, 4, 1), date(2026, 7, 31))
# Most days of two months, so that there are enough of them to leave.
KEPT = st.sets(st.integers(0, 60)).map(
    lambda missing: sorted(date(2026, 6, 1) - timedelta(days=age) for age in range(61) if age not in missing)
)


@given(KEPT, st.lists(DAY, max_size=5), DAY)
def test_a_day_leaves_only_when_enough_newer_ones_are_kept(
    lived: list[date], wrong: list[date], today: date
) -> None:
    """Whatever days a wrong clock added, and whatever it calls today."""
    kept = sorted({*lived, *wrong})
    before, overdue = leaving(kept, TERM, today)
    for day in kept:
        newer = [other for other in kept if other > day]
        if day < before:
            assert len(newer) >= TERM.days + TERM.settling
            assert newer[-TERM.settling] - day > timedelta(days=TERM.days)
    assert all(day >= before for day in overdue)
    held, waiting = leaving(kept, TERM._replace(at_once=5), today)
    assert sum(day < held for day in kept) <= 5
    assert {day for day in kept if day < before} <= {day for day in kept if day < held} | set(waiting)


@given(st.lists(st.tuples(st.integers(-366, 400), st.booleans()), max_size=12))
def test_no_jumps_cost_a_day_within_the_term(jumps: list[tuple[int, bool]]) -> None:
    """Live a day after each jump of the clock, learned under the wrong date or not, and look each time."""
    real = date(2026, 6, 1)
    days = {real - timedelta(days=age) for age in range(24)}
    within = set(days)
    for number, (ahead, is_learned) in enumerate(jumps):
        real += timedelta(days=1)
        days.add(real)
        within = {day for day in {*within, real} if real - day <= timedelta(days=TERM.days)}
        if is_learned:
            days.add(real + timedelta(days=ahead))
        for today in (real + timedelta(days=ahead), real):
            before, _ = leaving(sorted(days), TERM, today)
            days = {day for day in days if day >= before}
            if number < TERM.settling - 1:
                assert within <= days
        assert len(within - days) <= number + 1


@given(st.integers(1, 60), st.integers(0, 40))
def test_a_steady_life_keeps_its_term(lived: int, away: int) -> None:
    """Looked at day by day the term and what settles is kept, and no more; an absence makes days overdue."""
    start = date(2026, 1, 1)
    days: list[date] = []
    for number in range(lived):
        days.append(start + timedelta(days=number))
        days = [day for day in days if day >= leaving(days, TERM, days[-1]).before]
    assert len(days) == min(lived, TERM.days + TERM.settling)
    back = days[-1] + timedelta(days=away)
    since = [back + timedelta(days=number) for number in range(1, TERM.settling + 1)]
    before, overdue = leaving([*days, *since], TERM, since[-1])
    assert all(since[0] - day > timedelta(days=TERM.days) for day in overdue)
    assert all(before <= day for day in days) or lived > TERM.days
