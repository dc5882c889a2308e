"""``ha-ai restore FILE``: a backup in the place of the store; what was there is kept beside it."""

import argparse
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.cli import UserError
from pipeline.cli.backup import in_words, sqlite_place
from pipeline.cli.home_file import read_home_file
from pipeline.cli.terminal import ERR, readable, say
from pipeline.runtime.belongings import KEY, LARGEST_BYTES, NAMED, SETTINGS, home_id
from pipeline.settings import Settings
from pipeline.wording.sentences import counted
from sinks.store import StoreError, backup
from sinks.store.foreign import refuse_foreign
from sinks.store.manifest import Manifest
from sinks.store.mark import alone
from sinks.store.replacing import Replacement, free_name, go_on, intention, replace_all, write_private
from sinks.store.sealed_file import read_member
from sinks.store.sqlite_file import followed, is_open_elsewhere, looking_into

DECLINED = 1
ENV = Path(".env")
_STANDING = "SELECT suggestion_id, automation_id FROM deployments WHERE home = ? AND standing > 0"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a backup that `ha-ai backup` or `run` made")
    parser.add_argument(
        "--settings", action="store_true", help="its settings as .env here, as on another machine"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(arguments: argparse.Namespace) -> int:
    """Show what the backup holds and what it would replace; replace it once a person has said so."""
    settings = Settings()
    if settings.home_file is not None and not arguments.settings:
        read_home_file(settings.home_file)
    database = followed(sqlite_place(settings)[0]).absolute()
    try:
        manifest = backup.verify(arguments.file)
        _check_home(manifest, settings, with_settings=arguments.settings)
        refuse_foreign(database, None)
        _check_idle(database)
        if note_fault := go_on(database):
            say(note_fault)
        database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _drafts(arguments.file, settings, database, with_settings=arguments.settings) as replacements:
            _show(arguments.file, manifest, database, Path(replacements[-1].draft))
            if not (arguments.yes or _agreed()):
                return DECLINED
            with alone(database) as is_ours:
                if not is_ours:
                    raise _busy(database)
                _check_idle(database)
                replace_all(intention(database), replacements)
    except StoreError as error:
        raise UserError(f"nothing was restored: {error}") from error
    except OSError as error:
        raise UserError(_unfinished(database, error)) from error
    _conclude(replacements)
    return 0


def _check_idle(database: Path) -> None:
    """No lease is asked: one may be left over, and what has the file open may hold none."""
    if is_open_elsewhere(database):
        raise _busy(database)


def _busy(database: Path) -> UserError:
    return UserError(
        f"expected nobody at work on {database}, but a process has it open: stop `ha-ai run` first"
    )


def _unfinished(database: Path, error: OSError) -> str:
    """Say what became of a restore: from the moment it is written down, the next start goes on with it."""
    reason = f"{error.filename or database}: {error.strerror}"
    if intention(database).exists():
        return (
            f"not all was restored yet: {reason}; mend that, then the next start or restore goes on with it"
        )
    return f"nothing was restored: {reason}"


def _check_home(manifest: Manifest, settings: Settings, *, with_settings: bool) -> None:
    if not with_settings and manifest.home != home_id(settings):
        raise UserError(
            f"expected a backup of home {home_id(settings)}, got one of {manifest.home}: "
            f"set HA_AI_HOME={manifest.home}, or take its settings with --settings"
        )


@contextmanager
def _drafts(
    copy: Path, settings: Settings, database: Path, *, with_settings: bool
) -> Iterator[list[Replacement]]:
    """All that is to be replaced, ready beside it, the store last; what is not used is removed."""
    at = backup.stamp()
    targets = {SETTINGS: ENV, **{name: Path(name) for name in NAMED.values()}} if with_settings else {}
    targets[KEY] = settings.command_key_file
    made: list[Replacement] = []
    try:
        for name, target in targets.items():
            content = read_member(copy, name, longest_bytes=LARGEST_BYTES)
            if content is not None and not _is_there(target, content):
                made.append(_draft(target, content, at))
        made.append(backup.replacement(backup.prepare(copy, database), database, at))
        yield made
    finally:
        if not intention(database).exists():
            for each in made:
                Path(each.draft).unlink(missing_ok=True)


def _is_there(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


def _draft(path: Path, content: bytes, at: str) -> Replacement:
    path = path.absolute()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.restoring")
    write_private(draft, content)
    return Replacement(str(draft), str(path), str(free_name(path.with_name(f"{path.name}.before-{at}"))))


def _show(copy: Path, manifest: Manifest, database: Path, draft: Path) -> None:
    say(f"The backup {copy} holds: {in_words(manifest)}; made by version {manifest.version}.")
    if not database.exists():
        say(f"There is no store at {database} yet.")
        return
    size = f"{database.stat().st_size / 1024**2:.1f} MB"
    say(f"It takes the place of {database}, {size}, which is kept beside it.")
    say("What the home did since the backup becomes a gap: it is not learned, and no habit counts as missed.")
    now, then = _standing(database, manifest.home), _standing(draft, manifest.home)
    since = sorted(readable(now[each]) for each in now.keys() - then.keys())
    if since:
        say(
            f"{counted(len(since), 'automation')} deployed since then will go on running in Home Assistant, "
            f"and ha-ai will not know of them: {', '.join(since)}. Delete there what you do not want."
        )
    if then.keys() - now.keys():
        say("What was taken out of Home Assistant since then is not put back: ha-ai notes that it is gone.")


def _standing(database: Path, home: str) -> dict[str, str]:
    """The automations that stand in Home Assistant as a store says; none where it cannot be read."""
    try:
        with looking_into(database) as connection:
            return dict(connection.execute(_STANDING, (home,)).fetchall())
    except sqlite3.Error:
        return {}


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise UserError("nothing was restored: nobody is there to be asked; say --yes")
    return input("Restore it? [y/N] ").strip().lower() in ("y", "yes")


def _conclude(replacements: list[Replacement]) -> None:
    for each in replacements:
        aside = f"; what was there is {each.aside}" if Path(each.aside).exists() else ""
        say(f"restored {each.path}{aside}")
    if not any(each.path.endswith(KEY) for each in replacements):
        ERR.print("The key is the one that was there, or the next start makes one.", style="dim")
    ERR.print("Now: ha-ai doctor, then ha-ai run.", style="dim")
