"""The whole process and the doctor, facing brokers that behave as none should."""

import asyncio
import json
import sys
import time
from pathlib import Path

import pytest

from benchmarks.processes import HTTP_OK, Worker, wait_until
from tests.hostile_broker import HostileBroker, good

HA_AI = str(Path(sys.executable).with_name("ha-ai"))
STOP_S = 10.0
FACED_S = 3.0
# Of all connections together; what comes back more often than that is made to wait.
ENOUGH = 25
ANSWER_S = 2.0
DEGRADED = 503
LINES = 60


def worker(folder: Path, broker: HostileBroker) -> Worker:
    """All of ha-ai but the deployer's process, as people start it."""
    return Worker(folder / "ha-ai.db", folder / "log", broker.port, command=(HA_AI, "run"))


async def stopped(running: Worker) -> float:
    """Stop it and return how long that took."""
    started_s = time.monotonic()
    await running.stop()
    return time.monotonic() - started_s


def bad_lines(folder: Path) -> list[str]:
    """What a person should never read in its log."""
    lines = (folder / "log").read_text(errors="replace").splitlines()
    assert len(lines) <= LINES, lines
    return [line for line in lines if "Traceback" in line or "socket.send" in line or "exception" in line]


@pytest.mark.parametrize(
    "behaviour",
    ["flood of QoS 0", "flood of properties", "reads nothing", "all"],
)
async def test_it_answers_and_ends_in_time(behaviour: str, tmp_path: Path) -> None:
    """Health answers meanwhile, SIGTERM ends it, no traceback is logged, and it never ended by itself."""
    async with HostileBroker("" if behaviour == "all" else behaviour) as broker:
        running = worker(tmp_path, broker)
        await running.start()
        try:
            await wait_until(lambda: broker.connections >= 2, 30.0, "connections")
            until_s = time.monotonic() + FACED_S * (3 if behaviour == "all" else 1)
            while time.monotonic() < until_s:
                async with asyncio.timeout(ANSWER_S):
                    assert await running.status("/health") in (0, HTTP_OK, DEGRADED)
                await asyncio.sleep(0.3)
            assert await running.status("/health") in (HTTP_OK, DEGRADED)
        finally:
            took_s = await stopped(running)
        assert took_s < STOP_S
        assert running.exit_codes == [0]
        assert bad_lines(tmp_path) == []


async def test_it_works_once_the_broker_does(tmp_path: Path) -> None:
    """After many behaviours it is ready, in the same process."""
    async with HostileBroker() as broker:
        running = worker(tmp_path, broker)
        await running.start()
        try:
            await wait_until(lambda: broker.connections >= ENOUGH, 60.0, "connections")
            broker.behaviour = good
            broker.hang_up()
            await running.ready()
            assert running.starts == 1
        finally:
            await running.stop()


@pytest.mark.parametrize("behaviour", ["garbage", "silent", "closes after SUBACK"])
async def test_the_doctor_says_what_is_wrong(behaviour: str, tmp_path: Path) -> None:
    """It ends by itself, with a finding about the broker and no traceback."""
    async with HostileBroker(behaviour) as broker:
        process = await asyncio.create_subprocess_exec(
            *(HA_AI, "doctor", "--json"),
            cwd=tmp_path,
            env={"HA_AI_MQTT_URL": broker.url, "HA_AI_HTTP_PORT": "9", "PATH": "/usr/bin"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60.0):
            out, err = await process.communicate()
    assert b"Traceback" not in err, err.decode()
    findings = [json.loads(line) for line in out.splitlines()]
    assert [each["verdict"] for each in findings if each["check"] == "broker"][:1] != []
    assert process.returncode == 1
