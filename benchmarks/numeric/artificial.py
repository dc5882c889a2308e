"""Artificial series with seeded anomalies: what thresholds are chosen on."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.numeric.series import DAY_MS, Series

Floats = NDArray[np.float64]
Generator = np.random.Generator
START_MS = 1_735_689_600_000  # a Wednesday, 2025-01-01
MINUTES = (5, 5, 10, 15, 30, 60)
WINDOWS_SHARE = 0.1
ROWS = 4_000


def daily(day: Floats, rng: Generator) -> Floats:
    """A smooth daily course and even noise."""
    course = np.sin(2 * np.pi * (day - rng.random())) + rng.uniform(0, 0.6) * np.sin(4 * np.pi * day)
    return rng.uniform(-20, 80) + rng.uniform(1, 20) * (
        course + rng.uniform(0.02, 0.4) * rng.normal(size=day.size)
    )


def blocks(day: Floats, rng: Generator) -> Floats:
    """Two levels a day with edges that wander by minutes."""
    edge = rng.uniform(0.2, 0.5)
    jitter = rng.normal(0, 0.008, size=int(day[-1]) + 2)[day.astype(int)]
    high = (day % 1 > edge + jitter) & (day % 1 < edge + 0.35 + jitter)
    values: Floats = 20 + rng.uniform(10, 80) * high + rng.uniform(0.5, 6) * rng.normal(size=day.size)
    return values


def working_week(day: Floats, rng: Generator) -> Floats:
    """A daily course that is weak on two days of seven."""
    strength = np.where((day.astype(int) + 2) % 7 < 5, 1.0, rng.uniform(0.1, 0.6))
    course = np.exp(-(((day % 1) - 0.55) ** 2) / 0.03) + 0.4 * np.exp(-(((day % 1) - 0.33) ** 2) / 0.002)
    return rng.uniform(50, 5000) * (
        0.2 + strength * course + rng.uniform(0.02, 0.08) * rng.normal(size=day.size)
    )


def weather(day: Floats, rng: Generator) -> Floats:
    """A daily course on a level that wanders from day to day."""
    step = day[1] - day[0]
    keep = np.exp(-step / rng.uniform(1, 4))
    shocks = rng.normal(size=day.size) * np.sqrt(1 - keep**2)
    level = np.empty(day.size)
    level[0] = 0
    for row in range(1, day.size):
        level[row] = keep * level[row - 1] + shocks[row]
    return (
        12
        + 4 * np.sin(2 * np.pi * (day - 0.4))
        + 3 * level
        + rng.uniform(0.05, 0.3) * rng.normal(size=day.size)
    )


def wandering(day: Floats, rng: Generator) -> Floats:
    """Noise with memory around a level that drifts slowly."""
    keep = rng.uniform(0.5, 0.97)
    noise = rng.normal(size=day.size)
    for row in range(1, day.size):
        noise[row] = keep * noise[row - 1] + noise[row] * np.sqrt(1 - keep**2)
    return rng.uniform(10, 60) + noise + rng.uniform(-0.1, 0.1) * day


def heavy_tailed(day: Floats, rng: Generator) -> Floats:
    """Positive readings with a long tail, as latencies and travel times have."""
    busy = 1 + rng.uniform(0, 0.8) * np.sin(2 * np.pi * day)
    return rng.uniform(5, 300) * busy * (0.6 + rng.gamma(rng.uniform(0.8, 3), 0.3, size=day.size))


def duty_cycle(day: Floats, rng: Generator) -> Floats:
    """Power of a device that switches itself on and off."""
    values, row, on = np.zeros(day.size), 0, False
    while row < day.size:
        length = max(1, int(rng.normal(6, 1.5)))
        values[row : row + length] = rng.normal(90, 3) if on else 2
        row, on = row + length, not on
    return values + rng.normal(0, 0.5, size=day.size)


def uses(day: Floats, rng: Generator) -> Floats:
    """Power of a device that people use now and then, mostly in the evening."""
    values = np.zeros(day.size)
    for start in rng.choice(np.arange(int(day[-1]) + 1), size=int(day[-1]) + 1) + rng.normal(
        0.75, 0.08, size=int(day[-1]) + 1
    ):
        values[(day >= start) & (day < start + rng.uniform(0.02, 0.08))] = rng.uniform(1500, 2200)
    return np.round(values + 1, 0)


def daylight(day: Floats, rng: Generator) -> Floats:
    """Illuminance: nothing at night, clouds by day."""
    clouds = rng.uniform(0.4, 1, size=day.size)
    return np.round(30_000 * np.clip(np.sin(2 * np.pi * (day - 0.25)), 0, None) * clouds)


def quantised(day: Floats, rng: Generator) -> Floats:
    """A room's temperature in half degrees."""
    return np.round(2 * (20.5 + 0.6 * np.sin(2 * np.pi * day) + rng.normal(0, 0.25, size=day.size))) / 2


