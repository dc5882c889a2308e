import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from pipeline.cli.run import CHILD
from pipeline.health import Health
from pipeline.runtime import child_process as child
from schemas.topics import Role

TIMEOUT_S = 20.0
OBEDIENT = "import signal; signal.pause()"
STUBBORN = """
import signal
from pathlib import Path
signal.signal(signal.SIGTERM, signal.SIG_IGN)
Path("stubborn").touch()
while True:
    signal.pause()
"""
# A parent that starts a child as the product does, and the child itself.
PARENT = """
import subprocess, sys, os, signal
code = "import os, sys, signal\\n"
code += "from pipeline.runtime.child_process import end_with; end_with(int(sys.argv[1])); "
code += "print(os.getpid(), flush=True); signal.pause()"
subprocess.Popen([sys.executable, "-c", code, str(os.getpid())])
signal.pause()
"""


@asynccontextmanager
async def kept(program: str) -> AsyncIterator[tuple[list[EventDict], asyncio.Task[None]]]:
    """The deployer is kept running; what is logged meanwhile, and the task that keeps it."""
    with capture_logs() as logs:
        task = asyncio.create_task(child.keep_running(Role.DEPLOY, ("-c", program), Health()))
        yield logs, task
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(TIMEOUT_S):
        while not is_so():  # noqa: ASYNC110 what is waited for tells nobody
            await asyncio.sleep(0.01)


def begun(logs: list[EventDict]) -> list[int]:
    """The processes that were started."""
    return [line["pid"] for line in logs if line["event"] == "consumer runs in a process of its own"]


async def test_it_is_told_whose_it_is_and_what_to_run(tmp_path: Path) -> None:
    """The process hears who started it, and which consumer it is."""
    program = "import sys; from pathlib import Path; Path('said').write_text(' '.join(sys.argv[1:]))"
    async with kept(program):
        await until(lambda: (tmp_path / "said").exists() and bool((tmp_path / "said").read_text()))
    assert (tmp_path / "said").read_text() == f"{os.getpid()} deploy"


async def test_one_that_ends_is_started_again_ever_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that fails at once is started again, each time after twice as long, up to a bound."""
    monkeypatch.setattr(child, "AGAIN_S", 0.01)
    monkeypatch.setattr(child, "AGAIN_AT_MOST_S", 0.04)
    program = "raise SystemExit(2)"
    async with kept(program) as (logs, _):
        await until(lambda: len(begun(logs)) > 4)
    ended = [line for line in logs if line["event"] == "consumer ended, to be started again"]
    assert [line["in_s"] for line in ended][:4] == [0.01, 0.02, 0.04, 0.04]
    assert {line["code"] for line in ended} == {2}


async def test_one_that_did_run_is_started_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was killed long after its start does not wait for the faults of those before."""
    monkeypatch.setattr(child, "AGAIN_S", 0.01)
    monkeypatch.setattr(child, "STARTED_S", 0.0)
    program = "raise SystemExit(2)"
    async with kept(program) as (logs, _):
        await until(lambda: len(begun(logs)) > 3)
    ended = [line for line in logs if line["event"] == "consumer ended, to be started again"]
    assert {line["in_s"] for line in ended} == {0.01}


async def test_it_ends_with_who_keeps_it() -> None:
    """Cancelled, the process is asked to end, and has."""
    program = OBEDIENT
    async with kept(program) as (logs, task):
        await until(lambda: bool(begun(logs)))
        process = psutil.Process(begun(logs)[0])
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert not process.is_running()


async def test_one_that_will_not_end_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One that ignores being asked is killed after its grace."""
    monkeypatch.setattr(child, "GRACE_S", 0.05)
    program = STUBBORN
    async with kept(program) as (logs, task):
        await until((tmp_path / "stubborn").exists)
        process = psutil.Process(begun(logs)[0])
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert not process.is_running()


@pytest.mark.skipif(sys.platform != "linux", reason="not applicable: only Linux tells a child")
def test_it_ends_when_its_parent_is_killed() -> None:
    """Killed without a chance to end its child, the parent takes it along all the same."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        left = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
        parent.wait(TIMEOUT_S)
        left.wait(TIMEOUT_S)


def test_one_whose_parent_is_gone_does_not_begin() -> None:
    """A parent that was killed while its child started is noticed before anything is read."""
    begin = [sys.executable, *CHILD, "1", "deploy"]
    ended = subprocess.run(begin, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert ended.returncode == 1
    assert "the process that started this one has ended" in ended.stderr


def test_the_deployer_does_without_what_others_need(tmp_path: Path) -> None:
    """Its process, made as far as it goes without a token, imports nothing of what takes 30 MB and more."""
    begin = [
        sys.executable,
        "-X",
        "importtime",
        "-c",
        "from pipeline.cli import main; main(['run', 'deploy'])",
    ]
    environment = {**os.environ, "HA_AI_DATABASE_PATH": str(tmp_path / "ha-ai.db")}
    ended = subprocess.run(
        begin, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env=environment, cwd=tmp_path
    )
    assert "HA_AI_DEPLOYER_TOKEN_FILE" in ended.stderr
    imported = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()}
    assert "pipeline.deploy.deployer" in imported
    assert imported & {"numpy", "polars", "river", "rich.segment"} == set()
