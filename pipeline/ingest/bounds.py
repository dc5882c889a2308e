"""Bounds on what a message may be, checked before and after it is decoded."""

import re
from typing import Protocol

from pipeline.ingest.messages import PoisonError, Reason, UntimelyError

MAX_BYTES = 262_144
MAX_DEPTH = 32
FUTURE_US = 300 * 1_000_000
PAST_US = 30 * 86_400 * 1_000_000
LEAP_US = 366 * 86_400 * 1_000_000
YEAR_2100_US = 4_102_444_800 * 1_000_000
# A string that never ends is taken to the end: tried again from each of its quotes it would cost its square.
_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)


def check_size(payload: bytes) -> None:
    """Refuse what is too large or nested too deeply, in time linear in its size.

    Raises
    ------
    PoisonError
        Above 256 KiB, or deeper than 32 levels.
    """
    if len(payload) > MAX_BYTES:
        raise PoisonError(Reason.OVERSIZE, f"expected at most {MAX_BYTES} bytes, got {len(payload)}")
    if payload.count(b"{") + payload.count(b"[") > MAX_DEPTH and depth(payload) > MAX_DEPTH:
        raise PoisonError(Reason.TOO_DEEP, f"expected at most {MAX_DEPTH} levels of nesting")


def depth(payload: bytes) -> int:
    """Return the depth to which JSON is nested; brackets inside strings do not count.

    Examples
    --------
    >>> depth(b'{"a": [1, {"b": "[[["}]}')
    3
    """
    deepest = level = 0
    for match in _STRUCTURE.finditer(payload):
        token = match[0]
        if token in b"[{":
            level += 1
            deepest = max(deepest, level)
        elif token in b"]}":
            level -= 1
    return deepest


class Clock(Protocol):
    """Decides whether an event time can be true."""

    def check(self, at_us: int, received_us: int) -> None:
        """Raise `PoisonError` where an event time cannot be true, `UntimelyError` if by our clock only."""


class WallClock:
    """Event times against the time of receipt, for a live stream."""

    def check(self, at_us: int, received_us: int) -> None:
        if at_us > received_us + FUTURE_US:
            raise UntimelyError(Reason.FUTURE, "expected an event time at most 5 minutes ahead of the clock")
        if at_us < received_us - PAST_US:
            raise UntimelyError(Reason.TOO_OLD, "expected an event time at most 30 days back")


class StreamClock:
    """Event times against the stream itself, for logs: its latest event time so far is now."""

    def __init__(self) -> None:
        self._now_us = 0

    def check(self, at_us: int, received_us: int) -> None:
        ahead_us = received_us + FUTURE_US if received_us else (self._now_us or at_us) + LEAP_US
        if at_us > ahead_us or at_us >= YEAR_2100_US:
            raise PoisonError(Reason.FUTURE, "expected an event time not far ahead of the stream")
        if at_us < self._now_us - PAST_US:
            raise PoisonError(Reason.TOO_OLD, "expected an event time at most 30 days behind the stream")
        self._now_us = max(self._now_us, at_us)
