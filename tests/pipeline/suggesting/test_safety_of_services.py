"""Every service that real releases have, on every kind of entity: all but a few are refused."""

from itertools import chain

import pytest

from pipeline.suggesting.allowed_services import SERVICES
from pipeline.suggesting.safety import is_allowed_service, refusals
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
ATTRIBUTES = {"min": 0, "max": 10, "min_temp": 7, "max_temp": 35, "supported_features": 2**31 - 1}


def everything() -> Catalogue:
    """A home with one plain thing of every domain, and every service there is."""
    things = (KnownEntity(f"{domain}.thing", "Thing", attributes=ATTRIBUTES) for domain in DOMAINS)
    return Catalogue((2026, 11), {thing.entity_id: thing for thing in things}, frozenset(REGISTRY))


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


def test_things_that_must_not_move_are_refused_with_every_service() -> None:
    """The recorded home's garage door stays shut whatever is called; its other covers may move."""
    home = read_catalogue()
    covers = [entity_id for entity_id in home.entities if entity_id.startswith("cover.")]
    calls = [service for service in REGISTRY if service.startswith("cover.")]
    moved = {
        entity_id
        for entity_id in covers
        for service in calls
        if not refusals(_cover(service, entity_id), home)
    }
    assert set(covers) - moved == {"cover.garage_door"}


def _cover(service: str, entity_id: str) -> Automation:
    data: dict[Parameter, float | str] = {"position": 50} if service.endswith("set_cover_position") else {}
    action = Action(service=service, entity_id=entity_id, data=data)
    return Automation(trigger=TimeTrigger(minute=390), actions=(action,))
