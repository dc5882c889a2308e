"""A Home Assistant as far as mqtt_eventstream shows it, and the world that the parts of a run share."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import Any

from pipeline.simulation.almanac import Almanac
from pipeline.simulation.days import Agenda, Calendar
from pipeline.simulation.devices import Device

Payload = dict[str, Any]
Listener = Callable[[float, "Context"], None]

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Home Assistant gives a device's report within this time after a service call the call's context.
_CONTEXT_RECENT_S = 5.0
_TICK_S = 20e-6


@dataclass(frozen=True, slots=True)
class Context:
    """Context of an event: who or what caused it."""

    id: str
    parent_id: str | None = None
    user_id: str | None = None


class HomeAssistant:
    """Keep states and turn reports, service calls and restarts into eventstream payloads.

    What it fires gathers in `fired` as (epoch seconds, payload); a payload shares its states with others, so
    readers must not change it.

    Parameters
    ----------
    agenda
        Where it plans what takes it time.
    rng
        Source of context ids and delays.
    """

    def __init__(self, agenda: Agenda, rng: Random) -> None:
        self.fired: list[tuple[float, Payload]] = []
        self.running = True
        self._agenda = agenda
        self._rng = rng
        self._devices: dict[str, Device] = {}
        self._real: dict[str, tuple[str, dict[str, Any]]] = {}
        self._shown: dict[str, dict[str, Any]] = {}
        self._calls: dict[str, tuple[float, Context]] = {}
        self._listeners: dict[tuple[str, str], list[Listener]] = {}
        self._frozen: dict[str, float] = {}
        self._last_fired = 0.0

    def add(self, devices: Iterable[Device], at: float) -> None:
        """Set entities up before the stream begins, each in its idle state since some time before `at`."""
        for device in devices:
            since = at - self._rng.uniform(600, 7200)
            self._devices[device.entity_id] = device
            self._real[device.entity_id] = (device.idle, device.attributes(device.idle))
            self._shown[device.entity_id] = self._state(device.entity_id, since, self.context(since), None)

    def device(self, entity_id: str) -> Device:
        """Return the entity's description."""
        return self._devices[entity_id]

    def state(self, entity_id: str) -> str:
        """Return the state that the entity is really in, also while nobody shows it."""
        return self._real[entity_id][0]

    def freeze(self, entity_id: str, until: float) -> None:
        """Let a sensor take no notice of anything for a while."""
        self._frozen[entity_id] = until

    def on_change(self, entity_id: str, state: str, listener: Listener) -> None:
        """Call a listener whenever the entity is seen to change into a state."""
        self._listeners.setdefault((entity_id, state), []).append(listener)

    def context(self, at: float, *, parent_id: str | None = None, user_id: str | None = None) -> Context:
        """Return a new context with a ULID of its time."""
        number = int(at * 1000) << 80 | self._rng.getrandbits(80)
        ulid = "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
        return Context(ulid, parent_id, user_id)

    def report(
        self, at: float, entity_id: str, state: str, *, context: Context | None = None, **live: object
    ) -> bool:
        """Take a state from a device, and say whether it was a change that the stream shows."""
        if at < self._frozen.get(entity_id, 0.0):
            return False
        called = self._calls.get(entity_id)
        if context is None and called is not None and at - called[0] <= _CONTEXT_RECENT_S:
            context = called[1]
        before = self._real[entity_id]
        self._real[entity_id] = (state, self._devices[entity_id].attributes(state, **live))
        shown = self._shown[entity_id]
        if not self.running or shown["state"] == "unavailable" or self._real[entity_id] == before:
            return False
        context = context or self.context(at)
        self._show(at, entity_id, context)
        if before[0] != state:
            for listener in self._listeners.get((entity_id, state), ()):
                listener(at, context)
        return True

    def call(self, at: float, target: tuple[str, str], context: Context, **service_data: object) -> bool:
        """Fire the service call that brings an entity into a state, unless Home Assistant is down."""
        if not self.running:
            return False
        entity_id, state = target
        domain, service = self._devices[entity_id].service(state)
        self._calls[entity_id] = (at, context)
        # An automation's script resolves its target to a list; a person's call names the one entity.
        data = {"entity_id": entity_id if context.user_id else [entity_id], **service_data}
        self.fire(at, "call_service", {"domain": domain, "service": service, "service_data": data})
        return True

    def fire(self, at: float, event_type: str, event_data: Payload) -> float:
        """Publish an event; its time is returned, later than that of any before."""
        self._last_fired = max(at, self._last_fired + _TICK_S)
        self.fired.append((self._last_fired, {"event_type": event_type, "event_data": event_data}))
        return self._last_fired

    def restart(self, at: float) -> None:
        """Stop, and come back with every entity new and the devices unavailable at first."""
        self.fire(at, "homeassistant_stop", {})
        self.fire(at + 0.2, "homeassistant_final_write", {})
        self.running = False
        self._agenda.at(at + self._rng.uniform(12, 30), self._start)

    def _start(self, at: float) -> None:
        self.running = True
        self._calls.clear()
        for number, entity_id in enumerate(self._devices):
            appears = at + 0.004 * number
            self._shown.pop(entity_id)
            if self._devices[entity_id].local:
                self._show(appears, entity_id, self.context(appears))
                continue
            self._show(appears, entity_id, self.context(appears), unavailable=True)
            self._agenda.at(appears + self._rng.uniform(2, 25), partial(self._find, entity_id))
        self.fire(at + 1, "homeassistant_start", {})
        self.fire(at + 1.5, "homeassistant_started", {})

    def _find(self, entity_id: str, at: float) -> None:
        """Show a device that has come back from being unavailable."""
        if self.running and self._shown[entity_id]["state"] == "unavailable":
            self._show(at, entity_id, self.context(at))

    def _show(self, at: float, entity_id: str, context: Context, *, unavailable: bool = False) -> None:
        """Fire state_changed from what was shown of the entity to what it is."""
        old = self._shown.get(entity_id)
        at = max(at, self._last_fired + _TICK_S)
        new = self._state(entity_id, at, context, old, unavailable=unavailable)
        self._shown[entity_id] = new
        self.fire(at, "state_changed", {"entity_id": entity_id, "old_state": old, "new_state": new})

    def _state(
        self,
        entity_id: str,
        at: float,
        context: Context,
        old: dict[str, Any] | None,
        *,
        unavailable: bool = False,
    ) -> dict[str, Any]:
        """Return the entity's state object as Home Assistant serialises it."""
        state, attributes = (
            ("unavailable", self._devices[entity_id].fixed) if unavailable else self._real[entity_id]
        )
        stamp = datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")
        kept = old is not None and old["state"] == state
        return {
            "entity_id": entity_id,
            "state": state,
            "attributes": attributes,
            "last_changed": old["last_changed"] if old is not None and kept else stamp,
            "last_reported": stamp,
            "last_updated": stamp,
            "context": asdict(context),
        }


@dataclass(frozen=True, slots=True)
class World:
    """Time, what days it brings, what is to come and the Home Assistant that sees it."""

    seed: int
    calendar: Calendar
    almanac: Almanac
    agenda: Agenda
    home_assistant: HomeAssistant

    def rng(self, part: str) -> Random:
        """Return a part's own randomness, so that one part's draws never shift another's."""
        return Random(f"{self.seed}/{part}")


def poisson(rng: Random, mean: float) -> int:
    """Draw how many events with exponential gaps fit into one unit of time."""
    number, reached = 0, rng.expovariate(1.0)
    while reached < mean:
        number += 1
        reached += rng.expovariate(1.0)
    return number
