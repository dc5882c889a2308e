"""When a backup is due and which of the older ones leaves, safe from a clock that is wrong."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from sinks.store.backup import BackupError, Found, backups, verify
from sinks.store.errors import NewerStoreError, StoreError
from sinks.store.manifest import Manifest, boot, uptime_us

DAY_US = 86_400_000_000
# Two that tell less than half a day apart are the same day twice, as a machine makes that starts with a wrong
# clock again and again.
TOO_CLOSE_US = DAY_US // 2


class Good(NamedTuple):
    """A backup that verifies."""

    found: Found
    manifest: Manifest


def newest(folder: Path, home: str) -> Good | None:
    """Return the newest good backup of a home, by its number and not by any clock."""
    for found in backups(folder, home):
        with suppress(StoreError):
            return Good(found, verify(found.path))
    return None


def is_due(last: Manifest | None, *, now_us: int) -> bool:
    """Return whether a day went by since the last good backup.

    Since the machine's start that is measured by what no clock's change moves; before it, by the clock,
    forward or back.
    """
    return last is None or age_us(last, now_us=now_us) >= DAY_US


def age_us(last: Manifest, *, now_us: int) -> int:
    """Return the age of a backup in microseconds, as far as can be known."""
    if last.boot == boot():
        return uptime_us() - last.uptime_us
    return abs(now_us - last.created_us)


def retire(folder: Path, home: str, *, keep: int) -> list[Path]:
    """Delete backups that are more than `keep`, and return them; those that a person made stay.

    Damaged ones go first, then of two that tell of the same day the older, then the oldest. The newest good
    one stays whatever there is beside it.
    """
    good: list[Good] = []
    damaged: list[Found] = []
    for found in reversed([each for each in backups(folder, home) if not each.kept]):
        try:
            good.append(Good(found, verify(found.path)))
        except NewerStoreError:
            continue
        except BackupError:
            damaged.append(found)
    leaving = damaged[: max(0, len(good) + len(damaged) - keep)]
    while len(good) > max(1, keep):
        leaving.append(good.pop(_superfluous(good)).found)
    for each in leaving:
        each.path.unlink(missing_ok=True)
    return [each.path for each in leaving]


def _superfluous(good: Sequence[Good]) -> int:
    """Return the index of the backup, oldest first, that is missed least."""
    told = [each.manifest.last_event_us or 0 for each in good]
    close = (place for place in range(1, len(told)) if abs(told[place] - told[place - 1]) < TOO_CLOSE_US)
    return next((place - 1 for place in close), 0)
