"""A consumer in a process of its own: what it may read, this process need not."""

import asyncio
import sys
from contextlib import suppress

import structlog

from pipeline.consumers.consumer import Consumer

log = structlog.get_logger()

AGAIN_S = 5.0
GRACE_S = 10.0
COMMAND = "import sys; from pipeline.cli import main; sys.exit(main(sys.argv[1:]))"


async def keep_running(consumer: Consumer) -> None:
    """Run ``ha-ai run CONSUMER`` beside this process, again when it ends, until cancelled."""
    while True:
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", COMMAND, "run", consumer.value)
        log.info("consumer runs in a process of its own", consumer=consumer.value, pid=child.pid)
        try:
            code = await child.wait()
        finally:
            await _end(child)
        log.warning("consumer ended, starting it again", consumer=consumer.value, code=code)
        await asyncio.sleep(AGAIN_S)


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
