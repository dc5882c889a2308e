"""A backup a day and some of them kept, whatever the clock says."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from schemas.events import StateChange
from sinks.store import SqlStore, backup, manifest, rotation
from sinks.store.rotation import DAY_US, is_due, retire


class Machine:
    """A machine whose clock and uptime are set by hand, and the backups that are made on it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder / "backups"
        self.database = folder / "ha-ai.db"
        self.clock_us, self.uptime_us, self.boot, self.event_us = 1_000 * DAY_US, 0, "first", 0
        store = SqlStore(f"sqlite:///{self.database}")
        store.migrate()
        store.close()
        monkeypatch.setattr(manifest, "boot", lambda: self.boot)
        monkeypatch.setattr(manifest, "uptime_us", lambda: self.uptime_us)
        monkeypatch.setattr(rotation, "boot", lambda: self.boot)
        monkeypatch.setattr(rotation, "uptime_us", lambda: self.uptime_us)
        monkeypatch.setattr("sinks.store.manifest.time.time_ns", lambda: self.clock_us * 1_000)

    def live(self, days: float) -> None:
        """Let time go by, and the home with it."""
        for each in ("clock_us", "uptime_us", "event_us"):
            setattr(self, each, getattr(self, each) + int(days * DAY_US))
        change = StateChange(self.event_us, "light.a", None, "on")
        store = SqlStore(f"sqlite:///{self.database}")
        with store.begin() as transaction:
            transaction.journal([(change.key, change)], 1)
        store.close()

    def look(self, keep: int = 7) -> bool:
        """What is done every few minutes; whether a backup was made."""
        last = rotation.newest(self.folder, "home")
        if not is_due(last.manifest if last else None, now_us=self.clock_us):
            return False
        backup.take(self.database, self.folder)
        retire(self.folder, "home", keep=keep)
        return True

    def told(self) -> list[int]:
        """The days of event time up to which the backups tell, oldest first."""
        found = reversed(backup.backups(self.folder))
        return [(backup.verify(each.path).last_event_us or 0) // DAY_US for each in found]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine that has just started."""
    return Machine(tmp_path, monkeypatch)


def test_one_a_day_is_made_and_the_newest_are_kept(machine: Machine) -> None:
    """However often it is looked."""
    made = 0
    for _ in range(40):
        machine.live(0.25)
        made += machine.look()
    assert made == 10
    assert len(machine.told()) == 7
    assert machine.told() == list(range(3, 10))


@pytest.mark.parametrize("jump_days", [-365, -1, -0.1, 0.1, 1, 400])
def test_a_jump_of_the_clock_makes_none_more_and_stops_none(machine: Machine, jump_days: float) -> None:
    """Forward and back while the machine runs: the same backups as without."""
    for _ in range(10):
        machine.live(1)
        assert machine.look()
        machine.clock_us += int(jump_days * DAY_US)
        assert not machine.look()
        machine.clock_us -= int(jump_days * DAY_US)
        assert not machine.look()
    assert machine.told() == list(range(4, 11))


def test_a_machine_that_starts_with_a_wrong_clock_again_and_again_loses_no_good_one(machine: Machine) -> None:
    """Each start may make one more, as nothing tells its day; they take each other's place."""
    for _ in range(7):
        machine.live(1)
        machine.look()
    for number in range(20):
        machine.boot, machine.uptime_us = f"start {number}", 0
        machine.clock_us = 0 if number % 2 else 5_000 * DAY_US
        machine.look()
    assert machine.told() == list(range(1, 8))


def test_damaged_ones_leave_first(machine: Machine) -> None:
    """And the newest good one never."""
    for _ in range(3):
        machine.live(1)
        machine.look()
    oldest, *_, newest = [each.path for each in reversed(backup.backups(machine.folder))]
    newest.write_bytes(b"damaged")
    assert retire(machine.folder, "home", keep=2) == [newest]
    assert len(retire(machine.folder, "home", keep=0)) == 1
    assert not oldest.exists()
    assert len(machine.told()) == 1


def test_what_a_person_made_stays_and_other_homes_are_left_alone(machine: Machine) -> None:
    """Only the daily ones of the home itself leave."""
    mine = backup.take(machine.database, machine.folder, kept=True)
    other = backup.take(machine.database, machine.folder, home="other")
    for _ in range(4):
        machine.live(1)
        machine.look(keep=1)
    assert mine.exists()
    assert other.exists()
    assert len(backup.backups(machine.folder, "home")) == 2


def test_damage_makes_the_next_one_due(machine: Machine) -> None:
    """What does not verify is no backup."""
    machine.live(1)
    assert machine.look()
    backup.backups(machine.folder)[0].path.write_bytes(b"damaged")
    assert machine.look()


def test_a_damaged_store_takes_no_good_backup_away(machine: Machine) -> None:
    """None is made of it, so none leaves for it."""
    for _ in range(7):
        machine.live(1)
        machine.look()
    with closing(sqlite3.connect(machine.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    machine.live(1)
    machine.database.write_bytes(machine.database.read_bytes()[:20_000])
    for _ in range(10):
        with pytest.raises(backup.BackupError):
            machine.look()
    assert machine.told() == list(range(1, 8))
