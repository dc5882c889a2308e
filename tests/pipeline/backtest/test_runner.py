import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from signal import SIGALRM, SIGKILL

import numpy as np
import psutil
import pytest

from pipeline.backtest.backtest import backtest
from pipeline.backtest.past import Past
from pipeline.backtest.runner import (
    BENCH,
    ENVIRONMENT,
    BacktestError,
    BacktestRequest,
    BacktestResult,
    BacktestRunner,
    Job,
)
from pipeline.core.core import LearningCore
from pipeline.core.local_days import LocalDays
from pipeline.history.kept_days import KeptDays
from pipeline.settings import Settings
from schemas.automations import TimeTrigger
from schemas.events import Gap, StateChange
from schemas.home import Home
from schemas.patterns import Pattern
from sinks.store import SqlStore
from tests.fixtures.offers import automation, pattern

FIRST = date(2026, 10, 1)
DAYS = 30
LAMP, SENSOR = "light.hall", "sensor.hall_temperature"
TIMEOUT_S = 30.0

PARENT = """
import asyncio, sys
from importlib import import_module
from pipeline.cli import run
from pipeline.backtest.runner import BacktestRunner
from pipeline.settings import Settings
from schemas.home import Home
for name in ("answer.answerer", "review.reviewer", "show.discovery_publisher", "suggest.suggester"):
    import_module(f"pipeline.{name}")
result = asyncio.run(BacktestRunner(Settings(_env_file=None), Home(tz="Europe/Berlin")).examine(0.5))
print(len(result.offers), sorted(name for name in ("polars", "alembic") if name in sys.modules))
"""


def changes(home: Home) -> list[StateChange]:
    """Thirty days: somebody switches the lamp on at about seven, off in the evening; it gets warmer."""
    found = []
    days = LocalDays(home.zone)
    for number in range(DAYS):
        start_us = days.on(FIRST + timedelta(days=number)).start_ms * 1000
        for minute, old, new in ((420 + number % 5, "off", "on"), (1320 - number % 7, "on", "off")):
            at_us = start_us + minute * 60_000_000
            context = f"{number}-{new}"
            attributes = (("brightness", 120.0),) if new == "on" else ()
            found.append(StateChange(at_us, LAMP, old, new, context, None, "ada", attributes))
        found += [
            StateChange(start_us + hour * 3_600_000_000, SENSOR, "", f"{18 + hour / 10}")
            for hour in range(24)
        ]
    return sorted(found)


def habit() -> Pattern:
    """The lamp at seven."""
    made = pattern(LAMP, 422.0)
    return made.model_copy(
        update={
            "first_seen": datetime(2026, 10, 1, 5, tzinfo=UTC),
            "last_seen": datetime(2026, 10, 30, 6, tzinfo=UTC),
        }
    )


@pytest.fixture
def lived(store: SqlStore, home: Home) -> LearningCore:
    """A core that has lived through the thirty days, whose store holds them as the learner leaves it."""
    core = LearningCore(home, ())
    gap_us = LocalDays(home.zone).on(FIRST + timedelta(days=9)).start_ms * 1000
    gap = Gap(gap_us + 6 * 3_600_000_000, gap_us + 8 * 3_600_000_000, "away")
    core.note_gap(gap)
    for change in changes(home):
        core.learn_one(change)
    core.watermark_ms = core.days.on(FIRST + timedelta(days=DAYS)).start_ms
    with store.begin() as transaction:
        transaction.note_gaps([gap])
        transaction.journal([(change.key, change) for change in changes(home)], 0)
        transaction.save_patterns([habit()], 0)
        for closed in core.close_due():
            packed = closed.events.pack()
            transaction.save_day(
                closed.day.date, packed, events=len(closed.events), sealed=True, at_us=0, applied_seq=0
            )
        today = FIRST + timedelta(days=DAYS)
        transaction.save_day(today, packed, events=1, sealed=False, at_us=0, applied_seq=0)
    return core


