"""Whose the durable session is: two installations need a client id each."""

from pipeline.delivery.rival import SIGN_S, read_sign, store_mark, words_of_rival
from pipeline.diagnosis.finding import Finding, ok, wrong
from pipeline.settings import Settings
from pipeline.terminal_client import TerminalClient

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
    if sign is None or sign.store == store_mark(settings):
        return ok("client id", f"nobody else uses {client_id}")
    live = await client.next_message(topic, timeout_s=SIGNS_WAITED * SIGN_S, live=True)
    now = read_sign(bytes(live.payload or b""), client_id) if live else None
    if now is None or now.store == store_mark(settings):
        return ok("client id", f"nobody uses {client_id} now; host {sign.host} did")
    return wrong(
        "client id",
        words_of_rival(client_id, now),
        "Set HA_AI_MQTT_CLIENT_ID for one of them, or stop one; or run the doctor where the other runs.",
    )
