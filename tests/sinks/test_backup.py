"""Backups: whole, consistent and proven, whatever happens while they are made; what is not is refused."""

import json
import multiprocessing
import os
import random
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from schemas.events import StateChange
from sinks.store import NewerStoreError, SqlStore, backup, migrations, sealed_file
from sinks.store.backup import BackupError
from sinks.store.manifest import DATABASE
from sinks.store.replacing import Replacement, finish, intention, replace_all
from sinks.store.start import make_whole

A_BATCH = 20


class Home:
    """A store in a folder of its own, and what is in it."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "ha-ai.db"
        self.backups = folder / "backups"
        self.store = SqlStore(f"sqlite:///{self.database}")
        self.store.migrate()
        self.batches = 0

    def learn(self, batches: int = 1) -> None:
        """Commit batches of which each change tells the number."""
        for _ in range(batches):
            at = self.batches * A_BATCH
            changes = [StateChange(at + each, "light.a", None, "on") for each in range(A_BATCH)]
            with self.store.begin() as transaction:
                transaction.journal([(change.key, change) for change in changes], 1)
            self.batches += 1

    def take(self, *, kept: bool = False) -> Path:
        """Make a backup."""
        return backup.take(self.database, self.backups, kept=kept)

    def restore(self, copy: Path) -> None:
        """Let nobody have the store open, and restore."""
        self.store.close()
        backup.restore(copy, self.database)

    def times(self) -> list[int]:
        """The event times in the journal, in order."""
        with closing(sqlite3.connect(self.database)) as connection:
            return [row[0] for row in connection.execute("SELECT at_us FROM journal ORDER BY seq")]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A store with something in it."""
    made = Home(tmp_path)
    made.learn(30)
    yield made
    made.store.close()


def stored_times(copy: Path, folder: Path) -> list[int]:
    """The event times in a backup's journal."""
    path = folder / "extracted.db"
    sealed_file.extract_member(copy, DATABASE, path, longest_bytes=backup.verify(copy).size_bytes)
    with closing(sqlite3.connect(path)) as connection:
        times = [row[0] for row in connection.execute("SELECT at_us FROM journal ORDER BY seq")]
    path.unlink()
    return times


def test_a_backup_restores_what_it_was_made_of(home: Home) -> None:
    """What came after it is gone from the store, and kept beside it."""
    copy = home.take()
    before = home.times()
    home.learn(5)
    home.restore(copy)
    assert home.times() == before
    aside = next(home.database.parent.glob("ha-ai.db.before-*Z"))
    with closing(sqlite3.connect(aside)) as connection:
        assert connection.execute("SELECT count(*) FROM journal").fetchone() == (35 * A_BATCH,)


def test_a_backup_made_while_others_commit_is_one_state(home: Home, tmp_path: Path) -> None:
    """Of a store that is written all the time it holds exactly the rows up to some commit."""
    going, stop = threading.Event(), threading.Event()

    def write() -> None:
        while not stop.is_set():
            home.learn()
            going.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert going.wait(10)
        for _ in range(8):
            times = stored_times(home.take(), tmp_path)
            assert times == list(range(len(times)))
            assert len(times) % A_BATCH == 0
    finally:
        stop.set()
        writer.join()
    assert home.batches > 60


@pytest.mark.parametrize("seed", range(5))
def test_any_byte_that_changes_or_is_missing_is_noticed(home: Home, seed: int) -> None:
    """A backup is taken for good only as it was written, to its last byte."""
    copy = home.take()
    whole = copy.read_bytes()
    generator = random.Random(seed)
    for _ in range(20):
        place = generator.randrange(len(whole))
        changed = bytearray(whole)
        changed[place] ^= 1 << generator.randrange(8)
        cut = whole[:place]
        for content in (bytes(changed), cut):
            copy.write_bytes(content)
            with pytest.raises(BackupError):
                backup.verify(copy)
    copy.write_bytes(whole)
    assert backup.verify(copy).rows["journal"] == 30 * A_BATCH


