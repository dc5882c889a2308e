"""Checks of the backups and of who can read the store."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.doctor.finding import Finding, ok, warning, wrong
from pipeline.runtime.belongings import backup_folder, database_file, readable_by_others
from pipeline.settings import Settings
from pipeline.timing.clock import wall_us
from pipeline.wording.sentences import counted
from sinks.store import NewerStoreError
from sinks.store.backup import BackupError, backups, verify
from sinks.store.rotation import DAY_US, age_us

CHECK = "backups"
OLD_US = 2 * DAY_US


def check_backups(settings: Settings) -> Iterator[Finding]:
    """Verify each backup, and say how old the last good one is."""
    database, folder = database_file(settings), backup_folder(settings)
    if database is None or folder is None:
        if settings.store_url.startswith("postgresql"):
            yield ok(CHECK, "PostgreSQL has its own tools: `ha-ai backup` says how")
        return
    good, all_found = [], backups(folder)
    for found in all_found:
        try:
            good.append((found.path, verify(found.path)))
        except NewerStoreError as error:
            yield warning(CHECK, str(error), "Keep it if you go back to that version; else delete it.")
        except BackupError as error:
            yield warning(
                CHECK, f"damaged: {error}", f"Look after the disk, and delete it: rm {found.path.absolute()}"
            )
    if good:
        last = good[0]
        yield _last(last[0], age_us(last[1], now_us=wall_us()), len(good), settings)
    elif all_found:
        yield wrong(CHECK, f"none of {len(all_found)} in {folder} is good", "Make one now: ha-ai backup")
    elif settings.backup_keep == 0:
        yield warning(CHECK, "none is made, as HA_AI_BACKUP_KEEP is 0", "Make one by hand: ha-ai backup")
    elif database.exists():
        yield warning(
            CHECK, f"there is none in {folder} yet", "`ha-ai run` makes one a day; or make one: ha-ai backup"
        )


def check_privacy(settings: Settings) -> Iterator[Finding]:
    """Say which files that tell of the household others can read."""
    open_ones = readable_by_others(settings)
    if open_ones:
        named = " ".join(str(path) for path in open_ones)
        yield warning(
            "privacy",
            f"{counted(len(open_ones), 'file')} of the store can be read by others: {named}",
            f"chmod 600 {named}; the next start does it where they are its user's.",
        )


def _last(path: Path, old_us: int, number: int, settings: Settings) -> Finding:
    said = f"the last good one is {_age(old_us)} old, of {counted(number, 'good one')}: {path}"
    if old_us > OLD_US and settings.backup_keep:
        return warning(CHECK, said, "Is `ha-ai run` running? Its /health says why none is made.")
    return ok(CHECK, said)


def _age(us: int) -> str:
    """Examples.

    >>> _age(90 * 60_000_000), _age(DAY_US), _age(3 * DAY_US)
    ('90 min', '24 h', '3 days')
    """
    minutes = us // 60_000_000
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else counted(round(minutes / 1440), "day")
