"""Every service that real releases have, on every kind of entity: all but a few are refused."""

from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import chain
from typing import Any

import pytest

from pipeline.automations.allowed_services import SERVICES
from pipeline.automations.safety import is_allowed_service, refusals
from schemas.automations import Action, Automation, Parameter, TimeTrigger
from schemas.catalogue import Catalogue, KnownEntity
from tests.recordings.reading import read_catalogue, read_services

# Services of integrations that no recorded home had; they have to be refused all the same.
ELSEWHERE = (
    "assist_satellite.announce calendar.create_event conversation.process hassio.addon_restart "
    "hassio.backup_full hassio.host_reboot hassio.host_shutdown hassio.restore_full hassio.update "
    "knx.send lawn_mower.start_mowing light.toggle media_player.play_media mqtt.publish "
    "notify.mobile_app_phone python_script.x recorder.purge remote.send_command rest_command.x "
    "shell_command.x switch.toggle todo.add_item tts.speak update.install water_heater.set_temperature "
    "zha.issue_zigbee_cluster_command zwave_js.set_value"
).split()
# Nothing of these may be called, whatever the service is named.
NEVER = frozenset(
    "alarm_control_panel assist_satellite automation button camera conversation demo device_tracker "
    "group hassio homeassistant input_button input_datetime input_text lawn_mower lock mqtt notify "
    "persistent_notification python_script recorder remote rest_command script shell_command siren text "
    "tts update valve water_heater".split()
)
REGISTRY = sorted({*chain(*read_services().values()), *ELSEWHERE})
DOMAINS = sorted(
    {service.partition(".")[0] for service in REGISTRY}
    | {entity_id.partition(".")[0] for entity_id in read_catalogue().entities}
)
VALUES: dict[Parameter, float | str] = {
    "brightness": 128,
    "hvac_mode": "heat",
    "option": "calm",
    "percentage": 50,
    "position": 50,
    "preset_mode": "auto",
    "source": "dvd",
    "temperature": 20,
    "value": 5,
    "volume_level": 0.3,
}
ATTRIBUTES = {
    "entity_id": ["light.lamp"],
    "min": 0,
    "max": 10,
    "min_temp": 7,
    "max_temp": 35,
    "supported_features": 2**31 - 1,
}
CLASSES = {"cover": "shutter"}
# Beside each thing stands one lamp, which is in no danger.
LAMP, LOCK = KnownEntity("light.lamp"), KnownEntity("lock.front")
DEGREES = frozenset({"climate.set_temperature", "number.set_value", "input_number.set_value"})
# These shine, blow, play, clean, moisten and warm, whatever they are called or stand beside.
HARMLESS = frozenset({"fan", "humidifier", "light", "media_player", "vacuum"})


def thing(domain: str) -> KnownEntity:
    """One plain thing of a domain."""
    return KnownEntity(
        f"{domain}.thing", "Thing", device_class=CLASSES.get(domain, ""), attributes=ATTRIBUTES
    )


def everything(**changed: Any) -> Catalogue:
    """A home with one thing of every domain, plain but for what is changed, and every service there is."""
    things = [LAMP, LOCK, *(replace(thing(domain), **changed) for domain in DOMAINS)]
    return Catalogue((2026, 11), {each.entity_id: each for each in things}, frozenset(REGISTRY))


def allowed_in(home: Catalogue) -> set[str]:
    """The services on the list that may be called on a home's things."""
    return {
        service for service in SERVICES if not refusals(well_formed(service, service.partition(".")[0]), home)
    }


def of(domains: AbstractSet[str]) -> set[str]:
    """The services on the list of some domains."""
    return {service for service in SERVICES if service.partition(".")[0] in domains}


def well_formed(service: str, domain: str) -> Automation:
    """A call of the service as it ought to be made, if it may be made at all."""
    terms = SERVICES.get(service)
    data = {name: VALUES[name] for name in terms.needs} if terms else {}
    action = Action(service=service, entity_id=f"{domain}.thing", data=data)
    return Automation(trigger=TimeTrigger(minute=390), actions=(action,))


def test_the_registry_is_a_real_one() -> None:
    """Three releases, hundreds of services, dozens of domains, and all that must never be called."""
    assert read_services().keys() == {"2024.3.3", "2025.4.4", "2026.11.0"}
    assert len(REGISTRY) > 250
    assert set(DOMAINS) >= NEVER


