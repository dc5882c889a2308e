"""Free text as it may be shown: bounded, and without characters that do something."""

import unicodedata

MORE = "…"
# Controls, surrogates, private and unassigned characters, and separators of lines and paragraphs.
SILENT = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
# They turn the direction of what follows, so that it reads as something else.
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
