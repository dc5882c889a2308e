"""Doors, windows and locks that open while the home sleeps."""

import re
from collections.abc import Mapping
from math import log10

from detectors.anomaly.alarms import Alarm, clock, deed
from schemas.anomalies import AnomalyKind

SLOTS = 48
SLOT_MIN = 30
# Half-hours before and after in which an opening counts as at the same time.
NEAR = 3
# The home sleeps where it is less active than this share of its mean, or hardly more than at its quietest.
ASLEEP = 0.25
QUIETEST, HALF_AWAKE = 1.5, 0.6
FEWEST_DAYS = 10
PRIOR_DAYS = 6.0
FEWEST_USES = 8
LIKELIEST = 0.035
# What was never seen in n days has a probability of about so many nths.
NEVER = 0.25

OPENING = re.compile(
    r"door|window|gate|entrance|garage|patio|terrace|balcony|contact|opening|t(ue|ü)r|fenster|tor\b|porte|"
    r"fenetre|puerta|ventana|deur|raam"
)
# What people open at night when they get up, or what is no way into the home.
INDOORS = re.compile(
    r"bath|toilet|wc|bed|shower|kids|child|fridge|freezer|refrigerator|cupboard|cabinet|closet|wardrobe|"
    r"drawer|oven|microwave|dishwasher|washing|washer|dryer|medicine|mailbox|letterbox|motion|"
    r"vibration|battery|tamper"
)
STATES: Mapping[str, str] = {"binary_sensor": "on", "lock": "unlocked", "cover": "open"}
HOUSE_COVER = re.compile(r"door|gate|garage")


def opened_state(entity_id: str) -> str | None:
    """The state in which this way into the home is open; None for anything else.

    Examples
    --------
    >>> opened_state("binary_sensor.front_door"), opened_state("binary_sensor.bath_door")
    ('on', None)
    >>> opened_state("cover.garage_door"), opened_state("cover.living_blind"), opened_state("light.door")
    ('open', None, None)
    """
    domain, _, name = entity_id.partition(".")
    if domain == "lock":
        return STATES[domain]
    pattern = HOUSE_COVER if domain == "cover" else OPENING
    if domain in STATES and pattern.search(name) and not INDOORS.search(name):
        return STATES[domain]
    return None


class Hours:
    """When the home is active and each way in is used, by half-hours of the day.

    The probability that an entity is used within one and a half hours of a time on any day is
    ``(k + 1/4 + a p) / (n + a)``: on k of n days it was; and, weighing as much as `PRIOR_DAYS` days a, p is
    what the home's activity at that time lets expect of so many uses a day.
    """

    def __init__(self) -> None:
        self.days = 0
        self.home = [0] * SLOTS
        self._uses: dict[str, int] = {}
        self._days_used: dict[str, list[int]] = {}
        self._floor = 0.0

    def learn(self, day: Mapping[str, Mapping[int, int]], odd: Mapping[str, int]) -> None:
        """Learn a day: uses of each entity by half-hour; `odd` ones are those that were said."""
        self.days += 1
        for entity_id, slots in day.items():
            for slot, count in slots.items():
                self.home[slot] += count
            if opened_state(entity_id):
                self._learn_use(entity_id, slots, odd.get(entity_id, -1))
        self._floor = min(self._around(slot, 1) for slot in range(SLOTS)) / 3

    def _around(self, slot: int, steps: int) -> int:
        return sum(self.home[(slot + step) % SLOTS] for step in range(-steps, steps + 1))

    def _learn_use(self, entity_id: str, slots: Mapping[int, int], odd: int) -> None:
        days_used = self._days_used.setdefault(entity_id, [0] * SLOTS)
        usual = [slot for slot in slots if slot != odd]
        self._uses[entity_id] = self._uses.get(entity_id, 0) + sum(slots[slot] for slot in usual)
        near = {(slot + step) % SLOTS for slot in usual for step in range(-NEAR, NEAR + 1)}
        for slot in near:
            days_used[slot] += 1

    def asleep(self, slot: int) -> bool:
        """Return whether the home sleeps in this half-hour, and in those beside it."""
        mean = sum(self.home) / SLOTS
        quiet = max(ASLEEP * mean, min(QUIETEST * self._floor, HALF_AWAKE * mean))
        return self._around(slot, 1) / 3 <= quiet

    def chance(self, entity_id: str, slot: int) -> float:
        """Probability that the entity is used about this time on any day; 1 while that cannot be told."""
        uses = self._uses.get(entity_id, 0)
        if self.days < FEWEST_DAYS or uses < FEWEST_USES:
            return 1.0
        # What is as quiet as the quietest hours is pets, ghosts and machines.
        awake = [max(0.0, count - QUIETEST * self._floor) for count in self.home]
        near = sum(awake[(slot + step) % SLOTS] for step in range(-NEAR, NEAR + 1))
        expected = min(1.0, uses / self.days * near / max(1.0, sum(awake)))
        used = self._days_used[entity_id][slot]
        return min(1.0, (used + NEVER + PRIOR_DAYS * expected) / (self.days + PRIOR_DAYS))

    def alarm(self, entity_id: str, at_ms: int, slot: int, *, quiet: bool) -> Alarm | None:
        """Say an opening in this half-hour, if it is odd; more so in a quiet home."""
        if not self.asleep(slot):
            return None
        chance = self.chance(entity_id, slot)
        if chance > (LIKELIEST if quiet else LIKELIEST / 3):
            return None
        used = self._days_used[entity_id][slot]
        done = deed("unlocked" if entity_id.startswith("lock.") else "open")
        return Alarm(
            entity_id=entity_id,
            kind=AnomalyKind.NIGHT_OPENING,
            at_ms=at_ms,
            began_ms=at_ms,
            score=-log10(chance),
            expected=(
                f"is hardly ever {done} around {clock(slot * SLOT_MIN)}, when the home sleeps: "
                f"on {used or 'none'} of {self.days} nights"
            ),
            observed=f"was {done} while {'nothing else stirred' if quiet else 'somebody was up'}",
            occasions=self.days,
            usual=self.days - used,
            alone=quiet,
        )
