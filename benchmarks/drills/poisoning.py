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
    """Wait for the good ones; each poison has to be a dead letter, published, and the worker alive."""
    await trial.drained()
    wanted = len({_identity(poison) for poison in poisons})
    for table, condition in (("dead_letters", "1"), ("outbox", "topic = 'ha-ai/dead-letter'")):
        held = count_of(trial.worker.database, f"SELECT count(*) FROM {table} WHERE {condition}")  # noqa: S608 our own words
        if held != wanted:
            trial.problems.append(f"expected {wanted} different dead letters in {table}, got {held}")
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
