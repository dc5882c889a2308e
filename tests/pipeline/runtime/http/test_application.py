"""What is served: the AsyncAPI document as it is written, a page of it, and health in words."""

import asyncio
import json
import re
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.health import STUCK_S
from pipeline.learn.service import Service
from pipeline.runtime.http.application import application
from pipeline.runtime.http.page import page
from pipeline.settings import Settings
from tests.pipeline.runtime.http.asking import OWN, Answer, ask, process_of

ROOT = Path(__file__).parents[4]


def get(service: Service, target: str, **how: Any) -> Answer:
    """A page, as this machine gets it unless said otherwise."""
    return asyncio.run(ask(application(process_of(service)), target=target, **how))


class Parts(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_document_is_the_written_one(service: Service) -> None:
    """Whole and byte for byte what stands among the schemas."""
    answer = get(service, "/asyncapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.body == (ROOT / "schemas/documents/asyncapi.json").read_bytes()


def test_the_page_tells_the_document(service: Service) -> None:
    """Every topic and every field of every payload stands on it, and every link leads somewhere."""
    parts = Parts(get(service, "/asyncapi").body.decode())
    document = json.loads((ROOT / "schemas/documents/asyncapi.json").read_text())
    for channel in document["channels"].values():
        assert channel["address"] in parts.text
    for schema in document["components"]["schemas"].values():
        assert all(field in parts.text for field in schema.get("properties", ()))
    places = {f"#{attributes['id']}" for _, attributes in parts.tags if "id" in attributes}
    links = {attributes["href"] for tag, attributes in parts.tags if tag == "a"}
    assert len(links) > 10
    assert links - places == {"/asyncapi.json"}


def test_the_page_loads_nothing(service: Service) -> None:
    """No script, no frame, no image, no address of elsewhere; its style is the one that the policy names."""
    answer = get(service, "/asyncapi")
    text = answer.body.decode()
    parts = Parts(text)
    assert {"script", "link", "img", "iframe", "form", "object"}.isdisjoint(tag for tag, _ in parts.tags)
    assert not [
        name
        for _, attributes in parts.tags
        for name in attributes
        if name in ("src", "style") or name[:2] == "on"
    ]
    assert "://" not in text
    assert "@import" not in text
    assert "url(" not in text
    assert re.search(r"style-src '(sha256-[A-Za-z0-9+/=]+)'", answer.headers["content-security-policy"])


def test_the_page_is_escaped() -> None:
    """Names and texts of a document are text, whatever they contain."""
    evil = "<script>alert(1)</script>\"'&"
    reference = {"$ref": f"#/components/schemas/{evil.replace('/', '')}"}
    schema = {
        "description": evil,
        "properties": {
            evil: {"description": evil, "enum": [evil]},
            "b": {"const": evil},
            "c": {"type": evil},
        },
    }
    document = {
        "info": {"title": evil, "version": evil, "description": evil},
        "channels": {"x": {"address": evil, "description": evil, "messages": {"m": {"payload": reference}}}},
        "operations": {"x": {"action": "send", "channel": {"$ref": "#/channels/x"}}},
        "components": {"schemas": {evil: schema, "plain": {"anyOf": [reference, {"type": evil}]}}},
    }
    parts = Parts(page(document))
    assert {tag for tag, _ in parts.tags}.isdisjoint({"script"})
    assert all(
        set(attributes) <= {"id", "href", "lang", "charset", "name", "content"}
        for _, attributes in parts.tags
    )
    assert parts.text.count("<script>alert(1)</script>") >= 8


def test_health_is_told_in_words_to_this_machine_alone(service: Service) -> None:
    """Others learn whether it is well: the words name topics, files and the broker."""
    service.health.notices["clock"] = "the clock is 3 h behind"
    service.health.faults["store"] = "topic secret/topic is refused"
    own = get(service, "/health")
    assert own.status == 503
    assert json.loads(own.body) == {
        "service": "ha-ai",
        "status": "degraded",
        "home": "home",
        "roles": {"learn": "waits", "publish": "waits"},
        "problems": service.health.problems(),
        "notices": ["the clock is 3 h behind"],
    }
    for path in ("/health", "/health/ready"):
        theirs = get(service, path, peer="192.0.2.1", headers=[("Host", "192.0.2.9")], reached="192.0.2.9")
        assert (theirs.status, json.loads(theirs.body)) == (503, {"service": "ha-ai", "status": "degraded"})


@pytest.mark.parametrize(("path", "status"), [("/health/live", 200), ("/metrics", 200), ("/asyncapi", 403)])
def test_other_machines_see_life_and_figures(service: Service, path: str, status: int) -> None:
    """Bound beyond the loopback, what names nothing of the home is served, and the rest is not."""
    assert (
        get(service, path, peer="192.0.2.1", headers=[("Host", "192.0.2.9")], reached="192.0.2.9").status
        == status
    )


def test_names_that_were_set_are_taken(service: Service) -> None:
    """HA_AI_HTTP_HOSTS adds names; what is no list of names is refused when settings are read."""
    named = service.settings.model_copy(update={"http_hosts": "ha-ai, Haus.LAN"})
    service.settings = named
    for host, status in (("ha-ai:8099", 200), ("haus.lan", 200), ("evil.example", 403)):
        assert get(service, "/health/live", headers=[("Host", host)]).status == status
    with pytest.raises(ValidationError):
        Settings(_env_file=None, http_hosts="http://ha-ai/")


def test_a_loop_that_does_not_come_round_is_a_fault(service: Service) -> None:
    """Ready is not said of a process whose loop stands still; that it lives is."""
    service.health.last_turn_s = time.monotonic() - STUCK_S + 5
    assert "busy" not in get(service, "/health").body.decode()
    service.health.last_turn_s = time.monotonic() - STUCK_S - 1
    assert "the process is busy" in get(service, "/health/ready").body.decode()
    assert get(service, "/health/live").status == 200


def test_head_has_the_headers_of_get(service: Service) -> None:
    """HEAD tells how long the page is, and sends none of it."""
    whole = get(service, "/metrics")
    head = asyncio.run(ask(application(process_of(service)), "HEAD", "/metrics", [("Host", OWN)]))
    assert (head.status, head.headers, head.body) == (200, whole.headers, b"")
