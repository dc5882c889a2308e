"""``ha-ai reject ID``: never run what is suggested, or not now."""

import argparse

from pipeline.cli.commanding import add_id, add_name, find, refused, review, signed
from pipeline.cli.mqtt_request import Conversation, converse
from pipeline.cli.store_reader import zone_of
from pipeline.cli.suggestion_view import show_offer, standing
from pipeline.cli.terminal import say
from pipeline.settings import Settings
from pipeline.timing.clock import wall_datetime
from schemas.commands import Verb
from schemas.suggestions import LONGEST_REASON


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_id(parser)
    parser.add_argument("--reason", metavar="TEXT", type=_reason, default="", help="why, in your own words")
    parser.add_argument("--not-now", action="store_true", help="put it off; it may be asked again later")
    add_name(parser)


def run(arguments: argparse.Namespace) -> int:
    """Say no to exactly what is shown."""
    settings = Settings()
    verb = Verb.NOT_NOW if arguments.not_now else Verb.REJECT

    async def work(conversation: Conversation) -> int:
        suggestion = await find(conversation, arguments.id)
        show_offer(suggestion)
        command = signed(verb, suggestion, settings, arguments.by, text=arguments.reason)
        if not await review(conversation, command):
            return refused(suggestion)
        if verb is Verb.NOT_NOW:
            now = wall_datetime(zone_of(settings))
            say(f"It is {standing(await find(conversation, suggestion.id), now)}.")
        return 0

    return converse(settings, work)


def _reason(words: str) -> str:
    if len(words) > LONGEST_REASON:
        raise argparse.ArgumentTypeError(f"expected at most {LONGEST_REASON} characters, got {len(words)}")
    return words
