"""What befalls the workers and their broker in the first part of a soak."""

import asyncio
import signal
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.drills.trial import Trial
from benchmarks.drills.workers import owner_of

# As people have it: a shorter one is lost on a machine that is busy otherwise.
LEASE_S = 10.0
DAY_S = 86_400
JUMPS_S = (400 * DAY_S, -3_600, DAY_S, -30 * DAY_S, 3_600)
JUMP_LASTS_S = 3.0
# What comes later is watched in peace: whatever grows there grows by itself.
CALM_FROM = 0.5


@dataclass(frozen=True)
class Faults:
    """How many of each, in an order and at moments that the trial's seed decides.

    Parameters
    ----------
    jump_file
        Where the workers read how far their clock is off.
    kills, takeovers, restarts, jumps
        Owners killed with -9; owners frozen beyond their lease, so that another takes over; clean restarts of
        the broker; jumps of the workers' clocks, each with a kill so that a start falls into it, and back.
    """

    jump_file: Path
    kills: int
    takeovers: int
    restarts: int
    jumps: int

    async def befall(self, trial: Trial) -> str:
        """Do it all before the calm part begins."""
        deeds = [self._kill] * self.kills + [self._take_over] * self.takeovers
        deeds += [self._restart_broker] * self.restarts
        todo = [(deed, 0) for deed in deeds] + [
            (self._jump, JUMPS_S[number % len(JUMPS_S)]) for number in range(self.jumps)
        ]
        trial.rng.shuffle(todo)
        for number, (deed, argument) in enumerate(todo):
            await trial.progressed(CALM_FROM * (number + trial.rng.random()) / len(todo))
            await deed(trial, argument)
        done = Counter(deed.__name__ for deed, _ in todo)
        return (
            f"{done['_kill'] + done['_jump']} kill -9, "
            f"{done['_take_over']} owners frozen beyond their lease, "
            f"{done['_restart_broker']} broker restarts, clock jumps by {self._jumps()}"
        )

    def _jumps(self) -> str:
        """How far, in hours."""
        return ", ".join(f"{seconds / 3_600:+,.0f} h" for seconds in JUMPS_S[: self.jumps])

    @staticmethod
    async def _kill(trial: Trial, _: int) -> None:
        owner = owner_of(trial)
        if owner is not None:
            owner.signal(signal.SIGKILL)

    @staticmethod
    async def _take_over(trial: Trial, _: int) -> None:
        owner = owner_of(trial)
        if owner is not None:
            owner.signal(signal.SIGSTOP)
            await asyncio.sleep(LEASE_S * trial.rng.uniform(1.2, 2.0))
            owner.signal(signal.SIGCONT)

    @staticmethod
    async def _restart_broker(trial: Trial, _: int) -> None:
        await trial.broker.stop()
        await asyncio.sleep(trial.rng.uniform(0.0, 1.0))
        await trial.broker.start()

    async def _jump(self, trial: Trial, seconds: int) -> None:
        self._shift(trial, seconds)
        await asyncio.sleep(JUMP_LASTS_S / 2)
        await self._kill(trial, 0)
        await asyncio.sleep(JUMP_LASTS_S)
        self._shift(trial, 0)

    def _shift(self, trial: Trial, seconds: int) -> None:
        self.jump_file.write_text(str(seconds))
        for worker in trial.all_workers:
            worker.signal(signal.SIGUSR1)
