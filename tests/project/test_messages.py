"""What names topics or payloads follows from the table of messages, and nothing names them beside it."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from schemas.messages import Row
from schemas.topics import (
    DISCOVERY_PREFIX,
    EVENTSTREAM,
    NAMESPACE,
    NODE,
    STATESTREAM,
    STATUS,
    TABLE,
)

DOCUMENTS = Path("schemas/documents")
STEMS = frozenset(row.stem.strip("/") for row in TABLE if row.is_own)
PARTS = (EVENTSTREAM, STATESTREAM, STATUS, f"{NAMESPACE}/", f"{DISCOVERY_PREFIX}/", f"/{NODE}")


def texts(code: str) -> Iterator[str]:
    """Return the strings of a module but its docstrings, those within f-strings among them."""
    tree = ast.parse(code)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def topics_in(code: str) -> list[str]:
    """Return the strings of a module that hold a topic, or the part of one that all homes share."""
    return [text for text in texts(code) if any(part in text for part in (*STEMS, *PARTS))]


@pytest.mark.parametrize("package", ["pipeline", "sinks", "detectors"])
def test_topics_stand_in_the_table_alone(root: Path, package: str) -> None:
    """No module of these packages spells a topic; they take it from the table."""
    modules = sorted((root / package).rglob("*.py"))
    assert modules
    spelled = {str(path.relative_to(root)): topics_in(path.read_text("utf-8")) for path in modules}
    assert {path: found for path, found in spelled.items() if found} == {}


@pytest.mark.parametrize(
    "line",
    [
        'topic = "ha-ai/events/pattern/detected"',
        'topic = f"{home}/ha-ai/more"',
        'topic = f"{own}/status/hub"',
        'topic = own + "/commands/suggestion/" + verb',
        'default = Field("homeassistant_events")',
        'def f() -> str:\n    """Return ha-ai/dead-letter."""\n    return "dead-letter"',
    ],
)
def test_a_topic_that_is_spelled_is_found(line: str) -> None:
    """In whatever form it stands in the code; a docstring may name one."""
    assert len(topics_in(line)) == 1
    assert topics_in('"""ha-ai/dead-letter"""\nname = "ha-ai"\nevent = "homeassistant_stop"') == []


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_every_payload_has_its_document(root: Path, row: Row[Any]) -> None:
    """A schema that is one, with an id of its own that names the document."""
    schema = json.loads((root / DOCUMENTS / row.document).read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:ha-ai:{row.document}"
    assert schema["title"] == row.payload.__name__
    assert schema["description"]


def test_there_is_no_document_too_many(root: Path) -> None:
    """Every document is a payload's of the table, the pattern's, or AsyncAPI's; no id stands twice."""
    written = {path.name for path in (root / DOCUMENTS).glob("*.json")}
    assert written == {row.document for row in TABLE} | {"pattern.v1.json", "asyncapi.json"}
    schemas = [path for path in (root / DOCUMENTS).glob("*.json") if path.name != "asyncapi.json"]
    identities = [json.loads(path.read_text("utf-8"))["$id"] for path in schemas]
    assert len(set(identities)) == len(identities)
