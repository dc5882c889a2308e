"""The home's past as Polars frames, on which automations are tried."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

import numpy as np
import polars as pl

from detectors.history import Day, Steps
from schemas.events import Cause
from schemas.home import Home

STALE_MS = 7_200_000
"""A reading that is older says nothing of now."""

NEVER_MS = 1 << 60
AT_HOME = "home"


@dataclass(frozen=True, slots=True)
class Past:
    """The days that are known, with every change on them; all times are UTC milliseconds.

    Attributes
    ----------
    home
        Where it is: its zone says when a local minute is.
    days
        `date`, `start_ms`, `end_ms`, `weekday`, and `sunrise` and `sunset` in local minutes, of each day that
        counts.
    changes
        By entity `at_ms`, `state`, when the next change came (`until_ms`), and whether a person may have made
        it (`by_people`): no automation, and not with another entity.
    steps
        By sensor `at_ms` and `mean`, 5 minutes each.
    persons
        `at_ms` and how many are at home from then on (`inside`).
    blind
        `from_ms` to `to_ms`, disjoint: what could not be seen, all before the first day and after the last.
    """

    home: Home
    days: pl.DataFrame
    changes: Mapping[str, pl.DataFrame]
    steps: Mapping[str, pl.DataFrame]
    persons: pl.DataFrame
    blind: pl.DataFrame

    @classmethod
    def of(cls, days: Sequence[Day], steps: Mapping[str, Steps], home: Home) -> "Past":
        """Return the past made of closed days, oldest first, and of the sensors' means."""
        changes = dict(_by_entity(days))
        return cls(
            home=home,
            days=_calendar(days),
            changes=changes,
            steps={
                name: pl.DataFrame({"at_ms": each.start_ms, "mean": each.mean})
                for name, each in steps.items()
            },
            persons=_persons(changes),
            blind=_blind(days),
        )

    @property
    def first_day(self) -> date | None:
        """First day that counts; None if there is none."""
        return None if self.days.is_empty() else self.days["date"].to_list()[0]

    @property
    def last_day(self) -> date | None:
        """Last day that counts; None if there is none."""
        return None if self.days.is_empty() else self.days["date"].to_list()[-1]

    def sun_now(self) -> dict[str, float]:
        """Return the local minutes of sunrise and sunset on the last day; empty if no day is known."""
        last = self.days.tail(1).select("sunrise", "sunset")
        return {name: float(value) for row in last.iter_rows(named=True) for name, value in row.items()}

    def since(self, day: date) -> "Past":
        """Return the past where only `day` and later ones count; earlier days give the initial states."""
        days = self.days.filter(pl.col("date") >= day)
        first_ms = days["start_ms"].to_list()[0] if len(days) else NEVER_MS
        before = pl.DataFrame({"from_ms": [-NEVER_MS], "to_ms": [first_ms]}, schema=self.blind.schema)
        return replace(self, days=days, blind=_merge(pl.concat([before, self.blind])))

    def until(self, day: date) -> "Past":
        """Return the past as it was known when `day` began."""
        days = self.days.filter(pl.col("date") < day)
        end_ms = days["end_ms"].to_list()[-1] if len(days) else -NEVER_MS
        known = {name: each.filter(pl.col("at_ms") < end_ms) for name, each in self.changes.items()}
        after = pl.DataFrame({"from_ms": [end_ms], "to_ms": [NEVER_MS]}, schema=self.blind.schema)
        return replace(
            self,
            days=days,
            changes={name: _lasting(each) for name, each in known.items() if len(each)},
            steps={name: each.filter(pl.col("at_ms") < end_ms) for name, each in self.steps.items()},
            persons=self.persons.filter(pl.col("at_ms") < end_ms),
            blind=_merge(pl.concat([self.blind, after])),
        )

    def changes_of(self, entity_id: str) -> pl.DataFrame:
        """Return all changes of an entity; none if it is unknown."""
        return self.changes.get(entity_id, _NO_CHANGES)

    def uses(self, entity_id: str, state: str) -> pl.DataFrame:
        """Return the times at which people brought an entity to a state, as `use_ms`."""
        return (
            self.changes_of(entity_id)
            .filter(pl.col("by_people") & (pl.col("state") == state))
            .select(use_ms="at_ms")
        )

    def with_state(self, times: pl.DataFrame, entity_id: str, *, at: str, name: str) -> pl.DataFrame:
        """Return `times` with the state of the entity just before `at`, null where it is unknown."""
        known = self.changes_of(entity_id).select(
            pl.col("at_ms").alias(f"{name}_since"), state_=pl.col("state")
        )
        joined = times.join_asof(
            known, left_on=at, right_on=f"{name}_since", strategy="backward", allow_exact_matches=False
        )
        return joined.drop(f"{name}_since", strict=False).rename({"state_": name})

    def with_reading(self, times: pl.DataFrame, entity_id: str) -> pl.DataFrame:
        """Return `times` with a sensor's `reading` at `at_ms`, null where none is recent."""
        known = self.steps.get(entity_id, _NO_STEPS).select(step_ms="at_ms", reading="mean")
        return times.join_asof(
            known, left_on="at_ms", right_on="step_ms", strategy="backward", tolerance=STALE_MS
        )

    def with_presence(self, times: pl.DataFrame) -> pl.DataFrame:
        """Return `times` with the number of persons `inside` the home at `at_ms`, null if none is known."""
        known = self.persons.select(moved_ms="at_ms", inside="inside")
        joined = times.join_asof(known, left_on="at_ms", right_on="moved_ms", strategy="backward")
        return joined.drop("moved_ms", strict=False)

    def on_days(self, times: pl.DataFrame) -> pl.DataFrame:
        """Return `times` with the day of each `at_ms` and its local `minute`, without those on other days."""
        joined = times.sort("at_ms").join_asof(
            self.days, left_on="at_ms", right_on="start_ms", strategy="backward"
        )
        wall = pl.from_epoch("at_ms", "ms").dt.replace_time_zone("UTC").dt.convert_time_zone(self.home.tz)
        midnight = wall.dt.date().cast(pl.Datetime("ms"))
        minute = (wall.dt.replace_time_zone(None) - midnight).dt.total_milliseconds() / 60_000
        return joined.filter(pl.col("at_ms") < pl.col("end_ms")).with_columns(minute=minute)

    def seen(self, spans: pl.DataFrame) -> pl.DataFrame:
        """Return the spans from `from_ms` to `to_ms` that were observed completely."""
        following = self.blind.select(blind_from="from_ms", blind_to="to_ms")
        joined = spans.sort("from_ms").join_asof(
            following, left_on="from_ms", right_on="blind_to", strategy="forward", allow_exact_matches=False
        )
        apart = pl.col("blind_from").is_null() | (pl.col("blind_from") >= pl.col("to_ms"))
        return joined.filter(apart).drop("blind_from", "blind_to")

    def wall_ms(self, minute: pl.Expr) -> pl.Expr:
        """Return the time of a local minute of each day, maybe on an adjacent day; null if it was skipped."""
        moment = pl.col("date").cast(pl.Datetime("ms")) + pl.duration(
            milliseconds=(minute * 60_000).cast(pl.Int64)
        )
        return moment.dt.replace_time_zone(self.home.tz, ambiguous="earliest", non_existent="null").dt.epoch(
            "ms"
        )


