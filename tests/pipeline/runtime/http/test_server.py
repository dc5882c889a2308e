"""Over real sockets: what uvicorn makes of tricks, floods of connections, and a main loop that is busy."""

import asyncio
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from random import Random
from typing import Any

import pytest
from structlog.testing import capture_logs

from benchmarks.processes import wait_until
from pipeline import health
from pipeline.learn.service import Service
from pipeline.runtime.http import application as pages
from pipeline.runtime.http import guard, server
from pipeline.runtime.http.application import application
from pipeline.runtime.http.router import Response
from pipeline.runtime.http.server import CONNECTIONS, HttpServer
from tests.pipeline.runtime.http.asking import process_of

HOST = "127.0.0.1"
LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
PATIENCE_S = 10.0


@pytest.fixture
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less for a request; stands before the server is started."""
    monkeypatch.setattr(server, "REQUEST_S", 0.5)


@pytest.fixture
async def port(service: Service, free_port: int) -> AsyncIterator[int]:
    """Where the service's pages are served, in a thread of their own."""
    served = HttpServer(application(process_of(service)), HOST, free_port)
    task = asyncio.create_task(served.run_beside())
    await wait_until(lambda: served.started, PATIENCE_S, "a server")
    yield free_port
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert "http" not in {thread.name for thread in threading.enumerate()}


def say(port: int, *parts: bytes) -> bytes:
    """What comes back when these bytes are sent, until the connection ends or nothing more comes."""
    with socket.create_connection((HOST, port), timeout=PATIENCE_S) as connection:
        for part in parts:
            connection.sendall(part)
        answer = b""
        with suppress(ConnectionError):
            while received := connection.recv(65_536):
                answer += received
                if b"close" not in b"".join(parts).lower() and b"\r\n\r\n" in answer:
                    break
    return answer


def status(answer: bytes) -> int:
    """The status of an answer; 0 where the connection just ended."""
    return int(answer.split()[1]) if answer else 0


@contextmanager
def idle(port: int, number: int, sent: bytes = b"") -> Iterator[list[socket.socket]]:
    """Connections on which nothing comes, or only this much."""
    with ExitStack() as stack:
        opened = []
        for _ in range(number):
            opened.append(stack.enter_context(socket.create_connection((HOST, port), timeout=PATIENCE_S)))
            with suppress(ConnectionError):
                opened[-1].sendall(sent)
        yield opened


@pytest.mark.parametrize(
    ("request_line", "headers", "expected"),
    [
        ("GET /health/live HTTP/1.0", "", {200}),
        ("GET /health/live HTTP/1.0", "Host: localhost\r\n", {200}),
        ("GET /health/live HTTP/1.1", "Host: LOCALHOST.:80\r\n", {200}),
        ("GET /health/live HTTP/1.1", "Host: [::1]\r\n", {200}),
        ("GET /health/live?x=1 HTTP/1.1", "Host: localhost\r\n", {200}),
        ("HEAD /health/live HTTP/1.1", "Host: localhost\r\n", {200}),
        ("GET /health/live HTTP/1.1", "", {400}),
        ("GET /health/live HTTP/1.1", "Host: localhost\r\nHost: localhost\r\n", {400}),
        ("GET /health/live HTTP/1.1", "Host: evil.example\r\n", {403}),
        ("GET /health/live HTTP/1.1", "Host: localhost\r\nOrigin: http://evil.example\r\n", {403}),
        ("GET http://localhost/health/live HTTP/1.1", "Host: localhost\r\n", {404}),
        ("GET http://evil.example/health/live HTTP/1.1", "Host: localhost\r\n", {404}),
        ("GET //health/live HTTP/1.1", "Host: localhost\r\n", {404}),
        ("GET /x/../health/live HTTP/1.1", "Host: localhost\r\n", {404}),
        ("GET /%68ealth/live HTTP/1.1", "Host: localhost\r\n", {404}),
        ("GET /health/live%00 HTTP/1.1", "Host: localhost\r\n", {404}),
        ("OPTIONS * HTTP/1.1", "Host: localhost\r\n", {404}),
        ("CONNECT evil.example:443 HTTP/1.1", "Host: localhost\r\n", {404}),
        ("TRACE /health HTTP/1.1", "Host: localhost\r\n", {405}),
        ("BREW /metrics HTTP/1.1", "Host: localhost\r\n", {405}),
        ("get /metrics HTTP/1.1", "Host: localhost\r\n", {405}),
        ("POST /asyncapi/try HTTP/1.1", "Host: localhost\r\nContent-Length: 0\r\n", {404}),
        ("GET /health/live HTTP/1.1", "Host: localhost\r\nContent-Length: 99999999\r\n", {413}),
        ("GET /health/live HTTP/1.1", "Host: localhost\r\nContent-Length: -1\r\n", {400}),
        (
            "GET /health/live HTTP/1.1",
            "Host: localhost\r\nUpgrade: websocket\r\nConnection: upgrade\r\n",
            {200},
        ),
        ("GET /health/live HTTP/1.1", f"Host: localhost\r\nX: {'x' * 9_000}\r\n", {431}),
        ("GET /health/live HTTP/1.1", f"Host: localhost\r\nX: {'x' * 70_000}\r\n", {0, 400, 431}),
        ("GET /health/live HTTP/1.1", "Host : localhost\r\n", {400}),
        ("nonsense", "", {400}),
    ],
)
def test_tricks(port: int, request_line: str, headers: str, expected: set[int]) -> None:
    """Heads as an attacker would write them are refused, never by a fault; old probes are served."""
    answer = say(port, f"{request_line}\r\n{headers}Connection: close\r\n\r\n".encode())
    assert status(answer) in expected
    assert status(say(port, LIVE)) == 200


