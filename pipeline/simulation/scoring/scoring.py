"""The comparison of everything that was found with everything that was planted."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time

from pipeline.simulation.scoring.alarms import judge_alarms
from pipeline.simulation.scoring.chains import judge_chains
from pipeline.simulation.scoring.durations import judge_durations
from pipeline.simulation.scoring.habits import HabitJudge
from pipeline.simulation.scoring.pairs import PairJudge
from pipeline.simulation.scoring.scores import WEEK_S, KindScore, Scores, Share, Verdict
from pipeline.simulation.truth import Truth
from schemas.anomalies import Anomaly, AnomalyKind
from schemas.patterns import (
    CoOccurrenceDetail,
    DurationDetail,
    Pattern,
    PatternDetail,
    SequenceDetail,
    TimeOfDayDetail,
)

_Judge = Callable[[Sequence[Pattern]], tuple[list[Verdict], list[str]]]


def score(
    truth: Truth, patterns: Iterable[Pattern], *, until: float, anomalies: Iterable[Anomaly] = ()
) -> Scores:
    """Compare what was found with the truth as it stood at a moment.

    Patterns that are retired, or say what an automation does, are not counted.

    Parameters
    ----------
    truth
        Of a household that has run to the end.
    patterns
        Those that are held at `until`.
    until
        Epoch seconds, the end of what was learned; what came about later does not count.
    anomalies
        Those that were said up to then.
    """
    claims = sorted(
        (each for each in patterns if each.status == "active" and not each.detail.automated),
        key=lambda each: (-each.confidence, each.id),
    )
    habits, pairs = HabitJudge(truth, until), PairJudge(truth, until)
    judges: dict[type[PatternDetail], _Judge] = {
        TimeOfDayDetail: lambda found: (habits.judge(found), habits.learnable),
        CoOccurrenceDetail: lambda found: (pairs.judge(found), pairs.learnable),
        SequenceDetail: lambda found: judge_chains(truth, found, until),
        DurationDetail: lambda found: judge_durations(truth, found, until),
    }
    scores = Scores(weeks=max(0.0, until - _begin(truth)) / WEEK_S)
    for model in dict.fromkeys([*judges, *(type(each.detail) for each in claims)]):
        found = [each for each in claims if type(each.detail) is model]
        kind = str(model.model_fields["pattern_type"].default)
        _count(scores, kind, *judges.get(model, _not_planted)(found))
    scores.conditions, scores.changes = pairs.conditions(), habits.changes()
    alarms, labels = judge_alarms(truth, list(anomalies), until)
    _count(scores, "anomaly", alarms, list(labels))
    told = {verdict.planted for verdict in alarms}
    scores.oddities = {
        kind: Share(
            sum(name in told for name, label in labels.items() if label.kind is kind),
            sum(label.kind is kind for label in labels.values()),
        )
        for kind in AnomalyKind
    }
    return scores


def _not_planted(found: Sequence[Pattern]) -> tuple[list[Verdict], list[str]]:
    """Hold neither for nor against it what is of a kind that no household is planted with."""
    return [Verdict(each, "neutral", "not planted") for each in found], []


def _count(scores: Scores, kind: str, verdicts: Sequence[Verdict], learnable: Sequence[str]) -> None:
    """Add the verdicts of one kind, and what was learnable of it."""
    told = {verdict.planted for verdict in verdicts if verdict.judgement == "right"}
    missed = [name for name in learnable if name not in told]
    judged = [verdict.judgement for verdict in verdicts]
    scores.kinds[kind] = KindScore(
        learnable=len(learnable),
        found=len(learnable) - len(missed),
        right=judged.count("right"),
        wrong=judged.count("wrong"),
        neutral=judged.count("neutral"),
    )
    scores.verdicts += verdicts
    scores.missed += missed


def _begin(truth: Truth) -> float:
    """Return when the first day began."""
    first = date.fromisoformat(next(iter(truth.day_types)))
    return datetime.combine(first, time(), truth.zone).timestamp()
