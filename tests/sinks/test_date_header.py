"""Home Assistant's clock is told by its web server, and by nothing else."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from sinks.home_assistant import HomeAssistantError
from sinks.home_assistant.date_header import clock_us
from tests.conftest import HOST

Serve = Callable[[str | None], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a web server that says a time; returns its address."""
    servers = []

    def start(date: str | None) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response_only(404)
                if date is not None:
                    self.send_header("Date", date)
                self.end_headers()

        server = HTTPServer((HOST, 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://{HOST}:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_any_answer_tells_the_time(serve: Serve) -> None:
    """To the second, in UTC, whatever the answer is."""
    assert clock_us(serve("Tue, 01 Dec 2026 11:00:01 GMT") + "/") == 1_796_122_801_000_000


@pytest.mark.parametrize("date", [None, "soon", ""])
def test_what_tells_no_time_is_an_error_in_words(serve: Serve, date: str | None) -> None:
    """No header, and one that is no time."""
    with pytest.raises(HomeAssistantError, match="expected the time"):
        clock_us(serve(date))


@pytest.mark.parametrize("address", [f"http://{HOST}:1", "nonsense", "http://", "http://[::1"])
def test_nobody_there_is_an_error_in_words(address: str) -> None:
    """A closed port, and what is no address."""
    with pytest.raises(HomeAssistantError, match="expected the time"):
        clock_us(address)
