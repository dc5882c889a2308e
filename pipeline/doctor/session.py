"""Whose the durable session is: two installations need a client id each."""

import asyncio
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from pipeline.doctor.finding import Finding, ok, wrong
from pipeline.doctor.store import read_only_url
from pipeline.mqtt.terminal_client import TerminalClient
from pipeline.runtime.belongings import home_id
from pipeline.runtime.rival import SIGN_S, kept_mark, read_sign, words_of_rival
from pipeline.settings import Settings
from sinks.store import SqlStore, StoreError

RETAINED_S = 1.0
SIGNS_WAITED = 1.5


async def check_rival(settings: Settings, client: TerminalClient) -> Finding:
    """Hear whether another installation says that the session under our client id is its own."""
    await client.subscribe(settings.topics.session, 1)
    try:
        return await _heard(settings, client)
    finally:
        await client.unsubscribe(settings.topics.session)


async def _heard(settings: Settings, client: TerminalClient) -> Finding:
    client_id, topic = settings.mqtt_client_id, settings.topics.session
    message = await client.next_message(topic, timeout_s=RETAINED_S)
    sign = read_sign(bytes(message.payload or b""), client_id) if message else None
    ours = await asyncio.to_thread(_our_mark, settings)
    if sign is None or sign.store == ours:
        return ok("client id", f"nobody else uses {client_id}")
    live = await client.next_message(topic, timeout_s=SIGNS_WAITED * SIGN_S, live=True)
    now = read_sign(bytes(live.payload or b""), client_id) if live else None
    if now is None or now.store == ours:
        return ok("client id", f"nobody uses {client_id} now; host {sign.host} did")
    return wrong(
        "client id",
        words_of_rival(client_id, now),
        "Set HA_AI_MQTT_CLIENT_ID for one of them, or stop one; or run the doctor where the other runs.",
    )


def _our_mark(settings: Settings) -> str | None:
    """The mark of our own store; None where there is none yet, or it cannot be read, which its check says."""
    url = make_url(settings.store_url)
    is_file = url.get_backend_name() == "sqlite" and url.database
    try:
        address = read_only_url(Path(url.database or "")) if is_file else settings.store_url
        with closing(SqlStore(address, home=home_id(settings))) as store:
            return kept_mark(store)
    except (StoreError, SQLAlchemyError):
        return None