_NO_CHANGES = pl.DataFrame(
    schema={"at_ms": pl.Int64, "state": pl.String, "by_people": pl.Boolean, "until_ms": pl.Int64}
)
_NO_STEPS = pl.DataFrame(schema={"at_ms": pl.Int64, "mean": pl.Float64})


def _calendar(days: Sequence[Day]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "date": [day.date for day in days],
            "start_ms": [day.start_ms for day in days],
            "end_ms": [day.end_ms for day in days],
            "weekday": [day.weekday for day in days],
            "sunrise": [day.sunrise for day in days],
            "sunset": [day.sunset for day in days],
        },
        schema={
            "date": pl.Date,
            "start_ms": pl.Int64,
            "end_ms": pl.Int64,
            "weekday": pl.Int64,
            "sunrise": pl.Float64,
            "sunset": pl.Float64,
        },
    )


def _by_entity(days: Sequence[Day]) -> Iterator[tuple[str, pl.DataFrame]]:
    types = sorted({event_type for day in days for event_type in day.types})
    if not types:
        return
    number = {event_type: i for i, event_type in enumerate(types)}
    names = sorted({each.entity_id for each in types})
    place = {name: i for i, name in enumerate(names)}
    type_ids = np.concatenate(
        [np.array([number[t] for t in day.types], dtype=np.int32)[day.type_ids] for day in days]
    )
    entity = np.array([place[each.entity_id] for each in types], dtype=np.int32)
    causes, derived = (np.concatenate([getattr(day, name) for day in days]) for name in ("causes", "derived"))
    frame = pl.DataFrame(
        {
            "entity": entity[type_ids],
            "at_ms": np.concatenate([day.at_ms for day in days]),
            "state": pl.Series([each.state for each in types]).gather(type_ids),
            "by_people": (causes != Cause.AUTOMATION) & ~derived,
        }
    )
    for (key,), part in frame.partition_by("entity", include_key=False, as_dict=True).items():
        yield names[key], _lasting(part.sort("at_ms", maintain_order=True))


def _lasting(changes: pl.DataFrame) -> pl.DataFrame:
    """Return the changes with the time of the next one."""
    return changes.with_columns(until_ms=pl.col("at_ms").shift(-1, fill_value=NEVER_MS))


def _persons(changes: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return the number of persons at home over time; who first comes was out, who first leaves was in."""
    inside: dict[str, bool] = {}
    moves: list[tuple[int, str, bool]] = []
    for name, known in changes.items():
        if name.startswith("person."):
            states = [state == AT_HOME for state in known["state"].to_list()]
            inside[name] = not states[0]
            moves += [(at, name, state) for at, state in zip(known["at_ms"].to_list(), states, strict=True)]
    counts = [(-NEVER_MS, sum(inside.values()))] if inside else []
    for at, name, state in sorted(moves):
        inside[name] = state
        counts.append((at, sum(inside.values())))
    return pl.DataFrame(counts, schema={"at_ms": pl.Int64, "inside": pl.Int64}, orient="row")


def _blind(days: Sequence[Day]) -> pl.DataFrame:
    gaps = [gap for day in days for gap in day.gaps_ms]
    gaps += [(one.end_ms, other.start_ms) for one, other in pairwise(days)]
    first_ms, end_ms = (days[0].start_ms, days[-1].end_ms) if days else (0, 0)
    gaps += [(-NEVER_MS, first_ms), (end_ms, NEVER_MS)]
    return _merge(pl.DataFrame(gaps, schema={"from_ms": pl.Int64, "to_ms": pl.Int64}, orient="row"))


def _merge(spans: pl.DataFrame) -> pl.DataFrame:
    merged: list[list[int]] = []
    for start, end in sorted(spans.iter_rows()):
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(end, merged[-1][1])
        else:
            merged.append([start, end])
    return pl.DataFrame(merged, schema=spans.schema, orient="row")
