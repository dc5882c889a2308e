"""The AsyncAPI document as a page: no script, nothing from elsewhere, every text escaped."""

import base64
import hashlib
from collections.abc import Iterator
from html import escape
from typing import Any

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; }
"""
STYLE_HASH = f"'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
DIRECTIONS = {"send": "ha-ai says", "receive": "ha-ai reads"}


def page(document: dict[str, Any]) -> str:
    """The page of a document: its channels, what they carry, and every schema."""
    about = document["info"]
    title = escape(f"{about['title']} {about['version']}")
    return "".join(
        [
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<style>{STYLE}</style></head><body><h1>{title}</h1><p>{escape(about['description'])}</p>",
            '<p>As a document: <a href="/asyncapi.json">asyncapi.json</a></p>',
            *_channels(document),
            *_schemas(document["components"]["schemas"]),
            "</body></html>\n",
        ]
    )


def _channels(document: dict[str, Any]) -> Iterator[str]:
    for action, heading in DIRECTIONS.items():
        yield f"<h2>{heading}</h2><table><tr><th>topic</th><th>payload</th><th>meaning</th></tr>"
        for operation in document["operations"].values():
            if operation["action"] == action:
                yield _channel(document, _found(document, operation["channel"]))
        yield "</table>"


def _channel(document: dict[str, Any], channel: dict[str, Any]) -> str:
    payloads = [_found(document, message).get("payload", {}) for message in channel["messages"].values()]
    cells = [
        f"<code>{escape(channel['address'])}</code>",
        ", ".join(_kind(payload) for payload in payloads),
        escape(channel.get("description") or ""),
    ]
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _schemas(schemas: dict[str, Any]) -> Iterator[str]:
    yield "<h2>Payloads</h2>"
    for name, schema in schemas.items():
        yield f'<h3 id="{escape(name)}">{escape(name)}</h3><p>{escape(schema.get("description") or "")}</p>'
        if "properties" not in schema:
            yield f"<p>{_kind(schema)}</p>"
            continue
        yield "<table><tr><th>field</th><th>kind</th><th>meaning</th></tr>"
        for field, kind in schema["properties"].items():
            needed = "" if field in schema.get("required", ()) else " (optional)"
            meaning = escape(kind.get("description") or "") + needed
            yield f"<tr><td><code>{escape(field)}</code></td><td>{_kind(kind)}</td><td>{meaning}</td></tr>"
        yield "</table>"


def _kind(schema: dict[str, Any]) -> str:
    """Return in few words the values that a schema takes; other schemas by a link to them.

    Examples
    --------
    >>> _kind({"anyOf": [{"$ref": "#/components/schemas/Evidence"}, {"type": "null"}]})
    '<a href="#Evidence">Evidence</a> or null'
    """
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " or ".join(_kind(each) for each in schema[choice])
    if "const" in schema:
        return f"<code>{escape(str(schema['const']))}</code>"
    if "enum" in schema:
        return " or ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if schema.get("type") == "array" and "items" in schema:
        return f"list of {_kind(schema['items'])}"
    return escape(str(schema.get("type", "any")))


def _found(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """Return the part of the document that a reference leads to."""
    while "$ref" in part:
        place: Any = document
        for step in part["$ref"].removeprefix("#/").split("/"):
            place = place[step]
        part = place
    return part
