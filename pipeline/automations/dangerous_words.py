"""Words in names, in many languages, that mark locks, doors, valves, lights and shades."""

import re
import unicodedata

LONGEST_NAME = 1000
# Letters that no accent makes of a plain one; hard and soft signs sound like nothing.
_CYRILLIC = dict(zip("абвгдезиклмнопрстуфхцыэіјґє", "abvgdeziklmnoprstufhcyeijge", strict=True)) | {
    "ж": "zh", "ч": "ch", "ш": "sh", "щ": "sh", "ю": "yu", "я": "ya", "ъ": "", "ь": "",
    "ђ": "dj", "љ": "lj", "њ": "nj", "ћ": "c", "џ": "dz",
}  # fmt: skip
_GREEK = dict(zip("αβγδεζηικλμνξοπρστυφχω", "avgdeziiklmnxoprstyfxo", strict=True)) | {"θ": "th", "ψ": "ps"}
_LATIN = {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}
_PLAIN = str.maketrans(_CYRILLIC | _GREEK | _LATIN)

Words = frozenset[str]


def _compiled(stems: str) -> re.Pattern[str]:
    """Return one pattern of many stems; a caret or a dollar binds one to the start or the end of a word."""
    return re.compile("|".join(stems.split()))


# Words that hold another one's letters: an outdoor lamp is no door, a PoE port of a switch is no gate.
_MISLEADING = re.compile(r"^(?:out|in)doors?|doorbells?$|gateways?$")
_PLUGS = frozenset({"ethernet", "hdmi", "lan", "poe", "usb", "wan"})
_LIGHTS = _compiled(
    r"(?<!sky)(?<!f)lights?$ ^lighting$ lamps?$ lamp[ae]n?$ licht$ lichter$ leuchten?$ beleuchtung$ "
    r"^lumieres?$ ^luz$ ^luces$ ^luc[ei]$ ^svet$ ^belysning$"
)
_OPENERS = _compiled("opener$ ^opener offner oeffner")
_LOCKS = _compiled(
    r"(?<![bcf])lock(?:s|ed|ing)?$ unlock latch deadbolt ^bolt$ strike ^release$ schloss riegel sperr(?!h) "
    r"^slot$ verrou serrur serratur cerradur cerroj candado fechadur cadeado ^zam[eo]k ^zamk ^brava$ ^las$ "
    r"^laas$ kilit lukko ^gache$ klyuchalk kleidar ^zasov d[oe]rlas$ ^zar$"
)
_GATES = _compiled(
    r"gk?ara[gjsz] carport autotalli gates?$ ^gate (?:hof|garten|einfahrts?|roll|schiebe|sektional)tor$ "
    r"^tor(?:antrieb|motor) poort portail portillon porta[ot]$ portoes$ portone?$ portoncino portti "
    r"^poarta$ cancel(?:a|lo|letto)$ ^bran[ay]$ ^bram[ay]$ ^grind$ vorota kalitk sc?hlagbaum ^schranken?$ "
    r"^tor$ slagboom szlaban barrier ^kapu(?!z) kapu$ ^kapija$ ^furtk ^port$"
)
_DOORS = _compiled(
    r"door deur ^tuer(?!k) tuer(?:en)?$ tueroe ^tur$ (?<!a)(?<!ul)(?<!uk)tur(?:en)?$ ^portes?$ puerta "
    r"^portas?$ ^dorr dorr(?:en)?$ ^dor$ (?:ytter|hoved|inngangs|kjeller|terrasse|balkong|bak)dor(?:en)?$ "
    r"^dver dveri?$ drzwi ajto ^ovi$ (?:ulko|etu|taka)ovi$ ^kapisi$ ^kapi$ ^vrata$ ^us[ai]$"
)
_WATER = _compiled(
    r"valve valvul valvol ventile?$ vanne$ zawor zavor klapan stopcock shutoff faucet ^tap$ hydrant "
    r"^kraan$ (?:stop|water)kraan ^kran$ rubinett ^grifo$ absperr haupthahn wasserhahn watermain "
    r"^watering$ sprinkler irriga ^riego$ arrosage bewasser bewaesser beregn sproei ^poliv"
)
_HOT_WATER = _compiled(
    r"hotwater warmwater warmwasser heisswasser brauchwasser trinkwasser waterheat boiler bojler boyler "
    r"geyser immersion calefon scaldabagno scaldacqua chauffeeau eauchaude varmvatten varmtvan kuumavesi "
    r"vodonagrev thermosifon ^dhw$ ^tww$ ^acs$ ^ecs$ ^cwu$ ^tuv$"
)
_GRAVE = _compiled(
    r"alarm allarm siren ^armed ^arm$ disarm scharf$ burglar security signalizac synagerm ^buzzer$ "
    r"intercom ^gas$ ^restart$ ^reboot$ ^shutdown$ ^reset$ ^oven$ ^stove$ ^hob$ ^cooktop$ ^fryer$ ^grill$ "
    r"^iron$ spaceheater heizluft heizluef domofon ^backofen$ ^herd$ ^horno$ ^forno$ ^piekarnik$"
)
_GRAVE_PAIRS = (
    {"factory", "default"}, {"fan", "heater"}, {"space", "heater"},
    {"shut", "off"}, {"water", "main"}, {"water", "mains"}, {"water", "supply"},
)  # fmt: skip
_HOT_PAIRS = (
    {"water", "heater"}, {"hot", "water"}, {"warm", "water"}, {"warm", "wasser"}, {"domestic", "water"},
    {"water", "tank"}, {"eau", "chaude"}, {"chauffe", "eau"}, {"agua", "caliente"}, {"agua", "quente"},
    {"acqua", "calda"}, {"varmt", "vann"}, {"ciepla", "woda"},
)  # fmt: skip
_NOT_ROOMS = _compiled(
    r"^water$ ^pool$ ^spa$ ^tub$ ^hottub$ ^whirlpool$ ^sauna$ ^oven$ ^kiln$ freezer fridge refrigerator "
    r"^kuhlschrank$ ^aquarium$"
)
_SHADING = _compiled(
    r"blind shade shutter curtain awning drape louv(?:er|re) jalou jalus raffstore markis vorhang "
    r"gardin gordijn rollo$ rollos$ ^roller$ rol+aden rolluik lamel plisse screen zonwering zonnescherm "
    r"volet ^stores?$ ^rideaux?$ persian persien tappar ^tend[ae]$ venezian venetian cortina ^estore?s?$ "
    r"^toldo rolet zh?aly?uz rulou jaluz zaslon rol.?stavn ^rola$ luxaflex duette sonnensegel verho "
    r"kaihdin perde panjur redony fuggony zaves zavjes shtor sichtschutz sonnenschutz"
)


