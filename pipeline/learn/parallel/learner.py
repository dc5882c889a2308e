"""Learning a log with several workers: the same, to the byte, as with one."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import islice

from detectors.contract import Detector
from pipeline.core.core import LearningCore
from pipeline.core.day_shard import restore, share_of
from pipeline.core.local_days import LATENESS_HOURS, Watermark
from pipeline.ingest.logs import LogEntry, LogReader
from pipeline.ingest.messages import Decoded, Message, PoisonError
from pipeline.learn.log_learner import Counts
from pipeline.learn.parallel.worker import Poison, Task, Total, Worker
from schemas.events import ServiceCall, StateChange
from schemas.home import Home

BLOCK_ENTRIES = 2_000
ENTITY_CAP = 5_000


class TooManyEntitiesError(Exception):
    """A log with more entities than are known at once: which of them leave depends on its order."""


class ParallelLearner:
    """Learns a log with workers that decode its lines and count its entries.

    What depends on the log's order is done here, in that order: what counts, what comes too late, the times
    of service calls. Decoding needs no order, and counting none either once duplicates meet: all entries of
    an entity are one worker's. In the end the parts are joined, closed and judged here.

    Reading and order cost this process about half of what learning alone costs: more than two workers save
    little time.

    Parameters
    ----------
    home
        Place and rooms.
    detectors
        The registry's detectors.
    workers
        Processes beside this one.
    """

    def __init__(self, home: Home, detectors: Sequence[Detector], *, workers: int) -> None:
        if workers < 1:
            raise ValueError(f"expected at least one worker, got {workers}")
        self.core = LearningCore(home, detectors, entity_cap=ENTITY_CAP, lateness_hours=LATENESS_HOURS)
        self.counts = Counts()
        self.reader = LogReader()
        self._workers = workers
        self._watermark = Watermark(self.core.days)
        self._shares: list[list[StateChange | ServiceCall]] = [[] for _ in range(workers)]
        self._entities: set[str] = set()
        self._latest_us = 0

    def learn(self, log: Iterable[LogEntry]) -> None:
        """Learn the whole log, and judge.

        Raises
        ------
        TooManyEntitiesError
            There are more than `ENTITY_CAP`.
        WorkerError
            A worker ended before its work did.
        """
        with ExitStack() as stack:
            tz, count = self.core.home.tz, self._workers
            workers = [stack.enter_context(closing(Worker(tz))) for _ in range(count)]
            self._read(log, workers)
            totals = [worker.total() for worker in workers]
        self._close(totals)
        for _ in self.core.judge():
            pass

    def _read(self, log: Iterable[LogEntry], workers: Sequence[Worker]) -> None:
        """Let each worker in turn decode a block; take up the answers in the order of the log."""
        under_way: deque[tuple[int, list[LogEntry]]] = deque()
        for number, block in enumerate(_blocks(log)):
            if len(under_way) == len(workers):
                self._take_up(workers, *under_way.popleft())
            place = number % len(workers)
            self._ask(workers[place], place, [_payload(entry) for entry in block])
            under_way.append((place, block))
        while under_way:
            self._take_up(workers, *under_way.popleft())
        for place, worker in enumerate(workers):
            self._ask(worker, place, [])
            worker.answer()

    def _ask(self, worker: Worker, place: int, payloads: Sequence[bytes | None]) -> None:
        entries, self._shares[place] = self._shares[place], []
        worker.ask(Task([each for each in payloads if each is not None], entries, self._watermark.sealed_ms))

    def _take_up(self, workers: Sequence[Worker], place: int, block: Sequence[LogEntry]) -> None:
        decoded = iter(workers[place].answer())
        for entry in block:
            content = entry.content
            item = next(decoded) if isinstance(content, bytes | Message) else content
            if isinstance(item, Poison | PoisonError):
                self.reader.poison += 1
                continue
            admitted = self.reader.admit(self._timed(item), entry.arrival_us)
            if admitted is not None:
                self._share(admitted)

    def _timed(self, item: Decoded | None) -> Decoded | None:
        """Put the time of the change before it into a call, which a worker cannot know."""
        if isinstance(item, StateChange):
            self._latest_us = item.at_us
        elif isinstance(item, ServiceCall):
            return item._replace(at_us=self._latest_us) if self._latest_us else None
        return item

    def _share(self, entry: StateChange | ServiceCall) -> None:
        """Put an entry aside for the worker that counts it, unless it is too late."""
        at_ms = entry.at_us // 1000
        if self._watermark.is_sealed(at_ms):
            self.counts.too_late += isinstance(entry, StateChange)
            return
        if isinstance(entry, ServiceCall):
            # Calls are a set: any worker may count them.
            self._shares[0].append(entry)
            return
        self._watermark.advance(at_ms)
        if not entry.mark:
            self._know(entry.entity_id)
        self._shares[share_of(entry.entity_id, self._workers)].append(entry)

    def _know(self, entity_id: str) -> None:
        self._entities.add(entity_id)
        if len(self._entities) > ENTITY_CAP:
            raise TooManyEntitiesError(
                f"expected at most {ENTITY_CAP:,} entities for several workers, got more: "
                "which of them are known then depends on the order of the log, which one process keeps"
            )

    def _close(self, totals: Sequence[Total]) -> None:
        """Join the workers' parts of each day, and close it if it is over."""
        self.counts.learned = sum(total.learned for total in totals)
        self.counts.duplicates = sum(total.duplicates for total in totals)
        self._watermark.end()
        self.core.watermark_ms = self._watermark.watermark_ms
        self.counts.days = restore(self.core, [total.days for total in totals])


def _blocks(log: Iterable[LogEntry]) -> Iterator[list[LogEntry]]:
    entries = iter(log)
    while block := list(islice(entries, BLOCK_ENTRIES)):
        yield block


def _payload(entry: LogEntry) -> bytes | None:
    """Return the payload of an entry that is still to be decoded, if there is one."""
    content = entry.content
    if isinstance(content, Message):
        return content.payload
    return content if isinstance(content, bytes) else None