def constant(day: Floats, rng: Generator) -> Floats:
    """Always the same."""
    return np.full(day.size, float(rng.integers(0, 100)))


def noise(day: Floats, rng: Generator) -> Floats:
    """Noise alone."""
    return rng.uniform(0, 100) + rng.uniform(0.1, 30) * rng.normal(size=day.size)


COURSES: tuple[Callable[[Floats, Generator], Floats], ...] = (
    daily, daily, blocks, blocks, working_week, working_week, weather, wandering, heavy_tailed, heavy_tailed,
    duty_cycle, uses, daylight, quantised, noise, constant,
)  # fmt: skip


def spike(values: Floats, rows: slice, rng: Generator) -> Floats:
    """One to three readings far off."""
    short = slice(rows.start, rows.start + int(rng.integers(1, 4)))
    values[short] += rng.choice([-1, 1]) * rng.uniform(4, 10) * _spread(values)
    return values


def shift(values: Floats, rows: slice, rng: Generator) -> Floats:
    """Another level from now on, or for a while."""
    end = rows.stop if rng.random() < 0.6 else values.size
    values[rows.start : end] += rng.choice([-1, 1]) * rng.uniform(2, 4) * _spread(values)
    return values


def flat(values: Floats, rows: slice, rng: Generator) -> Floats:
    """The course stays away: a night's level all day."""
    values[rows] = np.quantile(values, rng.choice([0.05, 0.5])) + 0.1 * (values[rows] - values[rows].mean())
    return values


def moved(values: Floats, rows: slice, rng: Generator) -> Floats:
    """The course comes some hours early or late."""
    length = rows.stop - rows.start
    values[rows] = np.roll(values[rows], int(length * rng.uniform(0.3, 0.6)))
    return values


def rough(values: Floats, rows: slice, rng: Generator) -> Floats:
    """More noise than usual."""
    values[rows] += rng.uniform(2, 4) * _roughness(values) * rng.normal(size=rows.stop - rows.start)
    return values


def stuck(values: Floats, rows: slice, rng: Generator) -> Floats:
    """One value for a day."""
    del rng
    values[rows] = values[rows.start]
    return values


DISTORTIONS = (spike, spike, shift, shift, rough, stuck)
RHYTHMIC = {daily, blocks, working_week, weather, daylight}
OF_RHYTHM = (flat, flat, moved, moved)


def artificial_series(count: int = 96, seed: int = 0) -> list[Series]:
    """Series with none to three anomalies each; equal seeds give equal series."""
    return [_series(index, np.random.default_rng([seed, index])) for index in range(count)]


def undisturbed_series(days: int, minutes: int, seed: int) -> list[Series]:
    """One series of each course without anomalies."""
    day = np.arange(days * 1440 // minutes) * minutes / 1440
    at_ms = (START_MS + np.round(day * DAY_MS).astype(np.int64)).tolist()
    return [
        Series(course.__name__, at_ms, course(day, np.random.default_rng([seed, index])).tolist(), [])
        for index, course in enumerate(dict.fromkeys(COURSES))
    ]


def _series(index: int, rng: Generator) -> Series:
    minutes = int(rng.choice(MINUTES))
    rows_a_day = 1440 // minutes
    days = min(max(14, int(ROWS / rows_a_day)), 90)
    day = np.arange(days * rows_a_day) / rows_a_day
    course = COURSES[index % len(COURSES)]
    values = course(day, rng)
    count = int(rng.integers(0, 4)) if course is not constant else 0
    half = int(WINDOWS_SHARE * day.size / max(count, 1) / 2)
    first = int(0.25 * day.size)
    choice = DISTORTIONS + OF_RHYTHM if course in RHYTHMIC else DISTORTIONS
    names, windows = [], []
    for part in range(count):
        room = (day.size - first) // count
        onset = first + part * room + int(rng.integers(half, room - max(half, rows_a_day)))
        distort = choice[int(rng.integers(len(choice)))]
        values = distort(values, slice(onset, onset + rows_a_day), rng)
        names.append(distort.__name__)
        windows.append((onset - half, onset + half))
    at_ms = START_MS + np.round(day * DAY_MS).astype(np.int64) + rng.integers(0, 5_000, size=day.size)
    kept = np.ones(day.size, dtype=bool)
    if rng.random() < 0.3:
        kept = rng.random(day.size) < 0.9
        for first_row, last_row in windows:
            kept[first_row : last_row + 1] = True
    row = np.cumsum(kept) - 1
    return Series(
        f"{course.__name__}-{index}-{'-'.join(names) or 'none'}",
        at_ms[kept].tolist(),
        values[kept].tolist(),
        [(int(row[a]), int(row[b])) for a, b in windows],
    )


def _spread(values: Floats) -> float:
    return max(float(np.std(values)), 0.1)


def _roughness(values: Floats) -> float:
    return max(float(np.std(np.diff(values))), 0.5 * _spread(values))