def words(name: str) -> Words:
    """Return the words of a name in small Latin letters without accents.

    Examples
    --------
    >>> sorted(words("Haustür 2")), sorted(words("Гараж"))
    (['haustur'], ['garazh'])
    """
    return frozenset(re.findall("[a-z]+", _plain(name)))


def is_readable(name: str) -> bool:
    """Return whether every letter of a name is Latin, Greek or Cyrillic: of other scripts no words are known.

    Examples
    --------
    >>> is_readable("Türöffner 1 🔑"), is_readable("车库门")
    (True, False)
    """
    return all(letter.isascii() or unicodedata.category(letter) == "Lm" for letter in _letters(name))


def says_light(named: Words) -> bool:
    """Return whether a name says that the entity is a light."""
    return _any(_LIGHTS, named)


def says_lock(named: Words) -> bool:
    """Return whether a name says that the entity locks, unlocks, or opens what is locked."""
    return _any(_LOCKS, named) or _any(_OPENERS, named)


def says_gate(named: Words) -> bool:
    """Return whether a name says that the entity is a gate or a garage."""
    return _any(_GATES, _meant(named))


def says_door(named: Words) -> bool:
    """Return whether a name says that the entity is a door, or opens one."""
    return _any(_DOORS, _meant(named)) or _any(_OPENERS, named)


def says_hot_water(named: Words) -> bool:
    """Return whether a name says that the entity heats water."""
    return _any(_HOT_WATER, named) or any(pair <= named for pair in _HOT_PAIRS)


def says_no_room(named: Words) -> bool:
    """Return whether a name says that the entity heats or cools something other than rooms."""
    return says_hot_water(named) or _any(_NOT_ROOMS, named)


def says_grave(named: Words) -> bool:
    """Return whether a name says: lock, alarm, valve for water or gas, cooker, or unattended heater."""
    found = _any(_LOCKS, named) or _any(_WATER, named) or _any(_GRAVE, named) or says_hot_water(named)
    return found or any(pair <= named for pair in _GRAVE_PAIRS)


def says_shading(named: Words) -> bool:
    """Return whether a name says that the entity keeps the sun out."""
    return _any(_SHADING, named)


def _any(stems: re.Pattern[str], named: Words) -> bool:
    return any(stems.search(word) for word in named)


def _meant(named: Words) -> Words:
    plain = frozenset(_MISLEADING.sub("", word) for word in named)
    return plain - {"port"} if plain & _PLUGS else plain


def _plain(name: str) -> str:
    apart = unicodedata.normalize("NFKD", name[:LONGEST_NAME].casefold())
    return "".join(each for each in apart if not unicodedata.combining(each)).translate(_PLAIN)


def _letters(name: str) -> str:
    return "".join(each for each in _plain(name) if each.isalpha())
