"""What names say, and what they do not say."""

import pytest

from pipeline.automations.dangerous_entities import danger_of
from schemas.catalogue import KnownEntity

# What people call the relays of doors, gates, locks and water, some in their own language.
PERILOUS_SWITCHES = (
    "garaje garaz garaj garasje garagem gkaraz autotalli carport vorota kalitka portao portail portillon "
    "gartentor hoftor rolltor gartentuer gartentur eingangstuer kellertuer haustur turoffner tueroeffner "
    "tuinpoort voordeur dooropener gateopener frontgate drivewaygate maindoor backdoor doorstrike maglock "
    "smart_lock padlock barrier schranke slagboom szlaban shlagbaum verrou fechadura cadeado candado zamok "
    "dver dvere drzwi kapu kilit lukko ytterdor stopcock shutoff water_shutoff magnetventil electrovanne "
    "absperrhahn hauptwasserhahn space_heater spaceheater heizlufter warmwasserspeicher hot_water "
    "domofon furtka dorlas allarme backofen entry_release electric_latch irrigation_zone_2 poliv ajto ovi"
).split()
# What stands in ordinary homes, with letters of the words above in it.
PLAIN_SWITCHES = (
    "outdoor_lights outdoorlamp indoor_plug gateway zigbee_gateway wall_clock block_heater "
    "doorbell_chime motor ventilator monitor temperatur_regler tastatur steuerung natur turkise_deko tuerkis "
    "corridor transporter usb_port_3 poe_port_4 lan_port bath_heater terrace_heater mirror_heater kettle "
    "wasserkocher coffee_maker towel_dryer fountain decorative_lights turlicht garagenlicht garage_lights "
    "front_door_lamp schrank kleiderschrank fernseher wohnzimmer stehlampe cuisine_prise sapin_de_noel "
    "kapuzinerzimmer sperrholz flock navidad spielzeug storage_room vestibule"
).split()


@pytest.mark.parametrize("name", PERILOUS_SWITCHES)
def test_a_relay_that_is_called_a_door_is_refused(name: str) -> None:
    """In whichever language, as an id and as a name."""
    assert danger_of(f"switch.{name}", None)
    assert danger_of("switch.relay_1", KnownEntity("switch.relay_1", name.replace("_", " ").title()))


@pytest.mark.parametrize("name", PLAIN_SWITCHES)
def test_an_ordinary_switch_is_not_mistaken(name: str) -> None:
    """Letters alone make no door."""
    assert danger_of(f"switch.{name}", None) == ""


@pytest.mark.parametrize(
    "name",
    ["Гараж", "Дверь", "Калитка", "Замок", "Котёл бойлер", "Γκαράζ", "Πόρτα", "Dør", "Zámek", "Ståldörr"],
)
def test_other_letters_are_read(name: str) -> None:
    """Cyrillic and Greek, and Latin letters with strokes."""
    assert danger_of("switch.relay_1", KnownEntity("switch.relay_1", name))


@pytest.mark.parametrize(
    ("name", "is_read"), [("车库门", False), ("باب", False), ("Свет", True), ("Küche", True)]
)
def test_a_switch_with_letters_that_cannot_be_read_is_refused(name: str, *, is_read: bool) -> None:
    """Nothing is known of it then; a light with such a name shines all the same."""
    assert bool(danger_of("switch.relay_1", KnownEntity("switch.relay_1", name))) != is_read
    assert danger_of("light.lamp", KnownEntity("light.lamp", name)) == ""


@pytest.mark.parametrize(
    "name",
    "Bedroom blind;Living room shades;Curtain;Roller shade;Awning;Rollladen;Rollo;Jalousien;Raffstore;"
    "Markise;Plissee;Volets;Rideau;Persiana;Estor;Toldo;Tapparelle;Tenda;Rolluik;Gordijnen;Zonnescherm;Rullgardin;"
    "Persienn;Rolety;Żaluzje;Žaluzie;Redőny;Perde;Panjur;Жалюзи;Шторы;Рольставни;Ρολά;Verhot".split(";"),
)
def test_a_cover_that_is_called_a_blind_may_move(name: str) -> None:
    """In many languages; without the word nothing says that it is one, but where nothing is known of it."""
    assert danger_of("cover.relay", KnownEntity("cover.relay", name)) == ""
    assert danger_of("cover.relay", KnownEntity("cover.relay", "Main"))
    assert danger_of("cover.relay", None) == ""


@pytest.mark.parametrize(
    ("entity_id", "is_refused"),
    [
        ("light.gate_opener", True),
        ("light.front_door_lock", True),
        ("fan.unlatch", True),
        ("light.door_lock_light", False),
        ("light.gate", False),
        ("light.garage", False),
        ("light.skylight", False),
        ("fan.valve_room", False),
        ("media_player.clock", False),
        ("climate.dhw", True),
        ("climate.warmwasser", True),
        ("climate.hotwater", True),
        ("climate.agua_caliente", True),
        ("climate.pool", True),
        ("climate.bath", False),
        ("climate.heat_pump", False),
    ],
)
def test_what_hangs_on_a_relay_is_told_by_its_name(entity_id: str, *, is_refused: bool) -> None:
    """An opener that is shown as a light is none; what heats water is no thermostat of a room."""
    assert bool(danger_of(entity_id, None)) == is_refused
