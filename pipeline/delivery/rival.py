"""Two installations under one client id: the one that loses the session says who has it, and stands by."""

import asyncio
import os
import random
import secrets
import socket
from datetime import UTC, datetime
from hashlib import blake2b

import structlog
from faststream.mqtt import MQTTMessage
from pydantic import ValidationError

from pipeline.delivery.connection import at_once, connect, egress_broker, subscribe
from pipeline.delivery.health import Health
from pipeline.settings import Settings
from schemas.outgoing import Outgoing
from schemas.statuses import SessionSign

log = structlog.get_logger()

SIGN_S = 5.0
# One sign may be lost with a connection; three are silence.
SIGNS_MISSED = 3
SLOWEST_SIGN_S = 30.0
SUBJECT = "client id"


def store_mark(settings: Settings) -> str:
    """What tells one installation from another, without saying where its store is."""
    place = settings.database_url.get_secret_value() if settings.database_url else settings.database_path
    return blake2b(f"{socket.gethostname()}\x00{place}".encode(), digest_size=8).hexdigest()


def read_sign(payload: bytes, client_id: str) -> SessionSign | None:
    """The sign that a payload holds, if it is one of this client id."""
    try:
        sign = SessionSign.model_validate_json(payload)
    except ValidationError:
        return None
    return sign if sign.client_id == client_id else None


def words_of_rival(client_id: str, sign: SessionSign | None) -> str:
    """Who has the session, and what to do.

    Examples
    --------
    >>> print(words_of_rival("haai-home-p0", None))
    another client uses the client id haai-home-p0 and has taken our session; one of the two needs an \
HA_AI_MQTT_CLIENT_ID of its own
    """
    who = "another client"
    if sign is not None:
        who = (
            f"another ha-ai (host {sign.host}, process {sign.process}, since {sign.since:%Y-%m-%d %H:%M} UTC)"
        )
    return (
        f"{who} uses the client id {client_id} and has taken our session; "
        "one of the two needs an HA_AI_MQTT_CLIENT_ID of its own"
    )


class Rival:
    """Says that the session is ours, and hears who has it when it is not.

    Only signs that are published while we listen keep us waiting: what a broker had retained tells merely
    who it was.
    """

    def __init__(self, settings: Settings, health: Health) -> None:
        self._settings = settings
        self._health = health
        self._every_s = min(SIGN_S, settings.heartbeat_s)
        self._own = SessionSign(
            client_id=settings.mqtt_client_id,
            instance=secrets.token_hex(8),
            host=socket.gethostname()[:64],
            process=os.getpid(),
            store=store_mark(settings),
            since=datetime.now(UTC),
            every_s=self._every_s,
        )
        self._heard = asyncio.Event()
        self._waited_s = 0.0

    @property
    def every_s(self) -> float:
        """How often our sign is due while the session is ours."""
        return self._every_s

    def sign(self) -> Outgoing:
        """The sign that the session is ours; retained, so that it can be read who it was."""
        payload = self._own.model_dump_json().encode()
        return Outgoing(secrets.token_hex(16), self._settings.topics.session, payload, retain=True)

    async def stand_by(self) -> None:
        """Wait until nobody has given a sign for a while that the session is theirs."""
        self._tell(None)
        # By chance, so that two that wait for each other do not both come back.
        self._waited_s = self._every_s * (SIGNS_MISSED + random.random())  # noqa: S311 no secret
        look = egress_broker(self._settings, at_once, None, name="look")
        subscribe(look, self._settings.topics.session, self._hear)
        listening = asyncio.create_task(connect(look))
        try:
            await self._silence()
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await look.stop()
            self._health.faults.pop(SUBJECT, None)
        log.info("nobody has the session any more, taking it back", client_id=self._own.client_id)

    async def _silence(self) -> None:
        """Wait until no sign came for a while."""
        while True:
            self._heard.clear()
            try:
                await asyncio.wait_for(self._heard.wait(), self._waited_s)
            except TimeoutError:
                return

    async def _hear(self, message: MQTTMessage) -> None:
        raw = message.raw_message
        sign = read_sign(raw.payload, self._own.client_id)
        if sign is not None and sign.instance != self._own.instance:
            self._tell(sign)
            if not raw.retain:
                self._heard.set()
                every_s = min(sign.every_s, SLOWEST_SIGN_S)
                self._waited_s = every_s * (SIGNS_MISSED + random.random())  # noqa: S311 no secret
        await message.ack()

    def _tell(self, sign: SessionSign | None) -> None:
        words = words_of_rival(self._own.client_id, sign)
        if self._health.faults.get(SUBJECT) != words:
            self._health.faults[SUBJECT] = words
            log.warning("standing by", reason=words)
