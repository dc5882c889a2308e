"""The command as a person calls it, in a directory of its own and with no setting from outside."""

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from pipeline.simulation import Household, write_household
from schemas.anomalies import Anomaly, AnomalyDetail, AnomalyKind
from schemas.patterns import Evidence, Pattern, TimeOfDayDetail
from tests.fixtures.command_line import Running, at_broker, ha_ai, wide
from tests.fixtures.environment import bare

__all__ = ["at_broker", "bare", "ha_ai", "wide"]

COLLECT_S = 60.0
END = "test/end"
EXPIRY_S = 600


class Session:
    """A durable session of a reader that comes back to see what was published; aiomqtt's own client."""

    def __init__(self, broker: Running, topic_filter: str) -> None:
        self._broker = broker
        self._filter = topic_filter
        asyncio.run(self._open())

    def collect(self) -> list[aiomqtt.Message]:
        """All that has come since the session was opened."""
        return asyncio.run(self._collect())

    def _client(self, *, clean_start: bool) -> aiomqtt.Client:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = EXPIRY_S
        return aiomqtt.Client(
            self._broker.host,
            self._broker.port,
            protocol=aiomqtt.ProtocolVersion.V5,
            identifier="reader",
            clean_start=clean_start,
            properties=properties,
        )

    async def _open(self) -> None:
        async with self._client(clean_start=True) as client:
            await client.subscribe([(self._filter, 1), (END, 1)])

    async def _collect(self) -> list[aiomqtt.Message]:
        messages: list[aiomqtt.Message] = []
        async with asyncio.timeout(COLLECT_S), self._client(clean_start=False) as client:
            # The session keeps its order: what was published before this comes before it.
            await client.publish(END, qos=1)
            async for message in client.messages:
                if message.topic.matches(END):
                    return messages
                messages.append(message)
        raise AssertionError("the broker ended the connection")


@pytest.fixture
def session() -> Callable[[Running, str], Session]:
    """Open a durable session on a topic filter."""
    return Session


@pytest.fixture(scope="session")
def household(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated household of two days."""
    directory = tmp_path_factory.mktemp("household")
    write_household(Household(seed=3, days=2, start=date(2026, 10, 24)), directory)
    return directory


@pytest.fixture
def make_pattern() -> Callable[..., Pattern]:
    """Make a habit of the coffee maker; keyword arguments replace fields."""

    def make(minute: float = 424.0, **fields: Any) -> Pattern:
        detail = TimeOfDayDetail(
            entity_id=fields.pop("entity_id", "switch.coffee_maker"),
            state="on",
            minute=minute,
            spread_minutes=5,
            days=(0, 1, 2, 3, 4),
            anchor="clock",
            automated=fields.pop("automated", False),
        )
        defaults: dict[str, Any] = {
            "home": "home",
            "confidence": 0.9,
            "occurrences": 18,
            "first_seen": datetime(2026, 10, 5, 5, 4, tzinfo=UTC),
            "last_seen": datetime(2026, 10, 30, 6, 4, tzinfo=UTC),
            "evidence": Evidence(
                opportunities=20,
                hits=18,
                misses=2,
                base_rate=0.05,
                lift=18.0,
                interval=(0.75, 0.96),
                e_value=1e9,
            ),
        }
        return Pattern.of(detail, **{**defaults, **fields})

    return make


@pytest.fixture
def anomaly() -> Anomaly:
    """An oven that has been on for half a day."""
    detail = AnomalyDetail(
        entity_id="switch.oven",
        kind=AnomalyKind.LEFT_ON,
        at=datetime(2026, 11, 3, 5, 30, tzinfo=UTC),
        score=3.3,
        expected="is usually on for less than 90 min",
        observed="has been on for 12 h",
        severity="high",
    )
    evidence = Evidence(
        opportunities=20,
        hits=20,
        misses=0,
        base_rate=0.0005,
        lift=2000.0,
        interval=(0.9, 1.0),
        e_value=22.4,
    )
    return Anomaly.of(detail, home="home", evidence=evidence)
