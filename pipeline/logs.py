"""Logs: structlog for us and for what logs by the standard library; JSON, or console on a terminal."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from pipeline.settings import Settings

# What libraries tell at info is their own day-to-day; it is for debugging.
LIBRARIES = ("uvicorn", "faststream", "zmqtt", "httpx", "alembic", "ha_ai.transport", "websockets")
# What it warns of a broker may send thousands of times; `peers` says once what matters of it.
SAID_BY_US = "zmqtt"
SECRET_NAME = re.compile(r"password|token|secret|api_key|authorization", re.IGNORECASE)
SECRET_IN_URL = re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]*@")


def mask_secrets(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask values whose name says that they are secret, and credentials inside addresses.

    Examples
    --------
    >>> mask_secrets(None, "info", {"event": "x", "mqtt_password": "p", "url": "mqtt://u:p@host"})
    {'event': 'x', 'mqtt_password': '***', 'url': 'mqtt://***@host'}
    """
    for key, value in event.items():
        if SECRET_NAME.search(key):
            event[key] = "***"
        elif isinstance(value, str):
            event[key] = SECRET_IN_URL.sub("***@", value)
    return event


def configure_logs(settings: Settings) -> None:
    """Send every log through structlog to standard error."""
    console = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=not console),
        mask_secrets,
    ]
    renderer: list[structlog.typing.Processor] = (
        [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
        if console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
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
