"""Check of an automation: safety, validity and conflicts together."""

from collections.abc import Sequence

from pipeline.automations.conflicts import conflicts
from pipeline.automations.safety import refusals, runs_too_often
from pipeline.automations.validate import problems
from pipeline.suggestions.selection import Verdict
from schemas.automations import Automation
from schemas.catalogue import Catalogue
from schemas.suggestions import Suggestion, Trial

TOUCHES = "touches"
NOT_COMPARED = (
    "Home Assistant was not asked what there is, so it was not compared with the automations there."
)


def check(
    automation: Automation, trial: Trial, others: Sequence[Suggestion], *, catalogue: Catalogue | None
) -> Verdict:
    """Return what speaks against an automation: safety rules, the catalogue, other automations."""
    refused = [*refusals(automation, catalogue), *runs_too_often(trial)]
    if wrong := [*refused, *problems(automation, catalogue)]:
        return Verdict(problem="; ".join(wrong), refusal="; ".join(refused))
    found = conflicts(automation, catalogue.automations if catalogue else (), others)
    told = tuple(each.text for each in found if each.kind == TOUCHES)
    return Verdict(
        conflict="; ".join(each.text for each in found if each.kind != TOUCHES),
        told=told if catalogue else (NOT_COMPARED, *told),
    )
