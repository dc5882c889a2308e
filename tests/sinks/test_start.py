"""What a start finds out about a file before anybody opens it, and what it leaves alone."""

import fcntl
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from schemas.events import Gap, StateChange
from sinks.store import NewerStoreError, SqlStore, StoreUnavailableError, backup, migrations
from sinks.store.engine import Database
from sinks.store.foreign import refuse_foreign_tables
from sinks.store.mark import mark_of, read_mark
from sinks.store.mending import STORE_DAMAGED
from sinks.store.start import make_whole

MINUTE_US = 60_000_000


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A store with ten commits, as a kill leaves it: the last five are in its log alone."""
    living = SqlStore(f"sqlite:///{tmp_path / 'living.db'}")
    living.migrate()
    commit(living, range(5))
    with living._database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    commit(living, range(5, 10))
    for end in ("", "-wal", "-shm", ".mark"):
        shutil.copyfile(tmp_path / f"living.db{end}", tmp_path / f"ha-ai.db{end}")
    living.close()
    return tmp_path / "ha-ai.db"


def commit(store: SqlStore, numbers: range) -> None:
    """Commit one change each."""
    for number in numbers:
        change = StateChange(number * MINUTE_US, "light.a", None, "on")
        with store.begin() as transaction:
            transaction.journal([(change.key, change)], 1)


def start(database: Path, copy: Path | None = None) -> list[str]:
    """Look through a store as a start does."""

    def unpack(folder: Path) -> Path | None:
        return backup.prepare(copy, folder / "copy.db") if copy else None

    return make_whole(database, unpack, home="home", now_us=1)


def entries(database: Path) -> tuple[list[int], list[Gap]]:
    """Which changes the store holds, and which gaps."""
    with closing(SqlStore(f"sqlite:///{database}")) as store:
        store.migrate()
        return [event.at_us // MINUTE_US for _, event in store.journal_after()], store.gaps()


def log_of(database: Path) -> Path:
    """The write-ahead log."""
    return database.with_name(database.name + "-wal")


def cut(path: Path) -> None:
    """Take the second half of a file away."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def garble(path: Path) -> None:
    """Put other bytes in place of a file's."""
    path.write_bytes(b"x" * path.stat().st_size)


def empty(path: Path) -> None:
    """Leave nothing in a file."""
    path.write_bytes(b"")


def test_a_kill_is_no_damage(database: Path) -> None:
    """With its log the store is whole, and nothing is said; nor at the starts after it."""
    assert [start(database), start(database), entries(database)[1]] == [[], [], []]
    assert entries(database)[0] == list(range(10))


@pytest.mark.parametrize(
    "fault",
    [Path.unlink, cut, lambda path: path.write_bytes(b"x" * 9_000), lambda path: path.write_bytes(b"")],
)
def test_a_lost_log_is_noticed_and_its_time_a_gap(database: Path, fault: Callable[[Path], object]) -> None:
    """Commits that the mark tells of and the store has not are said, once, and are no misses."""
    fault(log_of(database))
    (words,) = start(database)
    assert "commits are missing at the store's end" in words
    held, gaps = entries(database)
    assert gaps == [Gap(held[-1] * MINUTE_US, 9 * MINUTE_US, STORE_DAMAGED)]
    assert start(database) == []


@pytest.mark.parametrize(
    "fault",
    [
        "number = 'x'",
        "number = 9223372036854775807",
        "number = -1",
        "number = 1.5",
        "part = CAST(x'ff' AS TEXT)",
        "part = x'ff'",
    ],
)
def test_a_count_that_is_none_is_made_anew(database: Path, fault: str) -> None:
    """It is said once, and ends no start."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(f"UPDATE commits SET {fault}")  # noqa: S608 a fault of the test's
        connection.commit()
    assert start(database) == ["the store's count of commits was missing: it was made anew"]
    assert start(database) == []


@pytest.mark.parametrize("fault", [Path.unlink, empty])
def test_an_emptied_store_is_not_a_new_home(database: Path, fault: Callable[[Path], object]) -> None:
    """A file that is gone or empty beside a mark that promises commits is said to be lost."""
    fault(database)
    log_of(database).unlink()
    (words,) = start(database)
    assert "there is no backup" in words
    assert start(database) == []


def test_an_upgrade_is_no_damage(tmp_path: Path) -> None:
    """A store from before there were marks has none, and nothing is said of that."""
    database = tmp_path / "ha-ai.db"
    with closing(Database(f"sqlite:///{database}", busy_timeout_s=1)) as old, old.writing() as connection:
        migrations.upgrade(connection, "0005")
    assert start(database) == []
    assert entries(database) == ([], [])
    assert start(database) == []


def test_who_deletes_store_and_mark_begins_anew_in_silence(database: Path) -> None:
    """Both are a person's to delete."""
    for path in database.parent.glob("ha-ai.db*"):
        path.unlink()
    assert start(database) == []
    assert entries(database) == ([], [])


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Path.unlink, "was missing"),
        (cut, "expected the mark"),
        (lambda path: path.write_bytes(b"x" * 160), "expected"),
    ],
)
def test_a_mark_that_is_gone_or_damaged_is_made_anew(
    database: Path, fault: Callable[[Path], object], said: str
) -> None:
    """It is said once, as nothing else shows lost commits."""
    fault(mark_of(database))
    (words,) = start(database)
    assert said in words
    assert start(database) == []
    marked = read_mark(database)
    assert marked is not None
    assert marked.commits >= 10


