"""Damage to any file or row is noticed, mended and spoken of; without checksums it is not."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.damage.__main__ import SMALL, is_survived, run
from benchmarks.damage.home import Place, make_home
from benchmarks.processes import HA_AI, Mosquitto, Worker
from sinks.store import checksums, day_sets, integrity

pytestmark = pytest.mark.drill
SPOKEN = {"store damaged", "damaged rows of the store were set aside and mended"}


def lose_the_log(place: Place) -> None:
    """As when somebody tidies up."""
    place.database.with_name("ha-ai.db-wal").unlink()


def empty_the_store(place: Place) -> None:
    """As when a disk was full at the wrong moment."""
    place.database.write_bytes(b"")


def garble_the_store(place: Place) -> None:
    """As when another program wrote into it; its log alone would still hold all of it."""
    lose_the_log(place)
    place.database.write_bytes(b"x" * 100_000)


def garble_a_day(place: Place) -> None:
    """As when a sector went bad."""
    with closing(sqlite3.connect(place.database)) as connection:
        connection.execute("UPDATE day_sets SET packed = x'00' WHERE day = (SELECT min(day) FROM day_sets)")
        connection.commit()


def test_every_fault_is_noticed_or_without_effect() -> None:
    """Faults of every kind end no start, and take nothing that nobody speaks of."""
    assert [each for each in run(SMALL, seed=3) if not is_survived(each)] == []


def test_the_drill_rejects_a_store_without_checksums(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that takes rows for whole as they are loses some in silence, or ends at them."""
    for module in (checksums, integrity, day_sets):
        monkeypatch.setattr(module, "is_whole", lambda *_: True)
    monkeypatch.setattr(integrity, "CHECKED", ())
    assert not all(map(is_survived, run(SMALL, seed=3)))


@pytest.mark.mosquitto
@pytest.mark.parametrize("fault", [lose_the_log, empty_the_store, garble_the_store, garble_a_day])
async def test_the_product_starts_at_once_over_damage_and_says_so(
    tmp_path: Path, fault: Callable[[Place], None]
) -> None:
    """It is ready at its first start, speaks of the damage, and the start after that has nothing to say."""
    place = Place(tmp_path / "home")
    place.folder.mkdir()
    make_home(place, seed=5)
    fault(place)
    broker = Mosquitto(tmp_path)
    await broker.start()
    try:
        for number, spoken in enumerate((True, False)):
            settings = {"command_key_file": place.key, "tz": "Europe/Berlin", "lease_s": 1}
            log = tmp_path / f"log{number}"
            worker = Worker(place.database, log, broker.port, command=(HA_AI[0], "run"), **settings)
            await worker.start()
            try:
                await worker.ready()
            finally:
                await worker.stop()
            assert (worker.starts, worker.exit_codes) == (1, [0])
            assert bool(SPOKEN & set(worker.messages())) is spoken
    finally:
        await broker.stop()
