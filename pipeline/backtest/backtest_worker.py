"""Child process of the backtests: reads a job and the store, writes the result, and ends."""

import gc
import os
import signal
import sys
from collections.abc import Iterator

from pipeline.automations.typical import UsualValues
from pipeline.backtest.backtest import backtest
from pipeline.backtest.past import Past
from pipeline.backtest.proposing import propose
from pipeline.backtest.runner import BacktestRequest, BacktestResult, Job
from pipeline.history.kept_days import KeptDays
from pipeline.runtime.heap import use_one_arena
from pipeline.suggestions.assembly import Offer
from schemas.events import StateChange
from schemas.patterns import Pattern
from schemas.suggestions import Trial
from sinks.store import SqlStore

# Who lives beside it comes first.
NICE = 10


def main() -> None:
    """Run the job read from standard input, and write its result to standard output as JSON."""
    use_one_arena()
    # What is made here is kept until the end: looking for what could be freed costs more than the trial.
    gc.disable()
    os.nice(NICE)
    # Whatever logs or warns must not mix with the answer.
    answer, sys.stdout = sys.stdout, sys.stderr
    job = Job.model_validate_json(sys.stdin.buffer.read())
    signal.setitimer(signal.ITIMER_REAL, job.timeout_s)
    answer.write(work(job).exact())
    answer.flush()


def work(job: Job) -> BacktestResult:
    """Run a job on the store that it names, and return its result."""
    store = SqlStore(job.store_url, home=job.home.id)
    try:
        history = KeptDays(store).history(job.home, retain_days=job.retain_days)
        past = Past.of(history.days, history.steps, history.home)
        trials = dict(_tried(job.attempts, past))
        if job.minimum_confidence is None:
            return BacktestResult(trials=trials)
        patterns = store.patterns(status="active")
        return BacktestResult(
            patterns={pattern.id: pattern.detail.automated for pattern in patterns},
            offers=_offers(store, past, patterns, job.minimum_confidence) if history.days else (),
            trials=trials,
        )
    finally:
        store.close()


def _tried(attempts: tuple[BacktestRequest, ...], past: Past) -> Iterator[tuple[str, Trial]]:
    for attempt in attempts:
        yield attempt.id, backtest(attempt.automation, past, attempt.pattern)


def _offers(
    store: SqlStore, past: Past, patterns: list[Pattern], minimum_confidence: float
) -> tuple[Offer, ...]:
    """Return the best automation of each pattern that has one."""
    usual = UsualValues.of(_changes(store))
    return tuple(propose(past, patterns, usual, minimum_confidence=minimum_confidence))


def _changes(store: SqlStore) -> Iterator[StateChange]:
    """Yield the changes in the journal that carry attributes."""
    for _, entry in store.journal_after():
        if isinstance(entry, StateChange) and entry.attributes:
            yield entry


if __name__ == "__main__":
    main()
