"""State that the rules keep of one entity."""

from detectors.anomaly.bursts import Bursts
from detectors.anomaly.openings import opened_state
from detectors.anomaly.routines import Routine
from detectors.anomaly.silences import Silence
from detectors.anomaly.stays import ACTIVE, ON, SENSING, SHORTEST_MS, SHORTEST_OPEN_MS, USUAL, Stays


class Track:
    """One entity: its state and since when, its bursts, stays and silences, the routines that it shows."""

    __slots__ = (
        "active",
        "automated",
        "bursts",
        "changes",
        "derived",
        "domain",
        "entity_id",
        "is_person",
        "is_sensor",
        "last_ms",
        "limits",
        "opened",
        "overlong",
        "routines",
        "shortest_ms",
        "silence",
        "since_ms",
        "state",
        "stays",
        "today",
    )

    def __init__(self, entity_id: str, active_min: int) -> None:
        domain = entity_id.partition(".")[0]
        self.entity_id = entity_id
        self.domain = domain
        self.opened = opened_state(entity_id)
        opens = self.opened is not None and domain != "cover"
        self.is_sensor = domain == "binary_sensor" and SENSING.search(entity_id) is not None
        may_hang = self.is_sensor or (domain == "binary_sensor" and opens)
        self.active = ON if may_hang else ACTIVE.get(domain, frozenset())
        self.shortest_ms = SHORTEST_OPEN_MS if opens else SHORTEST_MS
        self.is_person = domain in ("person", "device_tracker")
        self.state = ""
        self.since_ms = 0
        self.last_ms = 0
        self.changes = 0
        self.derived = 0
        self.automated = 0
        self.overlong = 0
        self.bursts = Bursts()
        self.silence = Silence(active_min) if domain == "binary_sensor" else None
        self.stays: dict[str, Stays] = {}
        self.limits: dict[str, tuple[int, float]] = {}
        self.today: list[tuple[str, int]] = []
        self.routines: dict[str, list[Routine]] = {}

    @property
    def is_shadow(self) -> bool:
        """True if it mostly repeats what another entity said: a group, a plug's power sensor."""
        return 2 * self.derived > self.changes

    @property
    def is_automated(self) -> bool:
        """True if automations use it, and hardly anybody else."""
        return 5 * self.automated > 4 * self.changes

    def change(self, state: str, at_ms: int) -> None:
        """Take up a state that differs."""
        if self.since_ms and self.state in self.active:
            self._end_stay(at_ms)
        self.state = state
        self.since_ms = at_ms

    def lose_sight(self, until_ms: int) -> None:
        """Forget since when the state is what it is: it may have changed unseen."""
        if self.since_ms < until_ms:
            self.state = ""
            self.since_ms = 0

    def learn_stays(self) -> None:
        """Learn the stays of the day."""
        for state, stay_ms in self.today:
            stays = self.stays.get(state)
            if stays is None:
                stays = self.stays[state] = Stays(self.shortest_ms)
            stays.learn(stay_ms)
        self.today = []

    def set_limits(self, class_spread: float) -> None:
        """Say anew from when on a stay is too long."""
        limits = {state: stays.limit(class_spread, self.overlong) for state, stays in self.stays.items()}
        self.limits = {state: limit for state, limit in limits.items() if limit is not None}

    def _end_stay(self, at_ms: int) -> None:
        stay_ms = at_ms - self.since_ms
        limit = self.limits.get(self.state)
        if limit and stay_ms >= limit[0]:
            # A mishap is not learned, else the next would seem normal; what goes on and on is none.
            self.overlong += 1
            if self.overlong < USUAL:
                return
        self.today.append((self.state, stay_ms))
