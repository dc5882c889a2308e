"""Messages that nothing can be made of, among good ones."""

import random
from collections.abc import Sequence
from hashlib import blake2b

from benchmarks.drills.audit import count_of
from benchmarks.drills.drill import Drill, Size
from benchmarks.drills.load import TOPIC, Load, make_load
from benchmarks.drills.trial import Row, Trial
from benchmarks.publisher import Published
from tests.poison import poison_messages


def poisoned(load: Load, *, seed: int) -> tuple[Load, Sequence[Published]]:
    """Return the load with every poison somewhere in it, and the poisons."""
    rng = random.Random(seed)
    poisons = [Published(TOPIC, payload) for _, payload in poison_messages()]
    messages = list(load.messages)
    for poison in poisons:
        messages.insert(rng.randrange(len(messages)), poison)
    return Load(load.events, messages), poisons


async def check_letters(trial: Trial, poisons: Sequence[Published]) -> str:
    """Wait for the good ones; each poison is a dead letter and published, or waits for the clock."""
    await trial.drained()
    wanted = len({_identity(poison) for poison in poisons})
    waiting = count_of(trial.worker.database, "SELECT count(*) FROM quarantine")
    letters = count_of(trial.worker.database, "SELECT sum(messages) FROM dead_letters")
    if letters + waiting != wanted:
        trial.problems.append(
            f"expected {wanted} different dead letters or untimely events, got {letters} and {waiting}"
        )
    unsaid = count_of(
        trial.worker.database,
        "SELECT count(*) FROM dead_letters WHERE id NOT IN "
        "(SELECT id FROM outbox WHERE topic = 'ha-ai/dead-letter')",
    )
    if unsaid:
        trial.problems.append(f"expected every dead letter to be published, got {unsaid} that were not")
    if trial.worker.starts != 1:
        trial.problems.append(f"expected the worker to live, it exited: {trial.worker.exit_codes}")
    return f"{len(poisons)} poison messages"


def _identity(message: Published) -> bytes:
    return blake2b(message.topic.encode() + b"\x00" + message.payload).digest()


async def _poison(size: Size, seed: int, command: Sequence[str]) -> Row:
    load, poisons = poisoned(make_load(size.events, seed=seed), seed=seed)
    async with Trial(load, seed=seed, command=command) as trial:
        return await trial.run("poison", lambda running: check_letters(running, poisons))


DRILLS = {
    "poison": Drill(Size(2_000, 300), Size(20_000, 300), _poison),
}
