"""The course of habits over the days: time, anchor, class of weekdays, beginning, move and end; in batches.

Arrays have one row a candidate and one column a day.
"""

from dataclasses import dataclass
from math import log, pi, sqrt

import numpy as np

from detectors.time_of_day.season import CLASSES, CONTRAST, EVERY_DAY
from detectors.time_of_day.uses import DAY_MIN, SLOT_MIN, SLOTS, Bools, Floats, Ints

SMALLEST_SPREAD_MIN = 0.5
NARROWEST_MIN = 10.0
WIDEST_MIN = 75.0
HALF_IN_SPREADS = 2.5
STEPS = 8
# Log-likelihood that a change of the hit rate, a time, or a class of weekdays must gain.
CHANGE_GAIN = 4.0
MOVE_GAIN = 7.0
# A habit is over after some days of plain absence, or after a week of rarity.
ABSENCE_GAIN = 6.5
RARITY_GAIN = 4.5
CLASS_GAIN = 1.5
LEAST_MOVE_MIN = 20.0
WEEK = 7
FEWEST_DAYS = 6
LEAST_HITS_TO_MOVE = 8
# Single weekdays are told apart from four of each on.
WEEKLY_DAYS = 28
RARE = 0.3
CLASS_DAYS = np.array([[day in days for day in EVERY_DAY] for days, _ in CLASSES])


@dataclass(frozen=True, slots=True)
class Near:
    """Uses of the candidates: `item` is the candidate, `minute` counts from 04:00 of `day`."""

    item: Ints
    day: Ints
    minute: Floats

    def offsets(self, centre: Floats) -> Floats:
        """Signed minutes from each day's centre to the nearest use; inf where there is none that day."""
        distance = self.minute - centre[self.item, self.day]
        shift = np.rint(distance / DAY_MIN)
        distance = distance - DAY_MIN * shift
        day = self.day + shift.astype(np.int64)
        inside = (day >= 0) & (day < centre.shape[1])
        cell, distance = (self.item * centre.shape[1] + day)[inside], distance[inside]
        nearest = np.full(centre.size, np.inf)
        np.minimum.at(nearest, cell, np.abs(distance))
        # Of two equally near uses the later one counts, whatever their order.
        closest = np.abs(distance) == nearest[cell]
        signed = np.full(centre.size, -np.inf)
        np.maximum.at(signed, cell[closest], distance[closest])
        return np.where(np.isfinite(nearest), signed, np.inf).reshape(centre.shape)


@dataclass(frozen=True, slots=True)
class Hump:
    """Centres and spreads in minutes, and the log-likelihood of what they explain."""

    centre: Floats
    spread: Floats
    likelihood: Floats


def fit(offsets: Floats, days: Bools, spread: Floats, widest: Floats, reach: Floats) -> Hump:
    """Fit a normal hump on even ground to each row by expectation maximisation, starting at 0."""
    within = days & (np.abs(offsets) <= reach[:, None])
    x = np.where(within, offsets, 0.0)
    ground = 0.5 / reach[:, None]
    centre, share = np.zeros(len(x)), np.full(len(x), 0.7)
    number = np.maximum(within.sum(axis=1), 1)
    for _ in range(STEPS):
        hump = share[:, None] * _normal(x - centre[:, None], spread[:, None])
        weight = np.where(within, hump / (hump + (1 - share[:, None]) * ground), 0.0)
        total = np.maximum(weight.sum(axis=1), 1e-9)
        centre = (weight * x).sum(axis=1) / total
        variance = (weight * (x - centre[:, None]) ** 2).sum(axis=1) / total
        spread = np.clip(np.sqrt(variance), SMALLEST_SPREAD_MIN, widest)
        share = np.clip(total / number, 0.05, 0.98)
    density = share[:, None] * _normal(x - centre[:, None], spread[:, None]) + (1 - share[:, None]) * ground
    likelihood = np.where(days, np.log(np.where(within, density, (1 - share[:, None]) * ground)), 0.0)
    return Hump(centre, spread, likelihood.sum(axis=1))