@pytest.mark.parametrize("sent", [b"", b"GET /health HTTP/1.1\r\nHost: local", LIVE[:-2] + b"X: "])
def test_connections_on_which_nothing_comes_do_not_keep_others_out(port: int, sent: bytes) -> None:
    """500 of them, silent or in the middle of a head: the oldest make room, and few are held open."""
    with idle(port, 500, sent) as opened:
        before = time.monotonic()
        assert status(say(port, LIVE)) == 200
        assert time.monotonic() - before < 1.0
        opened.reverse()
        assert sum(map(is_open, opened)) <= CONNECTIONS


def is_open(connection: socket.socket) -> bool:
    """Whether the other side has not ended a connection."""
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


@pytest.mark.usefixtures("_hasty")
@pytest.mark.parametrize("first", [b"", LIVE.replace(b"Connection: close\r\n", b"")])
def test_who_drips_bytes_is_cut_off(port: int, first: bytes) -> None:
    """A head that comes byte by byte ends the connection, however steadily, the second one too."""
    with socket.create_connection((HOST, port), timeout=PATIENCE_S) as connection:
        connection.sendall(first)
        if first:
            read_live(connection)
        before = time.monotonic()
        assert not drip(connection, LIVE[:-2] + b"X: " + b"x" * 200)
        assert time.monotonic() - before < 2.0


def drip(connection: socket.socket, head: bytes) -> bool:
    """Whether all of it can be sent, one byte after another."""
    for byte in head:
        with suppress(ConnectionError):
            connection.setblocking(True)
            connection.sendall(bytes([byte]))
        time.sleep(0.02)
        if not is_open(connection):
            return False
    return True


def read_live(connection: socket.socket) -> bytes:
    """One whole answer that it lives."""
    answer = b""
    while b'"ok"}' not in answer:
        answer += connection.recv(65_536)
    return answer


@pytest.mark.usefixtures("_hasty")
def test_an_answered_connection_is_kept_for_a_while_only(port: int) -> None:
    """A second request goes over the same connection; then silence ends it."""
    with socket.create_connection((HOST, port), timeout=PATIENCE_S) as connection:
        for _ in range(2):
            connection.sendall(LIVE.replace(b"Connection: close\r\n", b""))
            assert status(read_live(connection)) == 200
        assert connection.recv(1) == b""


