"""Who owns the home: a lease in the store, held before connecting and renewed while connected."""

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import structlog

from sinks.store import Held, Leases, StoreError

log = structlog.get_logger()
US = 1_000_000
# Nothing renews while the store's one thread recovers the home; the first renewal shortens it again.
RECOVERY_TTLS = 6
T = TypeVar("T")


def process_name() -> str:
    """A name that no other process has: machine since its start, process namespace, process and its start."""
    machine = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{machine}/{Path('/proc/self/ns/pid').stat().st_ino}/{os.getpid()}/{_started(os.getpid())}"


def is_dead(name: str) -> bool:
    """Whether a process of this machine is known to be gone; of another machine nothing is known.

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
    executor
        The store's thread.
    """

    def __init__(self, leases: Leases, partition: str, *, ttl_s: float, executor: ThreadPoolExecutor) -> None:
        self._leases = leases
        self._partition = partition
        self._owner = process_name()
        self._ttl_us = int(ttl_s * US)
        self._executor = executor
        self.held: Held | None = None
        self.renewed_us = 0

    async def acquire(self) -> Held:
        """Wait until the home is ours."""
        waiting = False
        while True:
            held = await self._try()
            if held is not None:
                self.held, self.renewed_us = held, _now_us()
                return held
            if not waiting:
                waiting = True
                log.info("another process owns the home, standing by", partition=self._partition)
            await asyncio.sleep(min(1.0, self._ttl_us / US / 4))

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
        """Whether the home is still ours, as the store says; while it does not answer, by the clock."""
        try:
            return await self._renew()
        except StoreError:
            return _now_us() - self.renewed_us < self._ttl_us

    async def release(self) -> None:
        """Give the home up, so that the next owner need not wait."""
        if self.held is not None:
            held, self.held = self.held, None
            await self._run(lambda: self._leases.release(held))

    async def _renew(self) -> bool:
        held = self.held
        if held is None:
            return False
        now_us = _now_us()
        renewed = await self._run(lambda: self._leases.renew(held, now_us=now_us, ttl_us=self._ttl_us))
        if renewed:
            self.renewed_us = now_us
        return renewed

    async def _try(self) -> Held | None:
        try:
            return await self._run(self._acquire)
        except StoreError as error:
            log.warning("lease not acquired", error=str(error))
            return None

    def _acquire(self) -> Held | None:
        before = self._leases.owner(self._partition)
        return self._leases.acquire(
            self._partition,
            self._owner,
            now_us=_now_us(),
            ttl_us=self._ttl_us * RECOVERY_TTLS,
            instead_of=before if before and is_dead(before) else None,
        )

    async def _run(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)


def _now_us() -> int:
    return time.time_ns() // 1000
