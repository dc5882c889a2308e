"""One owner a home: a dead one is followed at once, a living one waited for, a former one fenced off."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmarks.processes import wait_until
from pipeline.delivery.ownership import Ownership, is_dead, process_name
from sinks.store import LeaseLostError, SqlStore, StoreUnavailableError

LONG_S = 300.0
SHORT_S = 1.0
PATIENCE_S = 10.0
NAME = "from pipeline.delivery.ownership import process_name; print(process_name())"


@pytest.fixture
def store(tmp_path: Path) -> SqlStore:
    """An empty store."""
    made = SqlStore(f"sqlite:///{tmp_path}/ha-ai.db")
    made.migrate()
    return made


@pytest.fixture
def dead_process() -> str:
    """The name of a process that has ended."""
    return subprocess.run(
        [sys.executable, "-c", NAME], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def living_process() -> Iterator[str]:
    """The name of another process, which lives."""
    waiting = f"{NAME}; import sys; sys.stdout.flush(); sys.stdin.read()"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", waiting], stdin=pipe, stdout=pipe, text=True) as other:
        assert other.stdout is not None
        yield other.stdout.readline().strip()
        other.communicate()


def ownership(store: SqlStore, ttl_s: float = LONG_S) -> Ownership:
    """The ownership of this process."""
    return Ownership(store.leases, "p0", ttl_s=ttl_s, executor=ThreadPoolExecutor(1))


def held_by(store: SqlStore, name: str, ttl_s: float = LONG_S) -> None:
    """Let somebody else have the lease from now on."""
    now_us = time.time_ns() // 1000
    assert store.leases.acquire("p0", name, now_us=now_us, ttl_us=int(ttl_s * 1e6))


async def test_a_dead_process_is_followed_at_once(store: SqlStore, dead_process: str) -> None:
    """Its lease would last for minutes, but the process is known to be gone."""
    held_by(store, dead_process)
    assert is_dead(dead_process)
    held = await asyncio.wait_for(ownership(store).acquire(), PATIENCE_S)
    assert (held.owner, held.epoch) == (process_name(), 2)


async def test_a_living_process_is_waited_for(store: SqlStore, living_process: str) -> None:
    """It keeps the home until its lease has run out."""
    assert not is_dead(living_process)
    held_by(store, living_process, SHORT_S)
    started_s = time.monotonic()
    await asyncio.wait_for(ownership(store).acquire(), PATIENCE_S)
    assert time.monotonic() - started_s >= SHORT_S * 0.9


def test_a_process_of_another_machine_is_not_known_to_be_dead() -> None:
    """Neither is one in another namespace, nor one whose name says nothing."""
    machine, namespace, _, started = process_name().split("/")
    assert not is_dead(f"another/{namespace}/1/{started}")
    assert not is_dead(f"{machine}/1/1/{started}")
    assert not is_dead("")
    assert not is_dead("host-17")


def test_a_reused_process_id_is_another_process() -> None:
    """A process is known by its start too."""
    machine, namespace, pid, started = process_name().split("/")
    assert int(pid) == os.getpid()
    assert is_dead(f"{machine}/{namespace}/{pid}/{int(started) + 1}")


async def test_a_former_owner_is_fenced_off(store: SqlStore) -> None:
    """After somebody else's take-over it may neither write nor connect, and is told so."""
    mine = ownership(store, SHORT_S)
    held = await mine.acquire()
    assert await mine.valid()
    _expire(store)
    held_by(store, "other")
    assert not await mine.valid()
    await asyncio.wait_for(mine.keep(), PATIENCE_S)
    with pytest.raises(LeaseLostError), store.begin(holder=held):
        pytest.fail("a former owner began to write")


def _expire(store: SqlStore) -> None:
    with store._database.writing() as connection:
        connection.exec_driver_sql("UPDATE leases SET until_us = 0")


async def test_a_released_home_is_free_at_once(store: SqlStore) -> None:
    """The next owner, whoever it is, need not wait."""
    mine = ownership(store)
    await mine.acquire()
    await mine.release()
    held_by(store, "other")


async def test_while_the_store_is_away_the_clock_decides(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lease that cannot be renewed is good until it has run out."""
    mine = ownership(store, SHORT_S)
    await mine.acquire()

    def away(*_: object, **__: object) -> bool:
        raise StoreUnavailableError("locked")

    monkeypatch.setattr(store.leases, "renew", away)
    assert await mine.valid()
    mine.renewed_us -= int(SHORT_S * 1e6)
    assert not await mine.valid()


async def test_a_kept_lease_does_not_run_out(store: SqlStore) -> None:
    """It is renewed before it would."""
    mine = ownership(store, SHORT_S)
    await mine.acquire()
    before_us = mine.renewed_us
    keeping = asyncio.create_task(mine.keep())
    await wait_until(lambda: mine.renewed_us > before_us, PATIENCE_S, "a renewal")
    assert not keeping.done()
    keeping.cancel()


async def test_the_first_lease_outlasts_recovery(store: SqlStore, living_process: str) -> None:
    """Before its first renewal a new owner has longer than a lease, and afterwards no longer."""
    owner = ownership(store, SHORT_S)
    await owner.acquire()
    beyond_us = time.time_ns() // 1000 + int(3 * SHORT_S * 1e6)
    assert store.leases.acquire("p0", living_process, now_us=beyond_us, ttl_us=1) is None
    assert await owner.valid()
    assert store.leases.acquire("p0", living_process, now_us=beyond_us, ttl_us=1) is not None
