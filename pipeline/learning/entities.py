"""The entities that are known: what they are to learning, and which to forget when there are too many."""

from dataclasses import dataclass
from enum import Enum
from math import isfinite

from pipeline.learning.baselines import Baseline
from schemas.events import StateChange

# Their states say what the world or Home Assistant does, not what anybody does.
SILENT_DOMAINS = frozenset(
    "automation script sun weather zone update conversation persistent_notification tts stt wake_word "
    "calendar backup image camera todo geo_location air_quality date datetime time text input_text "
    "input_datetime".split()
)
# Their state is the time of the last press or activation.
INSTANT_DOMAINS = frozenset("button input_button scene event".split())
NUMERIC_DOMAINS = frozenset("sensor number input_number counter".split())
ACTIVATED = "activated"
NUMBER_LIMIT = 1e12


class Kind(Enum):
    """What an entity is to learning."""

    DISCRETE = "discrete"
    INSTANT = "instant"
    NUMERIC = "numeric"
    SILENT = "silent"


def number(text: str) -> float | None:
    """The finite number that a state is, or None.

    Examples
    --------
    >>> number("21.5"), number("on"), number("nan"), number("1e999")
    (21.5, None, None, None)
    """
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) and abs(value) <= NUMBER_LIMIT else None


def kind_of(change: StateChange) -> Kind:
    """What the entity of a change is, judged by its domain and this state.

    Examples
    --------
    >>> kind_of(StateChange(0, "sensor.hall_temperature", "20", "20.5")).value
    'numeric'
    >>> kind_of(StateChange(0, "sensor.washer", "idle", "running")).value
    'discrete'
    """
    domain = change.entity_id.partition(".")[0]
    if domain in SILENT_DOMAINS:
        return Kind.SILENT
    if domain in INSTANT_DOMAINS:
        return Kind.INSTANT
    if domain in NUMERIC_DOMAINS and number(change.new) is not None:
        return Kind.NUMERIC
    return Kind.DISCRETE


@dataclass(slots=True)
class Entity:
    """A known entity."""

    kind: Kind
    last_ms: int
    baseline: Baseline | None = None


class Entities:
    """Known entities, at most `cap`: the least recently seen leave first.

    Admitting one costs constant time on average: when the cap is passed, a twentieth leaves at once.
    """

    def __init__(self, cap: int = 5_000) -> None:
        if cap < 1:
            raise ValueError(f"expected a cap of at least 1 entity, got {cap}")
        self._cap = cap
        self._known: dict[str, Entity] = {}

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, entity_id: str) -> bool:
        return entity_id in self._known

    def get(self, entity_id: str) -> Entity | None:
        """The entity, if known."""
        return self._known.get(entity_id)

    def admit(self, change: StateChange, at_ms: int) -> tuple[Entity, list[str]]:
        """Make the entity of a change known; return it and the ids of those that had to leave."""
        left: list[str] = []
        if len(self._known) >= self._cap:
            by_age = sorted(self._known, key=lambda known: (self._known[known].last_ms, known))
            left = by_age[: max(1, self._cap // 20)]
            for leaver in left:
                del self._known[leaver]
        kind = kind_of(change)
        entity = Entity(kind, at_ms, Baseline() if kind is Kind.NUMERIC else None)
        self._known[change.entity_id] = entity
        return entity, left

    def baselines(self) -> dict[str, Baseline]:
        """Numeric baselines by entity id, sorted."""
        return {
            key: entity.baseline for key, entity in sorted(self._known.items()) if entity.baseline is not None
        }

    def restore(self, entity_id: str, baseline: Baseline, at_ms: int) -> None:
        """Take up a numeric entity with its baseline."""
        self._known[entity_id] = Entity(Kind.NUMERIC, at_ms, baseline)
