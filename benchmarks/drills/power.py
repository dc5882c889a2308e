"""Loss of power: whatever a disk keeps of what was not synced, all that was acknowledged is in the store."""

import random
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.drills import recording
from benchmarks.drills.audit import HOME, audit
from benchmarks.drills.disk import Disk, Operation, Said, SyncEnd, Write
from benchmarks.drills.drill import Drill, Size
from benchmarks.drills.in_process import batches, deliver, learner_over, rest
from benchmarks.drills.load import Load, make_load, published
from benchmarks.drills.trial import Row, Trial
from benchmarks.drills.workers import kill, terminate
from sinks.store import SqlStore
from sinks.store.start import make_whole

# A whole learner over the store costs a second; that the store opens with all that was acknowledged, some
# hundredths of one.
RESUMED_EVERY = 50
BATCH = 500
RATE = 400


@dataclass
class PowerCuts:
    """Power cuts at random moments of a recording, and what was wrong after them.

    Parameters
    ----------
    load
        What was published meanwhile.
    seed
        Of the moments, and of what the disk keeps.
    """

    load: Load
    seed: int
    cuts: int = 0
    resumed: int = 0
    lost: int = 0
    problems: list[str] = field(default_factory=list)

    def replay(self, operations: Sequence[Operation], times: int) -> None:
        """Cut the power so many times."""
        rng = random.Random(self.seed)
        moments = sorted(rng.randrange(len(operations) + 1) for _ in range(times))
        keys = {published(event).payload: event.key for event in self.load.events}
        said: set[bytes] = set()
        disk, done = Disk(), 0
        for moment in moments:
            for operation in operations[done:moment]:
                disk.apply(operation)
                if isinstance(operation, Said):
                    said.update(keys[payload] for payload in operation.payloads if payload in keys)
            done = moment
            with tempfile.TemporaryDirectory(prefix="haai-power-", dir=_memory()) as folder:
                for name, content in disk.after_power_cut(rng).items():
                    place = Path(folder) / name
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_bytes(content)
                self._check(Path(folder) / "ha-ai.db", said, f"cut {self.cuts} before operation {moment}")
            self.cuts += 1

    def described(self, operations: Sequence[Operation]) -> str:
        """What was done, for the table."""
        kinds = Counter(type(operation) for operation in operations)
        recording = f"{kinds[Write]:,} writes, {kinds[SyncEnd]:,} syncs and {kinds[Said]:,} acknowledgements"
        return f"power cut at {self.cuts:,} moments of {recording}, {self.resumed:,} times resumed to the end"

    def _check(self, database: Path, said: set[bytes], when: str) -> None:
        try:
            for finding in make_whole(database, lambda _: None, home=HOME.id, now_us=1):
                self.problems.append(f"{when}: taken for damage: {finding}")
            store = SqlStore(f"sqlite:///{database}", home=HOME.id)
            try:
                store.migrate()
                held = _keys(database)
                self._compare(held, said, when)
                if self.cuts % RESUMED_EVERY == RESUMED_EVERY // 2:
                    self._resume(store, database, when)
            finally:
                store.close()
        except Exception as error:  # noqa: BLE001 whatever a store raises when it opens is what is looked for
            self.problems.append(f"{when}: {type(error).__name__}: {error}")

    def _compare(self, held: Sequence[bytes], said: set[bytes], when: str) -> None:
        missing = said.difference(held)
        self.lost = max(self.lost, len(missing))
        if missing:
            self.problems.append(f"{when}: {len(missing)} of {len(said)} acknowledged events are gone")
        if len(set(held)) != len(held):
            self.problems.append(f"{when}: the journal holds an event twice")

    def _resume(self, store: SqlStore, database: Path, when: str) -> None:
        """All events come once more, as a broker would send them, and a clean run's store comes of it."""
        learner = learner_over(store)
        for batch in batches(self.load.events):
            deliver(learner, batch)
        rest(learner)
        pending = store.counts()["outbox"]
        found = audit(database, self.load.events)
        wrong = [
            each
            for each in found.differences
            if each != f"{pending} messages of the outbox were not published"
        ]
        if found.missing or found.over_counted or wrong:
            self.problems.append(
                f"{when}, resumed: {found.missing} missing, {found.over_counted} twice, {wrong[:3]}"
            )
        self.resumed += 1


def _keys(database: Path) -> list[bytes]:
    with closing(sqlite3.connect(database)) as connection:
        (verdict,) = connection.execute("PRAGMA quick_check").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        return [key for (key,) in connection.execute("SELECT key FROM journal")]


def _memory() -> str | None:
    """A folder in memory, where there is one: the cuts are ours, and no disk has to be waited for."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 only within is written, in a folder of its own


async def _power_loss(size: Size, seed: int, command: Sequence[str]) -> Row:
    started_s = time.monotonic()
    load = make_load(size.events, seed=seed)
    with tempfile.TemporaryDirectory(prefix="haai-drill-") as base:
        logs, folder = Path(base) / "logs", Path(base) / "store"
        logs.mkdir()
        folder.mkdir()
        traced = recording.recorded(command, logs)
        async with Trial(load, per_second=RATE, seed=seed, command=traced, folder=folder) as trial:
            row = await trial.run("power_loss", _stop_and_kill)
        operations = list(recording.read(logs, folder))
    cuts = PowerCuts(load, seed)
    cuts.replay(operations, size.faults)
    found = replace(row.audit, missing=max(row.audit.missing, cuts.lost))
    problems = [*row.problems, *cuts.problems]
    seconds = time.monotonic() - started_s
    return Row("power_loss", row.load, cuts.described(operations), found, seconds, problems)


async def _stop_and_kill(trial: Trial) -> str:
    """A planned stop and a kill, so that a write-ahead log's end and its recovery are recorded too."""
    await terminate(trial, 1)
    await kill(trial, 1)
    return "a stop and a kill, recorded"


DRILLS = {"power_loss": Drill(Size(1_500, 200), Size(6_000, 10_000), _power_loss, (recording.STRACE,))}
