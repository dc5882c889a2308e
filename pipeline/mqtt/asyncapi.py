"""The AsyncAPI document: the table of messages as a document, the same written and served."""

import json
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

from pydantic.json_schema import models_json_schema

from pipeline.settings.sections import StreamSettings
from schemas.messages import QOS, Direction, Row
from schemas.payload import schema_mode
from schemas.topics import TABLE, Topics

SPECIFICATION = "3.0.0"
BINDING = "0.2.0"
SERVER = "broker"
PROTOCOLS = {"mqtt": "mqtt", "mqtts": "secure-mqtt"}
ABOUT = "Learns a household's habits from Home Assistant's state changes as they happen."


def document(settings: StreamSettings) -> dict[str, Any]:
    """The document of a service with these settings; it refers to nothing outside itself."""
    topics = settings.topics
    channels = [
        (row, address, channel_name(row, address)) for row in TABLE for address in row.addresses(topics)
    ]
    schemas, defined = models_json_schema(
        [(payload, schema_mode(payload)) for payload in dict.fromkeys(row.payload for row in TABLE)],
        ref_template="#/components/schemas/{model}",
    )
    payloads = {payload: schema for (payload, _), schema in schemas.items()}
    broker = urlsplit(settings.broker_url)
    return {
        "asyncapi": SPECIFICATION,
        "info": {"title": "ha-ai", "version": version("ha-ai"), "description": ABOUT},
        "defaultContentType": "application/json",
        "servers": {
            SERVER: {
                "host": broker.netloc,
                "protocol": PROTOCOLS[broker.scheme],
                "protocolVersion": "5.0",
            }
        },
        "channels": {name: _channel(row, address, topics) for row, address, name in channels},
        "operations": {
            f"{action}{name}": _operation(row, action, name)
            for row, _, name in channels
            for action in _actions(row)
        },
        "components": {
            "messages": {row.payload.__name__: _message(row, payloads[row.payload]) for row in TABLE},
            "schemas": defined["$defs"],
        },
    }


def text(document: dict[str, Any]) -> str:
    """The document as JSON for people, as it is written and served."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def channel_name(row: Row[Any], address: str) -> str:
    """Return the name of a channel: the row's, and the parameter's value where there are few.

    Examples
    --------
    >>> row = Topics.automation_command
    >>> [channel_name(row, address) for address in row.addresses(Topics())]
    ['AutomationCommandDeploy', 'AutomationCommandRollback']
    """
    value = address.rpartition("/")[2] if row.values else ""
    return "".join(part.title() for part in f"{row.name}_{value}".split("_"))


def _channel(row: Row[Any], address: str, topics: Topics) -> dict[str, Any]:
    name = row.payload.__name__
    channel: dict[str, Any] = {
        "address": address,
        "description": row.says,
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "servers": [{"$ref": f"#/servers/{SERVER}"}],
    }
    if row.direction is Direction.INTERNAL:
        channel["tags"] = [{"name": Direction.INTERNAL.value}]
    if not row.values and row.parameters(topics):
        channel["parameters"] = {each: {} for each in row.parameters(topics)}
    return channel


def _actions(row: Row[Any]) -> list[str]:
    """Return what ha-ai does with a message; of what is internal, that it sends it."""
    sends = row.is_said or row.direction is Direction.INTERNAL
    return [*(["send"] if sends else []), *(["receive"] if row.direction is Direction.SUBSCRIBE else [])]


def _operation(row: Row[Any], action: str, name: str) -> dict[str, Any]:
    binding: dict[str, Any] = {"qos": QOS, "bindingVersion": BINDING}
    if action == "send":
        binding["retain"] = row.retain
        if row.expiry_s is not None:
            binding["messageExpiryInterval"] = row.expiry_s
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{name}"},
        "messages": [{"$ref": f"#/channels/{name}/messages/{row.payload.__name__}"}],
        "bindings": {"mqtt": binding},
    }


def _message(row: Row[Any], payload: dict[str, Any]) -> dict[str, Any]:
    return {"title": row.payload.__name__, "contentType": content_type(row), "payload": payload}


def content_type(row: Row[Any]) -> str:
    """Return the form of a payload: JSON where it is an object, else plain text."""
    schema = row.payload.model_json_schema()
    return "application/json" if schema.get("type") == "object" else "text/plain"
