"""Health of the service: what each part last said, and the figures of `/metrics` and the display."""

import math
from dataclasses import dataclass, field
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from pipeline.timing.clock import monotonic_s

# Learning and the store have a thread of their own: the loop alone is busy for no longer than milliseconds.
STUCK_S = 10.0
STUCK = (
    f"the process is busy, it has not come round for {STUCK_S:.0f} s: see what its log says last, "
    "and restart it if it stays so"
)
NO_CONNECTION = "no connection to the MQTT broker"
NO_OWNER = "another process owns the home"


class State(StrEnum):
    """States of a role: one that waits has no connection, or not the home."""

    RUNS = "runs"
    WAITS = "waits"
    BESIDE = "in a process of its own"
    ENDED = "ended, to be started again"
    NOT_SET_UP = "not set up"


@dataclass(slots=True)
class Health:
    """State of the parts, and when messages were last committed; times are monotonic seconds.

    `learns` and `publishes` say whether this process takes messages in, and sends what the outbox holds;
    `roles` in which state the other roles are. `faults` are what keeps it from its work, `notices` what a
    person should look at although all goes on; both by their subject, in words that end with what to do.
    `last_turn_s` is when the parts' loop last came round: another thread may ask.
    """

    learns: bool = True
    publishes: bool = True
    roles: dict[str, State] = field(default_factory=dict)
    connected: bool = False
    publishing: bool = False
    owner: bool = False
    degraded: str = ""
    last_taken_s: float = 0.0
    last_heartbeat_s: float = field(default_factory=monotonic_s)
    last_turn_s: float = math.inf
    lag_s: float = 0.0
    waiting: int = 0
    faults: dict[str, str] = field(default_factory=dict)
    notices: dict[str, str] = field(default_factory=dict)

    @property
    def last_sign_s(self) -> float:
        """When a message last came through broker and store."""
        return max(self.last_heartbeat_s, self.last_taken_s)

    @property
    def stuck_s(self) -> float:
        """Return the seconds for which the parts' loop has not come round."""
        return monotonic_s() - self.last_turn_s

    @property
    def ready(self) -> bool:
        """Return whether this process does what it is there for."""
        return not self.problems()

    @property
    def _is_connected(self) -> bool:
        """Return whether the connection stands by which this process learns, or else publishes."""
        if self.learns:
            return self.connected
        return self.publishing or not self.publishes

    def states(self) -> dict[str, State]:
        """Return the state of each role in this process, or started by it, by the role's name."""
        own = {
            "learn": (self.learns, self.owner and self.connected),
            "publish": (self.publishes, self.publishing),
        }
        here = {name: runs for name, (is_here, runs) in own.items() if is_here}
        return {**{name: State.RUNS if runs else State.WAITS for name, runs in here.items()}, **self.roles}

    def problems(self) -> list[str]:
        """Return what is wrong, in words."""
        waiting = sorted(name for name, state in dict(self.roles).items() if state is State.WAITS)
        return [
            text
            for wrong, text in (
                (self.learns and not self.owner, NO_OWNER),
                (not self._is_connected, NO_CONNECTION),
                (self._is_connected and bool(waiting), f"{NO_CONNECTION}: {', '.join(waiting)}"),
                (bool(self.degraded), f"the store does not take commits: {self.degraded}"),
                (self.stuck_s > STUCK_S, STUCK),
                # A copy: another thread may be adding to them.
                *((True, text) for text in list(self.faults.values())),
            )
            if wrong
        ]


class Metrics:
    """Prometheus metrics; labels come from fixed sets, never from topics or entities."""

    def __init__(self) -> None:
        self.entries_total = 0
        self.registry = CollectorRegistry()
        self.messages = Counter("haai_messages", "Messages received", registry=self.registry)
        self.entries = Counter("haai_entries", "State changes learned", registry=self.registry)
        self.duplicates = Counter(
            "haai_duplicates", "Entries that were known already", registry=self.registry
        )
        self.dead_letters = Counter(
            "haai_dead_letters", "Messages that could not be taken", ["reason"], registry=self.registry
        )
        self.quarantined = Counter(
            "haai_quarantined",
            "Events that wait for the clock",
            ["reason"],
            registry=self.registry,
        )
        self.gaps = Counter(
            "haai_gaps", "Intervals that could not be seen", ["reason"], registry=self.registry
        )
        self.patterns = Gauge("haai_patterns", "Active patterns", ["pattern_type"], registry=self.registry)
        self.days = Counter("haai_days_closed", "Days closed or closed again", registry=self.registry)
        self.published = Counter("haai_published", "Messages published", registry=self.registry)
        self.dropped = Counter(
            "haai_dropped",
            "Messages of the outbox that were dropped unsent",
            ["reason"],
            registry=self.registry,
        )
        self.store_errors = Counter("haai_store_errors", "Commits that failed", registry=self.registry)
        self.waiting = Gauge("haai_waiting", "Messages received and not committed", registry=self.registry)
        self.lag = Gauge("haai_lag_seconds", "Event to commit, of the latest", registry=self.registry)
        self.commit = Histogram(
            "haai_commit_seconds",
            "Duration of a commit",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
            registry=self.registry,
        )
