"""Every mutant is a place that is there, broken in a way that Python takes."""

import ast

import pytest

from benchmarks.measurements import ROOT
from benchmarks.mutant import Mutant
from benchmarks.mutants import MUTANTS, broken


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda each: each.name)
def test_a_mutant_is_of_code_that_is_there(mutant: Mutant) -> None:
    """Its expression stands once in its file, the file can be read with the other one, and tests guard it."""
    text = (ROOT / mutant.path).read_text(encoding="utf-8")
    assert ast.dump(ast.parse(broken(text, mutant))) != ast.dump(ast.parse(text))
    assert mutant.guarded_by
    assert [path for path in mutant.guarded_by if not (ROOT / path).exists()] == []


def test_an_expression_that_is_gone_is_said() -> None:
    """A table that is out of date does not pass for one whose mutants are caught."""
    mutant = Mutant("gone", "pipeline/core/core.py", "nowhere()", "", ())
    with pytest.raises(LookupError, match="found 0 times: nowhere"):
        broken("x = 1\n", mutant)


def test_names_are_different() -> None:
    """Each row of the table in RESULTS.md is its own."""
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 25
