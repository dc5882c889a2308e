"""Check of the topics that the broker lets us publish to."""

import asyncio

from pipeline.doctor.finding import Finding, ok, warning, wrong
from pipeline.mqtt.rights import PacketError, refused_topics
from pipeline.settings import Settings
from schemas.topics import TABLE

PATIENCE_S = 5.0
CHECK = "rights by topic"
CHECKED_ID = "doctor"


async def check_rights(settings: Settings) -> Finding:
    """Try every topic that we publish to."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            refused = await refused_topics(settings, published(settings))
    except (OSError, PacketError, EOFError) as error:
        why = str(error) or "it did not answer in time"
        return warning(CHECK, f"could not be tried: {why}", "`ha-ai run` says in its health what is refused.")
    if refused is None:
        return ok(CHECK, "not tried: the broker takes no messages of QoS 2")
    if not refused:
        return ok(CHECK, f"may publish to all {len(published(settings))} topics")
    everything = settings.topics.everything
    return wrong(
        CHECK,
        "may not publish to "
        + ", ".join(f"{topic} ({reason.replace('_', ' ').lower()})" for topic, reason in refused.items()),
        f"Let this user write {everything}. "
        f"With mosquitto: `topic readwrite {everything}` under its `user` line in the ACL file.",
    )


def published(settings: Settings) -> list[str]:
    """The topics of our own that we publish to; of those with an id in them one of each kind."""
    topics = settings.topics
    return [
        topic.replace("+", CHECKED_ID)
        for row in TABLE
        if row.is_said and row.is_own
        for topic in row.filters(topics)
    ]
