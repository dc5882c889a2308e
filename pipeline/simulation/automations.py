"""Actions of machines: automations seen and unseen, and timers."""

from datetime import UTC, datetime
from functools import partial
from random import Random

from pipeline.simulation.devices import Device, device
from pipeline.simulation.instance import Context, Listener, World
from pipeline.simulation.truth import Automation, EntityState

_STAIRS = EntityState("light.stairs", "on")
_STAIRS_DARK_AFTER_S = 120.0


def automated_devices() -> list[Device]:
    """Return the entities that machines switch."""
    return [
        device("light.stairs", "stairs", uses_per_day=0.1),
        device("light.garden", "garden", minutes=45, sigma=0.8, uses_per_day=0.1),
        device("light.house_number", "garden", minutes=45, sigma=0.8, uses_per_day=0.1),
        device("switch.fountain", "garden", minutes=60, sigma=0.8, uses_per_day=0.05),
        device("switch.workshop_saw", "garage", minutes=12, uses_per_day=1.5),
        device("switch.dust_collector", "garage", minutes=15, uses_per_day=0.1),
    ]


def automation_device(automation: Automation) -> Device:
    """Return the entity that an automation has in Home Assistant."""
    entity_id = str(automation.automation_id)
    name = entity_id.split(".")[1]
    alias = name.replace("_", " ").capitalize()
    fixed = {"id": name, "last_triggered": None, "mode": "restart", "current": 0, "friendly_name": alias}
    return Device(entity_id, "", "on", "on", fixed, local=True)


def plant_automations(rng: Random) -> list[Automation]:
    """Return what machines do in the household; the timers' times differ by seed."""
    motion = "binary_sensor.stairs_motion"
    saw, collector = "switch.workshop_saw", "switch.dust_collector"
    lit = rng.randrange(1215, 1275, 5)
    flows = rng.randrange(540, 660, 15)
    return [
        Automation("state", _STAIRS, "automation.stairs_light_on", EntityState(motion, "on")),
        Automation(
            "state",
            EntityState("light.stairs", "off"),
            "automation.stairs_light_off",
            EntityState(motion, "off"),
        ),
        Automation("time", EntityState("light.garden", "on"), "automation.garden_light_on", minute=lit),
        Automation(
            "time", EntityState("light.garden", "off"), "automation.garden_light_off", minute=lit + 130
        ),
        Automation(
            "time",
            EntityState("light.house_number", "on"),
            "automation.house_number_on",
            minute=rng.randrange(-10, 20, 5),
            anchor="sunset",
        ),
        Automation(
            "time",
            EntityState("light.house_number", "off"),
            "automation.house_number_off",
            minute=rng.randrange(1350, 1430, 5),
        ),
        Automation("hidden", EntityState("switch.fountain", "on"), minute=flows),
        Automation("hidden", EntityState("switch.fountain", "off"), minute=flows + 90),
        Automation("hidden", EntityState(collector, "on"), trigger=EntityState(saw, "on")),
        Automation("hidden", EntityState(collector, "off"), trigger=EntityState(saw, "off")),
    ]


class Machines:
    """Run the automations."""

    def __init__(self, world: World, automations: list[Automation]) -> None:
        self._world = world
        self._agenda = world.agenda
        self._home_assistant = world.home_assistant
        self._rng = world.rng("machines")
        self._since: dict[EntityState, float] = {}
        self._timed = [automation for automation in automations if automation.minute is not None]
        for automation in automations:
            if automation.trigger is not None:
                self._listen(automation, automation.trigger)

    def plan(self, day: int) -> None:
        """Plan a day's timers; they know no holidays."""
        for automation in self._timed:
            begin = self._begin(automation, day) + self._rng.uniform(0.02, 0.3)
            hidden = automation.kind == "hidden"
            act = partial(self._settle, automation) if hidden else partial(self._run, automation, None)
            self._agenda.at(begin, act)

    def _begin(self, automation: Automation, day: int) -> float:
        calendar, minute = self._world.calendar, float(automation.minute or 0)
        if automation.anchor == "clock":
            return calendar.moment(day, minute)
        sunrise, sunset = calendar.sun(day)
        return (sunrise if automation.anchor == "sunrise" else sunset) + 60 * minute

    def _listen(self, automation: Automation, trigger: EntityState) -> None:
        if automation.kind == "hidden":
            listener = self._at_device(automation)
        elif trigger.state == "off":
            listener = self._after_calm(automation, trigger)
        else:
            listener = self._at_once(automation)
        self._home_assistant.on_change(trigger.entity_id, trigger.state, listener)

    def _at_once(self, automation: Automation) -> Listener:
        """Return the listener of a state trigger."""
        return lambda at, cause: self._agenda.at(at + 0.003, partial(self._run, automation, cause))

    def _after_calm(self, automation: Automation, trigger: EntityState) -> Listener:
        """Return the listener of a state trigger with `for`: the state must last."""

        def wait(at: float, cause: Context) -> None:
            self._since[trigger] = at
            self._agenda.at(at + _STAIRS_DARK_AFTER_S, lambda now: check(now, cause, at))

        def check(at: float, cause: Context, since: float) -> None:
            lasts = self._home_assistant.state(trigger.entity_id) == trigger.state
            if lasts and self._since[trigger] == since:
                self._run(automation, cause, at)

        return wait

    def _at_device(self, automation: Automation) -> Listener:
        """Return the listener of a device that is bound to another one directly."""
        return lambda at, _: self._agenda.at(
            at + self._rng.uniform(0.12, 0.4), partial(self._settle, automation)
        )

    def _run(self, automation: Automation, cause: Context | None, at: float) -> None:
        """Run an automation: its own state first, then its effect under the same context."""
        if not self._home_assistant.running or automation.automation_id is None:
            return
        context = self._home_assistant.context(at, parent_id=cause.id if cause else None)
        name = self._home_assistant.device(automation.automation_id).fixed["friendly_name"]
        timed = "time" if automation.anchor == "clock" else automation.anchor
        source = f"state of {automation.trigger.entity_id}" if automation.trigger else timed
        at = self._home_assistant.fire(
            at,
            "automation_triggered",
            {"name": name, "entity_id": automation.automation_id, "source": source},
        )
        stamp = datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")
        for current in (1, 0):
            self._home_assistant.report(
                at, automation.automation_id, "on", context=context, last_triggered=stamp, current=current
            )
            if current:
                self._home_assistant.call(at, (automation.action.entity_id, automation.action.state), context)
        self._agenda.at(at + self._rng.uniform(0.04, 0.14), partial(self._settle, automation))

    def _settle(self, automation: Automation, at: float) -> None:
        if self._home_assistant.report(at, automation.action.entity_id, automation.action.state):
            automation.occurrences.append(at)
