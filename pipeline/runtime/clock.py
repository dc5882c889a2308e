"""A clock that stays steady while clocks jump: it follows this machine's clock when that can be right.

`SteadyClock` and what is said of it read no clock: readings come in. Times are microseconds; `boot_us` counts
what passes, in standby too, and never jumps.
"""

from collections.abc import Mapping
from typing import NamedTuple

from pipeline.ingest.bounds import FUTURE_US
from pipeline.timing.clock import boot_us, wall_us
from pipeline.wording.sentences import counted, seconds_in_words

SECOND_US = 1_000_000
# NTP slews below that; between two looks nothing else moves a clock by so much.
JUMP_US = 2 * SECOND_US
# Longer than a clock is off by accident, and than a drill or a battery's blink.
STEADY_US = 10 * SECOND_US
# A clock that left the event times behind is believed only when nothing spoke against it for so long.
DOUBTED_US = 600 * SECOND_US
# A machine without a battery for its clock is set ahead by NTP in its first hour, and all that runs on it.
YOUNG_US = 3_600 * SECOND_US
# Less is no matter for habits.
NOTICED_US = 60 * SECOND_US
WITNESS_US = 3_600 * SECOND_US
SAID_US = 86_400 * SECOND_US


class Jump(NamedTuple):
    """The clock was set, by so much; when by the steady count."""

    by_us: int
    at_us: int


class SteadyClock:
    """Goes on from where it was when the machine's clock is set, until that is believed.

    A jump of some minutes is believed at once, and so is one that brings the clock to where Home Assistant's
    event times were before it. One that leaves them behind is not believed while they go on as they did, and
    otherwise after `DOUBTED_US`. Where there are none it is believed after `STEADY_US`.

    Parameters
    ----------
    wall, boot
        The two clocks at the beginning.

    Examples
    --------
    >>> clock, day_us = SteadyClock(wall=1_000_000_000, boot=0), 86_400_000_000
    >>> clock.hear(999_000_000, boot=0)
    >>> clock.tick(wall=1_001_000_000 + day_us, boot=1_000_000)
    Jump(by_us=86400000000, at_us=1001000000)
    >>> clock.now_us(boot=2_000_000)
    1002000000
    """

    def __init__(self, *, wall: int, boot: int) -> None:
        self._offset_us = self._wall_offset_us = wall - boot
        self._set_boot_us = boot
        self._witness: tuple[int, int] | None = None
        self._is_witness_older = False
        self.jump: Jump | None = None

    def now_us(self, *, boot: int) -> int:
        """Return the believed time in microseconds since the epoch."""
        return boot + self._offset_us

    @property
    def doubted_us(self) -> int:
        """By how much the machine's clock is ahead of what is believed."""
        return self._wall_offset_us - self._offset_us

    @property
    def lag_us(self) -> int | None:
        """Return by how many microseconds Home Assistant's latest event was behind; None before one."""
        return None if self._witness is None else self._offset_us - self._witness[0]

    def hear(self, at_us: int, *, boot: int) -> None:
        """Take the time of an event that just came."""
        self._witness = (at_us - boot, boot)
        self._is_witness_older = False

    def agrees(self, *, boot: int) -> bool:
        """Return whether this machine's clock and Home Assistant's latest events say the same."""
        if self._witness is None or boot - self._witness[1] > WITNESS_US:
            return False
        told_us = self._witness[0]
        return max(abs(told_us - self._wall_offset_us), abs(told_us - self._offset_us)) <= FUTURE_US

    @property
    def is_followed(self) -> bool:
        """Return whether Home Assistant's latest events go with this machine's clock as it was set."""
        return self._witness is not None and abs(self._witness[0] - self._wall_offset_us) <= FUTURE_US

    def steady_for_us(self, *, boot: int) -> int:
        """Return for how many microseconds the machine's clock was not set."""
        return boot - self._set_boot_us

    def tick(self, *, wall: int, boot: int) -> Jump | None:
        """Look at both clocks; return the jump if the machine's was set since the last look."""
        by_us = wall - boot - self._wall_offset_us
        jump = None
        if abs(by_us) > JUMP_US:
            jump = self.jump = Jump(by_us, self.now_us(boot=boot))
            self._set_boot_us = boot
            self._is_witness_older = True
        self._wall_offset_us = wall - boot
        if self._is_believed(boot):
            self._offset_us = self._wall_offset_us
        return jump

    def _is_believed(self, boot: int) -> bool:
        steady_us = self.steady_for_us(boot=boot)
        if abs(self.doubted_us) <= FUTURE_US:
            return True
        if self._witness is None or boot - self._witness[1] > WITNESS_US:
            return steady_us >= STEADY_US
        told_us = self._witness[0]
        if abs(told_us - self._offset_us) <= FUTURE_US:
            return self._is_witness_older and steady_us >= DOUBTED_US
        if abs(told_us - self._wall_offset_us) <= FUTURE_US:
            is_ntps = boot < YOUNG_US and self.doubted_us > 0
            return self._is_witness_older or steady_us >= (STEADY_US if is_ntps else DOUBTED_US)
        return steady_us >= STEADY_US


