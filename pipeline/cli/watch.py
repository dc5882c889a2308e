"""``ha-ai watch``: what is said on ha-ai's topics, readably."""

import argparse
import asyncio
import json
from datetime import UTC
from typing import Any, NoReturn

from pydantic import ValidationError

from pipeline.cli import UserError
from pipeline.cli.message_lines import line_of
from pipeline.cli.terminal import ERR, OUT, alarm, gone, picture, readable, say
from pipeline.mqtt.terminal_client import Message, MqttError, TerminalClient
from pipeline.settings import Settings
from pipeline.timing.clock import wall_datetime, wall_us
from schemas.messages import Row
from schemas.statuses import AnomalyDetected, PatternDetected
from schemas.topics import Topics

RETRY_S = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="every message as a JSON line")


def run(arguments: argparse.Namespace) -> int:
    """Follow until Ctrl-C."""
    settings = Settings()
    try:
        asyncio.run(_follow(settings, as_json=arguments.json))
    except MqttError as error:
        raise UserError(f"expected an MQTT broker at {settings.broker_url}, got: {error}") from error


async def _follow(settings: Settings, *, as_json: bool) -> NoReturn:
    was_there = False
    while True:
        try:
            async with TerminalClient(settings) as client:
                await client.subscribe(settings.topics.everything, 1)
                was_there = True
                place = f"{settings.topics.everything} at {settings.broker_url}"
                ERR.print(f"following {place}; Ctrl-C ends it", style="dim")
                async for message in client.messages:
                    show(message, settings.topics, as_json=as_json)
        except MqttError as error:
            if not was_there:
                raise
            ERR.print(f"the connection broke ({error}), trying again", style="yellow")
        await asyncio.sleep(RETRY_S)


def show(message: Message, topics: Topics, *, as_json: bool) -> None:
    """Print a message; one that its schema does not know is printed as it is."""
    topic, payload = message.topic.value, bytes(message.payload or b"")
    if as_json:
        said = {"at": round(wall_us() / 1e6, 3), "topic": topic, "retain": message.retain}
        say(json.dumps({**said, "payload": _plain(payload)}))
        return
    row = topics.row_of(topic)
    if row is not None and not row.is_news:
        return
    try:
        if row is None or not _show(row, topic, payload):
            _show_plain(topic, payload)
    except ValidationError:
        _show_plain(topic, payload)


def _show(row: Row[Any], topic: str, payload: bytes) -> bool:
    """Print a message of the table, by its payload's model; False where it has no words."""
    if row is Topics.pattern_detected:
        found = PatternDetected.model_validate_json(payload)
        if found.what == "retired":
            OUT.print(gone(found.pattern, _now()), soft_wrap=True)
        else:
            OUT.print(picture(found.pattern, f"{_now()} {found.what}"))
        return True
    if row is Topics.anomaly_detected:
        OUT.print(alarm(AnomalyDetected.model_validate_json(payload).anomaly, f"{_now()} anomaly"))
        return True
    line = line_of(row, topic, payload)
    if line:
        say(f"{_now()}  {readable(line)}")
    return bool(line)


def _show_plain(topic: str, payload: bytes) -> None:
    say(f"{_now()}  {topic}: {readable(payload[:500].decode(errors='replace'))}")


def _plain(payload: bytes) -> object:
    """The payload as JSON if it is any, else as text."""
    try:
        return json.loads(payload)
    except ValueError:
        return payload.decode(errors="replace")


def _now() -> str:
    return f"{wall_datetime(UTC).astimezone():%H:%M:%S}"
