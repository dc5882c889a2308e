"""What was found of what was planted, in counts that add up over homes, whichever generator made them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from benchmarks.quality.homes import House, second_generator
from benchmarks.quality.learned import Learned
from pipeline.simulation import Household
from pipeline.simulation.scoring import score
from schemas.anomalies import Anomaly
from schemas.patterns import CoOccurrenceDetail, Pattern, PatternType, SequenceDetail, TimeOfDayDetail

Counts = Counter[str]

COUNTED = ("right", "false", "neutral", "hit", "learnable")

CHANGE_SEEN_DAY = 30
# The second generator plants anomalies after two weeks.
UNWATCHED_DAYS = 14
LEAST_TOLERANCE_MIN = 15.0
# Kinds of planted habit that show on most days within half an hour.
PLAIN_KINDS = ("sharp", "weekday", "jittery", "sunset", "sunrise", "twice", "dropped", "moved_before")
# What is never a habit, in the words of the first and of the second generator.
NEVER_HABITS = (("machine", "derived", "reversed"), ("automation", "derived", "reversed"))
HABITS = (PatternType.TIME_OF_DAY.value, PatternType.CO_OCCURRENCE.value, PatternType.SEQUENCE.value)


def count(house: House, learned: Learned, days: int) -> Counts:
    """Compare the patterns that stood after so many days with what was planted."""
    if house.source.origin == "first":
        return score_first(house.made, learned, days)
    return score_second(house.made, learned, days)


def score_first(household: Household, learned: Learned, days: int) -> Counts:
    """Score the patterns that stood after so many days as the project's own generator does."""
    until = household.calendar.moment(days, 0)
    scores = score(household.truth, learned.active.get(days, ()), until=until)
    counts = Counts()
    for kind in HABITS:
        of_kind = scores.kinds[kind]
        figures = (of_kind.right, of_kind.wrong, of_kind.neutral, of_kind.found, of_kind.learnable)
        counts.update({f"{kind} {name}": each for name, each in zip(COUNTED, figures, strict=True)})
    counts["never"] = sum(
        verdict.why in NEVER_HABITS[0] for verdict in scores.verdicts if verdict.judgement == "wrong"
    )
    counts["conditional found"], counts["conditional named"] = scores.conditions.of, scores.conditions.hits
    if days == CHANGE_SEEN_DAY:
        counts["moved"], counts["moved right"] = scores.changes.of, scores.changes.hits
    if days == household.days:
        for name, said in _said(learned):
            oddities = score(household.truth, (), until=until, anomalies=said)
            for oddity, share in oddities.oddities.items():
                counts[f"{name} {oddity} hit"], counts[f"{name} {oddity}"] = share.hits, share.of
            counts[f"{name} false"] = oddities.kinds["anomaly"].wrong
            counts[f"{name} days"] = household.days
    return counts


def score_second(made: Any, learned: Learned, days: int) -> Counts:
    """Score the patterns that stood after so many days as the second generator does."""
    patterns = learned.active.get(days, ())
    counts = _habits(made, patterns, days) + _pairs(made, patterns, days) + _chains(made, patterns, days)
    if days == CHANGE_SEEN_DAY:
        counts += _moved(made, patterns)
    if days == made.cfg.days:
        counts += _anomalies(made, learned)
    return counts


def _habits(made: Any, patterns: Iterable[Pattern], days: int) -> Counts:
    found = [p.detail.model_dump() for p in patterns if isinstance(p.detail, TimeOfDayDetail)]
    score = second_generator("simulator").score_time(made, days, found)
    counts = _sorted("time_of_day", score)
    for kind, (hit, learnable) in score["by_kind"].items():
        if kind in PLAIN_KINDS:
            counts["plain hit"] += hit
            counts["plain learnable"] += learnable
    timed = {(each["entity_id"], each["state"]) for each in made.truth.time_automations}
    counts["never"] = sum((d["entity_id"], d["state"]) in timed and not d["automated"] for d in found)
    return counts


def _pairs(made: Any, patterns: Iterable[Pattern], days: int) -> Counts:
    details = [p.detail for p in patterns if isinstance(p.detail, CoOccurrenceDetail)]
    found = [{"trigger": detail.subject[:2], "action": detail.subject[2:]} for detail in details]
    score = second_generator("simulator").score_pairs(made, days, found)
    counts = _sorted("co_occurrence", score)
    counts["never"] = sum(score[kind] for kind in NEVER_HABITS[1])
    named = second_generator("home").score_conditions(
        made, [((d.subject[:2], d.subject[2:]), {each.kind for each in d.conditions}) for d in details]
    )
    counts["conditional found"], counts["conditional named"] = named["found"], named["named_right"]
    return counts


def _chains(made: Any, patterns: Iterable[Pattern], days: int) -> Counts:
    end = made.local(days, 0)
    found = [
        [(step.entity_id, step.state) for step in p.detail.steps]
        for p in patterns
        if isinstance(p.detail, SequenceDetail)
    ]
    live = [chain for chain in made.truth.chains if sum(at < end for at in chain.occurrences) >= 5]
    contains = second_generator("home").contains
    hit = sum(any(contains(steps, chain.steps) for steps in found) for chain in live)
    return Counter({"sequence learnable": len(live), "sequence hit": hit, "sequence reported": len(found)})


def _moved(made: Any, patterns: Iterable[Pattern]) -> Counts:
    """Count the habits that moved ten days ago: the new one found, and the old one withdrawn."""
    simulator, counts = second_generator("simulator"), Counts()
    details = [p.detail for p in patterns if isinstance(p.detail, TimeOfDayDetail)]
    routines = {(each.kind, each.entity_id): each for each in made.truth.time_routines}
    for (kind, entity_id), after in routines.items():
        if (
            kind == "moved_after"
            and sum(at < made.local(CHANGE_SEEN_DAY, 0) for at in after.occurrences) >= 4
        ):
            before = routines["moved_before", entity_id]
            own = [d for d in details if (d.entity_id, d.state) == (entity_id, after.state)]
            apart = {
                each.kind: [
                    simulator.circ_diff(d.minute, each.minute) <= max(LEAST_TOLERANCE_MIN, each.sd)
                    for d in own
                ]
                for each in (before, after)
            }
            counts["moved"] += 1
            counts["moved right"] += any(apart["moved_after"]) and not any(apart["moved_before"])
    return counts


def _anomalies(made: Any, learned: Learned) -> Counts:
    counts = Counts()
    for name, said in _said(learned):
        found = [(each.detail.entity_id, str(each.detail.kind), each.detail.at.timestamp()) for each in said]
        score = second_generator("home").score_anomalies(made, found)
        for kind, (hit, planted) in score["by_kind"].items():
            counts[f"{name} {kind} hit"], counts[f"{name} {kind}"] = hit, planted
        counts[f"{name} false"] = len(score["false"])
        counts[f"{name} days"] = made.cfg.days - UNWATCHED_DAYS
    return counts


def _said(learned: Learned) -> Iterator[tuple[str, Sequence[Anomaly]]]:
    """What was said to be out of order, and when."""
    yield "in hindsight", learned.anomalies
    if learned.alarms is not None:
        yield "as it happens", learned.alarms


def _sorted(kind: str, score: Mapping[str, Any]) -> Counts:
    keys = ("tp", "fp", "neutral", "hit", "learnable")
    return Counter({f"{kind} {name}": score[key] for key, name in zip(keys, COUNTED, strict=True)})
