"""``ha-ai modify ID``: another time, another entity, one more condition."""

import argparse

from pipeline.cli import UserError
from pipeline.cli.changes import add_change_arguments, change_of
from pipeline.cli.commanding import add_id, add_name, find, refused, review, signed
from pipeline.cli.mqtt_request import Conversation, converse
from pipeline.cli.suggestion_view import show_offer
from pipeline.cli.terminal import ERR
from pipeline.settings import Settings
from schemas.commands import Verb


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_id(parser)
    add_change_arguments(parser)
    add_name(parser)


def run(arguments: argparse.Namespace) -> int:
    """Have it changed and tried anew; what came of it is shown, to be approved or not."""
    settings = Settings()
    change = change_of(arguments)
    if change is None:
        raise UserError("expected what is to be another way: --time, --offset, --entity or --if")

    async def work(conversation: Conversation) -> int:
        suggestion = await find(conversation, arguments.id)
        command = signed(Verb.MODIFY, suggestion, settings, arguments.by, change=change)
        ERR.print("it is tried on the past anew, which may take a minute", style="dim")
        if not await review(conversation, command):
            return refused(suggestion)
        show_offer(await find(conversation, suggestion.id))
        return 0

    return converse(settings, work)
