"""What is seen of the workers while they run: memory, open files, and a journal that stands still."""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from statistics import linear_regression, median

import psutil

from benchmarks.drills.trial import Trial
from benchmarks.drills.workers import owner_of
from benchmarks.processes import HTTP_OK
from benchmarks.soak.faults import CALM_FROM

# The longest without a commit while messages wait: a lease that runs out, a start, and the reading of a year,
# each some seconds on a machine that does other things too.
STILL_S = 90.0
# What is just under way does not wait.
UNDER_WAY = 1_000
FEWEST_SAMPLES = 10
# As `LearningCore` keeps by default.
RETAINED_DAYS = 90
# In a soak of fewer days the calm part ends before the owner holds so many.
SHORT_DAYS = 240


@dataclass(frozen=True, slots=True)
class Sample:
    """The owner at one moment, after a share of all events."""

    share: float
    pid: int
    pss_mb: float
    descriptors: int


@dataclass
class Watch:
    """Looks at the owner once a second.

    Parameters
    ----------
    trial
        What is watched.
    """

    trial: Trial
    samples: list[Sample] = field(default_factory=list)
    longest_still_s: float = 0.0

    async def run(self) -> None:
        """Look until cancelled."""
        place, since_s, is_told = -1, time.monotonic(), False
        while True:
            await asyncio.sleep(1.0)
            now = self.trial.last_place()
            if now != place or not self._waits(now):
                place, since_s, is_told = now, time.monotonic(), False
            still_s = time.monotonic() - since_s
            self.longest_still_s = max(self.longest_still_s, still_s)
            if still_s > STILL_S and not is_told:
                is_told = True
                await self._tell(now, still_s)
            self._take(now)

    @property
    def peak_mb(self) -> float:
        """The most memory an owner took."""
        return max((sample.pss_mb for sample in self.samples), default=0.0)

    def slope_mb(self, days: int) -> float:
        """Return the megabytes that a month adds to the memory of the owner in the calm part.

        The owner lives through all of that part. It is measured from when on it holds `RETAINED_DAYS` days:
        before, each day that comes adds to those that it holds, and none leaves.
        """
        full = CALM_FROM + (RETAINED_DAYS / days if days > SHORT_DAYS else 0.05)
        calm = [sample for sample in self.samples if full < sample.share < 1.0]
        if len(calm) < FEWEST_SAMPLES:
            return 0.0
        months = [sample.share * days / 30 for sample in calm]
        return linear_regression(months, [sample.pss_mb for sample in calm]).slope

    def descriptors(self) -> tuple[int, int]:
        """The median number of open files in the first and the last quarter."""
        counts = [sample.descriptors for sample in self.samples] or [0]
        quarter = max(1, len(counts) // 4)
        return int(median(counts[:quarter])), int(median(counts[-quarter:]))

    def _waits(self, place: int) -> bool:
        """Whether the broker has acknowledged more than the journal holds."""
        load = self.trial.load
        events = self.trial.publisher.acknowledged * len(load.events) / len(load.messages)
        return events - place > UNDER_WAY

    async def _tell(self, place: int, still_s: float) -> None:
        healths = [await worker.status("/health") for worker in self.trial.all_workers]
        said = "said ok" if HTTP_OK in healths else f"said {healths}"
        at = f"{place:,} of {len(self.trial.load.events):,}"
        self.trial.problems.append(f"the journal stood still at {at} for {still_s:.0f} s, health {said}")

    def _take(self, place: int) -> None:
        owner = owner_of(self.trial)
        if owner is None or owner.pid is None:
            return
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(owner.pid)
            pss_mb = process.memory_full_info().pss / 2**20
            share = place / len(self.trial.load.events)
            self.samples.append(Sample(share, owner.pid, pss_mb, process.num_fds()))
