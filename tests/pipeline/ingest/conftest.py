"""Recorded scenes, as the decoders of both streams see them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from pipeline.ingest.eventstream import EventstreamDecoder
from pipeline.ingest.logs import read_log
from pipeline.ingest.messages import Message, PoisonError
from pipeline.ingest.statestream import StatestreamDecoder
from schemas.events import StateChange
from tests.fixtures.learner import changes, no_patience

__all__ = ["changes", "no_patience"]

CAPTURES = Path(__file__).parents[2] / "recordings" / "captures"
SCENES = sorted(
    f"{path.parent.name}/{path.name.partition('.')[0]}"
    for path in CAPTURES.glob("*/*.jsonl.gz")
    if not path.name.startswith("marks")
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for a `scene` once for each recorded one."""
    if "scene" in metafunc.fixturenames:
        metafunc.parametrize("scene", SCENES)


class Recording(NamedTuple):
    """What was decoded from a scene, and the dead letters of either stream."""

    events: list[StateChange]
    states: list[StateChange]
    dead_events: list[PoisonError]
    dead_states: list[tuple[str, bytes]]
    messages: list[Message]


def _messages(scene: str) -> Iterator[Message]:
    for entry in read_log(CAPTURES / f"{scene}.jsonl.gz"):
        assert isinstance(entry.content, Message), entry
        yield entry.content


def _decode(scene: str) -> Recording:
    recording = Recording([], [], [], [], list(_messages(scene)))
    events, states = EventstreamDecoder(), StatestreamDecoder()
    for message in recording.messages:
        if message.topic == "homeassistant_events":
            try:
                decoded = events.decode(message.payload)
            except PoisonError as error:
                recording.dead_events.append(error)
            else:
                recording.events.extend([decoded] if isinstance(decoded, StateChange) else [])
            continue
        try:
            if message.retain:
                states.snapshot(message.topic, message.payload)
                continue
            change = states.decode(*message[:3])
        except PoisonError:
            recording.dead_states.append((message.topic, message.payload))
        else:
            recording.states.extend([change] if change else [])
    return recording


@pytest.fixture(scope="session")
def recorded() -> Callable[[str], Recording]:
    """Decode a recorded scene."""
    return _decode
