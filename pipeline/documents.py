"""Documents written from the code: ``python -m pipeline.documents`` writes them, ``--check`` compares.

Settings, the detectors' catalogue, the store's bounds, topics and roles stand between markers in `docs`;
`.env.example`, `compose/acl.example`, the JSON schemas and the AsyncAPI document are whole files.
"""

import argparse
import re
import sys
from inspect import cleandoc
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from detectors.registry import detectors
from pipeline.mqtt import acl
from pipeline.mqtt.asyncapi import document, text
from pipeline.roles import ROLES
from pipeline.settings import OLD_NAMES, PREFIX, Settings
from schemas.messages import Direction, Party, Row, document_name
from schemas.patterns import Pattern
from schemas.payload import schema_mode
from schemas.topics import DAY_S, NAMESPACE, TABLE, Outside, Topics
from sinks.store.retention import BOUNDS

ROOT = Path(__file__).parents[1]
SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_NAMESPACE = "urn:ha-ai"
PARTIES: dict[Party, str] = {
    Outside.HOME_ASSISTANT: "Home Assistant",
    Outside.ASKER: "who asks or follows",
    Outside.DOCTOR: "`ha-ai doctor`",
}


def main() -> int:
    """Write every document, or say which ones are out of date."""
    parser = argparse.ArgumentParser("python -m pipeline.documents", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if something is out of date")
    check = parser.parse_args().check
    stale = [path for path, content in documents().items() if not _is(path, content)]
    for path in stale:
        print(f"{'out of date' if check else 'written'}: {path.relative_to(ROOT)}")  # noqa: T201 what it is for
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(documents()[path], encoding="utf-8")
    return 1 if check and stale else 0


def documents() -> dict[Path, str]:
    """Every generated file and its content."""
    tables = {"settings": settings_table(), "detectors": catalogue(), "retention": retention_table()}
    files = {
        ROOT / f"docs/{name}.md": between(_read(f"docs/{name}.md"), name, table)
        for name, table in tables.items()
    }
    topics = _read("docs/topics.md")
    for direction in Direction:
        topics = between(topics, direction.value, topics_table(direction))
    files |= {
        ROOT / "docs/topics.md": between(topics, "roles", roles_table()),
        ROOT / "compose/acl.example": acl.example(Topics()),
        ROOT / ".env.example": environment_template(),
        ROOT / "schemas/documents/asyncapi.json": text(document(Settings.model_construct())),
    }
    payloads: list[type[BaseModel]] = [Pattern, *(row.payload for row in TABLE)]
    for payload in payloads:
        files[ROOT / f"schemas/documents/{document_name(payload)}"] = text(payload_schema(payload))
    return files


def payload_schema(payload: type[BaseModel]) -> dict[str, Any]:
    """JSON schema of a payload, under the id that follows from its document's name."""
    identity = f"{SCHEMA_NAMESPACE}:{document_name(payload)}"
    schema = payload.model_json_schema(mode=schema_mode(payload))
    return {"$schema": SCHEMA_DIALECT, "$id": identity, **schema}


def between(text: str, marker: str, content: str) -> str:
    r"""Put `content` between the lines ``<!-- marker -->`` and ``<!-- /marker -->``.

    Examples
    --------
    >>> print(between("<!-- x -->\nold\n<!-- /x -->", "x", "new"))
    <!-- x -->
    new
    <!-- /x -->
    """
    begin, end = f"<!-- {marker} -->", f"<!-- /{marker} -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"expected {begin} and {end}")
    return f"{before}{begin}\n{content.strip()}\n{end}{after}"


def settings_table() -> str:
    """Every setting: name, default, meaning, and the name of old if it has one."""
    old = {name: old_name for old_name, name in OLD_NAMES.items()}
    lines = ["| setting | default | meaning | once called |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = _default(field)
        meaning = field.description or ""
        once = f"`{old[name]}`" if name in old else ""
        lines.append(
            f"| `{PREFIX}{name.upper()}` | {f'`{default}`' if default else ''} | {meaning} | {once} |"
        )
    return "\n".join(lines)


def topics_table(direction: Direction) -> str:
    """Every message of a direction: topic, meaning, payload, parties, and for how long it holds."""
    lines = ["| topic | meaning | payload | from | to | holds |", "|---|---|---|---|---|---|"]
    for row in TABLE:
        if row.direction is direction:
            topics = "<br>".join(f"`{address}`" for address in row.addresses(Topics()))
            payload = f"[{row.payload.__name__}](../schemas/documents/{row.document})"
            parties = " | ".join(", ".join(map(_party, each)) for each in (row.writers, row.readers))
            lines.append(f"| {topics} | {row.says} | {payload} | {parties} | {_holds(row)} |")
    return "\n".join(lines)


def roles_table() -> str:
    """Every role: what it is for, what it reads and says, and what it needs."""
    lines = ["| role | what it does | reads | says | needs |", "|---|---|---|---|---|"]
    for role, wiring in ROLES.items():
        messages = " | ".join(", ".join(map(_short_topic, rows)) for rows in (wiring.reads, wiring.says))
        needs = ", ".join(f"`{PREFIX}{name.upper()}`" for name in wiring.needs)
        lines.append(f"| `{role}` | {wiring.does} | {messages} | {needs} |")
    return "\n".join(lines)


def _short_topic(row: Row[Any]) -> str:
    """The topic without what is the same for all of ours."""
    return f"`{row.filled(Topics(), *row.placeholders(Topics())).removeprefix(f'{NAMESPACE}/')}`"


def _party(party: Party) -> str:
    return PARTIES.get(party, f"`{party}`")


def _holds(row: Row[Any]) -> str:
    """For how long a message holds, in words."""
    if row.retain:
        return "retained"
    if row.expiry_s is None:
        return ""
    return f"{row.expiry_s // 60} min" if row.expiry_s < DAY_S else f"{row.expiry_s // DAY_S} day"


def retention_table() -> str:
    """Every table of the store, and what stays in it."""
    lines = ["| table | what stays |", "|---|---|"]
    return "\n".join(lines + [f"| `{table}` | {bound} |" for table, bound in BOUNDS.items()])


def environment_template() -> str:
    """`.env.example`: every setting as a comment, with its default."""
    lines = [
        "# Settings of ha-ai: copy this to .env and uncomment what you change. The environment comes first."
    ]
    for name, field in Settings.model_fields.items():
        lines += ["", f"# {field.description}", f"# {PREFIX}{name.upper()}={_default(field)}"]
    return "\n".join(lines) + "\n"


def catalogue() -> str:
    """Every registered detector: its kind, what it finds, what it costs, and where the idea comes from."""
    lines = ["| detector | what it does | cost | reference |", "|---|---|---|---|"]
    for detector in detectors():
        parts = _sections(type(detector).__doc__ or "")
        cells = (f"`{detector.kind}`", parts["summary"], parts["cost"], parts.get("References", ""))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _sections(docstring: str) -> dict[str, str]:
    """A numpydoc docstring's first line, its last paragraph of prose, and its sections, each on one line."""
    prose, *sections = re.split(r"\n\n(?=[A-Z][a-z]+\n-{3,}\n)", cleandoc(docstring))
    paragraphs = [" ".join(paragraph.split()) for paragraph in prose.split("\n\n")]
    found = {"summary": paragraphs[0], "cost": paragraphs[-1]}
    for section in sections:
        title, _, content = section.split("\n", 2)
        found[title] = " ".join(content.split())
    return found


def _default(field: FieldInfo) -> str:
    return "" if field.default is None else str(field.default)


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _is(path: Path, content: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == content


if __name__ == "__main__":
    sys.exit(main())
