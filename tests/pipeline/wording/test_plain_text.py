"""Shown text is bounded, on one line, and does nothing."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.wording.plain_text import SILENT, TURNING, line
from tests.fixtures.discovery import HOSTILE


@given(st.text(max_size=300), st.integers(2, 60))
def test_any_text_becomes_one_bounded_line(text: str, longest: int) -> None:
    """Nothing in it is a control, a separator of lines, or turns the direction."""
    shown = line(text, longest)
    assert len(shown) <= longest
    assert not [each for each in shown if unicodedata.category(each) in SILENT or each in TURNING]
    assert shown == " ".join(shown.split())


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_bounded_quickly(text: str) -> None:
    """However long it is, the line is not."""
    assert len(line(text * 50, 255)) <= 255


def test_ordinary_text_stays_as_it_is() -> None:
    """Words, numbers, signs, letters of any script, and what joins them."""
    for text in ("Turn on the hall lamp, 50 %", "Lámpara élève 灯 🏠", "می‌خواهم", "a" * 255):
        assert line(text, 255) == text


def test_what_is_cut_says_so() -> None:
    """The last character is an ellipsis."""
    assert line("a" * 256, 255) == "a" * 254 + "…"
