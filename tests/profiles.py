"""How long properties are looked for counter-examples: `quick` with each change, `long` at night.

`HYPOTHESIS_PROFILE` says which; no test has a deadline, since the machine is not its own.
"""

import os

from hypothesis import settings

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "quick")
MORE_AT_NIGHT = 20

settings.register_profile("quick", max_examples=50, deadline=None)
settings.register_profile("long", max_examples=50 * MORE_AT_NIGHT, deadline=None)


def examples(quick: int) -> int:
    """Return how many examples a test takes that wants this many with each change."""
    return quick * MORE_AT_NIGHT if PROFILE == "long" else quick
