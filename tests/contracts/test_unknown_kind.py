"""A kind of pattern that nothing but its model knows: all that handles patterns says something true of it."""

import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, cast, get_args
from zoneinfo import ZoneInfo

import polars as pl
import pytest

import pipeline
from pipeline.automations.typical import NOTHING_USUAL
from pipeline.backtest.candidates import candidates
from pipeline.backtest.past import Past
from pipeline.backtest.regret import usual
from pipeline.backtest.tolerances import occasions, windows
from pipeline.simulation import Household
from pipeline.simulation.scoring import score
from pipeline.wording.explanation import explain
from pipeline.wording.pictures import picture, strip
from pipeline.wording.sentences import claim, sentence
from schemas.patterns import Detail, Evidence, OneStateDetail, Pattern

LAST = datetime(2026, 11, 20, 12, tzinfo=UTC)


class RisingDetail(OneStateDetail):
    """Details of a kind that no word, picture, automation or score was written for."""

    automated: bool = False
    pattern_type: Literal["rising_water"] = "rising_water"


class ForecastDetail(RisingDetail):
    """One whose hits are forecasts that came true."""

    is_forecast = True


def of(detail: RisingDetail) -> Pattern:
    """A pattern of that kind, whose `pattern_type` only a later version knows."""
    evidence = Evidence(
        opportunities=20, hits=15, misses=5, base_rate=0.1, lift=7.5, interval=(0.55, 0.88), e_value=1e5
    )
    fields: dict[str, Any] = {
        "id": "0123456789abcdef", "home": "home", "pattern_type": detail.pattern_type, "confidence": 0.75,
        "occurrences": 15, "first_seen": LAST - timedelta(days=20), "last_seen": LAST, "evidence": evidence,
        "status": "active", "change": None,
    }  # fmt: skip
    return Pattern.model_construct(**fields, detail=cast("Detail", detail))


RISING = of(RisingDetail(entity_id="sensor.cellar_water", state="high"))


def test_it_is_said_with_its_evidence() -> None:
    """Its kind, what it is about, and the counts."""
    assert claim(RISING) == "Cellar water (sensor) shows a pattern of the kind “rising water”."
    assert sentence(RISING) == (
        f"{claim(RISING)} Seen 15 of 20 times, by chance it would be 2; next time with 75% probability."
    )


def test_it_is_explained() -> None:
    """What was seen, what chance would give and what comes next follow from the evidence alone."""
    told = explain(RISING, ZoneInfo("UTC"))
    said = {each.title: " ".join(each.sentences) for each in told.paragraphs}
    assert said["What was seen"].startswith(
        "It could have shown 20 times. It did 15 times; 5 times it did not."
    )
    assert "it would show about 2 of 20 times; it did 15 times" in said["What chance alone would give"]
    assert said["The next time"].startswith("It will show with a probability of 75%")
    assert "When it holds" not in said


def test_a_forecast_of_it_is_said_as_one() -> None:
    """Where its hits are forecasts that came true, they are said so."""
    forecast = of(ForecastDetail(entity_id="sensor.cellar_water", state="high"))
    assert "Foreseen right 15 of 20 times" in sentence(forecast)
    told = [each.sentences[0] for each in explain(forecast, ZoneInfo("UTC")).paragraphs]
    assert any(each.startswith("It will come as foreseen") for each in told)


def test_its_picture_is_how_often_it_showed() -> None:
    """Three quarters of the strip are full."""
    assert strip(RISING, width=8) == "0 ▆▆▆▆▆▆·· 20"
    assert picture(RISING, width=8) == [strip(RISING, width=8)]


def test_no_automation_is_made_of_it() -> None:
    """Nobody knows what would do it; and where an automation is tried all the same, that is an error."""
    assert candidates(RISING, [RISING], NOTHING_USUAL) == []
    assert sum(usual(RISING.detail)[1:]) == pytest.approx(1)
    past, fires = cast("Past", None), pl.DataFrame()
    with pytest.raises(TypeError, match="expected a kind of pattern that automations are made of"):
        occasions(RISING.detail, past)
    with pytest.raises(TypeError, match="expected a kind of pattern that automations are made of"):
        windows(fires, RISING.detail, past)


def test_it_counts_neither_for_nor_against_a_detector() -> None:
    """A household is not planted with it: its finds are neutral."""
    household = Household(seed=1, days=2)
    assert sum(1 for _ in household.messages())
    scores = score(household.truth, [RISING], until=LAST.timestamp())
    assert (scores.kinds["rising_water"].neutral, scores.kinds["rising_water"].learnable) == (1, 0)


def test_no_module_of_the_pipeline_lists_the_kinds() -> None:
    """What hangs on a kind is registered on its detail: no `match` has to know each new one."""
    kinds = {model.__name__ for model in get_args(get_args(Detail)[0])}
    listed = {
        f"{path.name}:{node.lineno}"
        for path in Path(pipeline.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.MatchClass) and ast.unparse(node.cls) in kinds)
        or (isinstance(node, ast.Attribute) and ast.unparse(node.value) == "PatternType")
    }
    assert listed == set()
