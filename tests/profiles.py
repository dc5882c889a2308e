"""How much is tried: `quick` with each change, `long` at night, as `HYPOTHESIS_PROFILE` says.

At night properties take more examples, and tests marked `nightly` are run. No property has a deadline, since
the machine is not its own.
"""

import os

import pytest
from hypothesis import settings

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "quick")
MORE_AT_NIGHT = 20

settings.register_profile("quick", max_examples=50, deadline=None)
settings.register_profile("long", max_examples=50 * MORE_AT_NIGHT, deadline=None)


def examples(quick: int) -> int:
    """Return how many examples a test takes that wants this many with each change."""
    return quick * MORE_AT_NIGHT if PROFILE == "long" else quick


def leave_to_the_night(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out the tests that are marked `nightly`, but at night and where `-m` speaks of them."""
    if PROFILE == "long" or "nightly" in config.option.markexpr:
        return
    left = [item for item in items if item.get_closest_marker("nightly")]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if not item.get_closest_marker("nightly")]
