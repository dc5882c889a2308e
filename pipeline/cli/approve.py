"""``ha-ai approve ID``: let Home Assistant run what is suggested."""

import argparse

from pipeline.cli.commanding import REFUSED, add_id, add_name, deploys, find, review, signed, until_done
from pipeline.cli.mqtt_request import Conversation, converse
from pipeline.cli.suggestion_view import show_offer
from pipeline.settings import Settings
from schemas.commands import Verb
from schemas.suggestions import Status


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_id(parser)
    add_name(parser)


def run(arguments: argparse.Namespace) -> int:
    """Approve exactly what is shown, and wait until it runs."""
    settings = Settings()

    async def work(conversation: Conversation) -> int:
        suggestion = await find(conversation, arguments.id)
        show_offer(suggestion)
        command = signed(Verb.APPROVE, suggestion, settings, arguments.by)
        if not await review(conversation, command):
            return REFUSED
        # What runs already is not deployed again.
        if suggestion.status is Status.DEPLOYED:
            return 0
        if not deploys(settings, "It is approved, but nothing deploys it"):
            return 0
        return await until_done(conversation, command)

    return converse(settings, work)
