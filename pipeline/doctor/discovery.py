"""Check of MQTT discovery: whether we may announce devices, and whether Home Assistant takes them."""

from pipeline.discovery.discovery import Discovery
from pipeline.discovery.hub import hub_device
from pipeline.doctor.finding import Finding, ok, wrong
from pipeline.mqtt.terminal_client import TerminalClient
from pipeline.runtime.home import reader_of
from pipeline.settings import Settings
from sinks.home_assistant import HomeAssistantError

CHECK = "discovery"
ANSWER_S = 3.0


async def check_discovery(settings: Settings) -> Finding:
    """Announce nothing, see whether it comes back, and ask Home Assistant for what was announced before."""
    discovery = Discovery(settings.discovery_prefix, settings.home)
    async with TerminalClient(settings) as client:
        try:
            is_announced = await _read_back(client, discovery)
        except _MayNotError as error:
            return wrong(
                CHECK,
                f"{error}, so suggestions do not appear in Home Assistant",
                f"Let this user read and write {discovery.topic_filter}. With mosquitto: `topic readwrite "
                f"{discovery.topic_filter}` under its `user` line in the ACL file.",
            )
    return await _reception(settings, discovery, is_announced=is_announced)


class _MayNotError(Exception):
    """The broker refuses us something; says what."""


async def _read_back(client: TerminalClient, discovery: Discovery) -> bool:
    """Return whether devices of ours are announced already."""
    granted = await client.subscribe(discovery.topic_filter, 1)
    if any(getattr(code, "is_failure", False) for code in granted):
        raise _MayNotError(f"may not subscribe to {discovery.topic_filter}")
    # Nothing at all on a topic of nobody's: Home Assistant has nothing to take away.
    probe = discovery.topic("sensor", "doctor")
    await client.publish(probe, b"", 1)
    if client.refusal is not None:
        raise _MayNotError(f"may not publish to {probe}: {client.refusal}")
    is_announced = False
    while message := await client.next_message(discovery.topic_filter, timeout_s=ANSWER_S):
        if message.topic.value == probe:
            return is_announced
        is_announced = True
    raise _MayNotError(f"what is published to {probe} does not come back")


async def _reception(settings: Settings, discovery: Discovery, *, is_announced: bool) -> Finding:
    """Report what Home Assistant has made of the announcement, where it can be asked."""
    announced = f"devices may be announced below {discovery.prefix}/"
    reader = reader_of(settings)
    if reader is None:
        return ok(CHECK, announced)
    try:
        is_set_up = "mqtt" in (await reader.configuration()).get("components", ())
        first = hub_device(discovery, settings.topics).components[0].config["unique_id"]
        entity_id = await reader.entity_id_of(first)
    except HomeAssistantError as error:
        return ok(CHECK, f"{announced}; Home Assistant cannot be asked: {error}")
    if entity_id is not None:
        return ok(CHECK, f"Home Assistant has our devices, such as {entity_id}")
    if is_set_up and not is_announced:
        return ok(CHECK, f"{announced}; Home Assistant is told at the first start")
    return wrong(
        CHECK,
        "our devices are announced, but Home Assistant does not have them"
        if is_set_up
        else "Home Assistant has no MQTT",
        f"Add the MQTT integration in Home Assistant, with this broker, discovery switched on, and "
        f"{discovery.prefix} as prefix.",
    )