def test_the_past_is_what_the_learner_saw(store: SqlStore, home: Home, lived: LearningCore) -> None:
    """Days, gaps and sensors' steps are read back as the learning core made them; today is not over."""
    was, found = lived.history(), KeptDays(store).history(home, retain_days=90)
    assert [day.date for day in found.days] == [day.date for day in was.days]
    assert len(found.days) == DAYS
    for one, other in zip(found.days, was.days, strict=True):
        assert (one.types, one.gaps_ms, one.sunrise) == (other.types, other.gaps_ms, other.sunrise)
        for name in ("at_ms", "minutes", "type_ids", "causes", "derived"):
            assert np.array_equal(getattr(one, name), getattr(other, name))
    assert sum(bool(day.gaps_ms) for day in found.days) == 1
    assert list(found.steps) == list(was.steps) == [SENSOR]
    assert np.array_equal(found.steps[SENSOR].mean, was.steps[SENSOR].mean)


@pytest.mark.usefixtures("lived")
def test_days_that_are_not_judged_any_more_are_not_read(store: SqlStore, home: Home) -> None:
    """Of the kept days the last ones count, as many as are judged."""
    found = KeptDays(store).history(home, retain_days=7)
    assert [day.date for day in found.days] == [FIRST + timedelta(days=day) for day in range(23, 30)]


async def test_what_people_do_is_found_and_tried(settings: Settings, home: Home, lived: LearningCore) -> None:
    """The lamp at seven is offered, with what it would have done; what stands is tried again as it stands."""
    runner = BacktestRunner(settings, home)
    attempt = BacktestRequest(id="mine", pattern=habit(), automation=automation(LAMP, 300))
    found = await runner.examine(0.5, [attempt])
    assert found.patterns == {habit().id: False}
    (offer,) = found.offers
    assert offer.pattern == habit()
    assert isinstance(offer.automation.trigger, TimeTrigger)
    assert abs(offer.automation.trigger.minute - 422) <= 5
    assert offer.automation.actions[0].data == {"brightness": 120.0}
    assert offer.trial.wanted >= 28
    history = lived.history()
    past = Past.of(history.days, history.steps, home)
    assert offer.trial == backtest(offer.automation, past, habit())
    assert found.trials == {"mine": backtest(attempt.automation, past, habit())}
    assert await runner.try_out(habit(), offer.automation) == offer.trial


async def test_nothing_was_lived_yet(settings: Settings, home: Home, store: SqlStore) -> None:
    """Without days nothing is found and a trial has none; the active patterns are told all the same."""
    runner = BacktestRunner(settings, home)
    assert await runner.examine(0.5) == BacktestResult()
    with store.begin() as transaction:
        transaction.save_patterns([habit()], 0)
    assert await runner.examine(0.5) == BacktestResult(patterns={habit().id: False})
    assert (await runner.try_out(habit(), automation())).days == 0


