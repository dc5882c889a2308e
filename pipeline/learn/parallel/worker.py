"""One of the processes: decodes lines of a log and counts a share of its entries."""

import signal
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pipeline.core.day_shard import DayShard, Packed
from pipeline.core.local_days import LocalDays
from pipeline.ingest.eventstream import EventstreamDecoder
from pipeline.ingest.messages import Decoded, PoisonError
from schemas.events import ServiceCall, StateChange

# Any time but none: the learner, which sees the whole log, puts the right one into every call.
SOME_TIME_US = 1
END_TIMEOUT_S = 10.0


class Poison(NamedTuple):
    """A payload that could not be decoded."""


class Task(NamedTuple):
    """Payloads to decode, entries to count, and up to when days are sealed after these."""

    payloads: list[bytes]
    entries: list[StateChange | ServiceCall]
    sealed_ms: int


class Total(NamedTuple):
    """Totals that a worker has counted in the end."""

    learned: int
    duplicates: int
    days: Packed


class WorkerError(Exception):
    """A worker that ended before its work did."""


class Worker:
    """A process that answers one task at a time."""

    def __init__(self, zone: str) -> None:
        # Not forked: a copy of a process with threads may find their locks held for ever.
        context = get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=work, args=(other, zone), daemon=True)
        self._process.start()
        other.close()

    def ask(self, task: Task) -> None:
        """Give it a task; the one before must have been answered."""
        self._send(task)

    def answer(self) -> list[Decoded | Poison | None]:
        """Return what the payloads of the task say, in their order."""
        answer: list[Decoded | Poison | None] = self._receive()
        return answer

    def total(self) -> Total:
        """Everything that it has counted; it has nothing to do after this."""
        self._send(None)
        total: Total = self._receive()
        return total

    def close(self) -> None:
        """End the process, whatever it does."""
        self._pipe.close()
        self._process.terminate()
        self._process.join(END_TIMEOUT_S)

    def _send(self, task: Task | None) -> None:
        try:
            self._pipe.send(task)
        except OSError as error:
            raise self._gone() from error

    def _receive(self) -> Any:
        try:
            return self._pipe.recv()
        except (EOFError, OSError) as error:
            raise self._gone() from error

    def _gone(self) -> WorkerError:
        self._process.join(END_TIMEOUT_S)
        return WorkerError(f"expected a worker to go on, it ended with {self._process.exitcode}")


def work(pipe: Connection, zone: str) -> None:
    """Answer tasks until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    partial = DayShard(LocalDays(ZoneInfo(zone)))
    decoder = EventstreamDecoder(latest_us=SOME_TIME_US)
    try:
        while (task := pipe.recv()) is not None:
            for entry in task.entries:
                partial.add(entry)
            partial.seal(task.sealed_ms)
            pipe.send([_decode(decoder, payload) for payload in task.payloads])
        pipe.send(Total(partial.learned, partial.duplicates, partial.pack()))
    except (EOFError, BrokenPipeError):
        return


def _decode(decoder: EventstreamDecoder, payload: bytes) -> Decoded | Poison | None:
    try:
        return decoder.decode(payload)
    except PoisonError:
        return Poison()
