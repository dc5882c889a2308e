"""Two installations under one client id: the one that loses the session says who has it, and stands by."""

import asyncio
import contextlib
import os
import random
import secrets
import socket
from datetime import UTC

import structlog
from pydantic import ValidationError

from pipeline.health import Health
from pipeline.mqtt.connections import at_once, egress_broker, subscribe
from pipeline.mqtt.names import Message, MQTTDisconnectedError
from pipeline.settings.sections import LearnSettings
from pipeline.timing.clock import monotonic_s, wall_datetime
from schemas.outgoing import Outgoing
from schemas.statuses import SessionSign
from schemas.topics import Topics
from sinks.store import SqlStore

log = structlog.get_logger(__name__)

SIGN_S = 5.0
# One sign may be lost with a connection; three are silence.
SIGNS_MISSED = 3
SLOWEST_SIGN_S = 30.0
LOOK_S = 0.2
EAR_S = 2.0
SOON_S = 0.1
SUBJECT = "client id"
INSTALLATION = "installation"


def store_mark(store: SqlStore) -> str:
    """Return the mark that tells one installation from another, made once and kept in its store.

    Whoever works on that store is the same installation, on whichever host: a container that was made anew,
    or the machine that takes over. Only the home's owner makes it.
    """
    with store.begin() as transaction:
        kept = transaction.suggestions.control(INSTALLATION)
        if not isinstance(kept, str):
            kept = secrets.token_hex(8)
            transaction.suggestions.set_control(INSTALLATION, kept)
    return kept


def kept_mark(store: SqlStore) -> str | None:
    """The mark that a store keeps; None before its first start."""
    kept = store.suggestions.control(INSTALLATION)
    return kept if isinstance(kept, str) else None


def read_sign(payload: bytes, client_id: str) -> SessionSign | None:
    """The sign that a payload holds, if it is one of this client id."""
    try:
        sign = SessionSign.model_validate_json(payload)
    except ValidationError:
        return None
    return sign if sign.client_id == client_id else None


def words_of_rival(client_id: str, sign: SessionSign | None) -> str:
    """Return in words who has the session, and what to do.

    Examples
    --------
    >>> print(words_of_rival("haai-home-p0", None))
    another client uses the client id haai-home-p0 and has our session; one of the two needs an \
HA_AI_MQTT_CLIENT_ID of its own
    """
    who = "another client"
    if sign is not None:
        who = (
            f"another ha-ai (host {sign.host}, process {sign.process}, since {sign.since:%Y-%m-%d %H:%M} UTC)"
        )
    return (
        f"{who} uses the client id {client_id} and has our session; "
        "one of the two needs an HA_AI_MQTT_CLIENT_ID of its own"
    )


class Rival:
    """Says that the session is ours, hears whose it is when it is not, and waits while it is another's.

    Some brokers say that a session was taken over, others merely close the connection: what counts is who
    gives signs. Only signs that are published while we listen keep us waiting: what a broker had retained
    tells merely who it was.
    """

    def __init__(self, settings: LearnSettings, health: Health) -> None:
        self._health = health
        self._topics = settings.topics
        self._own = SessionSign(
            client_id=settings.mqtt_client_id,
            instance=secrets.token_hex(8),
            host=socket.gethostname()[:64],
            process=os.getpid(),
            store="",
            since=wall_datetime(UTC),
            every_s=min(SIGN_S, settings.heartbeat_s),
        )
        self._other: SessionSign | None = None
        self._is_live = False
        self._silent_from_s = 0.0
        self.ear = egress_broker(settings, at_once, None, name="ear")
        subscribe(self.ear, self._topics.session, self._hear)

    def introduce(self, store: str) -> None:
        """Say in each sign by which `store_mark` our installation is known."""
        self._own = self._own.model_copy(update={"store": store})

    @property
    def every_s(self) -> float:
        """Seconds between our signs while the session is ours."""
        return self._own.every_s

    def sign(self) -> Outgoing:
        """The sign that the session is ours; retained, so that it can be read who it was."""
        return Topics.session.outgoing(self._topics, secrets.token_hex(16), self._own)

    def farewell(self) -> Outgoing:
        """Take back the retained sign: who comes next finds nobody."""
        return Topics.session.outgoing(self._topics, secrets.token_hex(16), b"")

    async def give_way(self) -> None:
        """Before the session is taken for the first time: wait while another installation has it.

        What an earlier process of this installation left retained keeps nobody waiting.
        """
        await self._listening(EAR_S)
        if self._other is not None and self._other.store != self._own.store:
            await self.stand_by(was_taken=True, is_certain=False)

    async def _listening(self, patience_s: float) -> None:
        """Wait until signs are heard, and what was retained of them is there."""
        until_s = monotonic_s() + patience_s
        while monotonic_s() < until_s:
            if self.ear.client is not None and self.ear.client.subscribed:
                # What is retained follows the SUBACK.
                await asyncio.sleep(SOON_S)
                return
            await asyncio.sleep(SOON_S / 4)

    async def stand_by(self, *, was_taken: bool, is_certain: bool = True) -> None:
        """Wait until nobody has given a sign for a while that the session is theirs.

        Parameters
        ----------
        was_taken
            Whether a first sign is waited for.
        is_certain
            Whether another has it; else that is said once a sign of now was heard. A container that was made
            anew finds the retained sign of the one before.
        """
        if was_taken:
            self._wait_for(self._own.every_s)
        if not self._left_s():
            return
        try:
            while left_s := self._left_s():
                if is_certain or self._is_live:
                    self._tell()
                await asyncio.sleep(min(left_s, LOOK_S))
        finally:
            self._health.faults.pop(SUBJECT, None)
        self._other, self._is_live = None, False
        log.info("nobody has the session any more, taking it back", client_id=self._own.client_id)

    async def _hear(self, message: Message) -> None:
        raw = message.raw_message
        sign = read_sign(raw.payload, self._own.client_id)
        if sign is not None and sign.instance != self._own.instance:
            self._other = sign
            if not raw.retain:
                self._is_live = True
                self._wait_for(min(sign.every_s, SLOWEST_SIGN_S))
        with contextlib.suppress(MQTTDisconnectedError):
            await message.ack()

    def _wait_for(self, every_s: float) -> None:
        # By chance, so that two that wait for each other do not both come back.
        patience_s = every_s * (SIGNS_MISSED + random.random())  # noqa: S311 no secret
        self._silent_from_s = monotonic_s() + patience_s

    def _left_s(self) -> float:
        return max(0.0, self._silent_from_s - monotonic_s())

    def _tell(self) -> None:
        words = words_of_rival(self._own.client_id, self._other)
        if self._health.faults.get(SUBJECT) != words:
            self._health.faults[SUBJECT] = words
            log.warning("standing by", reason=words)
