"""States that, by their names, say something of the household by how long they last."""

import re

from schemas.events import EventType

# An entity at rest waits for its next use: what it waits for is no habit of this state.
AT_REST = frozenset("off closed idle standby locked docked home none unknown disarmed".split())
# On the way between two states it takes the time that its motor takes.
ON_THE_WAY = frozenset("opening closing locking unlocking arming pending buffering returning".split())
# These hold their state for a time that is set in them.
SENSING = re.compile(r"^(binary_)?sensor\..*(motion|occupancy|presence|pir|vibration)")


def senses(entity_id: str) -> bool:
    """Return whether an entity holds its states for a time that is set in it.

    Examples
    --------
    >>> senses("binary_sensor.hall_motion"), senses("binary_sensor.front_door"), senses("light.motion")
    (True, False, False)
    """
    return SENSING.search(entity_id) is not None


def tells(event_type: EventType) -> bool:
    """Return whether how long the state lasts can say something of the household.

    Examples
    --------
    >>> [tells(EventType("cover.blind", state)) for state in ("open", "closing", "closed")]
    [True, False, False]
    """
    entity_id, state = event_type
    return not (state in AT_REST or state in ON_THE_WAY or senses(entity_id))
