"""``ha-ai simulate``: a generated household's event log, and the truth of what is in it."""

import argparse
from datetime import date
from pathlib import Path
from typing import Any

from pipeline.cli import UserError
from pipeline.cli.terminal import command, say
from pipeline.simulation import DIFFICULTIES, Household, Truth, write_household
from pipeline.simulation.wording import (
    automation_in_words,
    chain_in_words,
    habit_in_words,
    oddity_in_words,
    pair_in_words,
)
from schemas.anomalies import AnomalyKind

OPTIONS: dict[str, tuple[Any, Any, str]] = {
    "seed": (int, 1, "of all randomness"),
    "days": (int, 30, "local days"),
    "start": (date.fromisoformat, date(2026, 10, 5), "first local day"),
    "tz": (str, "Europe/Berlin", "IANA time zone"),
    "lat": (float, 52.52, "latitude, degrees"),
    "lon": (float, 13.405, "longitude, degrees"),
    "occupants": (int, 2, "how many people live there"),
    "difficulty": (str, "normal", f"how blurred habits are: {', '.join(DIFFICULTIES)}"),
    "noise": (float, 1.0, "factor on how often devices are used for no reason"),
    "restarts-per-week": (float, 0.5, "restarts of Home Assistant"),
    "late-share": (float, 0.003, "share of messages that arrive late"),
    "duplicate-share": (float, 0.003, "share of messages that arrive twice"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--out", type=Path, required=True, help="directory to write to")
    for name, (kind, default, meaning) in OPTIONS.items():
        parser.add_argument(f"--{name}", type=kind, default=default, help=f"{meaning} (%(default)s)")
    kinds = [kind.value for kind in AnomalyKind]
    parser.add_argument(
        "--anomalies",
        nargs="*",
        choices=kinds,
        default=kinds,
        metavar="KIND",
        help=f"which may occur, none after the option alone: {', '.join(kinds)} (all)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the household and say what was planted."""
    given = {name.replace("-", "_"): getattr(arguments, name.replace("-", "_")) for name in OPTIONS}
    try:
        household = Household(**given, anomalies=arguments.anomalies)
        number = write_household(household, arguments.out)
    except ValueError as error:
        raise UserError(str(error)) from error
    except OSError as error:
        said = f"expected a directory that can be written to, got {arguments.out}: {error.strerror}"
        raise UserError(said) from error
    say(f"{number:,} messages of {household.days} days, with home.json and truth.json, in {arguments.out}")
    for line in planted(household.truth):
        say(line)
    place = f"{arguments.out}/events.jsonl.gz"
    say("")
    say(f"Learn it:   {command()} learn {place} --home {arguments.out}/home.json")
    say(f"Replay it:  {command()} replay {place} --home {arguments.out}/home.json --shift-to-now")
    return 0


def planted(truth: Truth) -> list[str]:
    """Return what a learner may find in it, in words, with how often it came about."""
    return [
        "",
        "Habits of the clock and of the sun",
        *(f"  {habit_in_words(h)}: {len(h.occurrences)} of {h.eligible_days} days" for h in truth.habits),
        "",
        "Pairs: one thing, then another",
        *(f"  {pair_in_words(p)}: {len(p.occurrences)} of {p.trials} times" for p in truth.pairs),
        "",
        "Chains: several things in a row",
        *(f"  {chain_in_words(c)}: {len(c.occurrences)} of {c.trials} times" for c in truth.chains),
        "",
        "Done by machines, so no habit",
        *(f"  {automation_in_words(a)}: {len(a.occurrences)} times" for a in truth.automations),
        "",
        "Out of order",
        *(f"  {oddity_in_words(each, truth.zone)}" for each in truth.anomalies),
    ]