async def test_a_busy_main_loop_holds_nothing_up(port: int) -> None:
    """While the loop of the parts computes for 3 s, without giving way, pages come within a second."""
    waits: list[float] = []
    ended = threading.Event()

    def keep_asking() -> None:
        while not ended.is_set():
            before = time.monotonic()
            assert status(say(port, LIVE)) == 200
            waits.append(time.monotonic() - before)

    asking = asyncio.create_task(asyncio.to_thread(keep_asking))
    await asyncio.sleep(0)
    until = time.monotonic() + 3.0
    while time.monotonic() < until:
        pass
    ended.set()
    await asking
    assert len(waits) >= 3
    assert max(waits) < 1.0


async def test_busy_pages_hold_up_nothing_of_the_main_loop(free_port: int) -> None:
    """A page that computes for a second costs the loop of the parts some turns, and never stops it."""

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            pass
        await Response("done")(scope, receive, send)

    served = HttpServer(slow, HOST, free_port)
    task = asyncio.create_task(served.run_beside())
    await wait_until(lambda: served.started, PATIENCE_S, "a server")
    answer = asyncio.create_task(asyncio.to_thread(say, free_port, LIVE))
    longest, last = 0.0, time.monotonic()
    while not answer.done():
        await asyncio.sleep(0.001)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    assert status(await answer) == 200
    assert longest < 0.5
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_taken_port_is_said(service: Service) -> None:
    """Where somebody listens already the server says what to do and ends, and nothing else does."""
    with socket.create_server((HOST, 0)) as taken:
        number = taken.getsockname()[1]
        with capture_logs() as said:
            async with asyncio.timeout(PATIENCE_S):
                await HttpServer(application(process_of(service)), HOST, number).run_beside()
    line = next(line for line in said if line["log_level"] == "warning")
    assert ("set HA_AI_HTTP_PORT" in line["event"], line["port"]) == (True, number)


def test_a_flood_of_requests_is_slowed_down(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over one connection after another no more are answered than the pace allows."""
    monkeypatch.setattr(guard, "REQUESTS_PER_S", 20.0)
    monkeypatch.setattr(guard, "BURST", 5)
    before = time.monotonic()
    answers = [status(say(port, LIVE)) for _ in range(25)]
    assert answers == [200] * 25
    assert time.monotonic() - before > 0.9


async def test_a_loop_that_stands_still_is_said_while_it_does(
    service: Service, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked meanwhile health says that the process is busy; when it comes round again, it does not."""
    monkeypatch.setattr(health, "STUCK_S", 0.3)
    monkeypatch.setattr(pages, "TURN_S", 0.05)
    turning = asyncio.create_task(pages._note_turns(service.health))
    await asyncio.sleep(0.1)
    said: list[bytes] = []

    def ask_in_a_while() -> None:
        time.sleep(0.6)
        said.append(say(port, LIVE.replace(b"/health/live", b"/health")))

    asking = threading.Thread(target=ask_in_a_while)
    asking.start()
    asking.join()
    await asyncio.sleep(0.1)
    said.append(await asyncio.to_thread(say, port, LIVE.replace(b"/health/live", b"/health")))
    turning.cancel()
    assert [b"the process is busy" in each for each in said] == [True, False]


def test_no_bytes_are_a_fault(port: int, caplog: pytest.LogCaptureFixture) -> None:
    """Cut, doubled, swapped and random bytes are refused, or the line ends; nothing fails or is logged."""
    random = Random(8)
    whole = b"POST /asyncapi HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nX-A: b\r\n\r\n{}"
    for _ in range(300):
        sent = bytearray(whole)
        for _ in range(random.randint(1, 6)):
            place = random.randrange(len(sent))
            sent[place : place + random.randint(0, 4)] = random.randbytes(random.randint(0, 4)) or b"\r\n"
            sent = sent or bytearray(b"x")
        assert status(finish(port, bytes(sent))) in {0, 400, 403, 404, 405, 413, 431}
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert status(say(port, LIVE)) == 200


def finish(port: int, sent: bytes) -> bytes:
    """What comes back to a sender that says no more."""
    answer = b""
    with socket.create_connection((HOST, port), timeout=PATIENCE_S) as connection, suppress(ConnectionError):
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        while received := connection.recv(65_536):
            answer += received
    return answer
