"""Logs: structlog for us and for what logs by the standard library; JSON, or console on a terminal."""

import logging
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any

import structlog

from pipeline.runtime.masking import mask_all, secrets_of
from pipeline.settings import Settings

# What libraries tell at info is their own day-to-day; it is for debugging.
LIBRARIES = ("uvicorn", "faststream", "zmqtt", "httpx", "alembic", "ha_ai.transport", "websockets")
# What it warns of a broker may send thousands of times; `peers` says once what matters of it.
SAID_BY_US = "zmqtt"


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


def configure_logs(settings: Settings) -> None:
    """Send every log through structlog to standard error."""
    console = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
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
    handler = logging.StreamHandler(sys.stderr)
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
