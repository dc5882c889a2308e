"""``ha-ai rollback ID``: take an automation of ours back out of Home Assistant, or to a former version."""

import argparse

from pipeline.cli.commanding import REFUSED, add_id, add_name, deploys, find, signed, until_done
from pipeline.cli.mqtt_request import Conversation, converse
from pipeline.cli.terminal import readable, say
from pipeline.settings import Settings
from schemas.commands import Verb

NOTHING = 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_id(parser)
    parser.add_argument(
        "version", nargs="?", type=_version, default=NOTHING, help="a former version; without it, to nothing"
    )
    add_name(parser)


def run(arguments: argparse.Namespace) -> int:
    """Have it taken back, and wait until it is."""
    settings = Settings()

    async def work(conversation: Conversation) -> int:
        suggestion = await find(conversation, arguments.id)
        what = f"to version {arguments.version}" if arguments.version else "out of Home Assistant"
        say(f"Taking back {what}: {readable(suggestion.title)}")
        command = signed(Verb.ROLLBACK, suggestion, settings, arguments.by, version=arguments.version)
        await conversation.command(conversation.topics.automation_command(Verb.ROLLBACK), command)
        if not deploys(settings, "It is asked for, but nothing takes it back"):
            return REFUSED
        return await until_done(conversation, command)

    return converse(settings, work)


def _version(words: str) -> int:
    if not words.isdecimal():
        raise argparse.ArgumentTypeError(f"expected the number of a version, got {words!r}")
    return int(words)
