"""Whoever asks for it has the retained days judged anew, and is told when that is done."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.learn.judgement import REQUEST_EVERY_S
from schemas.events import StateChange
from schemas.topics import Topics
from tests.fixtures.runs import Kept, Run

COMPLETE = Topics().analysis_complete


def told(process: Run) -> list[dict[str, Any]]:
    """Return what was said of judged days, oldest first."""
    return [json.loads(each.payload) for each in process.store.pending(10_000) if each.topic == COMPLETE]


@pytest.fixture
def judged(start: Callable[[], Run], changes: list[StateChange]) -> Run:
    """A process that has learned and judged all there is."""
    process = start()
    process.deliver(changes)
    process.rest()
    return process


def test_a_request_judges_anew_and_is_answered(judged: Run, clean: Kept) -> None:
    """The newest day is told of once more, under an id of its own; nothing else that is kept changes."""
    before = told(judged)
    patterns = judged.store.patterns(status="active")
    assert not judged.learner.thinking
    judged.learner.request_judgement("one")
    assert judged.learner.thinking
    judged.judge_for()
    *known, answer = told(judged)
    assert known == before
    assert answer["day"] == max(each["day"] for each in before)
    assert answer["message_id"] not in {each["message_id"] for each in before}
    assert answer["patterns_active"] == len(patterns) > 0
    assert answer["patterns_changed"] == 0
    assert judged.store.patterns(status="active") == patterns
    assert judged.kept() == clean


def test_requests_that_come_together_share_one_judgement(judged: Run) -> None:
    """However many there are while one waits or for a minute after it began, one more is judged."""
    before = len(told(judged))
    for number in range(50):
        judged.learner.request_judgement(f"{number}")
    judged.judge_for()
    for number in range(50):
        judged.learner.request_judgement(f"again {number}")
        assert not judged.learner.thinking
        judged.judge_for()
    assert len(told(judged)) == before + 1


def test_a_request_that_came_too_soon_is_not_forgotten(judged: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """When its minute is over it is judged and answered by itself."""
    before = len(told(judged))
    judged.learner.request_judgement("one")
    judged.judge_for()
    judged.learner.request_judgement("two")
    later_s = time.monotonic() + REQUEST_EVERY_S
    monkeypatch.setattr("pipeline.learn.judgement.monotonic_s", lambda: later_s)
    judged.judge_for()
    assert len(told(judged)) == before + 2


def test_a_home_of_which_nothing_is_known_says_nothing(start: Callable[[], Run]) -> None:
    """There is no day to tell of."""
    process = start()
    process.learner.request_judgement("one")
    process.judge_for()
    assert told(process) == []
    assert not process.learner.thinking
