"""What every folder of tests shares."""

import os
from collections.abc import Generator

import pytest

REQUIRED_MARKERS = frozenset(os.environ.get("HA_AI_TEST_REQUIRE", "").split())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that skips although HA_AI_TEST_REQUIRE names one of its markers.

    CI requires what it has installed, so that a check which did not run is seen. A reason that starts with
    ``not applicable`` stays a skip: it says that the test has no meaning there, not that something is absent.
    """
    report = yield
    required = sorted(marker for marker in REQUIRED_MARKERS if item.get_closest_marker(marker))
    if required and report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if not reason.startswith("not applicable"):
            report.outcome = "failed"
            report.longrepr = f"{', '.join(required)} is required here, but the test skipped: {reason}"
    return report
