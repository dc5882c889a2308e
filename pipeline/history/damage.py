"""Treats damage at a start: the file looked through, the key compared, and what a person is told."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import structlog

from pipeline.health import Health
from pipeline.runtime.belongings import backup_folder, database_file, home_id
from pipeline.runtime.key_file import KeyFileError, load_key
from pipeline.settings.groups import KeySettings, StoreSettings
from pipeline.settings.sections import RoleSettings
from pipeline.timing.clock import wall_us
from pipeline.timing.waiting import backoff_s
from schemas.instants import from_us
from sinks.store import SqlStore, StoreError, StoreUnavailableError, backup
from sinks.store.foreign import refuse_foreign
from sinks.store.mending import Said
from sinks.store.start import CopyInto, make_whole

SUBJECT = "damage"
# Once all the time that it takes to look through the file, then a file made anew whatever it looks like.
CLOSER_LOOKS = 2
FIRST_WAIT_S = 15.0
LONGEST_WAIT_S = 300.0
# From then on each start waits for as long; the file that counts may be damaged itself.
MOST_DOUBTS = 10
LOOK_AGAIN_S = 60.0
KEY = "command_key"

log = structlog.get_logger(__name__)


def leave_foreign(settings: StoreSettings) -> None:
    """Raise `ForeignFileError` where the store's place holds somebody else's file; nothing is changed."""
    database = database_file(settings)
    if database is not None:
        refuse_foreign(database, backup_folder(settings))


def open_whole(settings: RoleSettings) -> None:
    """Look a SQLite store through before anybody opens it, and mend the file; log what was wrong with it."""
    database = database_file(settings)
    if database is None:
        return
    doubts = _doubts(database)
    if doubts > CLOSER_LOOKS:
        wait_s = backoff_s(doubts - CLOSER_LOOKS, FIRST_WAIT_S, LONGEST_WAIT_S)
        log.error("the store was damaged at each of the last starts: look after the disk", in_s=wait_s)
        time.sleep(wait_s)
    found = make_whole(
        database,
        newest_copy(settings),
        home=home_id(settings),
        now_us=wall_us(),
        doubts=min(doubts, CLOSER_LOOKS),
    )
    for words in found:
        log.error("store damaged", what=words)


def doubt(settings: StoreSettings) -> None:
    """Note that a process ended at damage which its start had not found: the next one looks closer."""
    database = database_file(settings)
    if database is not None:
        try:
            _doubts_of(database).write_text(f"{_doubts(database) + 1}\n", encoding="ascii")
        except OSError as error:
            log.warning("the next start does not know that this one ended at damage", error=str(error))


def trust(settings: StoreSettings) -> None:
    """Note that a process could work for a while."""
    database = database_file(settings)
    if database is not None:
        with suppress(OSError):
            _doubts_of(database).unlink(missing_ok=True)


def _doubts(database: Path) -> int:
    try:
        return min(max(int(_doubts_of(database).read_text(encoding="ascii")), 0), MOST_DOUBTS)
    except (OSError, ValueError):
        return 0


def _doubts_of(database: Path) -> Path:
    return database.with_name(f"{database.name}.doubts")


def newest_copy(settings: RoleSettings) -> CopyInto:
    """Return what unpacks the newest good backup into a folder: of those that can be unpacked."""

    def unpack(folder: Path) -> Path | None:
        backups = backup_folder(settings)
        fault: StoreError | None = None
        for each in backup.backups(backups, home_id(settings)) if backups else ():
            try:
                return backup.prepare(each.path, folder / "copy.db")
            except StoreError as error:
                log.warning("a backup cannot be used", error=str(error))
                fault = fault or error
        if fault is not None:
            raise fault
        return None

    return unpack


def look_at_key(store: SqlStore, settings: KeySettings) -> None:
    """Say once if the key that signs commands is another than at the last start, or cannot be used."""
    now_us = wall_us()
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


async def tell_damage(
    ask: Callable[[Callable[[], list[Said]]], Awaitable[list[Said]]],
    store: SqlStore,
    settings: StoreSettings,
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
