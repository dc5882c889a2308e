"""The process that runs beside the doctor: what its own health says."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx

from pipeline.doctor.finding import Finding, ok, warning, wrong
from pipeline.settings import Settings

CHECK = "service"
TIMEOUT_S = 5.0
# Health is some lines; what sends more is not ours.
LARGEST = 65_536
LINES = 50
LINE = 500
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 where to listen, not to ask
LOG = "It is the running process that says so; its log has more."


async def check_service(settings: Settings) -> list[Finding]:
    """Ask the running process how it is; that none runs is nothing wrong."""
    if settings.http_port == 0:
        return [ok(CHECK, "not asked: with HA_AI_HTTP_PORT=0 each start takes another port")]
    host = EVERYWHERE.get(settings.http_host, settings.http_host)
    address = f"http://{f'[{host}]' if ':' in host else host}:{settings.http_port}/health"
    try:
        said = await _ask(address)
    except httpx.ConnectError:
        return [ok(CHECK, f"not running here: nothing listens at {address}")]
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        return [_silent(address, error)]
    if said is None:
        return [_foreign(address)]
    return list(_findings(said, address, settings))


async def _ask(address: str) -> dict[str, Any] | None:
    """Return what ha-ai's health says at an address; None where another program answers."""
    # No proxy of the environment stands between this machine and itself.
    async with (
        asyncio.timeout(TIMEOUT_S),
        httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client,
        client.stream("GET", address) as answer,
    ):
        content = b""
        async for part in answer.aiter_raw():
            content += part
            if len(content) > LARGEST:
                return None
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) and said.get("service") == "ha-ai" else None


def _findings(said: dict[str, Any], address: str, settings: Settings) -> Iterator[Finding]:
    home = settings.home or "home"
    if said.get("home") != home:
        other = _line(said.get("home"))
        yield warning(
            CHECK,
            f"the process at {address} is that of the home {other!r}, these settings are for {home!r}",
            "Run the doctor with that process's settings, or give each home a HA_AI_HTTP_PORT of its own.",
        )
        return
    problems, notices = _lines(said.get("problems")), _lines(said.get("notices"))
    for problem in problems:
        yield wrong(CHECK, problem, LOG)
    for notice in notices:
        yield warning(CHECK, notice, LOG)
    if not problems and said.get("status") != "ok":
        yield wrong(CHECK, f"the process at {address} is not ready", LOG)
    elif not problems and not notices:
        yield ok(CHECK, f"runs and is well, says {address}")


def _lines(said: object) -> list[str]:
    return [_line(each) for each in said[:LINES]] if isinstance(said, list) else []


def _line(said: object) -> str:
    """One line as a terminal may show it: no control characters, of bounded length."""
    return "".join(letter if letter.isprintable() else " " for letter in str(said)[:LINE])


def _silent(address: str, error: Exception) -> Finding:
    return wrong(
        CHECK,
        f"what listens at {address} does not answer: {error or type(error).__name__}",
        "If that is ha-ai, restart it; if another program has the port, set HA_AI_HTTP_PORT to a free one.",
    )


def _foreign(address: str) -> Finding:
    return warning(
        CHECK,
        f"another program answers at {address}, so ha-ai cannot be asked how it is",
        "Set HA_AI_HTTP_PORT to a free port.",
    )
