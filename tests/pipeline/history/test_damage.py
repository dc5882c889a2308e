"""Days whose sets are damaged are learned again, taken from a backup, or a gap."""

import errno
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from pipeline.history.damage import doubt, look_at_key, notice, open_whole, trust
from pipeline.history.row_mending import mend_rows
from pipeline.runtime.key_file import load_key
from pipeline.settings import Settings
from schemas.events import Gap, StateChange
from schemas.home import Home
from schemas.instants import from_us
from sinks.store import SqlStore, StoreDamagedError, backup, day_sets
from sinks.store.integrity import read_only
from sinks.store.mending import STORE_DAMAGED
from tests.fixtures.runs import Kept, Run, kept

WHOLE = "UPDATE day_sets SET packed = x'00' WHERE day = '2026-10-21'"
# As after a week: what was taken long ago is in the days alone.
PRUNED = ("DELETE FROM journal WHERE seq < 60", "UPDATE journal SET received_us = at_us, checksum = NULL")
DAY_US = 86_400_000_000


def path_of(store: SqlStore) -> Path:
    """The store's file."""
    assert store._database.path is not None
    return store._database.path


def damage(store: SqlStore, *statements: str) -> None:
    """Do something to rows behind the store's back."""
    with closing(sqlite3.connect(path_of(store))) as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount
        connection.commit()


def kill(*_: object) -> None:
    """Do as a signal does."""
    raise KeyboardInterrupt


def restarted(run: Run, copy: Path | None = None) -> Run:
    """The next process, which mends first."""

    def unpack(folder: Path) -> Path | None:
        return backup.prepare(copy, folder / "copy.db") if copy else None

    mend_rows(run.store, Home(), unpack)
    after = run.killed()
    after.rest()
    return after


@pytest.fixture
def learned(start: Callable[[], Run], changes: list[StateChange]) -> Run:
    """A process that has learned all days and stopped."""
    run = start()
    for change in changes:
        run.deliver([change])
    run.rest()
    run.write(run.learner.checkpoint())
    return run


LATER = "metadata = replace(metadata, 'time_of_day', 'rising_water')"


@pytest.mark.parametrize("checksum", ["", ", checksum = NULL"], ids=["damaged", "of before checksums"])
@pytest.mark.parametrize("is_mended", [True, False], ids=["mended", "not mended"])
def test_patterns_that_cannot_be_read_end_no_start(learned: Run, checksum: str, *, is_mended: bool) -> None:
    """They are left out and judged again: in the end the store holds what it held."""
    before = learned.kept()
    assert before.patterns
    damage(learned.store, f"UPDATE patterns SET {LATER}{checksum}")  # noqa: S608 ours
    if is_mended:
        after = restarted(learned)
    else:
        after = learned.killed()
        after.rest()
    assert after.kept() == before
    assert [pattern.exact() for pattern in after.store.patterns()] == before.patterns


@pytest.mark.parametrize(
    "statement",
    [
        WHOLE,
        "UPDATE day_sets SET day = '2026-10-31' WHERE day = '2026-10-22'",
        "UPDATE day_sets SET checksum = x'00'",
        "UPDATE day_sets SET applied_seq = 'x', sealed = 7",
        "UPDATE day_aggregates SET packed = x'00' WHERE day = '2026-10-21'",
    ],
)
def test_days_are_learned_again_from_the_journal(learned: Run, clean: Kept, statement: str) -> None:
    """What comes of it is byte for byte what a run without a fault has."""
    damage(learned.store, statement)
    assert restarted(learned).kept() == clean
    assert learned.store.integrity.damages() == []
    assert "made anew" in notice(learned.store.integrity.notices()) or "aggregates" in statement


def test_a_damaged_day_is_never_learned_from(learned: Run) -> None:
    """A set that is read without having been mended is refused."""
    damage(learned.store, WHOLE)
    with pytest.raises(StoreDamagedError, match="2026-10-21"):
        day_sets.day_set(learned.store, date(2026, 10, 21))


def test_a_day_that_the_journal_no_longer_reaches_comes_from_the_backup(
    learned: Run, clean: Kept, tmp_path: Path
) -> None:
    """The newest backup's set stands in for it."""
    copy = backup.take(path_of(learned.store), tmp_path / "backups")
    damage(learned.store, *PRUNED, WHOLE)
    assert restarted(learned, copy).kept().days == clean.days
    assert STORE_DAMAGED not in {gap.reason for gap in learned.store.gaps()}


