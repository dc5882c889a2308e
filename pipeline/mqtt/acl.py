"""Example of the broker's access control list: what each user may read and write, by the table."""

from collections.abc import Callable, Iterable
from typing import Any

from schemas.messages import Party, Row
from schemas.topics import NAMESPACE, TABLE, Outside, Topics

HEAD = """\
# Who may publish and read what, once mosquitto.conf asks for passwords. Copy it to compose/acl and edit the
# copy. What no line allows is refused. It keeps a broken or stolen device from speaking as Home Assistant or
# from commanding ha-ai. Written from the table of messages, schemas/topics.py.

# Home Assistant speaks for people and for the devices of all its integrations: its entities send ha-ai's
# commands.
user {homeassistant}
topic readwrite #
topic read $SYS/#
"""
SERVICE = """
# ha-ai reads what Home Assistant says, announces itself through discovery, and reads back what it announced.
user {user}
{lines}
topic read $SYS/broker/version
"""
ASKER = """
# Who asks, follows and commands from elsewhere, with tools of their own; a command counts when it is signed.
user {user}
{lines}
"""
DEVICES = """
# Each bridge or device gets a user of its own, with its own topics and the announcement of its entities, but
# of none in ha-ai's place: what people approve there has to be ha-ai's.
user zigbee2mqtt
topic deny {prefix}/+/{node}/#
topic readwrite zigbee2mqtt/#
topic read {status}
topic write {prefix}/+/+/config
topic write {prefix}/+/+/+/config
"""


def example(topics: Topics) -> str:
    """The list as mosquitto reads it."""
    foreign = _lines(topics, (row for row in TABLE if not row.is_own), lambda party: party.is_role)
    service = [*foreign, f"topic readwrite {topics.everything}"]
    asker = _lines(topics, TABLE, lambda party: party is Outside.ASKER)
    return "".join(
        [
            HEAD.format(homeassistant=Outside.HOME_ASSISTANT),
            SERVICE.format(user=NAMESPACE, lines="\n".join(service)),
            ASKER.format(user=Outside.ASKER, lines="\n".join(asker)),
            DEVICES.format(prefix=topics.discovery_prefix, node=topics.node, status=topics.status),
        ]
    )


def _lines(topics: Topics, rows: Iterable[Row[Any]], is_theirs: Callable[[Party], bool]) -> list[str]:
    """Return a line for each topic filter that a party reads or writes."""
    lines = []
    for row in rows:
        reads, writes = any(map(is_theirs, row.readers)), any(map(is_theirs, row.writers))
        if reads or writes:
            access = "readwrite" if reads and writes else "read" if reads else "write"
            lines += [f"topic {access} {topic_filter}" for topic_filter in row.filters(topics)]
    return lines