def test_a_damaged_backup_changes_nothing(home: Home) -> None:
    """Restoring it is refused, and the store is byte for byte what it was."""
    copy = home.take()
    content = bytearray(copy.read_bytes())
    content[len(content) // 2] ^= 0xFF
    copy.write_bytes(content)
    home.store.close()
    before = {path.name: path.read_bytes() for path in home.database.parent.glob("*.db*")}
    with pytest.raises(BackupError, match="as it was written, got other bytes"):
        backup.restore(copy, home.database)
    assert {path.name: path.read_bytes() for path in home.database.parent.glob("*.db*")} == before


def test_a_damaged_store_gives_no_backup(home: Home) -> None:
    """What SQLite finds damaged is never kept as a good backup, and the older ones stay."""
    good = home.take()
    home.store.close()
    content = bytearray(home.database.read_bytes())
    content[8_192:] = bytes(len(content) - 8_192)
    home.database.write_bytes(content)
    with pytest.raises(BackupError):
        home.take()
    assert [each.path for each in backup.backups(home.backups)] == [good]
    assert backup.latest_good(home.backups) == good


def test_damage_where_nothing_else_looks_gives_no_backup(home: Home) -> None:
    """An index that no count and no row needs is looked at all the same."""
    home.store.close()
    with closing(sqlite3.connect(home.database)) as connection:
        wanted = "SELECT rootpage FROM sqlite_master WHERE name = 'outbox_pending'"
        (page,) = connection.execute(wanted).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with home.database.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    with pytest.raises(BackupError, match="expected a whole store"):
        home.take()


def test_the_latest_good_one_is_not_a_damaged_one(home: Home) -> None:
    """Of several the newest that verifies is found, by number and not by the clock; of a home its own."""
    good, damaged = home.take(), home.take()
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert backup.latest_good(home.backups) == good
    assert backup.latest_good(home.backups, "other") is None
    assert backup.latest_good(home.backups / "none") is None


def test_a_newer_backup_is_refused(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backup of a revision that is not known is not restored, and not taken for the last good one."""
    copy = home.take()
    monkeypatch.setattr(migrations, "REVISIONS", ["0001"])
    with pytest.raises(NewerStoreError, match=r"version .* made it"):
        backup.restore(copy, home.database)
    assert backup.latest_good(home.backups) is None


def test_nobody_else_can_read_them(home: Home) -> None:
    """Backups, their folder and what is restored are for their owner only, whatever the umask says."""
    copy = home.take()
    home.restore(copy)
    modes = {path: path.stat().st_mode & 0o777 for path in (copy, home.database)}
    assert set(modes.values()) == {0o600}
    assert home.backups.stat().st_mode & 0o777 == 0o700


def test_one_backup_at_a_time(home: Home) -> None:
    """Who comes second is told so."""
    with backup._alone(home.backups.parent), pytest.raises(BackupError, match="another backup is being made"):
        backup.take(home.database, home.backups.parent)


FORK = multiprocessing.get_context("fork")
DEADLY = frozenset({"open", "os.rename", "os.remove", "os.link", "os.chmod", "sqlite3.connect"})


def killed(deed: Callable[[], object], step: int) -> bool:
    """Run a deed in a process of its own that is killed at a step; whether it was."""

    def child() -> None:
        steps = iter(range(1, 1000))

        def audit(event: str, _: object) -> None:
            if event in DEADLY and next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(audit)
        deed()
        os._exit(0)

    process = FORK.Process(target=child)
    process.start()
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def test_a_kill_while_a_backup_is_made_leaves_no_half_one(home: Home) -> None:
    """At any step: what stands under a backup's name is whole, and the next one clears the rest away."""
    home.store.close()
    step = 1
    while killed(home.take, step):
        step += 3
    names = {each.path for each in backup.backups(home.backups)}
    assert {backup.verify(path).rows["journal"] for path in names} == {30 * A_BATCH}
    home.take()
    assert {path.name for path in home.backups.iterdir() if path.name.startswith(".")} == {".lock"}
    assert step > 10


def test_a_kill_while_a_backup_is_restored_leaves_the_old_or_the_new_store(home: Home) -> None:
    """At any step the store is one of the two, whole, and its log never lies beside the other."""
    before, after = 35 * A_BATCH, 30 * A_BATCH
    copy = home.take()
    home.learn(5)
    # As a kill leaves them: the newest commits stand in the log alone.
    files = {path: path.read_bytes() for path in home.database.parent.glob("ha-ai.db*")}
    home.store.close()
    seen, step = [], 1
    while True:
        for path, content in files.items():
            path.write_bytes(content)
        was_killed = killed(lambda: backup.restore(copy, home.database), step)
        finish(intention(home.database))
        with closing(sqlite3.connect(home.database)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            seen.append(connection.execute("SELECT count(*) FROM journal").fetchone()[0])
        if not was_killed:
            break
        step += 3
    assert len(files) == 4
    assert set(seen) == {before, after}
    assert seen == sorted(seen, reverse=True)
    assert step > 20


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    """After a kill that left only the note, nothing of the new content is taken for the old one's."""
    database, log = tmp_path / "ha-ai.db", tmp_path / "ha-ai.db-wal"
    draft, aside = tmp_path / "draft", tmp_path / "aside"
    for path, content in ((database, "old"), (log, "old"), (draft, "new")):
        path.write_text(content)
    replaced = Replacement(str(draft), str(database), str(aside), ((str(log), f"{aside}-wal"),))
    noted = intention(database)
    replace_all(noted, [replaced])
    log.write_text("new")
    noted.write_text(json.dumps([list(replaced)]))
    assert finish(noted)
    assert (database.read_text(), log.read_text(), aside.read_text()) == ("new", "new", "old")
    assert not finish(noted)


@pytest.fixture
def newer(home: Home) -> Callable[[], dict[str, bytes]]:
    """The store, made one of a newer version; returns its files' bytes."""
    with closing(sqlite3.connect(home.database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()

    def files() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in home.database.parent.glob("ha-ai.db*")}

    return files


@pytest.mark.parametrize(
    "statement", ["ALTER TABLE gaps ADD healed INTEGER", "CREATE TABLE rooms (home TEXT)"]
)
def test_a_newer_store_whose_mark_is_still_ours_is_no_damaged_one(
    home: Home, newer: Callable[[], dict[str, bytes]], statement: str
) -> None:
    """As after a kill between a newer version's upgrade and its mark: nothing is mended away."""
    home.store.close()
    with closing(sqlite3.connect(home.database)) as connection:
        connection.execute(statement)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = newer()
    assert "ha-ai.db.mark" in before
    with pytest.raises(NewerStoreError, match="got 9999"):
        make_whole(home.database, lambda _folder: None, home="home", now_us=1)
    assert newer() == before


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_newer_store_is_refused_without_a_byte_changed(
    home: Home, newer: Callable[[], dict[str, bytes]], mode: str
) -> None:
    """Neither its revision nor how it keeps its journal is touched."""
    home.store.close()
    with closing(sqlite3.connect(home.database)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    before = newer()
    with pytest.raises(NewerStoreError, match=r"got 9999.*newer version wrote it"):
        SqlStore(f"sqlite:///{home.database}").migrate()
    assert newer() == before
