"""The compact exact set of one local day: what happened, under union."""

import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from schemas.events import DESCRIPTIONS, SETTINGS, Attribute

Context = tuple[str, str, str]  # context id, parent id, user id; "" where there is none
STEP_MS = 300_000
FIXED_POINT = 1_000_000
VERSION = 1
# Of an entity's settings on a day, so many are kept: the first ones.
MOST_SETTINGS = 100


class Record(NamedTuple):
    """One state change in the set."""

    at_ms: int
    entity_id: str
    state: str
    context: Context


@dataclass(slots=True)
class Step:
    """Five minutes of a numeric entity; the sum is in millionths, so that adding is exact in any order."""

    minimum: float
    maximum: float
    sum_millionths: int
    samples: int
    last_ms: int
    last: float

    def add(self, at_ms: int, value: float) -> None:
        """Add a sample; most events are one, and `min` and `max` would cost as much as all of this."""
        self.sum_millionths += round(value * FIXED_POINT)
        self.samples += 1
        if value < self.minimum:
            self.minimum = value
        elif value > self.maximum:
            self.maximum = value
        if at_ms > self.last_ms or (at_ms == self.last_ms and value > self.last):
            self.last_ms, self.last = at_ms, value

    def join(self, other: "Step") -> None:
        """Take in the samples of another part of the step, none of which is in this one."""
        self.sum_millionths += other.sum_millionths
        self.samples += other.samples
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)
        self.last_ms, self.last = max((self.last_ms, self.last), (other.last_ms, other.last))

    def plain(self) -> tuple[float, float, int, int, int, float]:
        """The fields, in their order."""
        return self.minimum, self.maximum, self.sum_millionths, self.samples, self.last_ms, self.last

    @property
    def mean(self) -> float:
        """Mean of the samples."""
        return self.sum_millionths / self.samples / FIXED_POINT


