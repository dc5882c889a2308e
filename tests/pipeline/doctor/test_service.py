"""What the doctor makes of whatever listens where ha-ai's health should be."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pipeline.doctor import service as checked
from pipeline.doctor.finding import Finding, Verdict
from pipeline.doctor.service import LARGEST, check_service
from pipeline.learn.service import Service
from pipeline.runtime.http.application import application
from pipeline.runtime.http.server import HttpServer
from pipeline.settings import Settings
from schemas.home import Home
from tests.pipeline.runtime.http.asking import process_of

HOST = "127.0.0.1"


def look(port: int, **more: Any) -> list[Finding]:
    """What the doctor finds at a port."""
    return asyncio.run(check_service(Settings(_env_file=None, http_port=port, **more)))


@contextmanager
def answering(answer: bytes, *, ends: bool = True) -> Iterator[int]:
    """A program that answers every connection with these bytes; unless it ends, it keeps the line open."""
    with socket.create_server((HOST, 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4_096)
                connection.sendall(answer)
                if not ends:
                    connection.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def page(body: bytes, status: str = "200 OK") -> bytes:
    """A response of HTTP."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def health(**said: Any) -> bytes:
    """What our health might say."""
    content = {"service": "ha-ai", "home": "home", "status": "ok", "problems": [], "notices": [], **said}
    return page(json.dumps(content).encode())


def test_nobody_there_is_nothing_wrong(free_port: int) -> None:
    """Whoever asks the doctor before the first start is told so, and no more."""
    finding, *more = look(free_port)
    assert (finding.verdict, more) == (Verdict.OK, [])
    assert finding.found.startswith("not running here")
    assert look(0)[0].verdict == Verdict.OK


def test_the_running_process_is_asked(tmp_path: Path, free_port: int) -> None:
    """Its problems are wrong, its notices to look at, in its own words; the real pages are read."""

    async def beside() -> list[Finding]:
        settings = Settings(_env_file=None, database_path=tmp_path / "ha-ai.db", http_port=free_port)
        service = Service(settings, Home())
        service.health.owner = service.health.connected = True
        served = HttpServer(application(process_of(service)), HOST, free_port)
        task = asyncio.create_task(served.run_beside())
        found: list[Finding] = []
        async with asyncio.timeout(20):
            while not served.started:  # noqa: ASYNC110 another thread's flag
                await asyncio.sleep(0.01)
        found += await check_service(settings)
        service.health.faults["acl"] = "topic x is refused: allow it"
        service.health.notices["clock"] = "the clock is 3 h behind: set it"
        found += await check_service(settings)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        service.store.close()
        return found

    found = asyncio.run(beside())
    assert [finding.verdict for finding in found] == [Verdict.OK, Verdict.WRONG, Verdict.WARNING]
    assert [finding.found for finding in found[1:]] == [
        "topic x is refused: allow it",
        "the clock is 3 h behind: set it",
    ]


@pytest.mark.parametrize(
    "answer",
    [
        page(b"<html>router</html>"),
        page(b'{"status": "ok", "problems": []}'),
        page(b'{"service": "other", "status": "ok"}'),
        page(b'["ha-ai"]'),
        page(b"[" * 60_000),
        page(b"x" * (LARGEST + 1)),
        page(b"\xff\xfe"),
        page(b"", "302 Found"),
        page(b"", "404 Not Found"),
    ],
    ids=lambda answer: repr(answer[40:80]),
)
def test_another_program_is_not_taken_for_ours(answer: bytes) -> None:
    """Only what says that it is ha-ai is believed; all else is a port that somebody has."""
    with answering(answer) as port:
        (finding,) = look(port)
    assert finding.verdict == Verdict.WARNING
    assert "another program answers" in finding.found


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"]
)
def test_what_does_not_speak_is_wrong(answer: bytes) -> None:
    """Who hangs up or speaks something else cannot be told from a ha-ai that is ill."""
    with answering(answer) as port:
        (finding,) = look(port)
    assert (finding.verdict, "restart it" in finding.advice) == (Verdict.WRONG, True)


def test_silence_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener that never answers costs some seconds, and is told."""
    monkeypatch.setattr(checked, "TIMEOUT_S", 0.2)
    with answering(b"HTTP/1.1 200 OK\r\n", ends=False) as port:
        (finding,) = look(port)
    assert (finding.verdict, "does not answer" in finding.found) == (Verdict.WRONG, True)


def test_another_home_is_not_taken_for_this_one() -> None:
    """Where several homes run on one machine, the doctor tells that it asked the wrong one."""
    with answering(health(home="villa", problems=["x"])) as port:
        (finding,) = look(port)
    assert (finding.verdict, "'villa'" in finding.found) == (Verdict.WARNING, True)
    with answering(health(home="villa")) as port:
        assert look(port, home="villa")[0].verdict == Verdict.OK


def test_words_cannot_play_on_the_terminal() -> None:
    """What is shown has no control characters, and is bounded in lines and length."""
    said = ["\x1b[2Jgone\r\n\u202e" + "x" * 10_000, *map(str, range(200)), {"a": 1}]
    with answering(health(status="degraded", problems=said)) as port:
        found = look(port)
    assert len(found) == checked.LINES
    assert all(finding.found.isprintable() and len(finding.found) <= checked.LINE for finding in found)
    with answering(health(status="degraded", problems="x", notices=None)) as port:
        assert look(port)[0].found.endswith("is not ready")
