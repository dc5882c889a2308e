"""A consumer in a process of its own: what it may read, this process need not."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

import structlog

from pipeline.health import Health, State
from pipeline.timing.clock import monotonic_s
from pipeline.timing.waiting import backoff_s
from schemas.topics import Role

log = structlog.get_logger(__name__)

# The argument by which such a process knows that another started it.
BESIDE = "--beside"
AGAIN_S = 5.0
AGAIN_AT_MOST_S = 300.0
# A process that has run for so long did start: the next one need not wait.
STARTED_S = 60.0
GRACE_S = 10.0
_PR_SET_PDEATHSIG = 1


async def keep_running(consumer: Role, command: Sequence[str], health: Health) -> None:
    """Run a consumer beside this process by ``python COMMAND PID CONSUMER``, again when it ends.

    One that ends soon after its start is started ever later, at most every five minutes. Health
    says how it is.
    """
    failures = 0
    while True:
        begun_s = monotonic_s()
        child = await asyncio.create_subprocess_exec(
            sys.executable, *command, str(os.getpid()), consumer.value
        )
        health.roles[consumer.value] = State.BESIDE
        log.info("consumer runs in a process of its own", consumer=consumer.value, pid=child.pid)
        try:
            code = await child.wait()
        finally:
            await _end(child)
        health.roles[consumer.value] = State.ENDED
        failures = 1 if monotonic_s() - begun_s > STARTED_S else failures + 1
        again_s = backoff_s(failures, AGAIN_S, AGAIN_AT_MOST_S)
        log.warning("consumer ended, to be started again", consumer=consumer.value, code=code, in_s=again_s)
        await asyncio.sleep(again_s)


async def _end(child: asyncio.subprocess.Process) -> None:
    if child.returncode is not None:
        return
    child.terminate()
    try:
        await asyncio.wait_for(child.wait(), GRACE_S)
    except TimeoutError:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()


def end_with(parent: int) -> None:
    """Let Linux end this process when its parent is killed: nobody else would."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit("the process that started this one has ended")
