"""``ha-ai backup``: the store, the key and the settings as one file that was proven to be good."""

import argparse
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from pipeline.cli import UserError
from pipeline.cli.home_file import read_home_file
from pipeline.cli.store_reader import existing_file
from pipeline.cli.terminal import ERR, say
from pipeline.runtime.belongings import backup_folder, belongings, database_file, home_id
from pipeline.settings import Settings
from pipeline.wording.sentences import counted
from schemas.instants import from_us
from sinks.store import StoreError, backup
from sinks.store.manifest import Manifest
from sinks.store.sqlite_file import refuse_newer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="where to; without it among the others, where it stays until you delete it",
    )
    parser.add_argument(
        "--without-secrets",
        action="store_true",
        help="leave out the key that signs commands, passwords and tokens",
    )


def run(arguments: argparse.Namespace) -> int:
    """Make a backup, beside a running pipeline if there is one."""
    settings = Settings()
    if settings.home_file is not None:
        read_home_file(settings.home_file)
    database, folder = sqlite_place(settings)
    existing_file(database)
    path: Path | None = arguments.file
    secrets = not arguments.without_secrets
    try:
        refuse_newer(database)
        made = backup.take(
            database,
            folder if path is None else path.parent,
            home=home_id(settings),
            version=version("ha-ai"),
            more=belongings(settings, secrets=secrets),
            kept=True,
            path=path,
        )
        manifest = backup.verify(made)
    except StoreError as error:
        raise UserError(f"no backup was made: {error}") from error
    say(str(made))
    ERR.print(f"Proven to be good: {in_words(manifest)}, {made.stat().st_size / 1024**2:.1f} MB.")
    ERR.print(_held(secrets=secrets), style="dim")
    return 0


def sqlite_place(settings: Settings) -> tuple[Path, Path]:
    """The store's file, and the folder of its backups; another database has tools of its own."""
    database, folder = database_file(settings), backup_folder(settings)
    if database is None or folder is None:
        try:
            url = make_url(settings.store_url)
        except ArgumentError as error:
            raise UserError("HA_AI_DATABASE_URL is no address of a database: `ha-ai doctor`") from error
        words = f"--host={url.host or 'localhost'} --username={url.username or 'ha-ai'} {url.database or ''}"
        raise UserError(
            "the store is a PostgreSQL database, which has its own tools. Back it up with\n"
            f"  pg_dump --format=custom --file=ha-ai.dump {words}\n"
            f"and keep {settings.command_key_file} and .env beside it; pg_restore brings it back."
        )
    return database, folder


def in_words(manifest: Manifest) -> str:
    """Return the contents of a backup, on one line."""
    days = counted(manifest.rows.get("day_sets", 0), "day")
    patterns = counted(manifest.rows.get("patterns", 0), "pattern")
    since = f" since {manifest.first_day}" if manifest.first_day else ""
    until = f", last event {_said(from_us(manifest.last_event_us))}" if manifest.last_event_us else ""
    return f"home {manifest.home}, {days}{since}, {patterns}{until}"


def _said(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _held(*, secrets: bool) -> str:
    if not secrets:
        return (
            "It holds what the household did and when, but no key, password or token: with another key, what "
            "is approved and not deployed yet has to be approved again."
        )
    return (
        "It holds what the household did and when, the key that signs commands, passwords and tokens (not "
        "the administrator's): keep it like a diary with the house key. --without-secrets leaves them out."
    )
