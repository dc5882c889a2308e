"""Ownership of the home: a lease in the store, held before connecting and renewed while connected."""

import asyncio
import os
from pathlib import Path
from typing import TypeVar

import structlog

from pipeline.timing.clock import boot_us, monotonic_s, wall_us
from sinks.store import Beat, Held, Leases, StoreError, StoreThread

log = structlog.get_logger(__name__)
US = 1_000_000
# Nothing renews while the store's one thread recovers the home; the first renewal shortens it again.
RECOVERY_TTLS = 6
POLL_S = 1.0
# The longest lease that can be set, while its owner recovers: what a row says beyond that, no owner wrote.
LONGEST_US = RECOVERY_TTLS * 300 * US
T = TypeVar("T")


def process_name() -> str:
    """A name that no other process has: machine since its start, process namespace, process and its start."""
    machine = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{machine}/{Path('/proc/self/ns/pid').stat().st_ino}/{os.getpid()}/{_started(os.getpid())}"


def is_dead(name: str) -> bool:
    """Return whether a process of this machine is known to be gone; of another machine nothing is known.

    Examples
    --------
    >>> is_dead(process_name()), is_dead(process_name() + "0"), is_dead("another-machine/1/2/3")
    (False, True, False)
    """
    machine, namespace, pid, started = (name.split("/") + [""] * 4)[:4]
    if [machine, namespace] != process_name().split("/")[:2] or not pid.isdigit():
        return False
    return _started(int(pid)) != started


def _started(pid: int) -> str:
    """Clock ticks from the machine's start to the process's; nothing for one that is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


class Vigil:
    """Watches the pulse of a lease's owner, and says when it has been silent for as long as it may be.

    Only time that was watched counts: between two looks at most `step_s`, however long a stopped process or
    a suspended machine was away. So no clock that jumps, of whomever, takes a home from an owner that lives,
    and none keeps the home of one that is gone.

    Parameters
    ----------
    ttl_us
        How long an owner may be silent that does not say it.
    step_s
        What may pass between two looks.

    Examples
    --------
    >>> vigil = Vigil(2_000_000, step_s=1.0)
    >>> there = Beat("a", epoch=1, until_us=10**18, ttl_us=2_000_000)
    >>> [vigil.is_silent(there, now_s) for now_s in (0.0, 1.0, 2.0)]
    [False, False, True]
    >>> [vigil.is_silent(there._replace(until_us=pulse), float(pulse)) for pulse in (3, 4, 5, 6)]
    [False, False, False, False]
    """

    def __init__(self, ttl_us: int, *, step_s: float) -> None:
        self._ttl_us = ttl_us
        self._step_s = step_s
        self._seen: Beat | None = None
        self._seen_s = 0.0
        self._silent_s = 0.0

    def is_silent(self, beat: Beat, now_s: float) -> bool:
        """Look at the lease at a moment of the monotonic clock."""
        if beat != self._seen:
            self._silent_s = 0.0
        else:
            self._silent_s += min(now_s - self._seen_s, self._step_s)
        self._seen, self._seen_s = beat, now_s
        return self._silent_s * US >= min(beat.ttl_us or self._ttl_us, LONGEST_US)


class Ownership:
    """Holds the lease of one home.

    Parameters
    ----------
    leases
        The store's leases.
    partition
        What is owned: the home.
    ttl_s
        How long the lease outlives our last sign.
    thread
        The store's thread.
    """

    def __init__(self, leases: Leases, partition: str, *, ttl_s: float, thread: StoreThread) -> None:
        self._leases = leases
        self._partition = partition
        self._owner = process_name()
        self._ttl_us = int(ttl_s * US)
        self._poll_s = min(POLL_S, ttl_s / 4)
        self._vigil = Vigil(self._ttl_us, step_s=2 * self._poll_s)
        self._thread = thread
        self.held: Held | None = None
        self.renewed_s = 0.0

    async def acquire(self) -> Held:
        """Wait until the home is ours."""
        waiting = False
        while True:
            asked_s = _awake_or_not_s()
            held = await self._try()
            if held is not None:
                self.held, self.renewed_s = held, asked_s
                return held
            if not waiting:
                waiting = True
                log.info("another process owns the home, standing by", partition=self._partition)
            await asyncio.sleep(self._poll_s)

    async def keep(self) -> None:
        """Renew until the lease is lost; returns then. A store that does not answer is asked again."""
        while True:
            await asyncio.sleep(self._ttl_us / US / 3.3)
            try:
                renewed = await self._renew()
            except StoreError as error:
                log.warning("lease not renewed", error=str(error))
                continue
            if not renewed:
                return

    async def valid(self) -> bool:
        """Return whether the home is still ours, by the store; while it does not answer, by the clock."""
        try:
            return await self._renew()
        except StoreError:
            return (_awake_or_not_s() - self.renewed_s) * US < self._ttl_us

    async def release(self) -> None:
        """Give the home up, so that the next owner need not wait."""
        if self.held is not None:
            held, self.held = self.held, None
            await self._thread.call(lambda: self._leases.release(held))

    async def _renew(self) -> bool:
        held = self.held
        if held is None:
            return False
        asked_s = _awake_or_not_s()
        renewed = await self._thread.call(
            lambda: self._leases.renew(held, now_us=wall_us(), ttl_us=self._ttl_us)
        )
        if renewed:
            self.renewed_s = asked_s
        return renewed

    async def _try(self) -> Held | None:
        try:
            return await self._thread.call(self._acquire)
        except StoreError as error:
            log.warning("lease not acquired", error=str(error))
            return None

    def _acquire(self) -> Held | None:
        beat = self._leases.beat(self._partition)
        if beat is not None and beat.owner != self._owner and not beat.is_released:
            silent = self._vigil.is_silent(beat, monotonic_s())
            if not silent and not is_dead(beat.owner):
                return None
        return self._leases.acquire(
            self._partition,
            self._owner,
            now_us=wall_us(),
            ttl_us=self._ttl_us * RECOVERY_TTLS,
            silent=beat,
        )


def _awake_or_not_s() -> float:
    """Seconds of a clock that goes on while the machine is suspended: others may have waited meanwhile."""
    return boot_us() / 1e6
