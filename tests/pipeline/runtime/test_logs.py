"""Logs name the module that speaks, and what libraries say is bounded."""

import asyncio
import json
import logging
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import structlog

from pipeline.runtime import logs
from pipeline.runtime.logs import LINES_AT_ONCE, SUM_UP_S, BoundedHandler, LibraryLines, configure_logs
from pipeline.settings import Settings

WRITES = 2_000


@contextmanager
def configured() -> Iterator[None]:
    """Logs as the service has them, and afterwards as they were."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    levels = {name: logging.getLogger(name).level for name in logs.LIBRARIES}
    configure_logs(Settings(_env_file=None, log_format="json"))
    try:
        yield
    finally:
        root.handlers = handlers
        root.setLevel(level)
        for name, before in levels.items():
            logging.getLogger(name).setLevel(before)
        structlog.reset_defaults()


async def _write_to_a_lost_connection() -> None:
    """Write as nobody should: asyncio logs every such write but the first five."""
    ours, theirs = socket.socketpair()
    _, writer = await asyncio.open_connection(sock=ours)
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    theirs.close()
    for _ in range(WRITES):
        writer.write(b"x")
    writer.close()


def test_a_library_that_floods_takes_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Of what asyncio says of each write to a lost connection some lines are said, and all are counted."""
    with configured():
        asyncio.run(_write_to_a_lost_connection())
    said = [line for line in capsys.readouterr().err.splitlines() if "socket.send" in line]
    assert len(said) == LINES_AT_ONCE
    assert {json.loads(line)["logger"] for line in said} == {"asyncio"}


def test_what_was_not_said_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """The count comes with the next line of its kind, or after a while with any other."""
    now_s = [0.0]
    handler = BoundedHandler(LibraryLines(lambda: now_s[0]))
    lost = [logging.LogRecord("lib", logging.WARNING, "", 0, "lost %d", (k,), None) for k in range(100)]
    for record in lost:
        handler.handle(record)
    assert len(capsys.readouterr().err.splitlines()) == LINES_AT_ONCE
    now_s[0] = SUM_UP_S
    handler.handle(logging.LogRecord("lib", logging.WARNING, "", 0, "found", None, None))
    unsaid = len(lost) - LINES_AT_ONCE
    assert capsys.readouterr().err.splitlines() == [f"lost %d ({unsaid} more like it were not said)", "found"]
    handler.handle(logging.LogRecord("lib", logging.WARNING, "", 0, "found", None, None))
    assert capsys.readouterr().err.splitlines() == ["found"]


def test_ever_new_lines_take_bounded_memory() -> None:
    """A library that puts a number into its text does not grow the table; few of these lines pass."""
    lines = LibraryLines(lambda: 0.0)
    passed = [
        lines.filter(logging.LogRecord("lib", logging.WARNING, "", 0, f"lost {k}", None, None))
        for k in range(10 * logs.KINDS_AT_MOST)
    ]
    assert sum(passed) == logs.KINDS_AT_MOST + LINES_AT_ONCE
    assert len(lines._kinds) == logs.KINDS_AT_MOST + 1


def test_our_own_lines_are_all_said_and_name_their_module(capsys: pytest.CaptureFixture[str]) -> None:
    """Ours bound themselves where they have to; each says which module speaks."""
    with configured():
        log = structlog.get_logger("pipeline.learn.committer")
        for number in range(3 * LINES_AT_ONCE):
            log.warning("gap recorded", number=number)
    said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["number"] for line in said] == list(range(3 * LINES_AT_ONCE))
    assert {line["logger"] for line in said} == {"pipeline.learn.committer"}
