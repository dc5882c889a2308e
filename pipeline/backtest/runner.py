"""Backtests in a child process, so that their memory ends with it."""

import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

import structlog
from pydantic import Field, ValidationError

from pipeline.settings.sections import BacktestSettings
from pipeline.suggestions.assembly import Offer
from schemas.automations import Automation
from schemas.home import Home
from schemas.patterns import Pattern
from schemas.payload import Probability, Schema
from schemas.suggestions import Trial

log = structlog.get_logger(__name__)

TIMEOUT_S = 300.0
BENCH = ("-P", "-m", "pipeline.backtest.backtest_worker")
LONGEST_REASON = 500
# What the process is given of this one's environment, where Home Assistant's token and the broker's password
# stand: what Python is found and run with, and what the store's database is reached and written with.
ENVIRONMENT = frozenset(
    {
        "HOME",
        "LANG",
        "LANGUAGE",
        "LC_ALL",
        "LC_CTYPE",
        "LD_LIBRARY_PATH",
        "PATH",
        "PYTHONHOME",
        "PYTHONPATH",
        "PYTHONTZPATH",
        "SQLITE_TMPDIR",
        "TMPDIR",
        "TZ",
    }
)
# What PostgreSQL's own library reads: a password file, certificates.
DATABASE_PREFIX = "PG"


class BacktestError(Exception):
    """A backtest failed: its process crashed, or took too long."""


class BacktestRequest(Schema):
    """Request for the backtest of one automation for its pattern; `id` names its trial."""

    id: str
    pattern: Pattern
    automation: Automation


class Job(Schema):
    """Input of the backtest process.

    Without a `minimum_confidence` nothing is proposed. After `timeout_s` it ends itself, if nobody else does.
    """

    store_url: str
    home: Home
    retain_days: int
    timeout_s: float
    minimum_confidence: Probability | None = None
    attempts: tuple[BacktestRequest, ...] = ()


class BacktestResult(Schema):
    """Output of the backtest process.

    Attributes
    ----------
    patterns
        The ids of the active patterns, and whether an automation is what each follows from.
    offers
        The best automation of each pattern that has one, the best first.
    trials
        What each attempt would have done, by its id.
    """

    patterns: dict[str, bool] = Field(default_factory=dict)
    offers: tuple[Offer, ...] = ()
    trials: dict[str, Trial] = Field(default_factory=dict)


class BacktestRunner:
    """Runs backtests on the days that the store keeps, one job at a time.

    The process reads the store by itself and gets no settings, and of the environment what `ENVIRONMENT`
    names: what it is told and what it answers is JSON on its standard input and output. So this process
    imports neither Polars nor the past, and that one knows no secret but the store's.

    Parameters
    ----------
    settings, home
        Where the store is, how many days count, and where the home is.
    timeout_s
        After which the process is ended.
    """

    def __init__(self, settings: BacktestSettings, home: Home, *, timeout_s: float = TIMEOUT_S) -> None:
        self._settings = settings
        self._home = home
        self._timeout_s = timeout_s
        self._vacant = asyncio.Lock()

    async def examine(
        self, minimum_confidence: float, attempts: Sequence[BacktestRequest] = ()
    ) -> BacktestResult:
        """Find the best automation of each active pattern, and try those that stand again.

        Raises
        ------
        BacktestError
            The process crashed, or took too long.
        """
        return await self._do(minimum_confidence=minimum_confidence, attempts=tuple(attempts))

    async def try_out(self, pattern: Pattern, automation: Automation) -> Trial:
        """Try one automation.

        Raises
        ------
        BacktestError
            The process crashed, or took too long.
        """
        attempt = BacktestRequest(id=pattern.id, pattern=pattern, automation=automation)
        return (await self._do(attempts=(attempt,))).trials[attempt.id]

    async def _do(
        self, *, attempts: tuple[BacktestRequest, ...], minimum_confidence: float | None = None
    ) -> BacktestResult:
        job = Job(
            store_url=self._settings.store_url,
            home=self._home,
            retain_days=self._settings.retain_days,
            timeout_s=self._timeout_s,
            minimum_confidence=minimum_confidence,
            attempts=attempts,
        )
        async with self._vacant:
            answer = await self._run(job.exact().encode())
        try:
            return BacktestResult.model_validate_json(answer)
        except ValidationError as error:
            raise BacktestError(f"expected a result, got {answer[:80]!r}") from error

    async def _run(self, job: bytes) -> bytes:
        """Give a process its job, and return what it answers."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, *BENCH, stdin=pipe, stdout=pipe, stderr=pipe, env=_environment()
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                answer, said = await process.communicate(job)
        except TimeoutError as error:
            raise BacktestError(f"expected an answer within {self._timeout_s:g} s, got none") from error
        finally:
            await _end(process)
        if process.returncode:
            last = said.decode(errors="replace").strip().rpartition("\n")[2]
            raise BacktestError(f"expected it to end well, got {process.returncode}: {last[:LONGEST_REASON]}")
        return answer


def _environment() -> dict[str, str]:
    given = {
        name: value
        for name, value in os.environ.items()
        if name in ENVIRONMENT or name.startswith(DATABASE_PREFIX)
    }
    # A thread a core would take more memory, and the time of those who live beside it.
    return given | {"POLARS_MAX_THREADS": "1"}


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
