"""The command ``ha-ai``: one module a subcommand, imported only when it is asked for."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib import import_module
from importlib.metadata import version
from typing import Protocol, cast

from pydantic import ValidationError

from pipeline.doctor import finding
from pipeline.runtime.masking import mask

COMMANDS = {
    "run": "learn from Home Assistant's stream and say what was found",
    "demo": "watch a generated household being learned, in a minute and without anything else",
    "simulate": "write a generated household's event log",
    "doctor": "check broker, Home Assistant, store and time zone, and say what to do",
    "watch": "follow ha-ai's topics readably",
    "replay": "publish a log to a broker as Home Assistant would",
    "learn": "learn a log without a broker and print the patterns",
    "patterns": "show what is known: table, JSON or picture",
    "explain": "say why a pattern or an anomaly is believed, in plain words",
    "suggestions": "show the automations that are proposed, with their proof",
    "approve": "let Home Assistant run a suggestion",
    "reject": "say no to a suggestion, or not now",
    "modify": "have a suggestion another way: time, entity, one more condition",
    "backtest": "try a suggestion, or a changed one, on the home's own past",
    "rollback": "take an automation of ours back out of Home Assistant",
    "validate": "say whether Home Assistant would take an automation in YAML",
    "prune": "show which days are past their age, and why they stay",
    "backup": "save store, key and settings as one file, while all runs",
    "restore": "put a backup in the place of the store, also on another machine",
    "check": "say whether store, key and backups are whole",
    "audit": "show who did what to which suggestion, and whether the log is whole",
}
USAGE_ERROR = 2
# How much of an id people read and type.
SHORT_ID = 7


class Command(Protocol):
    """Functions that the module of a subcommand has."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the subcommand's arguments."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it; return the exit code."""


class UserError(Exception):
    """Something that the person at the terminal can put right: says what was expected and what came."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the subcommand that the command line names."""
    words = list(sys.argv[1:] if argv is None else argv)
    with _without("rich") if words[:1] == ["run"] else nullcontext():
        return _main(words)


def _main(words: list[str]) -> int:
    chosen = words[0] if words and words[0] in COMMANDS else None
    parser = argparse.ArgumentParser("ha-ai", description="Learns a household's habits from Home Assistant.")
    parser.add_argument("--version", action="version", version=f"ha-ai {version('ha-ai')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        added = commands.add_parser(name, help=summary, description=summary)
        if name == chosen:
            _module(name).add_arguments(added)
    arguments = parser.parse_args(words)
    try:
        return _module(arguments.command).run(arguments)
    except ValidationError as error:
        print(mask(f"ha-ai: {'; '.join(finding.explain(error))}"), file=sys.stderr)  # noqa: T201 the terminal is where it is read
    except UserError as error:
        print(mask(f"ha-ai: {error}"), file=sys.stderr)  # noqa: T201 the terminal is where it is read
    except BrokenPipeError:
        sys.stderr.close()
    except KeyboardInterrupt:
        return 130
    return USAGE_ERROR


def _module(name: str) -> Command:
    return cast("Command", import_module(f"pipeline.cli.{name}"))


@contextmanager
def _without(package: str) -> Iterator[None]:
    """Hide a package from what is imported meanwhile.

    structlog and httpx import rich where they find it, for tracebacks and for a command line that the service
    never has: 5 MB.
    """
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[package]