def _normal(x: Floats, spread: Floats) -> Floats:
    return np.asarray(np.exp(-0.5 * (x / spread) ** 2) / (spread * sqrt(2 * pi)))


def median(values: Floats, chosen: Bools) -> Floats:
    """Median of each row's chosen values; 0 where there is none."""
    ordered = np.sort(np.where(chosen, values, np.inf), axis=1)
    number = chosen.sum(axis=1)
    at = np.arange(len(values))
    middle = (ordered[at, np.maximum(number - 1, 0) // 2] + ordered[at, number // 2]) / 2
    return np.where(number > 0, middle, 0.0)


def best_rate(hits: Floats, number: Floats) -> Floats:
    """Binomial log-likelihood at the best hit rate."""
    rate = np.clip(hits / np.maximum(number, 1), 1e-9, 1 - 1e-9)
    return np.asarray(hits * np.log(rate) + (number - hits) * np.log1p(-rate))


@dataclass(frozen=True, slots=True)
class Split:
    """The best split of each row's hits in time: first day after it, gain, hit rates, and days after it."""

    day: Ints
    gain: Floats
    before: Floats
    after: Floats
    days_after: Floats


def split(hits: Bools, opportunities: Bools) -> Split:
    """Find where the hit rate changed most."""
    n = np.cumsum(opportunities, axis=1, dtype=np.float64)
    k = np.cumsum(hits & opportunities, axis=1, dtype=np.float64)
    n_all, k_all = n[:, -1:], k[:, -1:]
    gain = best_rate(k, n) + best_rate(k_all - k, n_all - n) - best_rate(k_all, n_all)
    gain = np.where((n >= 1) & (n < n_all) & (n_all >= FEWEST_DAYS), gain, 0.0)
    at = np.argmax(gain, axis=1)
    rows = np.arange(len(gain))
    before = k[rows, at] / np.maximum(n[rows, at], 1)
    later = n_all[:, 0] - n[rows, at]
    after = (k_all[:, 0] - k[rows, at]) / np.maximum(later, 1)
    return Split(at + 1, gain[rows, at], before, after, later)


def began(hits: Bools, opportunities: Bools) -> Ints:
    """First day of each habit; 0 where it was there all along."""
    change = split(hits, opportunities)
    return np.where((change.gain > CHANGE_GAIN) & (change.before < 0.5 * change.after), change.day, 0)


def ended(hits: Bools, opportunities: Bools) -> Bools:
    """Tell which habits are over."""
    change = split(hits, opportunities)
    gain = np.where(change.days_after >= WEEK, RARITY_GAIN, ABSENCE_GAIN)
    return (change.gain > gain) & (change.after < 0.5 * change.before)


def classify(hits: Bools, opportunities: Bools, chance: Floats, weekdays: Ints) -> Ints:
    """Class of weekdays (index into `CLASSES`) that each habit keeps to.

    A class must explain the hits better than all days do, with chance alone on the other days.
    """
    hits = hits & opportunities
    k_all, n_all = (part.sum(axis=1).astype(np.float64) for part in (hits, opportunities))
    rare = k_all < RARE * n_all
    every = best_rate(k_all, n_all)
    best, found = np.where(rare, -np.inf, 0.0), np.zeros(len(hits), dtype=np.int64)
    chance = np.clip(chance, 0.03, 0.4)
    for index, (days, prior) in enumerate(CLASSES):
        if days == EVERY_DAY or (len(days) == 1 and len(weekdays) < WEEKLY_DAYS):
            continue
        inside = CLASS_DAYS[index][weekdays]
        k, n = (part[:, inside].sum(axis=1).astype(np.float64) for part in (hits, opportunities))
        k_out, n_out = k_all - k, n_all - n
        rate_out = k_out / np.maximum(n_out, 1)
        by_chance = k_out * np.log(chance) + (n_out - k_out) * np.log1p(-chance)
        out = np.where(rare | (rate_out <= chance), best_rate(k_out, n_out), by_chance)
        gain = best_rate(k, n) + out - every + log(prior / CLASSES[0][1]) - CLASS_GAIN
        better = (n >= 3) & (n_out >= 2) & (rate_out < CONTRAST * k / np.maximum(n, 1)) & (gain > best)
        best, found = np.where(better, gain, best), np.where(better, index, found)
    return found


def opportunities(centre: Floats, half: Floats, shown: Bools, live: Bools) -> Bools:
    """Days on which the whole window could be seen."""
    hidden = np.zeros((shown.shape[0], shown.shape[1] + 1), dtype=np.int32)
    np.cumsum(~shown, axis=1, out=hidden[:, 1:])
    low = np.floor((centre - half[:, None]) / SLOT_MIN).astype(np.int64) % SLOTS
    high = np.minimum(low + np.ceil(2 * half / SLOT_MIN).astype(np.int64)[:, None], shown.shape[1])
    day = np.arange(shown.shape[0])[None, :]
    return np.asarray(live & (hidden[day, high] == hidden[day, low]))


@dataclass(frozen=True, slots=True)
class Moves:
    """Changes of a habit's time: first day after (0: nowhere), offsets before and after, spread after."""

    day: Ints
    before: Floats
    after: Floats
    spread: Floats


def moves(offsets: Floats, hits: Bools, spread: Floats) -> Moves:
    """Find a jump of the offsets: two medians explain them better than one (Laplace likelihood)."""
    wide = np.nonzero((spread > LEAST_MOVE_MIN * 0.4) & (hits.sum(axis=1) >= LEAST_HITS_TO_MOVE))[0]
    x, hit = offsets[wide], hits[wide]
    number = hit.sum(axis=1)
    days = np.arange(hits.shape[1])
    # Third axis: the day; second: the last day before the jump.
    early = hit[:, None, :] & (days[None, None, :] <= days[None, :, None])
    late = hit[:, None, :] & ~early
    cost = _deviation(x, early) + _deviation(x, late)
    possible = (early.sum(axis=2) >= 3) & (late.sum(axis=2) >= 4)
    cost = np.where(possible, cost, np.inf)
    at = np.argmin(cost, axis=1)
    rows = np.arange(len(wide))
    one = np.maximum(_deviation(x, hit[:, None, :])[:, 0], number)
    two = np.maximum(cost[rows, at], number)
    gain = np.where(np.isfinite(two), number * np.log(one / two), 0.0) - 2 * np.log(np.maximum(number, 1))
    before, after = median(x, early[rows, at]), median(x, late[rows, at])
    moved = (gain > MOVE_GAIN) & (np.abs(after - before) > LEAST_MOVE_MIN)
    apart = np.abs(np.where(late[rows, at], x, 0.0) - after[:, None])
    found = Moves(np.zeros(len(hits), dtype=np.int64), *(np.zeros(len(hits)) for _ in range(3)))
    found.day[wide] = np.where(moved, at + 1, 0)
    found.before[wide], found.after[wide] = before, after
    found.spread[wide] = np.maximum(1.4826 * median(apart, late[rows, at]), 2.0)
    return found


def _deviation(x: Floats, chosen: Bools) -> Floats:
    """Sum of the distances of each row's chosen values from their median, by the middle axis of `chosen`."""
    values = np.where(chosen, x[:, None, :], np.inf).reshape(-1, x.shape[1])
    flat = chosen.reshape(-1, x.shape[1])
    apart = np.abs(np.where(flat, values, 0.0) - median(values, flat)[:, None])
    return np.asarray(np.where(flat, apart, 0.0).sum(axis=1).reshape(chosen.shape[:2]))
