import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from pipeline import roles
from pipeline.learn.service import Service
from pipeline.mqtt.client import SteadyBroker
from pipeline.roles import ROLES, factories
from pipeline.runtime.role import STATEFUL, RoleContext
from pipeline.settings import Settings
from schemas.home import Home
from schemas.topics import TABLE, Role, Topics
from sinks.store import SqlStore, StoreThread

IMPORTS = """
import sys
from pipeline.cli import run
from schemas.topics import Role
from pipeline.roles import factories
factories(Role)
print([name for name in sys.modules if name in (
    "pipeline.answer.answerer", "pipeline.deploy.deployer", "pipeline.review.reviewer",
    "pipeline.show.discovery_publisher", "pipeline.suggest.suggester", "sinks.home_assistant",
    "polars",
)])
"""


def test_every_stateless_consumer_can_be_made() -> None:
    """Each has what makes it, under its own name; learning and publishing have not."""
    assert factories(Role).keys() == frozenset(Role) - STATEFUL
    assert list(factories([Role.SHOW, Role.LEARN])) == [Role.SHOW]


def test_nothing_is_imported_for_what_does_not_run() -> None:
    """Knowing all consumers imports none of them, nor what they alone need."""
    said = subprocess.run(
        [sys.executable, "-c", IMPORTS], capture_output=True, text=True, timeout=60, check=True
    )
    assert said.stdout.strip() == "[]"


def test_the_deployers_process_takes_nothing_to_learn_with() -> None:
    """The process that stays beside the other imports no statistics, which would take 20 MB."""
    code = "import sys; import pipeline.cli.run, pipeline.deploy.deployer; "
    code += "print([name for name in ('numpy', 'river', 'scipy', 'polars') if name in sys.modules])"
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert said.stdout.strip() == "[]"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with which every role can be made."""
    token = tmp_path / "token"
    token.write_text("a-token")
    token.chmod(0o600)
    return Settings(
        _env_file=None,
        home="villa",
        database_path=tmp_path / "ha-ai.db",
        command_key_file=tmp_path / "ha-ai.key",
        deployer_token_file=token,
        home_assistant_url="http://127.0.0.1:1",
        home_assistant_token=SecretStr("t"),
    )


@pytest.fixture
def context(settings: Settings) -> Iterator[RoleContext]:
    """What a role works with, without a connection."""
    store = SqlStore(settings.store_url, home="villa")
    store.migrate()
    with StoreThread() as thread:
        yield RoleContext(settings, Home(id="villa"), store, thread, SteadyBroker())
        store.close()


@pytest.mark.parametrize("role", sorted(frozenset(Role) - STATEFUL))
def test_a_role_subscribes_to_what_the_table_says(context: RoleContext, role: Role) -> None:
    """Each is made, is itself, and reads its rows of the table and nothing else."""
    made = factories([role])[role](context)
    assert made.name is role
    assert (
        {subscriber.topic_filter for subscriber in made.subscribers()}
        == ROLES[role].filters(Topics("villa"))
        != set()
    )


@pytest.mark.parametrize("change", ["more", "less"])
def test_a_role_that_reads_something_else_is_not_made(
    context: RoleContext, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """A subscription that the table does not know, or knows in vain, is an error that names both."""
    known = roles.ROLES[Role.ANSWER]
    reads = known.filters(context.settings.topics)
    other = reads | {"villa/ha-ai/more"} if change == "more" else frozenset()
    monkeypatch.setattr(roles.Wiring, "filters", lambda _wiring, _topics: other)
    with pytest.raises(ValueError, match=r"expected answer to read \[.*\], got \['villa/ha-ai/query/ask'\]"):
        factories([Role.ANSWER])[Role.ANSWER](context)


@pytest.mark.parametrize("kind", ["eventstream", "statestream"])
async def test_learning_subscribes_to_what_the_table_says(settings: Settings, kind: str) -> None:
    """Of Home Assistant's two streams it reads the one that is set."""
    service = Service(settings.model_copy(update={"input": kind}), Home())
    brokers: tuple[Any, ...] = (service.ingest, service._rival.ear)
    found = [each.topic for broker in brokers for each in broker.subscribers]
    other = "home_assistant_field" if kind == "eventstream" else "home_assistant_event"
    read = [row for row in ROLES[Role.LEARN].reads if row.name != other]
    assert sorted(found) == sorted(row.filled(Topics("villa")) for row in read)
    assert len(read) == len(ROLES[Role.LEARN].reads) - 1


def test_every_party_of_the_table_that_is_a_role_is_wired() -> None:
    """Whoever says or reads a message runs; all but the one that sends for others have a message."""
    assert list(ROLES) == list(Role)
    for row in TABLE:
        for party in (*row.writers, *row.readers):
            assert not isinstance(party, Role) or party in ROLES, row.name
    assert [role for role, wiring in ROLES.items() if not (wiring.says or wiring.reads)] == [Role.PUBLISH]


def test_what_a_role_needs_is_a_setting() -> None:
    """Each need is a setting's name, and it is said what does not happen without it."""
    for wiring in ROLES.values():
        assert set(wiring.needs) <= Settings.model_fields.keys()
        assert bool(wiring.needs) == bool(wiring.without)
        assert wiring.does.endswith(".")
        assert (wiring.make is None) == (wiring.role in STATEFUL)


def test_what_is_lacking_is_said(settings: Settings) -> None:
    """The sentence names every setting that is needed; nothing is said where all are there."""
    wiring = ROLES[Role.DEPLOY]
    assert wiring.lack(settings) == ""
    assert wiring.lack(Settings(_env_file=None)) == (
        "nothing is deployed: HA_AI_DEPLOYER_TOKEN_FILE and HA_AI_HOME_ASSISTANT_URL have to be set"
    )
