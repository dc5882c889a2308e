"""Whether learning is on, and of what may be learned: what is seen while it is off is nobody's behaviour."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from schemas.events import Gap, ServiceCall, StateChange

PAUSED = "paused"
LAG_US = 60_000_000
# Longer than any event is late.
REMEMBERED_US = 31 * 86_400_000_000

Entry = StateChange | ServiceCall


class Turn(NamedTuple):
    """The switch was set, after so many entries of its batch."""

    place: int
    received_us: int
    on: bool


@dataclass(frozen=True, slots=True)
class LearningSwitch:
    """Off since `off_us`, or on; and the pauses that are over.

    An entry is not learned if it comes while the switch is off, or happened in a pause and comes later.

    Examples
    --------
    >>> lamp = {second: StateChange(second * 1_000_000, "light.hall", "off", "on") for second in (10, 20, 30)}
    >>> seen = {change.key: change for change in lamp.values()}
    >>> course = LearningSwitch().follow(seen, [Turn(1, 11_000_000, False), Turn(2, 21_000_000, True)])
    >>> [change.at_us for change in course.learned.values()], course.gaps
    ([10000000, 30000000], [Gap(from_us=11000000, to_us=21000000, reason='paused')])
    """

    off_us: int | None = None
    pauses: tuple[Gap, ...] = ()

    def follow(self, entries: Mapping[bytes, Entry], turns: Sequence[Turn], latest_us: int = 0) -> "Course":
        """What of a batch may be learned, and how the switch stands behind it.

        Parameters
        ----------
        entries
            What happened, by key, as it came.
        turns
            When the switch was set, as it came.
        latest_us
            Event time that was reached before the batch; no pause begins or ends before it.
        """
        course, coming = Course(self), iter(entries.items())
        place = 0
        for turn in turns:
            course.pass_on(islice(coming, turn.place - place))
            course.turn(turn.on, max(_happened_us(turn, list(entries.values())), latest_us))
            place = turn.place
        course.pass_on(coming)
        return course

    def lets_pass(self, entry: Entry) -> bool:
        """Whether an entry that comes now may be learned."""
        return self.off_us is None and not any(
            pause.from_us <= entry.at_us < pause.to_us for pause in self.pauses
        )


@dataclass(slots=True)
class Course:
    """What came of a batch: what of it may be learned, the pauses that ended, the switch at its end."""

    switch: LearningSwitch
    learned: dict[bytes, Entry] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)

    def pass_on(self, entries: Iterable[tuple[bytes, Entry]]) -> None:
        """Let entries come, with their keys."""
        self.learned.update((key, entry) for key, entry in entries if self.switch.lets_pass(entry))

    def turn(self, on: bool, at_us: int) -> None:  # noqa: FBT001 the switch's own state
        """Set the switch; as it stands already, nothing happens."""
        off_us, pauses = self.switch.off_us, self.switch.pauses
        if not on:
            self.switch = LearningSwitch(at_us if off_us is None else off_us, pauses)
        elif off_us is not None:
            ended = [Gap(off_us, at_us, PAUSED)] if at_us > off_us else []
            kept = (pause for pause in pauses if pause.to_us > at_us - REMEMBERED_US)
            self.gaps += ended
            self.switch = LearningSwitch(None, (*kept, *ended))


def _happened_us(turn: Turn, entries: Sequence[Entry]) -> int:
    """When the switch was set: after what came before it, before what came behind it.

    Where nothing came behind it, that is when we received it, unless the broker had kept it and what came
    before it for us.
    """
    before = [entry.at_us for entry in entries[: turn.place] if isinstance(entry, StateChange)][-1:]
    behind = [entry.at_us for entry in entries[turn.place :] if isinstance(entry, StateChange)][:1]
    is_kept = bool(before) and turn.received_us - before[0] > LAG_US
    latest_us = before[0] if is_kept else min([turn.received_us, *behind])
    return max([latest_us, *(at_us + 1 for at_us in before)])