@pytest.mark.usefixtures("lived")
def test_this_process_does_not_import_what_it_takes(settings: Settings) -> None:
    """With every consumer imported and the past examined, Polars is not in the process that stays."""
    said = subprocess.run(
        [sys.executable, "-c", PARENT],
        cwd=settings.database_path.parent,
        env={"HA_AI_DATABASE_PATH": str(settings.database_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert said.stdout.strip() == "1 []"


@pytest.mark.usefixtures("lived")
async def test_the_process_gets_no_secret(
    settings: Settings, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of this process's environment it has what Python and the database need, and nothing else."""
    secrets = ("HA_AI_MQTT_PASSWORD", "HA_AI_HOME_ASSISTANT_TOKEN", "SUPERVISOR_TOKEN")
    for name in secrets:
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("PGPASSFILE", "where-it-stands")
    job = asyncio.create_task(BacktestRunner(settings, home).examine(0.5))
    await until(lambda: bool(benches()))
    given = benches()[0].environ()
    assert len((await job).offers) == 1
    assert not given.keys() & set(secrets)
    assert (given["PGPASSFILE"], given["POLARS_MAX_THREADS"]) == ("where-it-stands", "1")
    assert given.keys() <= ENVIRONMENT | {"PGPASSFILE", "POLARS_MAX_THREADS"}


async def test_a_store_that_cannot_be_read_is_an_error(settings: Settings, home: Home) -> None:
    """The process ends with what the store said, and so does the job."""
    settings.database_path.write_text("hello" * 1000)
    with pytest.raises(BacktestError, match=r"got 1: .*whole SQLite file"):
        await BacktestRunner(settings, home).examine(0.5)


@pytest.mark.usefixtures("lived")
async def test_a_process_that_takes_too_long_is_ended(settings: Settings, home: Home) -> None:
    """After its time the process is killed, and none is left."""
    with pytest.raises(BacktestError, match=r"expected an answer within 0.05 s, got none"):
        await BacktestRunner(settings, home, timeout_s=0.05).examine(0.5)
    assert benches() == []


@pytest.mark.usefixtures("lived")
async def test_a_process_that_is_killed_is_an_error(settings: Settings, home: Home) -> None:
    """Out of memory, it is killed: the job fails, the next one does not."""
    runner = BacktestRunner(settings, home)
    job = asyncio.create_task(runner.examine(0.5))
    await until(lambda: bool(benches()))
    benches()[0].send_signal(SIGKILL)
    with pytest.raises(BacktestError, match=r"got -9"):
        await job
    assert len((await runner.examine(0.5)).offers) == 1


@pytest.mark.usefixtures("lived")
async def test_a_job_that_is_not_wanted_any_more_is_ended(settings: Settings, home: Home) -> None:
    """Cancelled, the job takes its process with it."""
    job = asyncio.create_task(BacktestRunner(settings, home).examine(0.5))
    await until(lambda: bool(benches()))
    job.cancel()
    await asyncio.gather(job, return_exceptions=True)
    assert benches() == []


@pytest.mark.usefixtures("lived")
async def test_jobs_wait_for_each_other(settings: Settings, home: Home) -> None:
    """Three at once are done one after the other: memory is one job's."""
    runner = BacktestRunner(settings, home)
    most = 0
    async with counting() as count:
        await asyncio.gather(*(runner.try_out(habit(), automation(LAMP)) for _ in range(3)))
        most = count()
    assert most == 1


def test_the_process_ends_itself(settings: Settings, home: Home) -> None:
    """With nobody left to end it, the process is over when its time is."""
    job = Job(store_url=settings.store_url, home=home, retain_days=90, timeout_s=0.001)
    ended = subprocess.run(
        [sys.executable, *BENCH], input=job.model_dump_json().encode(), timeout=TIMEOUT_S, check=False
    )
    assert ended.returncode == -SIGALRM


def test_the_answer_is_all_that_is_said(settings: Settings, home: Home, lived: LearningCore) -> None:
    """Standard output holds one JSON object, whatever is logged or warned meanwhile."""
    assert lived.gaps
    job = Job(store_url=settings.store_url, home=home, retain_days=90, timeout_s=TIMEOUT_S)
    said = subprocess.run(
        [sys.executable, *BENCH],
        input=job.model_dump_json().encode(),
        stdout=subprocess.PIPE,
        timeout=TIMEOUT_S,
        check=True,
    )
    assert json.loads(said.stdout) == {"patterns": {}, "offers": [], "trials": {}}


def benches() -> list[psutil.Process]:
    """The processes of ours that try something."""
    return [
        child
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE and BENCH[-1] in " ".join(child.cmdline())
    ]


@asynccontextmanager
async def counting() -> AsyncIterator[Callable[[], int]]:
    """How many processes there were at most at any time."""
    counts = [0]

    async def count() -> None:
        while True:
            counts.append(len(benches()))
            await asyncio.sleep(0.1)

    task = asyncio.create_task(count())
    yield lambda: max(counts)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(TIMEOUT_S):
        while not is_so():  # noqa: ASYNC110 what is waited for tells nobody
            await asyncio.sleep(0.01)
