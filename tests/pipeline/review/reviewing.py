"""A reviewer of a test's own, over a store of each kind, and what it wrote and said."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from benchmarks.review_desk import ReviewDesk, a_suggestion
from pipeline.settings import Settings
from schemas.suggestions import Suggestion
from tests.sinks.conftest import postgresql_server, postgresql_url, sqlite_url, url
from tests.sinks.fake_home_assistant import FakeHomeAssistant

__all__ = ["postgresql_server", "postgresql_url", "sqlite_url", "url"]

LAMP = a_suggestion(390)
ANSWERED = "ha-ai/responses/suggestion/answered"
CHANGED = "ha-ai/events/suggestion/changed"
GENERATED = "ha-ai/events/suggestion/generated"
FEEDBACK = "ha-ai/events/feedback/given"
DEPLOY = "ha-ai/commands/automation/deploy"
ROLLBACK = "ha-ai/commands/automation/rollback"


@pytest.fixture
def settings(url: str, tmp_path: Path) -> Settings:
    """Settings for a store and a key of the test's own."""
    return Settings(_env_file=None, database_url=SecretStr(url), command_key_file=tmp_path / "key")


@pytest.fixture
def desk(settings: Settings) -> Iterator[ReviewDesk]:
    """A reviewer, and a suggestion that waits."""
    made = ReviewDesk(settings)
    made.add(LAMP)
    yield made
    made.close()


@pytest.fixture
async def home_assistant() -> AsyncIterator[FakeHomeAssistant]:
    """A Home Assistant."""
    async with FakeHomeAssistant() as fake:
        yield fake


def now(desk: ReviewDesk) -> Suggestion:
    """The suggestion as it is now."""
    found = desk.store.suggestions.get(LAMP.id)
    assert found is not None
    return found


def answers(desk: ReviewDesk) -> list[tuple[bool, str]]:
    """What was answered, and to which nonce."""
    return [(said.payload["accepted"], said.payload["nonce"]) for said in desk.said(ANSWERED)]


def reasons(desk: ReviewDesk) -> list[str]:
    """Why messages were refused."""
    return [entry.detail.split()[0] for entry in desk.audit("refused")]


def reading(settings: Settings, home_assistant: FakeHomeAssistant) -> Settings:
    """The settings of a reviewer that may ask Home Assistant."""
    token = SecretStr(home_assistant.reader_token)
    read = {"home_assistant_url": home_assistant.url, "home_assistant_token": token}
    return settings.model_copy(update=read)