class DaySet:
    """State changes, automation marks, service calls and numeric steps of one local day.

    With the changes stands what was set by them, as the allow-list `SETTINGS` names it; with the steps, what
    each numeric entity says that it measures. Everything but the steps is a set under union: duplicates,
    replays and order change nothing. The steps add exactly in any order, but count: whoever feeds them sees
    to it that each sample comes once.

    Examples
    --------
    >>> one, other = DaySet(), DaySet()
    >>> first, second = (5, "light.hall", "on", ("c1", "", "")), (9, "light.hall", "off", ("c2", "", ""))
    >>> for record in (first, second, first):
    ...     one.add(*record)
    >>> for record in (second, first):
    ...     other.add(*record)
    >>> one.pack() == other.pack(), len(one)
    (True, 2)
    """

    __slots__ = ("calls", "changes", "described", "marks", "numbers", "settings")

    def __init__(self) -> None:
        self.changes: dict[str, dict[tuple[int, str], Context]] = {}
        self.marks: set[tuple[int, str]] = set()
        self.calls: set[tuple[int, str]] = set()
        self.numbers: dict[str, dict[int, Step]] = {}
        self.settings: dict[str, dict[tuple[int, str], float | str]] = {}
        self.described: dict[str, tuple[Attribute, ...]] = {}

    def __len__(self) -> int:
        return sum(map(len, self.changes.values()))

    def add(self, at_ms: int, entity_id: str, state: str, context: Context) -> None:
        """Add a state change; of two contexts told for it, the lexically greater stays."""
        changes = self.changes.get(entity_id)
        if changes is None:
            changes = self.changes[entity_id] = {}
        key = (at_ms, state)
        known = changes.get(key)
        if known is None or context > known:
            changes[key] = context

    def add_settings(self, at_ms: int, entity_id: str, attributes: Iterable[Attribute]) -> None:
        """Add what was set with a state change; of two values told for it, the greater as text stays."""
        for name, value in attributes:
            if name in SETTINGS:
                told = self.settings.setdefault(entity_id, {})
                known = told.get((at_ms, name))
                if known is None or repr(value) > repr(known):
                    told[at_ms, name] = value
                if len(told) > MOST_SETTINGS:
                    del told[max(told)]

    def describe(self, entity_id: str, attributes: tuple[Attribute, ...]) -> None:
        """Note what a numeric entity says that it measures; of two descriptions the greater stays."""
        known = self.described.get(entity_id)
        if known == attributes:
            return
        told = tuple(each for each in attributes if each[0] in DESCRIPTIONS and isinstance(each[1], str))
        if told and (known is None or told > known):
            self.described[entity_id] = told

    def add_number(self, at_ms: int, entity_id: str, value: float) -> None:
        """Add a numeric sample to its 5-minute step."""
        steps = self.numbers.get(entity_id)
        if steps is None:
            steps = self.numbers[entity_id] = {}
        index = at_ms // STEP_MS
        step = steps.get(index)
        if step is None:
            steps[index] = Step(value, value, round(value * FIXED_POINT), 1, at_ms, value)
        else:
            step.add(at_ms, value)

    def join(self, other: "DaySet") -> None:
        """Take in another part of the day; equal samples of a number must have met in one part before."""
        for entity_id, changes in other.changes.items():
            for (at_ms, state), context in changes.items():
                self.add(at_ms, entity_id, state, context)
        self.marks |= other.marks
        self.calls |= other.calls
        for entity_id, steps in other.numbers.items():
            mine = self.numbers.setdefault(entity_id, {})
            for index, step in steps.items():
                if index in mine:
                    mine[index].join(step)
                else:
                    mine[index] = Step(*step.plain())
        for entity_id, settings in other.settings.items():
            for (at_ms, name), value in settings.items():
                self.add_settings(at_ms, entity_id, [(name, value)])
        for entity_id, described in other.described.items():
            self.describe(entity_id, described)

    def records(self) -> list[Record]:
        """The state changes, sorted by time, entity and state."""
        return sorted(
            Record(at_ms, entity_id, state, context)
            for entity_id, changes in self.changes.items()
            for (at_ms, state), context in changes.items()
        )

    def drop(self, entity_id: str) -> bool:
        """Forget an entity; whether there was anything of it."""
        self.settings.pop(entity_id, None)
        self.described.pop(entity_id, None)
        changes, numbers = self.changes.pop(entity_id, None), self.numbers.pop(entity_id, None)
        return changes is not None or numbers is not None

    def canonical(self) -> dict[str, Any]:
        """The set in plain JSON values, the same for equal sets."""
        told: dict[str, Any] = {
            "settings": {
                entity_id: [[*key, value] for key, value in sorted(settings.items())]
                for entity_id, settings in sorted(self.settings.items())
            },
            "described": {
                key: list(map(list, described)) for key, described in sorted(self.described.items())
            },
        }
        return {
            "version": VERSION,
            "changes": [[*record[:3], *record.context] for record in self.records()],
            "marks": sorted(map(list, self.marks)),
            "calls": sorted(map(list, self.calls)),
            "numbers": {
                entity_id: [[index, *step.plain()] for index, step in sorted(steps.items())]
                for entity_id, steps in sorted(self.numbers.items())
            },
            **{name: of_entities for name, of_entities in told.items() if of_entities},
        }

    def pack(self) -> bytes:
        """The canonical form as compressed JSON."""
        return zlib.compress(json.dumps(self.canonical(), separators=(",", ":")).encode(), 6)

    @classmethod
    def unpack(cls, packed: bytes) -> "DaySet":
        """Read back what `pack` wrote."""
        plain = json.loads(zlib.decompress(packed))
        if plain.get("version") != VERSION:
            msg = f"expected a day set of version {VERSION}, got {plain.get('version')!r}"
            raise ValueError(msg)
        day = cls()
        for at_ms, entity_id, state, *context in plain["changes"]:
            day.add(at_ms, entity_id, state, (context[0], context[1], context[2]))
        day.marks = {(at_ms, context_id) for at_ms, context_id in plain["marks"]}
        day.calls = {(at_ms, entity_id) for at_ms, entity_id in plain["calls"]}
        day.numbers = {
            entity_id: {index: Step(*step) for index, *step in steps}
            for entity_id, steps in plain["numbers"].items()
        }
        day.settings = {
            entity_id: {(at_ms, name): value for at_ms, name, value in settings}
            for entity_id, settings in plain.get("settings", {}).items()
        }
        day.described = {
            entity_id: tuple((name, value) for name, value in described)
            for entity_id, described in plain.get("described", {}).items()
        }
        return day

    def means(self, entity_id: str) -> Iterator[tuple[int, float]]:
        """(start in UTC milliseconds, mean) of the entity's steps, in order."""
        for index, step in sorted(self.numbers.get(entity_id, {}).items()):
            yield index * STEP_MS, step.mean
