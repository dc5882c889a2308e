"""The one table: what is wanted, and what was reached on generated, recorded and habitless homes."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.quality.calibration import Forecast, reliability
from benchmarks.quality.clockwork import Check
from benchmarks.quality.homes import GENERATED
from benchmarks.quality.jobs import Outcome
from benchmarks.quality.recorded import Held
from benchmarks.quality.scores import Counts
from schemas.patterns import PatternType

Figure = float | None

CLOCK, PAIRS, CHAINS, DURATIONS = (kind.value for kind in PatternType)
DAYS = (14, 30, 60)
# Of the last two it is only asked that they are reported.
ANOMALIES = {
    "left_on": 0.85,
    "night_opening": 0.8,
    "flapping": 1.0,
    "stuck_sensor": 0.01,
    "missed_routine": 0.01,
}
HEAD = "| what | wanted | reached | |\n|---|---|---|---|"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: figures that are wanted (none: for information) and reached (None: nothing to)."""

    what: str
    reached: Sequence[Figure]
    wanted: Sequence[float] = ()
    at_most: bool = False

    @property
    def verdict(self) -> str:
        """Whether all that was measured is as wanted."""
        short = [
            reached < wanted if not self.at_most else reached > wanted
            for wanted, reached in zip(self.wanted, self.reached, strict=False)
            if reached is not None
        ]
        if not short:
            return ""
        return "**no**" if any(short) else "yes"

    def __str__(self) -> str:
        """As a line of Markdown."""
        limit = "at most" if self.at_most else "at least"
        wanted = f"{limit} {_numbers(self.wanted)}" if self.wanted else ""
        return f"| {self.what} | {wanted} | {_numbers(self.reached)} | {self.verdict} |"


def table(outcomes: Sequence[Outcome]) -> str:
    """Everything that the jobs found out."""
    lines = [HEAD]
    for title, rows in _parts(outcomes):
        lines += [f"| **{title}** | | | |", *map(str, rows)]
    return "\n".join(lines)


def _parts(outcomes: Sequence[Outcome]) -> Iterator[tuple[str, list[Row]]]:
    for origin, difficulty in GENERATED:
        homes = [
            each
            for each in outcomes
            if each.counts and each.source and (each.source.origin, each.source.name) == (origin, difficulty)
        ]
        if homes:
            rows = _normal(homes) if difficulty == "normal" else _hard(homes)
            yield f"{origin} generator, {difficulty}, {len(homes)} homes, after 14 / 30 / 60 days", rows
    nulls = [each for each in outcomes if each.source and each.source.rotation]
    if nulls:
        yield f"{len(nulls)} homes without habits", list(_nulls(nulls))
    recordings = [each for each in outcomes if each.rows]
    if recordings:
        title = "recorded homes, learned on their first days, checked on those that follow"
        yield title, list(_held(recordings))
        title = (
            "clock habits found / that hold / pairs found / that hold / by the plain rule found / that hold"
        )
        yield title, list(_splits(recordings))
    made = [forecast for each in outcomes for forecast in each.forecasts]
    if made:
        title = "confidence against the following 14 days: expected calibration error"
        yield title, list(_calibration(made))
    checks = [check for each in outcomes for check in each.checks]
    if checks:
        yield "one action a day within 5 minutes, share of trials", list(_clockwork(checks))


def _normal(homes: Sequence[Outcome]) -> list[Row]:
    by_days = {days: _total(homes, days) for days in DAYS}
    every, first, last = sum(by_days.values(), Counts()), by_days[14], by_days[60]
    return [
        Row("time of day, precision", _precision(by_days, CLOCK), (0.97, 0.95, 0.97)),
        Row("time of day, recall", _recall(by_days, CLOCK), (0.90, 0.88, 0.95)),
        Row(
            "daily and weekday habits with a spread up to 25 min, 14 days, recall",
            [_share(first["plain hit"], first["plain learnable"])],
            (0.97,),
        ),
        Row("co-occurrence, precision", _precision(by_days, PAIRS), (0.97, 0.97, 0.97)),
        Row("co-occurrence, recall", _recall(by_days, PAIRS), (0.88, 0.93, 0.96)),
        Row(
            "conditional pairs that name their condition",
            [_share(every["conditional named"], every["conditional found"])],
            (0.9,),
        ),
        Row("whole chains, recall", _recall(by_days, CHAINS), (16 / 18, 1.0)),
        *_either(by_days),
        *_anomalies(last),
    ]


def _hard(homes: Sequence[Outcome]) -> list[Row]:
    by_days = {days: _total(homes, days) for days in DAYS}
    short, long = ({days: by_days[days]} for days in (14, 60))
    return [
        Row("time of day, precision", _precision(by_days, CLOCK), (0.9, 0.9, 0.9)),
        Row("co-occurrence, precision", _precision(by_days, PAIRS), (0.9, 0.9, 0.9)),
        Row(
            "time of day, recall at 14 / 60 days",
            [*_recall(short, CLOCK), *_recall(long, CLOCK)],
            (0.65, 0.88),
        ),
        Row(
            "co-occurrence, recall at 14 / 60 days",
            [*_recall(short, PAIRS), *_recall(long, PAIRS)],
            (0.80, 0.92),
        ),
        Row("whole chains, recall", _recall(by_days, CHAINS)),
        *_either(by_days),
        *_anomalies(by_days[60]),
    ]


