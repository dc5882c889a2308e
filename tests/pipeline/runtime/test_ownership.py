"""One owner a home: a dead one is followed at once, a living one waited for, a former one fenced off."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.processes import wait_until
from pipeline.runtime.ownership import LONGEST_US, Ownership, Vigil, is_dead, process_name
from sinks.store import Beat, Held, LeaseLostError, SqlStore, StoreThread, StoreUnavailableError

LONG_S = 300.0
SHORT_S = 1.0
PATIENCE_S = 10.0
US = 1_000_000
DAY_US = 86_400 * US
YEAR_US = 365 * DAY_US
NAME = "from pipeline.runtime.ownership import process_name; print(process_name())"


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
    return Ownership(store.leases, "p0", ttl_s=ttl_s, thread=StoreThread())


def held_by(store: SqlStore, name: str, ttl_s: float = LONG_S, *, ahead_us: int = 0) -> Held:
    """Let somebody else have the lease from now on, by a clock that may be ahead."""
    now_us = time.time_ns() // 1000 + ahead_us
    ttl_us, silent = int(ttl_s * 1e6), store.leases.beat("p0")
    held = store.leases.acquire("p0", name, now_us=now_us, ttl_us=ttl_us, silent=silent)
    assert held is not None
    return held


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
    held_by(store, "other")
    assert not await mine.valid()
    await asyncio.wait_for(mine.keep(), PATIENCE_S)
    with pytest.raises(LeaseLostError), store.begin(holder=held):
        pytest.fail("a former owner began to write")


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
    mine.renewed_s -= SHORT_S
    assert not await mine.valid()


async def test_a_lease_counts_from_when_it_was_asked_for(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the store took to answer: others count from what it wrote, which was before that."""
    now_us, renew = [0], store.leases.renew

    def slow(*arguments: Any, **named: Any) -> bool:
        renewed = renew(*arguments, **named)
        now_us[0] += 9 * US // 10
        return renewed

    def away(*_: object, **__: object) -> bool:
        raise StoreUnavailableError("locked")

    monkeypatch.setattr("pipeline.runtime.ownership.boot_us", lambda: now_us[0])
    mine = ownership(store, SHORT_S)
    await mine.acquire()
    monkeypatch.setattr(store.leases, "renew", slow)
    assert await mine.valid()
    monkeypatch.setattr(store.leases, "renew", away)
    assert await mine.valid()
    now_us[0] += US // 10
    assert not await mine.valid()


async def test_a_kept_lease_does_not_run_out(store: SqlStore) -> None:
    """It is renewed before it would."""
    mine = ownership(store, SHORT_S)
    await mine.acquire()
    before_s = mine.renewed_s
    keeping = asyncio.create_task(mine.keep())
    await wait_until(lambda: mine.renewed_s > before_s, PATIENCE_S, "a renewal")
    assert not keeping.done()
    keeping.cancel()


async def test_the_first_lease_outlasts_recovery(store: SqlStore) -> None:
    """Before its first renewal a new owner may be silent for longer than afterwards."""
    owner = ownership(store, SHORT_S)
    await owner.acquire()
    before = store.leases.beat("p0")
    assert await owner.valid()
    after = store.leases.beat("p0")
    assert before is not None
    assert after is not None
    assert (before.ttl_us, after.ttl_us) == (6 * SHORT_S * US, SHORT_S * US)


@pytest.mark.parametrize("ahead_us", [-YEAR_US, 0, 30 * DAY_US, YEAR_US])
async def test_a_silent_owner_is_followed_whatever_its_clock_said(store: SqlStore, ahead_us: int) -> None:
    """One of another machine, or another container's, after its silence, not before and not at a date."""
    held_by(store, f"another{process_name()}", SHORT_S, ahead_us=ahead_us)
    started_s = time.monotonic()
    await asyncio.wait_for(ownership(store, SHORT_S).acquire(), PATIENCE_S)
    assert SHORT_S * 0.9 <= time.monotonic() - started_s < 2 * SHORT_S + 1.0


async def test_an_owner_that_speaks_is_not_followed(store: SqlStore) -> None:
    """However short its lease looks by our clock; once it is silent, it is."""
    held = held_by(store, "another-machine/1/2/3", SHORT_S, ahead_us=-YEAR_US)
    waiting = asyncio.create_task(ownership(store, SHORT_S).acquire())
    for _ in range(8):
        await asyncio.sleep(SHORT_S / 4)
        assert store.leases.renew(held, now_us=0, ttl_us=int(SHORT_S * US))
    assert not waiting.done()
    assert (await asyncio.wait_for(waiting, PATIENCE_S)).epoch == held.epoch + 1


def test_time_that_nobody_watched_is_no_silence() -> None:
    """A stopped process or suspended machine waits anew; a row that says no time has ours."""
    vigil = Vigil(10 * US, step_s=2.0)
    beat = Beat("a", 1, 5, 0)
    assert not vigil.is_silent(beat, 0.0)
    assert not vigil.is_silent(beat, 3_600.0)
    assert not vigil.is_silent(beat, 3_607.9)
    assert [vigil.is_silent(beat, 3_608.0 + each) for each in (2.0, 4.0, 6.0)] == [False, False, True]


def test_another_owner_with_the_same_pulse_has_spoken() -> None:
    """Its clock may say what the clock of the one before said: the silence of that one is not its own."""
    vigil = Vigil(2 * US, step_s=1.0)
    one, other = Beat("a", 1, 5, 0), Beat("b", 2, 5, 0)
    assert [vigil.is_silent(one, at_s) for at_s in (0.0, 1.0)] == [False, False]
    assert [vigil.is_silent(other, at_s) for at_s in (2.0, 3.0, 4.0)] == [False, False, True]


def test_a_row_that_says_too_long_is_waited_for_as_long_as_can_be_set() -> None:
    """Such a row was never written by an owner."""
    vigil = Vigil(10 * US, step_s=1e9)
    beat = Beat("a", 1, 5, 10**18)
    assert not vigil.is_silent(beat, 0.0)
    assert not vigil.is_silent(beat, LONGEST_US / US - 1.0)
    assert vigil.is_silent(beat, LONGEST_US / US)
