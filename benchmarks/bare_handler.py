"""The yardstick: a FastStream handler that does nothing with a message but `json.loads` and acknowledge it.

``python -m benchmarks.bare_handler KIND URL CLIENT_ID TOPIC`` prints how many messages it has had, again and
again. Of the kind ``plain`` it is written as FastStream's documentation does it; the kind ``bare`` leaves out
all that FastStream can be told to leave out.
"""

import asyncio
import json
import sys

from faststream.middlewares import AckPolicy
from faststream.mqtt import MQTTBroker, MQTTMessage, QoS
from faststream.mqtt.annotations import MQTTMessage as Annotated

SHOW_S = 0.1


async def serve(kind: str, url: str, client_id: str, topic: str) -> None:
    """Handle messages for ever."""
    broker = MQTTBroker(
        url,
        client_id=client_id,
        clean_session=False,
        session_expiry_interval=3_600,
        session_replay_buffer_size=0,
        logger=None,
        apply_types=kind == "plain",
    )
    handled = 0

    async def handle(msg: MQTTMessage) -> None:
        nonlocal handled
        json.loads(msg.body)
        await msg.ack()
        handled += 1

    async def plain(msg: Annotated) -> None:
        await handle(msg)

    async def undecoded(msg: MQTTMessage) -> MQTTMessage:
        return msg

    subscriber = broker.subscriber(topic, qos=QoS.AT_LEAST_ONCE, ack_policy=AckPolicy.MANUAL)
    if kind == "plain":
        subscriber(plain)
    else:
        subscriber(handle, decoder=undecoded)
    await broker.start()
    while True:
        print(handled, flush=True)
        await asyncio.sleep(SHOW_S)


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
