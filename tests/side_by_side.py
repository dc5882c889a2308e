"""Which tests run one after another, and which beside each other.

``pytest -n 6`` starts six workers. The tests of a file stay together, so that what they share is made once;
files run beside each other. Some tests are queues instead, whatever file they are in: each version of Home
Assistant, the drills, and the tests that go by real time. They come first: they take longest and mostly wait.

The queue follows from a test's name: the process that hands tests out knows nothing else of them, and
`xdist_group` of pytest-xdist 3.8 does nothing under pytest 9.2.
"""

import re
from typing import Any

import pytest
from xdist.scheduler import LoadGroupScheduling

from tests.profiles import leave_to_the_night

DRILLS = re.compile("tests/drills/")
HOME_ASSISTANT = re.compile(r"tests/homeassistant/.*\[(?:.*-)?(20\d\d\.\d+)[-\]]")
REAL_TIME = re.compile(
    "tests/pipeline/(?:"
    "cli/test_run_hostile|learn/test_witness|mqtt/test_zmqtt_behaviour|runtime/http/test_server"
    "|runtime/test_ownership|runtime/test_rival|timing/test_waiting"
    r")\.py"
)


def queue_of(name: str) -> str | None:
    """Return the queue in which a test waits for its turn, if it is in one."""
    if version := HOME_ASSISTANT.match(name):
        return f"homeassistant-{version[1]}"
    if DRILLS.match(name):
        return "drills"
    return "realtime" if REAL_TIME.match(name) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is for the night, and let the queues begin, where there are workers."""
    leave_to_the_night(config, items)
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: queue_of(item.nodeid) is None)


class FilesBesideEachOther(LoadGroupScheduling):  # type: ignore[misc]
    """Hands out queues and files: a test that is in no queue goes with the others of its file."""

    def _split_scope(self, nodeid: str) -> str:
        return queue_of(nodeid) or nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FilesBesideEachOther | None:
    """Schedule by queues and files, unless another way is asked for on the command line."""
    return FilesBesideEachOther(config, log) if config.option.dist == "loadgroup" else None
