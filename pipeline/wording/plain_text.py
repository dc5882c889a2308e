"""Free text as it may be shown: bounded, and without characters that do something."""

import unicodedata

MORE = "…"
# Controls, surrogates, private and unassigned characters, and separators of lines and paragraphs.
SILENT = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
# They turn the direction of what follows, so that it reads as something else.
_JOINERS = "\u200c\u200d"  # they hold letters and emojis together
_FULL_WIDTH = str.maketrans("{}", "｛｝")
TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def line(text: str, longest: int) -> str:
    r"""Text on one line of at most so many characters.

    Examples
    --------
    >>> line("Turn on\n the hall\u202e lamp\x00", 40), line("Turn on the hall lamp", 10)
    ('Turn on the hall lamp', 'Turn on t…')
    """
    shown = "".join(_shown(character) for character in text[: 4 * longest])
    shown = " ".join(shown.split())
    if len(shown) <= longest and len(text) <= 4 * longest:
        return shown
    return shown[: longest - len(MORE)].rstrip() + MORE


def _shown(character: str) -> str:
    if character in TURNING:
        return ""
    return " " if unicodedata.category(character) in SILENT else character


def harmless(text: str, longest: int) -> str:
    """Return `text` on one line of at most `longest` characters, so that nothing takes it for more than text.

    Control characters and those that turn the direction of reading around are gone, and braces are full
    width, so that no template can begin.

    Examples
    --------
    >>> harmless("Hall  {{ states('lock.door') }}", 80)
    "Hall ｛｛ states('lock.door') ｝｝"
    """
    seen = "".join(_visible(character) for character in text[: 4 * longest])
    plain = " ".join(seen.split()).translate(_FULL_WIDTH)
    return plain if len(plain) <= longest else plain[: longest - 1].rstrip() + "…"


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category in {"Cc", "Zl", "Zp"}:
        return " "
    return "" if category in {"Cf", "Cs", "Co"} and character not in _JOINERS else character
