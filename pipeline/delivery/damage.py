"""What a start does about damage: rows set aside, days made anew, and what a person is told of it."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import date, timedelta
from hashlib import blake2b
from pathlib import Path

import structlog

from pipeline.belongings import backup_folder, database_file, home_id
from pipeline.delivery.health import Health
from pipeline.learning.day_set import DaySet
from pipeline.learning.local_days import LocalDays
from pipeline.learning.lost_days import Known, learn_again
from pipeline.reviewing.key_file import KeyFileError, load_key
from pipeline.settings import Settings
from schemas.events import Gap, ServiceCall, StateChange
from schemas.home import Home
from schemas.instants import from_us
from sinks.store import SqlStore, StoreError, StoreUnavailableError, backup
from sinks.store.foreign import refuse_foreign
from sinks.store.mending import STORE_DAMAGED, Said
from sinks.store.retention import DAY_SET_TERM
from sinks.store.start import CopyInto, make_whole

SUBJECT = "damage"
# A clock of Home Assistant's may be as far ahead of ours.
CLOCK_US = 600_000_000
# Days that are closed anew together hold their exact sets in memory.
CLOSED_ANEW = 3
# Once all the time that it takes to look through the file, then a file made anew whatever it looks like.
CLOSER_LOOKS = 2
FIRST_WAIT_S = 15.0
LONGEST_WAIT_S = 300.0
LOOK_AGAIN_S = 60.0
KEY = "command_key"

log = structlog.get_logger()


def leave_foreign(settings: Settings) -> None:
    """Raise `ForeignFileError` where the store's place holds somebody else's file; nothing is changed."""
    database = database_file(settings)
    if database is not None:
        refuse_foreign(database, backup_folder(settings))


def open_whole(settings: Settings) -> None:
    """Look a SQLite store through before anybody opens it, and mend the file; log what was wrong with it."""
    database = database_file(settings)
    if database is None:
        return
    doubts = _doubts(database)
    if doubts > CLOSER_LOOKS:
        wait_s = min(FIRST_WAIT_S * 2 ** (doubts - CLOSER_LOOKS - 1), LONGEST_WAIT_S)
        log.error("the store was damaged at each of the last starts: look after the disk", in_s=wait_s)
        time.sleep(wait_s)
    found = make_whole(
        database,
        newest_copy(settings),
        home=home_id(settings),
        now_us=time.time_ns() // 1000,
        doubts=min(doubts, CLOSER_LOOKS),
    )
    for words in found:
        log.error("store damaged", what=words)


def doubt(settings: Settings) -> None:
    """Note that a process ended at damage which its start had not found: the next one looks closer."""
    database = database_file(settings)
    if database is not None:
        _doubts_of(database).write_text(f"{_doubts(database) + 1}\n", encoding="ascii")


def trust(settings: Settings) -> None:
    """Note that a process could work for a while."""
    database = database_file(settings)
    if database is not None:
        _doubts_of(database).unlink(missing_ok=True)


def _doubts(database: Path) -> int:
    try:
        return int(_doubts_of(database).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


def _doubts_of(database: Path) -> Path:
    return database.with_name(f"{database.name}.doubts")


def newest_copy(settings: Settings) -> CopyInto:
    """Return what unpacks the newest good backup into a folder."""

    def unpack(folder: Path) -> Path | None:
        backups = backup_folder(settings)
        newest = backup.latest_good(backups, home_id(settings)) if backups else None
        return backup.prepare(newest, folder / "copy.db") if newest else None

    return unpack


def mend_rows(store: SqlStore, home: Home, copy_into: CopyInto) -> None:
    """Set aside the rows that are not as they were written, and make anew what can be; before `recover`."""
    now_us = time.time_ns() // 1000
    found = store.integrity.damages()
    if found:
        with tempfile.TemporaryDirectory(prefix="ha-ai-") as folder:
            copy = _unpacked(copy_into, Path(folder))
            mended = store.integrity.mend(found, copy=copy, now_us=now_us)
            if mended.days:
                _mend_days(store, home, mended.named, copy, now_us)
    store.integrity.look_at_audit(now_us=now_us)


def look_at_key(store: SqlStore, settings: Settings) -> None:
    """Say once if the key that signs commands is another than at the last start, or cannot be used."""
    now_us = time.time_ns() // 1000
    known = store.suggestions.control(KEY)
    try:
        fingerprint = blake2b(load_key(settings.command_key_file, create=False), digest_size=8).hexdigest()
    except KeyFileError as error:
        # Where learning runs apart from reviewing, there was never a key beside it.
        if known is not None or not isinstance(error.__cause__, FileNotFoundError):
            words = f"{error}: nothing can be approved; take the key from a backup (`ha-ai restore`)"
            store.integrity.say_once("key", words, now_us=now_us)
        return
    if known == fingerprint:
        return
    with store.begin() as transaction:
        transaction.suggestions.set_control(KEY, fingerprint)
    if known is not None:
        words = (
            "the key that signs commands is another than before: what waits to be deployed has to be "
            "approved again, or the former key taken from a backup (`ha-ai restore`)"
        )
        store.integrity.say("key", "", words, now_us=now_us)


def _unpacked(copy_into: CopyInto, folder: Path) -> Path | None:
    try:
        return copy_into(folder)
    except (StoreError, OSError) as error:
        log.warning("the newest backup cannot be used", reason=str(error))
        return None


def _mend_days(store: SqlStore, home: Home, named: set[date], copy: Path | None, now_us: int) -> None:
    days = LocalDays(home.zone)
    reach_us = store.journal_reach_us()
    lost: dict[date, Known] = {}
    partly: list[Gap] = []
    for day in _missing(store, named, from_us(now_us).date()):
        start_us, end_us = days.on(day).start_ms * 1000, days.on(day).end_ms * 1000
        whole = reach_us is not None and (reach_us == 0 or reach_us + CLOCK_US <= start_us)
        row = store.integrity.take_day(copy, day) if copy is not None and not whole else None
        lost[day] = Known(DaySet.unpack(row["packed"]), row["applied_seq"]) if row else Known(DaySet(), 0)
        if not whole and row is None:
            until_us = end_us if reach_us is None else min(max(reach_us + CLOCK_US, start_us), end_us)
            partly.append(Gap(start_us, until_us, STORE_DAMAGED))
    last_seq, sets = _learned_again(store, home, lost)
    known = [day for day, events in sorted(sets.items(), reverse=True) if _holds(events)]
    for place, day in enumerate(known):
        # The newest may not have ended, or not have been closed; to close a day again does no harm.
        sealed = place >= CLOSED_ANEW
        _save(store, day, sets[day], sealed=sealed, seq=last_seq, now_us=now_us)
    with store.begin() as transaction:
        transaction.note_gaps(partly)
    for gap in partly:
        words = (
            f"lost until {from_us(gap.to_us):%Y-%m-%d %H:%M} UTC, neither journal nor backup holds it: a gap"
        )
        store.integrity.say("day_sets", f"{days.at(gap.from_us // 1000).date}", words, now_us=now_us)


def _holds(events: DaySet) -> bool:
    return bool(len(events) or events.numbers or events.marks or events.calls)


def _missing(store: SqlStore, named: set[date], today: date) -> list[date]:
    """Return the days without a set from the first one on, of those that are kept or tell their name."""
    kept = {each.day for each in store.days()}
    oldest = min(kept, default=today - timedelta(days=DAY_SET_TERM.days)) - timedelta(days=1)
    known = kept | {day for day in named if oldest <= day <= today}
    last = today
    first = min(known, default=last)
    return [day for n in range((last - first).days + 1) if (day := first + timedelta(days=n)) not in kept]


def _learned_again(store: SqlStore, home: Home, lost: Mapping[date, Known]) -> tuple[int, dict[date, DaySet]]:
    last_seq = 0

    def journal() -> Iterator[tuple[int, StateChange | ServiceCall]]:
        nonlocal last_seq
        for seq, entry in store.journal_after():
            last_seq = seq
            yield seq, entry

    sets = learn_again(journal(), home, lost)
    return last_seq, sets


def _save(store: SqlStore, day: date, events: DaySet, *, sealed: bool, seq: int, now_us: int) -> None:
    with store.begin() as transaction:
        transaction.save_day(
            day, events.pack(), events=len(events), sealed=sealed, at_us=now_us, applied_seq=seq
        )
    store.integrity.say("day_sets", f"{day}", f"made anew, with {len(events)} changes", now_us=now_us)


async def tell_damage(
    ask: Callable[[Callable[[], list[Said]]], Awaitable[list[Said]]],
    store: SqlStore,
    settings: Settings,
    health: Health,
) -> None:
    """Say in health what was damaged until a person acknowledges it; trust a store that serves a while."""
    while True:
        with suppress(StoreUnavailableError):
            words = notice(await ask(store.integrity.notices))
            health.notices.pop(SUBJECT, None)
            if words:
                health.notices[SUBJECT] = words
        await asyncio.sleep(LOOK_AGAIN_S)
        trust(settings)


def notice(said: Iterable[Said]) -> str:
    """Return in words what was damaged and what to do; nothing where nothing was.

    Examples
    --------
    >>> notice([])
    ''
    """
    told = list(said)
    if not told:
        return ""
    newest = told[-1]
    about = f"{newest.table_name} {newest.row_key}".strip()
    more = f", and {len(told) - 1} more" if len(told) > 1 else ""
    when = from_us(newest.found_us)
    return (
        f"the store was damaged: {about}: {newest.mended} ({when:%Y-%m-%d %H:%M} UTC{more}); "
        "`ha-ai check` tells all of it, `ha-ai check --acknowledge` ends this notice"
    )