def test_a_file_that_is_none_is_kept_aside_and_made_from_the_backup(database: Path, tmp_path: Path) -> None:
    """What was backed up is there again, what came after it is a gap, and the damaged file is kept."""
    with closing(SqlStore(f"sqlite:///{tmp_path / 'living.db'}")) as living:
        copy = backup.take(tmp_path / "living.db", tmp_path / "backups")
        living.migrate()
    log_of(database).unlink()
    database.write_bytes(b"garbage" * 5_000)
    (words,) = start(database, copy)
    assert "came from the newest backup" in words
    assert entries(database)[0] == list(range(10))
    (aside,) = database.parent.glob("ha-ai.db.damaged-*Z")
    assert aside.read_bytes().startswith(b"garbage")
    assert database.stat().st_mode & 0o077 == 0


def test_of_many_damaged_files_the_newest_are_kept(database: Path) -> None:
    """A disk that damages the store every day is not filled by that."""
    for number in range(5):
        database.write_bytes(b"%d" % number * 9_000)
        make_whole(database, lambda _folder: None, home="home", now_us=number // 2 * 1_000_000)
    kept = sorted(database.parent.glob("ha-ai.db.damaged-*"))
    assert [path.read_bytes()[:1] for path in kept] == [b"2", b"3", b"4"]
    assert list(database.parent.glob(".ha-ai.db.*")) == []


def test_what_can_be_read_of_a_damaged_file_is_kept(database: Path) -> None:
    """A damaged page takes its own rows, and no others."""
    with closing(sqlite3.connect(database)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'patterns'").fetchone()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with database.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    (words,) = start(database)
    assert "not all could be read of patterns" in words
    assert entries(database)[0] == list(range(10))
    assert start(database) == []


def test_a_damaged_index_is_made_anew_from_its_table(database: Path) -> None:
    """Nothing is lost with an index, and nothing is moved aside."""
    with closing(sqlite3.connect(database)) as connection:
        of = "SELECT rootpage FROM sqlite_master WHERE name = 'journal_order'"
        (root,) = connection.execute(of).fetchone()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with database.open("r+b") as file:
        file.seek((root - 1) * 4096)
        content = file.read(4096)
        file.seek((root - 1) * 4096)
        file.write(content.replace(b"home", b"hoME", 1))
    (words,) = start(database)
    assert "indexes of the store were damaged" in words
    assert list(database.parent.glob("ha-ai.db.damaged-*")) == []
    assert start(database) == []


def spoil(database: Path, page_of: str, old: bytes, new: bytes) -> None:
    """Put other bytes in place of some on the first page of a table, as a bit that flips does."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        of = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        (root,) = connection.execute(of, (page_of,)).fetchone()
    with database.open("r+b") as file:
        file.seek((root - 1) * 4096)
        content = file.read(4096)
        assert old in content
        file.seek((root - 1) * 4096)
        file.write(content.replace(old, new, 1))


def test_a_text_that_is_none_comes_into_the_store_that_is_made_anew(database: Path) -> None:
    """As bytes, which are set aside with their row later."""
    spoil(database, "journal", b"light.a", b"li\xe8ht.a")
    spoil(database, "patterns", b"\x0d", b"\xff")
    (words,) = start(database)
    assert "was made anew" in words
    with closing(SqlStore(f"sqlite:///{database}")) as store:
        (damage,) = store.integrity.damages()
        assert damage.row["entity_id"] == b"li\xe8ht.a"
    assert start(database) == []


def test_a_name_that_is_no_text_ends_no_start(database: Path) -> None:
    """The driver has no words for it."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = database.read_bytes()
    named = content.replace(b"tableday_setsday_sets", b"table\xf4ay_setsday_sets")
    database.write_bytes(named.replace(b"CREATE TABLE day_sets", b"CREATE TABEL day_sets"))
    assert database.read_bytes() != content
    with pytest.raises(sqlite3.DatabaseError):
        refuse_foreign_tables(database)
    (words,) = start(database)
    assert "was made anew" in words
    assert start(database) == []


def test_what_may_be_missing_without_a_mark_is_a_gap_until_now(database: Path) -> None:
    """Nothing else tells how far the store reached."""
    log_of(database).unlink()
    cut(mark_of(database))
    make_whole(database, lambda _folder: None, home="home", now_us=60 * MINUTE_US)
    assert entries(database) == (list(range(5)), [Gap(4 * MINUTE_US, 60 * MINUTE_US, STORE_DAMAGED)])


def test_a_damaged_index_that_let_a_change_in_twice_ends_no_start(database: Path) -> None:
    """It cannot be made anew over both: the store is, with each change once."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        of = "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_journal_1'"
        (root,) = connection.execute(of).fetchone()
        (key,) = connection.execute("SELECT key FROM journal WHERE seq = 5").fetchone()
    with database.open("r+b") as file:
        file.seek((root - 1) * 4096)
        content = file.read(4096)
        assert key in content
        file.seek((root - 1) * 4096)
        file.write(content.replace(key, bytes([key[0]]) + key[2:] + key[1:2]))
    with closing(SqlStore(f"sqlite:///{database}")) as store:
        commit(store, range(4, 5))
        assert store.counts()["journal"] == 11
    (words,) = start(database)
    assert "was made anew" in words
    assert entries(database)[0] == list(range(10))
    assert start(database) == []


def test_a_store_of_a_newer_version_is_left_alone(database: Path) -> None:
    """Also one that is damaged: whoever knows its version has to mend it."""
    with closing(SqlStore(f"sqlite:///{database}")) as store, store._database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    mark_of(database).unlink()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA user_version = 0")
    log_of(database).unlink(missing_ok=True)
    with database.open("r+b") as file:
        file.seek(database.stat().st_size // 4096 // 2 * 4096)
        file.write(b"\xff" * 4096)
    before = database.read_bytes()
    with pytest.raises(NewerStoreError):
        start(database)
    assert database.read_bytes() == before


def test_what_a_disk_refuses_is_no_damage(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that cannot be read for the moment is not made anew."""

    def refuse(*_: object, **__: object) -> list[str]:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorname = "SQLITE_IOERR"
        raise error

    monkeypatch.setattr("sinks.store.start.file_faults", refuse)
    with pytest.raises(StoreUnavailableError):
        start(database)
    assert list(database.parent.glob("ha-ai.db.damaged-*")) == []


@pytest.fixture
def open_elsewhere(database: Path) -> Iterator[SqlStore]:
    """The same store, open in a process that works on it."""
    store = SqlStore(f"sqlite:///{database}")
    store.migrate()
    yield store
    store.close()


def test_what_another_process_has_open_is_not_mended_under_it(
    database: Path, open_elsewhere: SqlStore
) -> None:
    """The mark is not touched, and nothing is said: the other one has looked."""
    mark_of(database).write_bytes(b"x" * 160)
    assert start(database) == []
    assert mark_of(database).read_bytes() == b"x" * 160
    assert open_elsewhere.counts()["journal"] == 10


def test_an_older_state_that_a_person_put_there_stays(database: Path, tmp_path: Path) -> None:
    """A backup that knows more comes in place of a store that lost its log, not of one that was put there."""
    older = tmp_path / "older.db"
    shutil.copyfile(database, older)
    copy = backup.take(database, tmp_path / "backups", home="home")
    log_of(database).unlink()
    shutil.copyfile(older, database)
    os.utime(database, (mark_of(database).stat().st_mtime + 60,) * 2)
    [said] = start(database, copy)
    assert "5 commits are missing" in said
    assert entries(database)[0] == list(range(5))


def test_a_log_that_was_damaged_long_before_the_start_is_no_older_state(
    database: Path, tmp_path: Path
) -> None:
    """Looking at the file brings what is left of its log into it, now: that is nobody who put it there."""
    copy = backup.take(database, tmp_path / "backups", home="home")
    whole = log_of(database).read_bytes()
    log_of(database).write_bytes(whole[: 3 * len(whole) // 4])
    an_hour_ago_s = time.time() - 3_600
    for file in (database, log_of(database), mark_of(database)):
        os.utime(file, (an_hour_ago_s,) * 2)
    [said] = start(database, copy)
    assert "which knew more" in said
    assert entries(database)[0] == list(range(10))


def test_a_file_that_is_being_mended_is_waited_for(database: Path) -> None:
    """Whoever starts beside it looks again when that is done, and not at what is being replaced."""
    with mark_of(database).open("rb") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        done = threading.Event()

        def look() -> None:
            start(database)
            done.set()

        starting = threading.Thread(target=look)
        starting.start()
        assert not done.wait(0.8)
        fcntl.flock(mark, fcntl.LOCK_UN)
        assert done.wait(10)
        starting.join()


def test_a_link_is_followed_to_the_store(database: Path, tmp_path: Path) -> None:
    """SQLite keeps its log beside the file, not beside the link; so do mark and mending."""
    link = tmp_path / "elsewhere" / "ha-ai.db"
    link.parent.mkdir()
    link.symlink_to(database)
    with closing(SqlStore(f"sqlite:///{link}")) as store:
        assert store.path == database
        store.migrate()
    assert [each.name for each in link.parent.iterdir()] == ["ha-ai.db"]
