"""``ha-ai check``: whether store, key and backups are whole, and what to do where they are not."""

import argparse
from collections.abc import AsyncIterator
from contextlib import closing

from pipeline.cli import UserError, doctor
from pipeline.cli.store_reader import reading
from pipeline.cli.terminal import ERR
from pipeline.doctor.backups import check_backups, check_privacy
from pipeline.doctor.deployment import check_command_key
from pipeline.doctor.finding import Finding
from pipeline.doctor.store import check_rows, check_store, told
from pipeline.settings import Settings
from pipeline.wording.sentences import counted
from sinks.store import SqlStore
from sinks.store.mending import Said


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--full", action="store_true", help="every page, index and row; takes longer")
    parser.add_argument(
        "--acknowledge", action="store_true", help="take note of what was damaged and mended: health is quiet"
    )
    parser.add_argument("--json", action="store_true", help="findings as JSON lines")


def run(arguments: argparse.Namespace) -> int:
    """Look at everything that is kept, without changing any of it; 1 if something is wrong."""
    settings = Settings()
    code = doctor.report(_findings(settings, full=arguments.full), as_json=arguments.json)
    if arguments.acknowledge:
        _acknowledge(settings)
    return code


def _acknowledge(settings: Settings) -> None:
    with reading(settings) as store:
        home = store.home
    with closing(SqlStore(settings.store_url, home=home)) as store:
        number = store.integrity.acknowledge()
    ERR.print(f"Noted: {counted(number, 'damage')} will not be told again.")


def _said(settings: Settings) -> list[Said]:
    """Return what was mended; nothing where there is no store of ours, of which other findings tell."""
    try:
        with reading(settings) as store:
            return store.integrity.notices()
    except UserError:
        return []


async def _findings(settings: Settings, *, full: bool) -> AsyncIterator[Finding]:
    for finding in check_store(settings, full=full):
        yield finding
    for finding in (*(check_rows(settings) if full else ()), *told(_said(settings))):
        yield finding
    yield check_command_key(settings)
    for finding in (*check_backups(settings), *check_privacy(settings)):
        yield finding