def _either(by_days: dict[int, Counts]) -> Iterator[Row]:
    every = sum(by_days.values(), Counts())
    for kind in (CLOCK, PAIRS):
        neutral = [_share(counts[f"{kind} neutral"], counts[f"{kind} right"]) for counts in by_days.values()]
        yield Row(f"{_name(kind)}, neutral finds for each right one", neutral, (2, 2, 2), at_most=True)
    moved = _share(every["moved right"], every["moved"])
    yield Row("habits that moved: new time found, old one withdrawn, within 10 days", [moved], (0.85,))
    never = "automations, derived or reversed pairs reported as habits"
    yield Row(never, [every["never"]], (0,), at_most=True)


def _anomalies(counts: Counts) -> Iterator[Row]:
    for when in ("as it happens", "in hindsight"):
        if f"{when} days" in counts:
            for kind, wanted in ANOMALIES.items():
                share = _share(counts[f"{when} {kind} hit"], counts[f"{when} {kind}"])
                yield Row(f"anomalies {when}: {kind}", [share], (wanted,))
            false = _share(7 * counts[f"{when} false"], counts[f"{when} days"])
            yield Row(f"anomalies {when}: false ones a home and week", [false], (1,), at_most=True)


def _nulls(outcomes: Sequence[Outcome]) -> Iterator[Row]:
    for rotation, kinds in {"days": (CLOCK,), "entities": (CLOCK, PAIRS, CHAINS)}.items():
        homes = [each for each in outcomes if each.source and each.source.rotation == rotation]
        reported = sum((each.reported for each in homes), Counter[str]())
        names = ", ".join(map(_name, kinds))
        wanted = (1, 0, 0)[: len(kinds)]
        what = f"{rotation} rotated, {len(homes)} homes: {names} reported in all"
        yield Row(what, [reported[kind] for kind in kinds], wanted, at_most=True)


def _held(outcomes: Sequence[Outcome]) -> Iterator[Row]:
    rows = [row for each in outcomes for row in each.rows]
    plain = sum((row.plain for row in rows), Held())
    for kind in PatternType:
        ours = sum((row.ours.get(kind.value, Held()) for row in rows), Held())
        wanted = (0.75,) if kind.value in (CLOCK, PAIRS) else ()
        yield Row(f"{_name(kind.value)}, share that holds", [_share(ours.held, ours.checked)], wanted)
        if kind.value == CLOCK:
            yield Row(
                "time of day, habits found for each entity / event type of which the plain rule finds one",
                [
                    _share(ours.found, sum(row.plain_entities for row in rows)),
                    _share(ours.found, plain.found),
                ],
                (0.5, 0.5),
            )
            yield Row("the plain rule, share that holds", [_share(plain.held, plain.checked)])


def _splits(outcomes: Sequence[Outcome]) -> Iterator[Row]:
    for row in (row for each in outcomes for row in each.rows):
        clock, pairs = (row.ours.get(kind, Held()) for kind in (CLOCK, PAIRS))
        yield Row(
            f"{row.split.name}, {row.split.learned_days} + {row.split.checked_days} days",
            [clock.found, clock.held, pairs.found, pairs.held, row.plain.found, row.plain.held],
        )


def _calibration(made: Sequence[Forecast]) -> Iterator[Row]:
    number = sum(each.opportunities for each in made)
    yield Row(f"all kinds, {number:,} opportunities", [reliability(made).error], (0.05,), at_most=True)
    # Stays are so many that they decide alone what all kinds together come to.
    others = [each for each in made if each.kind != DURATIONS]
    yield Row("all kinds but durations", [reliability(others).error], (0.05,), at_most=True)
    for kind in PatternType:
        of_kind = [each for each in made if each.kind == kind.value]
        if of_kind:
            yield Row(_name(kind.value), [reliability(of_kind).error])


def _clockwork(checks: Sequence[Check]) -> Iterator[Row]:
    for what in dict.fromkeys(check.what for check in checks):
        shares = [(check.where, check.right / check.number) for check in checks if check.what == what]
        places = " / ".join(where for where, _ in shares)
        yield Row(f"{what} {places}", [share for _, share in shares], [1.0] * len(shares))


def _total(homes: Iterable[Outcome], days: int) -> Counts:
    return sum((each.counts.get(days, Counts()) for each in homes), Counts())


def _precision(by_days: dict[int, Counts], kind: str) -> list[Figure]:
    return [
        _share(counts[f"{kind} right"], counts[f"{kind} right"] + counts[f"{kind} false"])
        for counts in by_days.values()
    ]


def _recall(by_days: dict[int, Counts], kind: str) -> list[Figure]:
    return [_share(counts[f"{kind} hit"], counts[f"{kind} learnable"]) for counts in by_days.values()]


def _share(part: float, whole: float) -> Figure:
    return part / whole if whole else None


def _name(kind: str) -> str:
    return "co-occurrence" if kind == PAIRS else kind.replace("_", " ")


def _numbers(values: Sequence[Figure]) -> str:
    return " / ".join(map(_number, values))


def _number(value: Figure) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.3f}"