@pytest.mark.parametrize("catalogue", [None, everything()], ids=["unknown home", "known home"])
def test_every_service_times_every_domain(catalogue: Catalogue | None) -> None:
    """Only what is on the list may be called, and only on its own domain."""
    allowed = {
        (service, domain)
        for service in REGISTRY
        for domain in DOMAINS
        if not refusals(well_formed(service, domain), catalogue)
    }
    assert allowed == {(service, service.partition(".")[0]) for service in REGISTRY if service in SERVICES}
    assert not {service.partition(".")[0] for service, _ in allowed} & NEVER
    assert not {domain for _, domain in allowed} & NEVER


def test_nothing_on_the_list_may_never_be_called() -> None:
    """The list and what must never be called have nothing in common; nothing toggles."""
    assert not {service.partition(".")[0] for service in SERVICES} & NEVER
    assert not [service for service in SERVICES if "toggle" in service]
    assert all(is_allowed_service(service) for service in SERVICES)


def test_every_service_on_the_list_exists() -> None:
    """A name that no release knows would be a slip."""
    assert sorted(SERVICES.keys() - set(REGISTRY)) == []


@pytest.mark.parametrize("name", ["Front door lock", "Entriegelung", "Замок", "Kilit", "Gate opener"])
def test_a_name_that_says_lock_closes_every_service(name: str) -> None:
    """Whatever it claims to be, a light too; a thermostat switches no lock."""
    assert allowed_in(everything(name=name)) == of({"climate"})


@pytest.mark.parametrize("name", ["Garage", "Gartentor", "Tuinpoort", "Ворота", "Portillon"])
def test_a_name_that_says_gate_leaves_what_shines_and_plays(name: str) -> None:
    """The lamp in a garage may be switched; a switch or a cover there may not."""
    assert allowed_in(everything(name=name)) == of(HARMLESS | {"climate"})


@pytest.mark.parametrize("name", ["Living room", "Outdoor plug", "Turquoise", "Motor", "Temperatur", "Clock"])
def test_an_ordinary_name_closes_nothing(name: str) -> None:
    """Words that hold the letters of others are not mistaken for them."""
    assert allowed_in(everything(name=name)) == set(SERVICES)


def test_what_has_a_lock_among_its_members_is_closed() -> None:
    """Whatever kind of group it is, and whichever service it is called with."""
    members = ATTRIBUTES | {"entity_id": ["light.lamp", "lock.front"]}
    assert allowed_in(everything(attributes=members)) == set()


def test_what_is_hidden_is_closed() -> None:
    """There is no service by which what is kept out of sight may be reached."""
    assert allowed_in(everything(hidden=True)) == set()


def test_what_stands_beside_a_lock_is_closed_if_it_may_be_its_relay() -> None:
    """Lamps, players and thermostats of one device with a lock stay open, and so do shutters."""
    beside = allowed_in(everything(companions=frozenset({"lock.front"})))
    assert beside == of(HARMLESS | {"climate", "cover"})


@pytest.mark.parametrize(
    ("unit", "limits", "closed"),
    [
        ("°C", {}, frozenset()),
        ("°C", {"max": 95, "min": 40, "max_temp": 95, "min_temp": 40}, DEGREES),
        ("°F", {}, DEGREES),
        ("%", {}, frozenset()),
    ],
)
def test_degrees_are_those_of_the_unit(unit: str, limits: dict[str, int], closed: AbstractSet[str]) -> None:
    """Five is a number like any other but in Fahrenheit, and a room of forty degrees Celsius is none."""
    open_ones = allowed_in(everything(unit=unit, attributes=ATTRIBUTES | limits))
    assert set(SERVICES) - open_ones >= closed
    assert (set(SERVICES) - open_ones) - of({"climate"}) == closed - of({"climate"})


def test_things_that_must_not_move_are_refused_with_every_service() -> None:
    """The recorded home's garage door stays shut whatever is called; the others move once they shade."""
    home = read_catalogue()
    covers = {entity_id for entity_id in home.entities if entity_id.startswith("cover.")}
    assert moved(home, covers) == set()
    shading = {
        entity_id: replace(home.entities[entity_id], device_class="blind")
        for entity_id in covers
        if not home.entities[entity_id].device_class
    }
    assert moved(replace(home, entities={**home.entities, **shading}), covers) == shading.keys()
    assert covers - shading.keys() == {"cover.garage_door"}


def moved(home: Catalogue, covers: AbstractSet[str]) -> set[str]:
    """The covers that any service may move."""
    calls = [service for service in REGISTRY if service.startswith("cover.")]
    return {
        entity_id
        for entity_id in covers
        for service in calls
        if not refusals(_cover(service, entity_id), home)
    }


def _cover(service: str, entity_id: str) -> Automation:
    data: dict[Parameter, float | str] = {"position": 50} if service.endswith("set_cover_position") else {}
    action = Action(service=service, entity_id=entity_id, data=data)
    return Automation(trigger=TimeTrigger(minute=390), actions=(action,))
