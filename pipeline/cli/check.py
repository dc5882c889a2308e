"""``ha-ai check``: whether store, key and backups are whole, and what to do where they are not."""

import argparse
from collections.abc import AsyncIterator

from pipeline.cli import doctor
from pipeline.diagnosis.backups import check_backups, check_privacy
from pipeline.diagnosis.command_key import check_command_key
from pipeline.diagnosis.finding import Finding
from pipeline.diagnosis.store import check_store
from pipeline.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--full", action="store_true", help="every page, index and row; takes longer")
    parser.add_argument("--json", action="store_true", help="findings as JSON lines")


def run(arguments: argparse.Namespace) -> int:
    """Look at everything that is kept, without changing any of it; 1 if something is wrong."""
    return doctor.report(_findings(Settings(), full=arguments.full), as_json=arguments.json)


async def _findings(settings: Settings, *, full: bool) -> AsyncIterator[Finding]:
    for finding in check_store(settings, full=full):
        yield finding
    yield check_command_key(settings)
    for finding in (*check_backups(settings), *check_privacy(settings)):
        yield finding
