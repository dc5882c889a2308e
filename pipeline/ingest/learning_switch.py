"""Learning switch: what is seen while learning is off is nobody's behaviour."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import NamedTuple

from pipeline.ingest.bounds import FUTURE_US
from schemas.events import PAUSED, Gap, ServiceCall, StateChange

# Nobody switches twice a second, and nothing worth learning happens in between.
CLOSE_US = 1_000_000
LAG_US = 60_000_000
# Longer than any event is late.
REMEMBERED_US = 31 * 86_400_000_000

Entry = StateChange | ServiceCall


def real(pause: Gap, end_us: int, moved_us: int) -> Gap | None:
    """A pause that a clock made that was ahead, and was then moved; None where nothing of it can be true.

    Examples
    --------
    >>> real(Gap(105, 109, "paused"), 10, -100), real(Gap(3, 109, "paused"), 10, -100)
    (Gap(from_us=5, to_us=9, reason='paused'), Gap(from_us=3, to_us=9, reason='paused'))
    >>> real(Gap(105, 109, "paused"), 10, 0) is None
    True
    """
    from_us, to_us = (
        at_us if at_us <= end_us else min(at_us + moved_us, end_us) for at_us in (pause.from_us, pause.to_us)
    )
    return Gap(from_us, to_us, PAUSED) if from_us < to_us else None


class SwitchEvent(NamedTuple):
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
    >>> events = [SwitchEvent(1, 11_000_000, False), SwitchEvent(2, 21_000_000, True)]
    >>> course = LearningSwitch().follow(seen, events)
    >>> [change.at_us for change in course.learned.values()], course.gaps
    ([10000000, 30000000], [Gap(from_us=11000000, to_us=21000000, reason='paused')])
    """

    off_us: int | None = None
    pauses: tuple[Gap, ...] = ()

    def before(self, end_us: int, moved_us: int, known_us: int) -> "LearningSwitch":
        """The switch as it is where a clock that was ahead has been set back by `moved_us`, as far as known.

        It was turned off no earlier than `known_us`, and no later than `end_us`.
        """
        off_us = self.off_us
        if off_us is not None and off_us > end_us:
            off_us = min(off_us + moved_us, end_us) if moved_us < 0 else known_us
        pauses = (
            pause if pause.to_us <= end_us + FUTURE_US else real(pause, end_us, moved_us)
            for pause in self.pauses
        )
        return LearningSwitch(off_us, tuple(pause for pause in pauses if pause is not None))

    def follow(
        self, entries: Mapping[bytes, Entry], turns: Sequence[SwitchEvent], latest_us: int = 0
    ) -> "FilteredBatch":
        """Return what of a batch may be learned, and how the switch stands behind it.

        Parameters
        ----------
        entries
            What happened, by key, as it came.
        turns
            When the switch was set, as it came.
        latest_us
            Event time that was reached before the batch; no pause begins or ends before it.
        """
        course, coming = FilteredBatch(self), iter(entries.items())
        place, times = 0, _Times(entries.values()) if turns else None
        for turn in turns:
            course.pass_on(islice(coming, turn.place - place))
            course.turn(turn.on, max(times.of(turn) if times else 0, latest_us))
            place = turn.place
        course.pass_on(coming)
        return course


@dataclass(slots=True)
class FilteredBatch:
    """Result of a batch: what of it may be learned, the pauses that ended, the switch at its end.

    Each turn costs the same, however many came before it.
    """

    before: LearningSwitch
    learned: dict[bytes, Entry] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    off_us: int | None = field(init=False)
    # Pauses that are over before what comes have nothing to say of it: the end of the last tells.
    _over_us: int = field(init=False)

    def __post_init__(self) -> None:
        self.off_us = self.before.off_us
        self._over_us = max((pause.to_us for pause in self.before.pauses), default=0)

    @property
    def switch(self) -> LearningSwitch:
        """Return the switch as it stands, with each pause as it was."""
        return self.settled(self.gaps)

    def settled(self, gaps: Sequence[Gap]) -> LearningSwitch:
        """Return the switch where the pauses that ended are kept as these, in their order."""
        pauses = self.before.pauses
        if gaps:
            oldest_us = gaps[-1].to_us - REMEMBERED_US
            # One that was prolonged begins where it began.
            ended = {pause.from_us: pause for pause in (*pauses, *gaps)}
            pauses = tuple(pause for pause in ended.values() if pause.to_us > oldest_us)
        return LearningSwitch(self.off_us, pauses)

    def pass_on(self, entries: Iterable[tuple[bytes, Entry]]) -> None:
        """Let entries come, with their keys."""
        if self.off_us is None:
            self.learned.update((key, entry) for key, entry in entries if self._lets_pass(entry))
        else:
            # They come, and are over.
            deque(entries, maxlen=0)

    def turn(self, on: bool, at_us: int) -> None:  # noqa: FBT001 the switch's own state
        """Set the switch; as it stands already, nothing happens."""
        if not on:
            self.off_us = at_us if self.off_us is None else self.off_us
            return
        off_us, self.off_us = self.off_us, None
        if off_us is None or at_us <= off_us:
            return
        pause = Gap(off_us, at_us, PAUSED)
        if self.gaps and 0 <= pause.from_us - self.gaps[-1].to_us <= CLOSE_US:
            self.gaps[-1] = Gap(self.gaps[-1].from_us, at_us, PAUSED)
        else:
            self.gaps.append(pause)
        self._over_us = max(self._over_us, at_us)

    def _lets_pass(self, entry: Entry) -> bool:
        """Return whether an entry that comes now, while learning is on, happened in no pause."""
        at_us = entry.at_us
        return at_us >= self._over_us or not any(
            pause.from_us <= at_us < pause.to_us for pause in chain(self.before.pauses, self.gaps)
        )


class _Times:
    """When the switch was set: after what came before it, before what came behind it.

    Where nothing came behind it, that is when we received it, unless the broker had kept it and what came
    before it for us.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        times = [entry.at_us if isinstance(entry, StateChange) else None for entry in entries]
        # By place: of the last change before it, and of the first behind it.
        self._before = _carried(times)
        self._behind = _carried(times[::-1])[::-1]

    def of(self, turn: SwitchEvent) -> int:
        """When a turn happened, at least as late as what came before it."""
        before, behind = self._before[turn.place], self._behind[turn.place]
        is_kept = before is not None and turn.received_us - before > LAG_US
        if before is not None and is_kept:
            latest_us = before
        else:
            latest_us = turn.received_us if behind is None else min(turn.received_us, behind)
        return latest_us if before is None else max(latest_us, before + 1)


def _carried(times: Sequence[int | None]) -> list[int | None]:
    """The last time at or before each place, beginning with none."""
    carried: list[int | None] = [None]
    for time_us in times:
        carried.append(carried[-1] if time_us is None else time_us)
    return carried
