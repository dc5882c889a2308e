"""The drills in their quickest form, at night in the small one, and workers that each has to reject."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.drills import DRILLS
from benchmarks.drills.trial import Row
from benchmarks.processes import HA_AI

pytestmark = [pytest.mark.drill, pytest.mark.mosquitto]

SABOTEURS = {
    "knows no duplicates": (
        "cuts",
        """
        from sinks.store import Transaction
        Transaction.unseen = lambda self, keys: set(keys)
        """,
    ),
    "acknowledges before it commits": (
        "kill9",
        """
        import asyncio
        from pipeline.learn.committer import Committer
        commit = Committer._commit
        async def too_early(self, batch):
            await self._intake.acknowledge(batch)
            await asyncio.sleep(0.2)
            await commit(self, batch)
        Committer._commit = too_early
        """,
    ),
    "syncs nothing": (
        "power_loss",
        """
        import sinks.store.engine
        sinks.store.engine._PRAGMAS = ("PRAGMA synchronous = OFF",)
        """,
    ),
    "acknowledges before it has synced": (
        "power_loss",
        """
        import asyncio
        from pipeline.learn.committer import Committer
        commit = Committer._commit
        async def too_early(self, batch):
            await self._intake.acknowledge(batch)
            await asyncio.sleep(0.01)
            await commit(self, batch)
        Committer._commit = too_early
        """,
    ),
    "keeps days by the clock": (
        "clock",
        """
        from datetime import timedelta
        from sinks.store import retention
        from sinks.store.ages import Leaving
        retention.leaving = lambda kept, term, today: Leaving(today - timedelta(days=term.days), ())
        """,
    ),
    "lets no event wait for the clock": (
        "clock",
        """
        from pipeline.learn.learner import HomeLearner
        HomeLearner._to_wait = lambda self, untimely: []
        """,
    ),
    "begins a gap when it notices the loss": (
        "broker_kill",
        """
        from pipeline.learn.gap_tracker import GapTracker
        GapTracker._since_us = lambda self, at_us, reason: at_us
        """,
    ),
    "is ready before it is subscribed": (
        "first_start",
        """
        import asyncio
        from pipeline.mqtt.connections import connection_id
        from pipeline.learn import connection_watch
        from pipeline.mqtt.client import SteadySubscription
        establish = SteadySubscription.establish
        async def slowly(self, protocol):
            await asyncio.sleep(0.3)
            return await establish(self, protocol)
        SteadySubscription.establish = slowly
        connection_watch.is_subscribed = lambda broker: connection_id(broker) is not None
        """,
    ),
    "unsubscribes when it stops": (
        "sigterm",
        """
        import zmqtt
        from pipeline.mqtt.durable_session import DurableSubscription
        DurableSubscription.stop = zmqtt.Subscription.stop
        """,
    ),
    "leaves poison unacknowledged": (
        "poison",
        """
        from pipeline.mqtt.intake import Intake
        acknowledge = Intake.acknowledge
        async def only_events(self, batch):
            await acknowledge(self, [each for each in batch if b"last_updated" in each.message.payload])
        Intake.acknowledge = only_events
        """,
    ),
    "waits for what is refused": (
        "refused",
        """
        from pipeline.mqtt import outbox as egress
        from pipeline.mqtt.refusals import Kind
        egress.kind_of = lambda error: Kind.LOST
        """,
    ),
    "gives up when its store is locked": (
        "locked",
        """
        from pipeline.learn.committer import Committer
        from sinks.store import LeaseLostError, StoreUnavailableError
        import asyncio
        async def impatient(self, call):
            try:
                return await self._thread.call(call)
            except StoreUnavailableError as error:
                raise LeaseLostError(str(error)) from error
        Committer._retry = impatient
        """,
    ),
    "writes without its lease": (
        "lease",
        """
        import asyncio
        from pipeline.learn.committer import Committer
        from pipeline.runtime.ownership import Ownership
        from sinks.store import lease
        lease.check = lambda *_: None
        write = Committer._write
        async def slowly(self, work):
            await asyncio.sleep(0.3 if work else 0.0)
            await write(self, work)
        Committer._write = slowly
        async def always(self):
            return True
        async def forever(self):
            await asyncio.Future()
        Ownership.valid = always
        Ownership.keep = forever
        """,
    ),
}


# What the protocol promises first stays in every run; the others tell of the drills more than of the worker.
EVERY_TIME = {"knows no duplicates", "acknowledges before it commits", "leaves poison unacknowledged"}


async def run(name: str, command: Sequence[str] = HA_AI, *, seed: int = 1, small: bool = False) -> Row:
    """Run a drill in its quickest form, or in its small one."""
    drill = DRILLS[name]
    absent = [program for program in drill.needs if shutil.which(program) is None]
    if absent:
        pytest.skip(f"{', '.join(absent)} not on this machine")
    return await drill.run((not small and drill.quick) or drill.small, seed, command)


@pytest.mark.parametrize("name", DRILLS)
async def test_nothing_is_lost_or_counted_twice(name: str) -> None:
    """Through the fault, the store comes to what a clean run gives, byte for byte."""
    row = await run(name)
    assert row.is_passed, (str(row), row.problems, row.audit)


@pytest.mark.nightly
@pytest.mark.parametrize("name", [name for name, drill in DRILLS.items() if drill.quick])
async def test_nothing_is_lost_through_more_faults(name: str) -> None:
    """The same in the small form, where every change has a quicker one."""
    row = await run(name, small=True)
    assert row.is_passed, (str(row), row.problems, row.audit)


@pytest.mark.parametrize(
    "saboteur",
    [name if name in EVERY_TIME else pytest.param(name, marks=pytest.mark.nightly) for name in SABOTEURS],
)
async def test_a_broken_worker_fails(saboteur: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker without one step of the protocol does not pass the drill that is for it, thrice in a row."""
    monkeypatch.setattr("benchmarks.drills.trial.STALL_S", 8.0)
    monkeypatch.setattr("benchmarks.drills.trial.SETTLE_S", 5.0)
    name, sabotage = SABOTEURS[saboteur]
    script = tmp_path / "saboteur.py"
    lines = [line.removeprefix("        ") for line in sabotage.splitlines()]
    script.write_text("\n".join([*lines, "from pipeline.cli import main", "raise SystemExit(main(['run']))"]))
    for seed in (1, 2, 3):
        row = await run(name, (sys.executable, str(script)), seed=seed)
        if not row.is_passed:
            return
    pytest.fail(f"passed: {row}")
