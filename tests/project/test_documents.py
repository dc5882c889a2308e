import json
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from detectors.registry import detectors
from pipeline.cli import COMMANDS
from pipeline.documents import ROOT, between, documents, retention_table
from pipeline.mqtt.asyncapi import channel_name, document
from pipeline.settings import OLD_NAMES, PREFIX, Settings
from schemas.messages import Direction
from schemas.statuses import ServiceStatus
from schemas.tables import METADATA
from schemas.topics import TABLE, Topics


@pytest.mark.parametrize("path", sorted(documents()), ids=lambda path: path.name)
def test_committed_documents_are_what_the_code_says(path: Path) -> None:
    """Every generated document is up to date; `python -m pipeline.documents` makes it so."""
    assert path.read_text(encoding="utf-8") == documents()[path]


def test_every_setting_is_explained() -> None:
    """Each setting has a description, and a row with its name, and its name of old, in the table."""
    table = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert f"| `{PREFIX}{name.upper()}` |" in table
    for old in OLD_NAMES:
        assert f"| `{old}` |" in table


def test_every_command_is_in_the_documents() -> None:
    """Each subcommand stands in the table of commands, and no other does."""
    text = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| (`ha-ai .*?) \|", text, re.MULTILINE)
    assert {name for cell in cells for name in re.findall(r"`(?:ha-ai )?([a-z]+)", cell)} == COMMANDS.keys()


def test_links_of_the_documents_lead_somewhere() -> None:
    """Each link to a file, from the README or from a document, has its file."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    links = [
        (page, link) for page in pages for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    ]
    assert len(links) > len(pages)
    assert [(page.name, found) for page, found in links if not (page.parent / found).exists()] == []


def test_every_table_has_a_bound() -> None:
    """What the store keeps is bounded table by table, and the document says how."""
    listed = re.findall(r"^\| `(\w+)` \|", retention_table(), re.MULTILINE)
    assert sorted(listed) == sorted(METADATA.tables)


def test_every_detector_is_in_the_catalogue() -> None:
    """The catalogue has a row for every registered detector, in their order, and no other."""
    readme = (ROOT / "docs/detectors.md").read_text(encoding="utf-8")
    listed = readme.split("<!-- detectors -->")[1].split("<!-- /detectors -->")[0]
    assert re.findall(r"^\| `(\w+)` \|", listed, re.MULTILINE) == [each.kind for each in detectors()]


def test_template_sets_nothing_as_it_stands_and_the_defaults_uncommented(tmp_path: Path) -> None:
    """`.env.example` changes nothing when copied; with every line uncommented it still is the defaults."""
    template = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert not [line for line in template.splitlines() if line and not line.startswith("#")]
    uncommented = tmp_path / ".env"
    uncommented.write_text(re.sub(rf"^# (?={PREFIX})", "", template, flags=re.MULTILINE))
    assert Settings(_env_file=uncommented) == Settings(_env_file=None)


def test_schemas_accept_what_is_said_and_what_a_later_version_adds() -> None:
    """A payload validates against its schema, also with one more field; one without its fields does not."""
    schema = json.loads((ROOT / "schemas/documents/service_status.v1.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    status = ServiceStatus(state="online", version="0.1.0", since=datetime(2026, 11, 20, tzinfo=UTC))
    said = json.loads(status.model_dump_json())
    jsonschema.validate(said, schema)
    jsonschema.validate({**said, "more": 1}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"more": 1}, schema)


@pytest.mark.parametrize("home", ["", "villa"])
def test_asyncapi_is_the_table(home: str) -> None:
    """Its channels are the table's topics, all of them, each with payload and operation."""
    described = document(Settings(_env_file=None, home=home))
    addresses = [channel["address"] for channel in described["channels"].values()]
    assert addresses == [address for row in TABLE for address in row.addresses(Topics(home))]
    assert len(addresses) > len(TABLE) > 20
    told = [next(iter(channel["messages"])) for channel in described["channels"].values()]
    assert told == [row.payload.__name__ for row in TABLE for _ in row.addresses(Topics(home))]
    operated = {each["channel"]["$ref"].rpartition("/")[2] for each in described["operations"].values()}
    assert operated == described["channels"].keys()
    assert described["asyncapi"] == "3.0.0"
    assert (described["info"]["title"], described["info"]["version"]) == ("ha-ai", version("ha-ai"))


def test_asyncapi_says_how_it_is_published() -> None:
    """What is sent has the quality, the retain flag and the expiry that the table gives it."""
    operations = document(Settings(_env_file=None))["operations"]
    found = {name: operations[name]["bindings"]["mqtt"] for name in ("sendHub", "sendPatternDetected")}
    assert found == {
        "sendHub": {"qos": 1, "retain": True, "bindingVersion": "0.2.0"},
        "sendPatternDetected": {
            "qos": 1,
            "retain": False,
            "messageExpiryInterval": 300,
            "bindingVersion": "0.2.0",
        },
    }
    for row in TABLE:
        sent = operations.get(f"send{channel_name(row, row.addresses(Topics())[0])}")
        assert (sent is not None) == (row.is_said or row.direction is Direction.INTERNAL), row.name
        if sent is not None:
            binding = sent["bindings"]["mqtt"]
            assert (binding["retain"], binding.get("messageExpiryInterval")) == (row.retain, row.expiry_s)


def test_asyncapi_refers_to_what_it_holds() -> None:
    """No reference of the document leads nowhere, or out of it."""
    described = document(Settings(_env_file=None))
    found = list(references(described))
    assert len(found) > 100
    assert [reference for reference in found if not reference.startswith("#/")] == []
    for reference in found:
        place: Any = described
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_markers_are_needed() -> None:
    """A document without its markers is not overwritten somewhere else."""
    with pytest.raises(ValueError, match="expected <!-- x -->"):
        between("no markers", "x", "new")


def references(part: Any) -> Any:
    """Every ``$ref`` in a document."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_what_is_obeyed_has_its_payload(root: Path) -> None:
    """The AsyncAPI document gives each command its schema, and no channel an empty one."""
    schemas = json.loads((root / "schemas/documents/asyncapi.json").read_text())["components"]["schemas"]
    assert {"SignedCommand", "Press", "Question"} <= schemas.keys()
    assert [name for name in schemas if "Empty" in name] == []
