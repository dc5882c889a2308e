"""What a drill is: its sizes, what runs it, and what it needs of the machine."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass

from benchmarks.drills.trial import Row


@dataclass(frozen=True, slots=True)
class Size:
    """How many events, and how many faults or seconds of one."""

    events: int
    faults: int

    def per_second(self, fault_s: float) -> float:
        """How fast to publish, so that events come all the while that faults last, each so many seconds."""
        return self.events / (self.faults * fault_s)


Run = Callable[[Size, int, Sequence[str]], Coroutine[object, object, Row]]


@dataclass(frozen=True, slots=True)
class Drill:
    """A drill.

    Attributes
    ----------
    small, full
        Its size for every night, and for every release.
    run
        Runs it with a size, a seed and the workers' command.
    needs
        Programs without which it cannot run, beside mosquitto.
    quick
        Its size for every change, where the small one takes longer than a change should wait.
    """

    small: Size
    full: Size
    run: Run
    needs: Sequence[str] = ()
    quick: Size | None = None
