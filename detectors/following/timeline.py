"""When what happened: the log's times by type and by entity, ready to be looked up for many at once."""

from dataclasses import dataclass

import numpy as np

from detectors.following.log import Flags, Ids, Log
from detectors.history import Millis


@dataclass(frozen=True, slots=True)
class Series:
    """Times of many keys in one sorted array, so that one search answers for all keys at once.

    A code is a key times `stride` plus a time; `rows` say which event of the log each is, and the codes of a
    key stand from one of `starts` to the next.
    """

    codes: Millis
    rows: Ids
    starts: Ids
    stride: int

    @classmethod
    def gather(cls, keys: Ids, times: Millis, rows: Ids, count: int, stride: int) -> "Series":
        """Sort times, which must ascend within each of the `count` keys, by key."""
        order = np.argsort(keys.astype(np.uint16 if count < 1 << 16 else np.int32), kind="stable")
        codes = keys[order].astype(np.int64)
        starts = np.searchsorted(codes, np.arange(count + 1), side="left")
        codes *= stride
        codes += times[order]
        return cls(codes, rows[order].astype(np.int32), starts, stride)

    def counts(self) -> Ids:
        """Return how many times each key has."""
        return np.diff(self.starts)

    def times(self, keys: Ids, position: Ids) -> Millis:
        """The times at these positions, each of which is of the key beside it."""
        return np.asarray(self.codes[position] - keys * self.stride)

    def of(self, key: int) -> Millis:
        """All times of one key."""
        return self.codes[self.starts[key] : self.starts[key + 1]] - key * self.stride

    def before(self, keys: Ids, at: Millis) -> Ids:
        """Position of the last time of each key before `at`, -1 if there is none."""
        position = np.searchsorted(self.codes, keys * self.stride + at, side="left") - 1
        return np.where(position >= self.starts[keys], position, -1)

    def after(self, keys: Ids, at: Millis) -> Ids:
        """Position of the first time of each key after `at`, -1 if there is none."""
        position = np.searchsorted(self.codes, keys * self.stride + at, side="right")
        return np.where(position < self.starts[keys + 1], position, -1)

    def expand(self, keys: Ids) -> tuple[Ids, Ids]:
        """For all times of all `keys`: which of the keys (0, 1, ...) each is of, and its position."""
        counts = self.starts[keys + 1] - self.starts[keys]
        nth = np.repeat(np.arange(len(keys)), counts)
        within = np.arange(len(nth)) - np.repeat(np.cumsum(counts) - counts, counts)
        return nth, self.starts[keys][nth] + within


@dataclass(frozen=True, slots=True)
class Timeline:
    """The log of some triggers and actions, by key.

    `triggers` and `actions` are keyed by type: what people may react to, and what they did. `states` are
    keyed by entity and hold every change, whoever made it.
    """

    log: Log
    triggers: Series
    actions: Series
    states: Series

    @classmethod
    def of(cls, log: Log, triggers: Ids, actions: Ids) -> "Timeline":
        """Look up only these types of triggers, these actions and the entities of both."""
        stride = 4 * log.end
        is_trigger, is_action = np.zeros((2, len(log.types)), dtype=np.bool_)
        is_trigger[triggers] = is_action[actions] = True
        moving = np.zeros(len(log.types), dtype=np.bool_)
        moving[log.entities[triggers]] = moving[log.entities[actions]] = True

        def series(chosen: Flags, key_of_type: Ids) -> Series:
            rows = np.nonzero(chosen)[0]
            return Series.gather(key_of_type[log.type_ids[rows]], log.at[rows], rows, len(log.types), stride)

        types = np.arange(len(log.types))
        return cls(
            log=log,
            triggers=series(log.may_trigger & is_trigger[log.type_ids], types),
            actions=series(log.by_hand & is_action[log.type_ids], types),
            states=series(moving[log.entities][log.type_ids], log.entities),
        )