def clock_notices(clock: SteadyClock, *, boot: int, home_assistant_ahead_us: int | None) -> dict[str, str]:
    """Return what a person should know about clocks, by subject, in words that end with what to do."""
    notices = {}
    if abs(clock.doubted_us) > FUTURE_US:
        so = (
            "and Home Assistant's with it: both are believed in some minutes, and what comes until then waits"
            if clock.is_followed
            else "and Home Assistant's events do not follow it: learning goes on by their time. "
            "Set the clock by NTP"
        )
        notices["clock"] = f"this machine's clock was set {by_words(clock.doubted_us)}, {so}"
    elif clock.jump is not None and clock.steady_for_us(boot=boot) < SAID_US:
        notices["clock"] = (
            f"this machine's clock was set {by_words(clock.jump.by_us)}; nothing was lost by that. "
            "If nobody did it, set up NTP"
        )
    if home_assistant_ahead_us is not None and abs(home_assistant_ahead_us) > NOTICED_US:
        notices["clock of Home Assistant"] = skew_words(home_assistant_ahead_us)
    elif clock.lag_us is not None and clock.lag_us < -NOTICED_US:
        notices["clock of Home Assistant"] = skew_words(-clock.lag_us)
    return notices


def waiting_in_words(reasons: Mapping[str, int], pushed_out: int) -> str:
    """Say how many events wait for the clock, why, and what to do.

    Examples
    --------
    >>> waiting_in_words({"future": 3}, 0)
    "3 events wait because the clock does not believe their time (3 future): set this machine's clock and \
Home Assistant's, by NTP; what is true then is learned by itself"
    """
    why = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in sorted(reasons.items()))
    lost = f"; {pushed_out:,} had to make room, those farthest from now" if pushed_out else ""
    return (
        f"{counted(sum(reasons.values()), 'event')} wait because the clock does not believe their time "
        f"({why}){lost}: set this machine's clock and Home Assistant's, by NTP; what is true then is "
        "learned by itself"
    )


def by_words(by_us: int) -> str:
    """Return the distance and direction in which a clock was set, in words.

    Examples
    --------
    >>> by_words(-3 * 3_600_000_000), by_words(400 * 86_400_000_000)
    ('back by 3 h', 'ahead by 400 days')
    """
    return f"{'ahead' if by_us > 0 else 'back'} by {_length(abs(by_us))}"


def skew_words(ahead_us: int) -> str:
    """Say by how much Home Assistant's clock differs from ours.

    Examples
    --------
    >>> skew_words(3 * 3_600_000_000)
    "this machine's clock is 3 h behind Home Assistant's: set up NTP on both"
    """
    side = "behind" if ahead_us > 0 else "ahead of"
    return f"this machine's clock is {_length(abs(ahead_us))} {side} Home Assistant's: set up NTP on both"


def _length(us: int) -> str:
    days = us / 86_400 / SECOND_US
    return f"{days:.0f} days" if days >= 2 else seconds_in_words(us / SECOND_US)


class HomeTime:
    """The steady clock of a running process: reads the machine's clocks when it is asked."""

    def __init__(self) -> None:
        self.clock = SteadyClock(wall=wall_us(), boot=boot_us())
        self.home_assistant_ahead_us: int | None = None
        self._told_us = self.clock.now_us(boot=0)

    def moved_us(self) -> int:
        """By how much a clock that was set has moved this time, since this was asked last."""
        told_us, self._told_us = self._told_us, self.clock.now_us(boot=0)
        return self._told_us - told_us

    def now_us(self) -> int:
        """Return the believed time in microseconds since the epoch."""
        return self.clock.now_us(boot=boot_us())

    def hear(self, at_us: int) -> None:
        """Take the time of an event that just came."""
        self.clock.hear(at_us, boot=boot_us())

    def agrees(self) -> bool:
        """Return whether this machine's clock and Home Assistant's latest events say the same."""
        return self.clock.agrees(boot=boot_us())

    def tick(self) -> Jump | None:
        """Look at the machine's clocks; return the jump if they were set since the last look."""
        return self.clock.tick(wall=wall_us(), boot=boot_us())

    @property
    def is_doubted(self) -> bool:
        """Return whether this machine's clock was set, and is not believed yet."""
        return abs(self.clock.doubted_us) > FUTURE_US

    def notices(self) -> dict[str, str]:
        """Return what a person should know about clocks, by subject."""
        return clock_notices(self.clock, boot=boot_us(), home_assistant_ahead_us=self.home_assistant_ahead_us)
