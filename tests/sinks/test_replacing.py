"""A store is replaced by one process alone, whatever interrupts it; what cannot be done is said."""

import errno
import fcntl
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from schemas.events import StateChange
from sinks.store import SqlStore, StoreError, backup, migrations, replacing
from sinks.store.backup import BackupError
from sinks.store.engine import Database
from sinks.store.mark import alone, mark_of, read_mark
from sinks.store.replacing import Replacement, go_on, intention, replace_all
from sinks.store.sqlite_file import is_open_elsewhere
from sinks.store.start import make_whole


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A store with a change in it, that nobody has open."""
    path = tmp_path / "ha-ai.db"
    with closing(SqlStore(f"sqlite:///{path}")) as store:
        store.migrate()
        learn(store, 1)
    return path


def learn(store: SqlStore, at_us: int) -> None:
    """Commit a change."""
    change = StateChange(at_us, "light.a", None, "on")
    with store.begin() as transaction:
        transaction.journal([(change.key, change)], 1)


def start(database: Path) -> list[str]:
    """Look through a store as a start does."""
    return make_whole(database, lambda _folder: None, home="home", now_us=1)


def changes(database: Path) -> int:
    """How many changes the store holds."""
    with closing(SqlStore(f"sqlite:///{database}")) as store:
        store.migrate()
        return store.counts()["journal"]


@pytest.mark.parametrize(
    "content",
    [b"", b"garbage", b"\xff\x00", b"7", b"{}", b'["abc"]', b"[[1, 2, 3, []]]", b'[["a","b","c",[1]]]'],
)
def test_a_note_that_cannot_be_read_ends_no_start(database: Path, content: bytes) -> None:
    """It is kept under another name and told of, in the store too; the next start is as any other."""
    intention(database).write_bytes(content)
    [said] = start(database)
    assert "do it again (`ha-ai restore`)" in said
    assert database.with_name("ha-ai.db.replacing.damaged").read_bytes() == content
    assert start(database) == []
    with closing(SqlStore(f"sqlite:///{database}")) as store:
        assert [each.mended for each in store.integrity.notices()] == [said]


def test_a_note_without_a_store_is_told_of_too(tmp_path: Path) -> None:
    """There is no store in which to keep what was found."""
    intention(tmp_path / "ha-ai.db").write_bytes(b"garbage")
    assert len(start(tmp_path / "ha-ai.db")) == 1


def test_lost_commits_are_noticed_beside_a_note_that_cannot_be_read(database: Path) -> None:
    """What the note may have begun shows."""
    with closing(SqlStore(f"sqlite:///{database}")) as store:
        store.migrate()
        shutil.copyfile(database, database.with_name("older"))
        learn(store, 2)
    database.with_name("older").replace(database)
    intention(database).write_bytes(b"garbage")
    assert ["do it again" in said for said in start(database)] == [True, False]


def test_a_note_that_we_may_not_read_is_refused_with_what_to_do(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says something: nothing is done before it is read."""
    intention(database).write_bytes(b"[]")
    deny(monkeypatch, Path, "read_bytes", lambda path: path.name.endswith(".replacing"))
    with pytest.raises(
        StoreError, match=r"ha-ai\.db\.replacing: Permission denied; mend that as user \d+ can"
    ):
        start(database)
    assert intention(database).exists()


def deny(monkeypatch: pytest.MonkeyPatch, where: object, name: str, wanted: Callable[..., bool]) -> None:
    """Let a call fail as for want of rights, where its arguments are the wanted ones."""
    plain = getattr(where, name)

    def denied(*arguments: object, **more: object) -> object:
        if wanted(*arguments):
            raise PermissionError(errno.EACCES, "Permission denied", str(arguments[0]))
        return plain(*arguments, **more)

    monkeypatch.setattr(where, name, denied)


def is_mark(file: object, *_: object) -> bool:
    """Whether a descriptor is that of a mark."""
    return isinstance(file, int) and str(Path(f"/proc/self/fd/{file}").readlink()).endswith(".mark")