def test_a_day_that_nothing_holds_is_a_gap(learned: Run, clean: Kept) -> None:
    """It is no day without events, and the others are as they were."""
    damage(learned.store, *PRUNED, WHOLE)
    after = restarted(learned).kept()
    assert {day: events for day, events in clean.days.items() if day != "2026-10-21"} == after.days
    begin_us = 1_792_540_800_000_000
    assert learned.store.gaps() == [Gap(begin_us, begin_us + DAY_US, STORE_DAMAGED)]


def test_days_in_a_row_are_told_of_together(learned: Run) -> None:
    """Each is a gap of its own, and a person reads one line for all of them."""
    damage(learned.store, *PRUNED, "UPDATE day_sets SET packed = x'00' WHERE day < '2026-10-23'")
    restarted(learned)
    assert [gap.reason for gap in learned.store.gaps()] == [STORE_DAMAGED] * 3
    [told] = [said for said in learned.store.integrity.notices() if "lost until" in said.mended]
    assert told.row_key == "2026-10-20 to 2026-10-22"
    assert "lost until 2026-10-23 00:00 UTC" in told.mended


def test_the_backup_is_read_through_once_for_all_days(
    learned: Run, clean: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And once more for all other rows."""
    copy = backup.take(path_of(learned.store), tmp_path / "backups")
    damage(learned.store, *PRUNED, "UPDATE day_sets SET packed = x'00' WHERE day < '2026-10-24'")
    read: list[Path] = []

    def counted(path: Path) -> sqlite3.Connection:
        read.append(path)
        return read_only(path)

    monkeypatch.setattr("sinks.store.mending.read_only", counted)
    assert restarted(learned, copy).kept().days == clean.days
    assert len(read) == 2
    told = [said for said in learned.store.integrity.notices() if "made anew, with" in said.mended]
    assert [said.row_key for said in told] == ["2026-10-20 to 2026-10-23"]


def test_a_day_on_which_we_were_off_is_not_lost(start: Callable[[], Run], changes: list[StateChange]) -> None:
    """It had no set: nothing is said of it, and its gap keeps its reason."""
    run = start()
    for change in changes:
        if not 22 <= from_us(change.at_us).day <= 23:
            run.deliver([change])
    begin_us = 1_792_540_800_000_000 + DAY_US
    off = [
        Gap(begin_us, begin_us + DAY_US, "broker"),
        Gap(begin_us + DAY_US, begin_us + 2 * DAY_US, "not_running"),
    ]
    with run.store.begin() as transaction:
        transaction.note_gaps(off)
    run.rest()
    run.write(run.learner.checkpoint())
    damage(run.store, "DELETE FROM journal WHERE at_us < 1792800000000000", PRUNED[1], WHOLE)
    restarted(run)
    assert [gap.reason for gap in run.store.gaps()] == [STORE_DAMAGED, "broker", "not_running"]
    told = [said for said in run.store.integrity.notices() if "lost until" in said.mended]
    assert [said.row_key for said in told] == ["2026-10-21"]


def test_a_kill_before_lost_days_are_made_anew_loses_none(
    learned: Run, clean: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their damaged rows are gone then: the next start knows all the same what to make anew."""
    damage(learned.store, WHOLE, "UPDATE day_sets SET day = 'x', packed = x'00' WHERE day = '2026-10-22'")
    with monkeypatch.context() as killed:
        killed.setattr("pipeline.history.row_mending._learned_again", kill)
        with pytest.raises(KeyboardInterrupt):
            restarted(learned)
    assert learned.store.integrity.damages() == []
    assert restarted(learned).kept() == clean
    assert learned.store.integrity.lost_days() is None


def test_a_day_whose_backup_cannot_be_used_for_now_is_not_given_up(
    learned: Run, clean: Kept, tmp_path: Path
) -> None:
    """It is a gap until a start can unpack the backup, as once there is room again."""
    copy = backup.take(path_of(learned.store), tmp_path / "backups")
    damage(learned.store, *PRUNED, WHOLE)

    def full(_folder: Path) -> Path | None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for _ in range(2):
        mend_rows(learned.store, Home(), full)
        [said] = [said for said in learned.store.integrity.notices() if "lost until" in said.mended]
        assert "no backup can be used" in said.mended
        assert [gap.reason for gap in learned.store.gaps()] == [STORE_DAMAGED]
    assert restarted(learned, copy).kept().days == clean.days
    assert learned.store.gaps() == []
    assert learned.store.integrity.lost_days() is None


def test_another_key_is_said_once(learned: Run, tmp_path: Path) -> None:
    """A key that was lost and made anew, or cannot be read, is said in words that say what to do."""
    settings = Settings(_env_file=None, command_key_file=tmp_path / "ha-ai.key", mqtt_password=SecretStr("x"))
    look_at_key(learned.store, settings)
    for _ in range(2):
        load_key(settings.command_key_file, create=True)
        look_at_key(learned.store, settings)
        assert learned.store.integrity.notices() == []
    settings.command_key_file.unlink()
    load_key(settings.command_key_file, create=True)
    for _ in range(2):
        look_at_key(learned.store, settings)
    settings.command_key_file.write_bytes(b"x")
    for _ in range(2):
        look_at_key(learned.store, settings)
    other, unusable = learned.store.integrity.notices()
    assert "another than before" in other.mended
    assert "ha-ai restore" in unusable.mended


def test_starts_that_end_at_damage_look_closer_and_then_wait(
    monkeypatch: pytest.MonkeyPatch, learned: Run
) -> None:
    """After two of them the file is made anew, after three the next one waits, until one could work."""
    waited: list[float] = []
    monkeypatch.setattr("pipeline.history.damage.time.sleep", waited.append)
    before = kept(learned.store)
    database = path_of(learned.store)
    learned.store.close()
    settings = Settings(_env_file=None, database_path=database)
    for _ in range(4):
        doubt(settings)
        open_whole(settings)
    assert waited == [15.0, 30.0]
    assert list(database.parent.glob(f"{database.name}.damaged-*"))
    trust(settings)
    open_whole(settings)
    assert len(waited) == 2
    with closing(SqlStore(settings.store_url)) as store:
        assert kept(store) == before


@pytest.mark.parametrize("said", ["9" * 12, "-3", "9" * 5_000, "x"])
def test_a_count_of_doubts_that_is_none_ends_no_start(
    monkeypatch: pytest.MonkeyPatch, learned: Run, said: str
) -> None:
    """It stands in a file, which may be damaged as well: the wait has an end."""
    waited: list[float] = []
    monkeypatch.setattr("pipeline.history.damage.time.sleep", waited.append)
    database = path_of(learned.store)
    learned.store.close()
    database.with_name(f"{database.name}.doubts").write_text(said)
    open_whole(Settings(_env_file=None, database_path=database))
    assert waited in ([], [300.0])


def test_doubts_that_cannot_be_written_end_nothing(tmp_path: Path) -> None:
    """The reason that the process ended for is what a person has to read, not this one."""
    settings = Settings(_env_file=None, database_path=tmp_path / "away" / "ha-ai.db")
    doubt(settings)
    (tmp_path / "ha-ai.db.doubts").mkdir()
    settings = Settings(_env_file=None, database_path=tmp_path / "ha-ai.db")
    doubt(settings)
    trust(settings)


def test_a_backup_that_cannot_be_unpacked_is_passed_over(tmp_path: Path) -> None:
    """The one before it is taken; where there is none, the reason is said and not that there is no backup."""
    database = tmp_path / "ha-ai.db"
    with closing(SqlStore(f"sqlite:///{database}")) as store:
        store.migrate()
        with store.begin() as transaction:
            transaction.journal([(b"1", StateChange(1, "light.a", None, "on"))], 1)
        good = backup.take(database, tmp_path / "backups")
        with store.begin() as transaction:
            transaction.save_snapshot("seen", b"no JSON", version=1, applied_seq=0)
        backup.take(database, tmp_path / "backups")
    settings = Settings(_env_file=None, database_path=database)
    for rows in ("came from the newest backup", "no backup could be used (", "there is no backup"):
        database.write_bytes(b"garbage" * 5_000)
        trust(settings)
        with capture_logs() as logs:
            open_whole(settings)
        [said] = [line["what"] for line in logs if line["event"] == "store damaged"]
        assert rows in said
        good.unlink(missing_ok=True)
        if "could be used" in rows:
            for path in (tmp_path / "backups").glob("*.zip"):
                path.unlink()
