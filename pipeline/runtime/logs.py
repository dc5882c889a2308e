"""Logs: structlog for us and for what logs by the standard library; JSON, or console on a terminal."""

import logging
import sys
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any, TextIO

import structlog

from pipeline.runtime.masking import mask_all, secrets_of
from pipeline.settings import Settings
from pipeline.timing.clock import monotonic_s
from pipeline.timing.token_bucket import TokenBucket

# What libraries tell at info is their own day-to-day; it is for debugging.
LIBRARIES = ("uvicorn", "faststream", "zmqtt", "httpx", "alembic", "ha_ai.transport", "websockets")
# What it warns of a broker may send thousands of times; `peers` says once what matters of it.
SAID_BY_US = "zmqtt"
# Of each kind of line of a library: so many at once, so many in ten minutes for ever; the rest is counted.
LINES_AT_ONCE, LINES_AGAIN, AGAIN_S = 20, 5, 600.0
# How long after the last one that was counted the count is said.
SUM_UP_S = 60.0
KINDS_AT_MOST = 200
LONGEST_KIND = 120


class Masking:
    """A processor that masks secrets in whatever is logged, the text of an exception included.

    Parameters
    ----------
    secrets
        Values that are known to be secret.

    Examples
    --------
    >>> Masking(["correct horse"])(None, "info", {"event": "sent correct horse", "token": "t"})
    {'event': 'sent ***', 'token': '***'}
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = list(secrets)

    def __call__(self, _logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Mask one event."""
        masked: MutableMapping[str, Any] = mask_all(event, self._secrets)
        return masked


@dataclass(slots=True)
class _Kind:
    """Lines of one library that say the same: how many more may be said, and how many were not."""

    allowed: TokenBucket = field(default_factory=lambda: TokenBucket(LINES_AT_ONCE, LINES_AGAIN, AGAIN_S))
    unsaid: int = 0
    latest_s: float = 0.0


class LibraryLines(logging.Filter):
    """Lets through what libraries say within bounds, and counts the rest; ours have their own.

    A library that warns at each turn, as asyncio does of each write to a lost connection, would fill a disk.
    Of each kind of line the first are said, then few, each with how many were not. Constant memory.

    Parameters
    ----------
    clock
        Monotonic seconds.

    Examples
    --------
    >>> lines = LibraryLines()
    >>> sum(lines.filter(logging.LogRecord("lib", 30, "", 0, "lost %d", (k,), None)) for k in range(1_000))
    20
    """

    def __init__(self, clock: Callable[[], float] = monotonic_s) -> None:
        super().__init__()
        self._clock = clock
        self._kinds: dict[tuple[str, str], _Kind] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        # What structlog passes on is a dictionary; who asks for debugging wants all of it.
        if isinstance(record.msg, dict) or record.levelno < logging.INFO:
            return True
        kind, now_s = self._kind(record), self._clock()
        if not kind.allowed.take(now_s):
            kind.unsaid, kind.latest_s = kind.unsaid + 1, now_s
            return False
        if kind.unsaid:
            record.msg, record.args = f"{record.getMessage()} ({_more(kind.unsaid)})", ()
            kind.unsaid = 0
        return True

    def sums(self) -> Iterator[logging.LogRecord]:
        """Yield how many lines were not said, of each kind of which none came for a while."""
        for (name, text), kind in list(self._kinds.items()):
            if kind.unsaid and self._clock() - kind.latest_s >= SUM_UP_S:
                words = f"{text} ({_more(kind.unsaid)})"
                kind.unsaid = 0
                yield logging.LogRecord(name, logging.WARNING, "", 0, words, None, None)

    def _kind(self, record: logging.LogRecord) -> _Kind:
        key = (record.name, str(record.msg)[:LONGEST_KIND])
        if key not in self._kinds and len(self._kinds) >= KINDS_AT_MOST:
            key = ("libraries", "other lines")
        return self._kinds.setdefault(key, _Kind())


def _more(count: int) -> str:
    return f"{count:,} more like it were not said"


class BoundedHandler(logging.StreamHandler[TextIO]):
    """Writes to standard error, what libraries say within bounds."""

    def __init__(self, lines: LibraryLines) -> None:
        super().__init__(sys.stderr)
        self._lines = lines
        self.addFilter(lines)

    def emit(self, record: logging.LogRecord) -> None:
        for each in self._lines.sums():
            super().emit(each)
        super().emit(record)


def configure_logs(settings: Settings) -> None:
    """Send every log through structlog to standard error."""
    console = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=not console),
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        if console
        else structlog.processors.JSONRenderer()
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            Masking(secrets_of(settings)),
            renderer,
        ],
    )
    handler = BoundedHandler(LibraryLines())
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for library in LIBRARIES:
        quiet = logging.CRITICAL if library == SAID_BY_US else logging.WARNING
        logging.getLogger(library).setLevel(logging.DEBUG if settings.log_level == "debug" else quiet)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(settings.log_level.upper())),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
