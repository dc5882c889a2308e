"""``ha-ai suggestions``: the automations that are proposed, with their proof."""

import argparse

from pipeline.cli.commanding import find, known
from pipeline.cli.mqtt_request import Conversation, converse
from pipeline.cli.store_reader import zone_of
from pipeline.cli.suggestion_view import SETTLED, show_whole, table
from pipeline.cli.terminal import ERR, OUT, say
from pipeline.settings import Settings
from pipeline.timing.clock import wall_datetime
from schemas.suggestions import Status


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("id", nargs="?", help="one of them, whole; the beginning of its id is enough")
    parser.add_argument("--all", action="store_true", help="those too that were rejected or retired")
    parser.add_argument("--json", action="store_true", help="JSON lines")


def run(arguments: argparse.Namespace) -> int:
    """Ask for them, and show them."""
    settings = Settings()

    async def work(conversation: Conversation) -> int:
        if arguments.id is None:
            return await _show_all(conversation, arguments, settings)
        suggestion = await find(conversation, arguments.id)
        if arguments.json:
            say(suggestion.model_dump_json())
        else:
            show_whole(suggestion, wall_datetime(zone_of(settings)))
        return 0

    return converse(settings, work)


async def _show_all(conversation: Conversation, arguments: argparse.Namespace, settings: Settings) -> int:
    statuses = () if arguments.all else tuple(status for status in Status if status not in SETTLED)
    found = await known(conversation, statuses)
    if arguments.json:
        for suggestion in found:
            say(suggestion.model_dump_json())
    elif found:
        OUT.print(table(found, wall_datetime(zone_of(settings))))
    else:
        ERR.print("No suggestions now: they follow from patterns, which `ha-ai patterns` shows.")
    return 0
