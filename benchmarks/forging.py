"""``python -m benchmarks.forging``: what nobody who may not approve gets approved, and how often one can."""

import argparse
import asyncio
import logging
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import structlog
from pydantic import SecretStr

from benchmarks.approvals import APPROVALS_EACH, REVIEWERS, Duplicated, deploy, duplicate
from benchmarks.forgeries import Forger, put_buttons
from benchmarks.results import write_section
from benchmarks.review_desk import ReviewDesk, a_suggestion
from pipeline.settings import Settings
from schemas.suggestions import Suggestion
from sinks.store.audit import check
from tests.sinks.fake_home_assistant import FakeHomeAssistant

SEED = 7
SUGGESTIONS = 20


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


async def _measured(number: int, approvals: int) -> str:
    with tempfile.TemporaryDirectory(prefix="haai-bench-") as name:
        folder = Path(name)
        async with FakeHomeAssistant() as home:
            settings = _settings(folder / "forged", home)
            forged = await forge(settings, number, home)
        settings = _settings(folder / "duplicated", None)
        duplicated = await asyncio.to_thread(duplicate, settings, approvals)
        async with FakeHomeAssistant() as home:
            token_file = folder / "token"
            token_file.touch(0o600)
            token_file.write_text(home.admin_token)
            deploying = {"home_assistant_url": home.url, "deployer_token_file": token_file}
            written = await deploy(settings.model_copy(update=deploying), home)
            automations = len(home.automations)
    return _table(forged, duplicated, written, automations)


def _settings(folder: Path, home: FakeHomeAssistant | None) -> Settings:
    folder.mkdir()
    return Settings(
        _env_file=None,
        database_path=folder / "ha-ai.db",
        command_key_file=folder / "ha-ai.key",
        home_assistant_url=home.url if home else None,
        home_assistant_token=SecretStr(home.reader_token) if home else None,
    )


def _table(forged: Forged, duplicated: Duplicated, written: Counter[str], automations: int) -> str:
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(forged.sent.items()))
    log = "whole" if forged.is_log_whole else "damaged"
    fewest, most = duplicated.orders_each
    times = f"{min(written.values())} to {max(written.values())}"
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
        (
            "the orders that followed, each given to the deployer twice",
            "1 automation each",
            f"{automations} automations, each written {times} times",
            "",
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
        write_section("Forged and duplicate commands", table, seed=SEED)


if __name__ == "__main__":
    main()
