"""Background rate: how often a window of the day is hit by chance."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.time_of_day.uses import OVERHANG, SLOTS, Floats, Ints

Counts = NDArray[np.int16] | NDArray[np.int32] | NDArray[np.uint8]

# Own uses up to two hours beside a window tell how often it is hit by chance.
BESIDE = 24
FLANK = 36
# Expected uses a day, spread as the home's activity is, for what the past has not shown yet.
UNSEEN_PER_DAY = 0.15
# Uses, spread evenly, that a room's or home's profile is smoothed with.
EVEN_USES = 30.0
# An hour around a window tells how busy the home then is.
BUSY = 6


@dataclass(frozen=True, slots=True)
class Activity:
    """Uses by slot in one season: of each entity, and running sums of each room and of the home."""

    entities: NDArray[np.int16]
    rooms: NDArray[np.int32]
    home: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Background:
    """Background rate of windows; all arrays but `room` are running sums along the wrapped day."""

    activity: Activity
    own: NDArray[np.int32]
    entity: NDArray[np.int32]
    room: Ints

    def beside(self, row: Ints, slot: Ints, width: int) -> Ints:
        """Own uses beside the window."""
        middle, reach, low = slot + FLANK + width // 2, BESIDE + width // 2, slot + FLANK
        own = self.own
        around = own[row, middle + reach] - own[row, middle - reach]
        return np.asarray(around - (own[row, low + width] - own[row, low]), dtype=np.int64)

    def prior(self, slot: Ints, width: int) -> Floats:
        """Probability that a habit's window starts at a slot: half of them keep to the home's busy hours."""
        home, middle = self.activity.home, slot + FLANK + width // 2
        busy = home[middle + BUSY] - home[middle - BUSY] + EVEN_USES * 2 * BUSY / SLOTS
        everything = home[FLANK + SLOTS] - home[FLANK] + EVEN_USES
        return np.asarray(0.5 / SLOTS + 0.5 * busy / (2 * BUSY * everything))

    def unseen(self, row: Ints, slot: Ints, width: int) -> Floats:
        """Uses a day that the past has not shown yet."""
        return UNSEEN_PER_DAY * self._home_share(row, slot, width)

    def expected(self, row: Ints, slot: Ints, width: int, n: Ints) -> Floats:
        """Uses a day that chance puts into the window, by three ways of reckoning."""
        start, end, low, high = FLANK, FLANK + SLOTS, slot + FLANK, slot + FLANK + width
        in_window = self.own[row, high] - self.own[row, low]
        outside = (self.own[row, end] - self.own[row, start] - in_window) / n
        rooms, there = self.activity.rooms, self.room[row]
        near = rooms[there, high + 1] - rooms[there, low - 1]
        g_room = self._share(row, slot, width, near, rooms[there, end] - rooms[there, start])
        g = np.minimum(np.maximum(self._home_share(row, slot, width), g_room), 0.9)
        # lambda_W = max(flank, r_out G_home(W), r_out G_room(W)) + 0.15 G_home(W), r_out = outside / (1 - G)
        flank = self.beside(row, slot, width) * (width / (2 * BESIDE)) / n
        return np.asarray(np.maximum(flank, outside * g / (1 - g)) + self.unseen(row, slot, width))

    def _home_share(self, row: Ints, slot: Ints, width: int) -> Floats:
        home, low, high = self.activity.home, slot + FLANK, slot + FLANK + width
        wide, everything = home[high + 1] - home[low - 1], home[FLANK + SLOTS] - home[FLANK]
        return self._share(row, slot, width, wide, everything)

    def _share(self, row: Ints, slot: Ints, width: int, wide: Ints, everything: Ints) -> Floats:
        """Share that a window has in the uses by others.

        `wide` is counted a slot wider on both sides: the profile smoothed over a quarter of an hour.
        """
        low, high = slot + FLANK, slot + FLANK + width
        mine = self.entity[row, high + 1] - self.entity[row, low - 1]
        mine_all = self.entity[row, FLANK + SLOTS] - self.entity[row, FLANK]
        use = np.asarray(wide - mine, dtype=np.float64) * (width / (width + 2))
        return np.asarray((use + EVEN_USES * width / SLOTS) / (everything - mine_all + EVEN_USES))


def elsewhere(share: Floats, row: Ints, at: Ints, width: int, step: int) -> Floats:
    """Uses a day that the same entity's other windows let expect: those beside, or those of all the day.

    What senses people is hit whenever they pass, in bursts: windows that were hit are counted, not uses, and
    the others' activity is no background to it, since it is that activity itself.

    Parameters
    ----------
    share
        By row and window, the share of the days on which it was hit.
    row, at
        The windows that are asked for.
    width, step
        Width of a window and distance between the starts of two, in slots.
    """
    starts, apart = share.shape[1], -(-width // step)
    reach = apart + -(-BESIDE // step)
    sums = np.zeros((len(share), starts + 2 * reach + 1))
    np.cumsum(np.concatenate((share[:, -reach:], share, share[:, :reach]), axis=1), axis=1, out=sums[:, 1:])
    middle = at + reach
    overlapping = sums[row, middle + apart] - sums[row, middle - apart + 1]
    beside = sums[row, middle + reach + 1] - sums[row, middle - reach] - overlapping
    others = sums[row, starts + reach] - sums[row, reach] - overlapping
    hit = np.maximum(beside / (2 * (reach - apart) + 2), others / (starts - 2 * apart + 1))
    return np.asarray(-np.log1p(-np.minimum(hit, 0.99)))


def running(counts: Counts) -> NDArray[np.int32]:
    """Sum along a day that is wrapped by `FLANK` slots before and `FLANK + OVERHANG` after."""
    parts = (counts[..., SLOTS - FLANK :], counts, counts[..., : FLANK + OVERHANG])
    length = FLANK + SLOTS + FLANK + OVERHANG
    out = np.zeros((*counts.shape[:-1], length + 1), dtype=np.int32)
    np.cumsum(np.concatenate(parts, axis=-1), axis=-1, out=out[..., 1:])
    return out
