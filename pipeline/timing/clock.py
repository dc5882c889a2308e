"""The three clocks of this machine; all that reads the time in the pipeline reads it here."""

import time
from datetime import datetime, tzinfo


def wall_us() -> int:
    """Return the wall clock, which people and NTP set, in microseconds since the epoch."""
    return time.time_ns() // 1000


def wall_datetime(zone: tzinfo) -> datetime:
    """Return what the wall clock shows in a time zone."""
    return datetime.fromtimestamp(wall_us() / 1e6, zone)


def monotonic_s() -> float:
    """Return seconds of a clock that nobody sets; it may stand still in standby."""
    return time.monotonic()


def boot_us() -> int:
    """Return microseconds since the machine started, standby included; nobody sets them."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)) // 1000