def test_a_lock_that_is_denied_is_somebody_elses(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a share of Windows says it: nothing is mended under who has it."""
    deny(monkeypatch, fcntl, "flock", is_mark)
    with alone(database) as is_ours:
        assert not is_ours


def test_a_file_whose_lock_is_denied_is_open_elsewhere(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is restored over it."""
    assert not is_open_elsewhere(database)
    deny(monkeypatch, fcntl, "lockf", lambda *_: True)
    assert is_open_elsewhere(database)


def test_where_every_lock_is_denied_nobody_is_waited_for(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a rule of the machine, which would hold up each start for ever."""
    deny(monkeypatch, fcntl, "flock", lambda *_: True)
    assert start(database) == []
    assert changes(database) == 1


@pytest.mark.parametrize("deed", [start, read_mark])
def test_a_mark_of_another_user_is_refused_with_what_to_do(
    database: Path, monkeypatch: pytest.MonkeyPatch, deed: Callable[[Path], object]
) -> None:
    """As after a run as root."""
    deny(monkeypatch, os, "open", lambda path, *_: str(path).endswith(".mark"))
    deny(monkeypatch, Path, "read_bytes", lambda path: path.name.endswith(".mark"))
    with pytest.raises(StoreError, match=r"ha-ai\.db\.mark, got: Permission denied.*to user \d+ \(chown\)"):
        deed(database)


def test_who_reads_a_store_without_its_mark_reads_it_all_the_same(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mark only tells what was lost."""
    deny(monkeypatch, os, "open", lambda path, *_: str(path).endswith(".mark"))
    assert changes(database) == 1


def test_a_store_is_shared_before_its_first_connection(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever mends or restores comes before it, or has to wait."""
    shared: list[bool] = []

    def look(_database: Database) -> None:
        with alone(database) as is_ours:
            shared.append(not is_ours)

    monkeypatch.setattr(migrations, "migrate", look)
    with closing(SqlStore(f"sqlite:///{database}")) as store:
        store.migrate()
        assert shared == [True]
    with closing(SqlStore(f"sqlite:///{database}")) as store:
        assert store.counts()["journal"] == 1
        look(store._database)
    assert shared == [True, True]
    with alone(database) as is_ours:
        assert is_ours


def test_a_store_that_is_being_replaced_is_waited_for(database: Path) -> None:
    """What is opened then is the new one."""
    opened = threading.Event()
    found: list[int] = []

    def work() -> None:
        found.append(changes(database))
        opened.set()

    newer = database.with_name("newer.db")
    with closing(SqlStore(f"sqlite:///{newer}")) as store:
        store.migrate()
        learn(store, 1)
        learn(store, 2)
    with alone(database) as is_ours:
        assert is_ours
        working = threading.Thread(target=work)
        working.start()
        assert not opened.wait(0.5)
        replace_all(intention(database), [backup.replacement(newer, database, "now")])
    working.join(20)
    assert found == [2]


def test_the_mark_of_a_replaced_store_is_kept_and_says_nothing(database: Path) -> None:
    """It stays the same file: who waits for its lock would wait for another one."""
    copy = backup.take(database, database.parent / "backups")
    before, file = mark_of(database).read_bytes(), mark_of(database).stat().st_ino
    backup.restore(copy, database)
    assert (mark_of(database).read_bytes(), mark_of(database).stat().st_ino) == (b"", file)
    [aside] = database.parent.glob("ha-ai.db.before-*.mark")
    assert aside.read_bytes() == before


def test_a_store_that_somebody_shares_is_not_restored(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is one replaced that a restore before it has begun to replace."""
    copy = backup.take(database, database.parent / "backups")
    monkeypatch.setattr(replacing, "OTHERS_END_S", 0.2)
    with closing(SqlStore(f"sqlite:///{database}")) as store:
        store.migrate()
        with pytest.raises(BackupError, match="a process has it open"):
            backup.restore(copy, database)
        intention(database).write_bytes(b"[]")
        with pytest.raises(StoreError, match="end that process"):
            go_on(database)
    assert go_on(database) is None
    assert not intention(database).exists()


def test_what_finds_no_room_leaves_the_log_with_its_store(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the old content is kept nothing of it is moved."""
    log, draft = database.with_name("ha-ai.db-wal"), database.with_name("draft")
    log.write_bytes(b"newest commits")
    draft.write_bytes(b"new")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "aside")

    with monkeypatch.context() as disk:
        disk.setattr(os, "link", full)
        disk.setattr(shutil, "copy2", full)
        with pytest.raises(OSError, match="No space"):
            replace_all(intention(database), [backup.replacement(draft, database, "now")])
        assert log.read_bytes() == b"newest commits"
        with pytest.raises(StoreError, match="aside: No space left"):
            go_on(database)
    assert go_on(database) is None
    assert database.read_bytes() == b"new"


MOUNTED = """
import sys
from pathlib import Path
from sinks.store import backup
from sinks.store.replacing import finish, intention
from sinks.store.start import make_whole
database, copy, how = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
if how == "mend":
    database.write_bytes(b"garbage" * 5_000)
    unpack = lambda folder: backup.prepare(copy, folder / "copy.db")
    print(*make_whole(database, unpack, home="home", now_us=1))
else:
    backup.restore(copy, database)
assert not intention(database).exists()
"""


def in_mount(database: Path, copy: Path, how: str, options: str = "rw") -> subprocess.CompletedProcess[str]:
    """Do something to a database that is mounted as a single file, as Docker does it."""
    volume = database.parent / "volume" / "ha-ai.db"
    volume.parent.mkdir()
    shutil.copyfile(database, volume)
    mount = f'mount --bind "$1" "$2" && mount -o remount,bind,{options} "$2" && shift 2 && exec "$0" -c "$@"'
    command = ["unshare", "-rm", "sh", "-c", mount, sys.executable, str(volume), str(database)]
    if subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    return subprocess.run(
        [*command, MOUNTED, str(database), str(copy), how], check=False, capture_output=True, text=True
    )


@pytest.mark.parametrize("how", ["mend", "restore"])
def test_a_database_that_is_mounted_as_a_single_file_is_written_in_place(database: Path, how: str) -> None:
    """Nothing can be renamed over it: it gets the new content, and a person hears what to mount instead."""
    copy = backup.take(database, database.parent / "backups")
    with closing(SqlStore(f"sqlite:///{database}")) as store:
        store.migrate()
        learn(store, 2)
    done = in_mount(database, copy, how)
    assert done.returncode == 0, done.stderr
    assert "mount the folder that it is in" in done.stdout + done.stderr
    volume = database.parent / "volume" / "ha-ai.db"
    assert changes(volume) == 1
    assert (
        len([*database.parent.glob("ha-ai.db.before-*Z"), *database.parent.glob("ha-ai.db.damaged-*Z")]) == 1
    )


def test_a_file_that_is_mounted_read_only_is_refused_before_anything_is_begun(database: Path) -> None:
    """No start goes on with what can never be done."""
    copy = backup.take(database, database.parent / "backups")
    done = in_mount(database, copy, "restore", "ro")
    assert "it is mounted by itself, and cannot be written" in done.stderr
    assert not intention(database).exists()


def test_a_note_tells_where_files_are_from_wherever_it_is_read(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start in another folder goes on with the same files."""
    noted: list[list[Replacement]] = []

    def keep(_noted: Path, replacements: list[Replacement]) -> None:
        noted.append(replacements)
        raise InterruptedError

    monkeypatch.chdir(database.parent)
    database.write_bytes(b"garbage" * 5_000)
    monkeypatch.setattr("sinks.store.damaged_file.replace_all", keep)
    with pytest.raises(InterruptedError):
        start(Path("ha-ai.db"))
    [[each]] = noted
    named = [*each[:3], *(path for pair in each.removed for path in pair)]
    assert all(Path(path).is_absolute() for path in named)
