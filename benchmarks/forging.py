"""``python -m benchmarks.forging``: what nobody who may not approve gets approved, and how often one can."""

import argparse
import asyncio
import logging
import random
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import structlog
from pydantic import SecretStr

from benchmarks.forgeries import Forger, put_buttons
from benchmarks.results import write_section
from benchmarks.review_desk import ReviewDesk, a_suggestion
from pipeline.reviewing.signing import new_command
from pipeline.settings import Settings
from schemas.commands import SignedCommand, Verb
from schemas.suggestions import Status, Suggestion
from sinks.store.audit import check
from tests.sinks.fake_home_assistant import FakeHomeAssistant

SEED = 7
SUGGESTIONS = 20
APPROVALS_EACH = 10
REVIEWERS = 4


@dataclass(frozen=True, slots=True)
class Forged:
    """What came of forgeries: how many of each kind, how many did anything, how many stand in the log."""

    sent: Counter[str]
    counted: int
    audited: int
    is_log_whole: bool
    seconds: float


async def forge(settings: Settings, number: int, home: FakeHomeAssistant, *, seed: int = SEED) -> Forged:
    """Send a reviewer so many messages none of which may count."""
    desk = ReviewDesk(settings)
    try:
        suggestions = [a_suggestion(place) for place in range(SUGGESTIONS)]
        desk.add(*suggestions)
        put_buttons(home, suggestions, desk.desk.now_us())
        forger = Forger(desk, suggestions, seed)
        await forger.watch_one_that_counts()
        before = desk.store.suggestions.all()
        sent: Counter[str] = Counter()
        start_s = time.monotonic()
        for forgery in islice(forger.forgeries(), number):
            sent[forgery.kind] += 1
            await desk.receive(forgery.topic, forgery.payload, retain=forgery.retain)
        seconds = time.monotonic() - start_s
        counted = _changes(desk, before)
        whole = check("home", desk.audit()) is None
        return Forged(sent, counted, desk.refused(), whole, seconds)
    finally:
        desk.close()


def _changes(desk: ReviewDesk, before: list[Suggestion]) -> int:
    """How many suggestions are another, plus all that is deployed or ordered to be."""
    after = desk.store.suggestions.all()
    ordered = [said for said in desk.said() if "/commands/" in said.topic]
    changed = sum(one != other for one, other in zip(before, after, strict=True))
    return changed + len(desk.store.suggestions.deployments()) + len(ordered)


@dataclass(frozen=True, slots=True)
class Duplicated:
    """What came of approving suggestions again and again: the most and the fewest that followed of one."""

    approvals: int
    suggestions: int
    deployments: int
    orders: Counter[str]
    feedback: int
    accepted: int
    seconds: float

    @property
    def orders_each(self) -> tuple[int, int]:
        """Fewest and most orders to the deployer for one suggestion."""
        counts = [*self.orders.values(), *[0] * (self.suggestions - len(self.orders))]
        return min(counts), max(counts)


def duplicate(settings: Settings, number: int, *, seed: int = SEED) -> Duplicated:
    """Approve each of some suggestions ten times, through four reviewers at once.

    Half of the approvals of a suggestion are one and the same message, as a broker may deliver it again.
    """
    desk = ReviewDesk(settings)
    suggestions = [a_suggestion(place) for place in range(number // APPROVALS_EACH)]
    desk.add(*suggestions)
    commands = [command for each in suggestions for command in _approvals(desk, each)]
    random.Random(seed).shuffle(commands)
    start_s = time.monotonic()
    with ThreadPoolExecutor(REVIEWERS) as threads:
        parts = [commands[place::REVIEWERS] for place in range(REVIEWERS)]
        list(threads.map(partial(_review, settings), parts))
    seconds = time.monotonic() - start_s
    orders = Counter(
        said.payload["suggestion_id"] for said in desk.said(desk.topics.automation_command("deploy"))
    )
    found = Duplicated(
        approvals=len(commands),
        suggestions=len(suggestions),
        deployments=len(desk.store.suggestions.deployments()),
        orders=orders,
        feedback=len(desk.store.suggestions.feedback()),
        accepted=len(desk.store.suggestions.all(Status.APPROVED)),
        seconds=seconds,
    )
    desk.close()
    return found


def _approvals(desk: ReviewDesk, suggestion: Suggestion) -> list[SignedCommand]:
    now_ms = desk.desk.now_us() // 1000
    new = partial(new_command, Verb.APPROVE, suggestion, "Anna", desk.key, now_ms)
    half = APPROVALS_EACH // 2
    return [*[new()] * half, *(new() for _ in range(APPROVALS_EACH - half))]


def _review(settings: Settings, commands: list[SignedCommand]) -> None:
    """Take a part of the commands with a reviewer of our own, on a thread of our own."""

    async def take() -> None:
        desk = ReviewDesk(settings)
        for command in commands:
            await desk.send(command)
        desk.close()

    asyncio.run(take())


async def _measured(number: int, approvals: int) -> str:
    with tempfile.TemporaryDirectory(prefix="haai-bench-") as name:
        folder = Path(name)
        async with FakeHomeAssistant() as home:
            settings = _settings(folder / "forged", url=home.url, token=home.reader_token)
            forged = await forge(settings, number, home)
        duplicated = await asyncio.to_thread(duplicate, _settings(folder / "duplicated"), approvals)
    return _table(forged, duplicated)


def _settings(folder: Path, *, url: str | None = None, token: str | None = None) -> Settings:
    folder.mkdir()
    return Settings(
        _env_file=None,
        database_path=folder / "ha-ai.db",
        command_key_file=folder / "ha-ai.key",
        home_assistant_url=url,
        home_assistant_token=SecretStr(token) if token else None,
    )


def _table(forged: Forged, duplicated: Duplicated) -> str:
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(forged.sent.items()))
    log = "whole" if forged.is_log_whole else "damaged"
    fewest, most = duplicated.orders_each
    rows = [
        ("messages", "to reach", "reached", "seconds"),
        ("---", "---", "---", "---"),
        (
            f"{forged.sent.total():,} that must not count: {kinds}",
            "0 count, all in the audit log",
            f"{forged.counted} count, {forged.audited:,} in the audit log, which is {log}",
            f"{forged.seconds:.0f}",
        ),
        (
            f"{duplicated.approvals:,} approvals, {APPROVALS_EACH} each, {REVIEWERS} reviewers at once",
            "1 deployment each",
            f"{fewest} to {most} each, {duplicated.feedback} opinions",
            f"{duplicated.seconds:.0f}",
        ),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forging", description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--approvals", type=int, default=1_000)
    parser.add_argument("--write", action="store_true", help="into RESULTS.md")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    table = asyncio.run(_measured(arguments.messages, arguments.approvals))
    print(table)
    if arguments.write:
        write_section("Forged and duplicate commands", "python -m benchmarks.forging", table)


if __name__ == "__main__":
    main()
