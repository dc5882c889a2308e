"""The figures of a comparison, and their sum over homes."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from schemas.anomalies import Anomaly, AnomalyKind
from schemas.patterns import Pattern

Judgement = Literal["right", "wrong", "neutral"]
WEEK_S = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Verdict on one find: `why` is a short word for tables, `planted` names what it found."""

    find: Pattern | Anomaly
    judgement: Judgement
    why: str
    planted: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    hits: int = 0
    of: int = 0

    @property
    def ratio(self) -> float:
        """The share; 1 where there was nothing to hit."""
        return self.hits / self.of if self.of else 1.0

    def __add__(self, other: "Share") -> "Share":
        return Share(self.hits + other.hits, self.of + other.of)


@dataclass(frozen=True, slots=True)
class KindScore:
    """One kind of pattern.

    Parameters
    ----------
    learnable
        What was planted, is still done and came about often enough.
    found
        How much of that was found.
    right, wrong, neutral
        Finds: of something planted; of nothing, of a machine's doing, of a reversed, derived or transitive
        relation, or said twice; of something regular that nobody planted.
    """

    learnable: int = 0
    found: int = 0
    right: int = 0
    wrong: int = 0
    neutral: int = 0

    @property
    def precision(self) -> float:
        """Right finds among those that are right or wrong; 1 where there is none."""
        return Share(self.right, self.right + self.wrong).ratio

    @property
    def recall(self) -> float:
        """The share of the learnable that was found; 1 where nothing was."""
        return Share(self.found, self.learnable).ratio

    def __add__(self, other: "KindScore") -> "KindScore":
        return KindScore(
            self.learnable + other.learnable,
            self.found + other.found,
            self.right + other.right,
            self.wrong + other.wrong,
            self.neutral + other.neutral,
        )


@dataclass(slots=True)
class Scores:
    """Everything that is counted of one home, or of several.

    Parameters
    ----------
    kinds
        By the kind's name, as in `pattern_type`.
    conditions
        Conditional pairs among those found, and how many of them name all of their conditions.
    changes
        Habits that moved ten days ago or more, and how many of them are found at their new time alone.
    oddities
        Labelled anomalies by kind, and how many of them an alarm told of.
    weeks
        Time that was watched.
    verdicts
        Of every find, in the order in which they were given.
    missed
        Names of what was learnable and not found.
    """

    kinds: dict[str, KindScore] = field(default_factory=dict)
    conditions: Share = field(default_factory=Share)
    changes: Share = field(default_factory=Share)
    oddities: dict[AnomalyKind, Share] = field(default_factory=dict)
    weeks: float = 0.0
    verdicts: list[Verdict] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    @property
    def false_alarms_per_week(self) -> float:
        """Anomalies that were said where all was in order, per home and week."""
        return self.kinds.get("anomaly", KindScore()).wrong / self.weeks if self.weeks else 0.0

    @property
    def reasons(self) -> Counter[str]:
        """Reasons why finds are wrong, and how often."""
        return Counter(verdict.why for verdict in self.verdicts if verdict.judgement == "wrong")

    def __add__(self, other: "Scores") -> "Scores":
        kinds = [*self.kinds, *(kind for kind in other.kinds if kind not in self.kinds)]
        return Scores(
            kinds={
                kind: self.kinds.get(kind, KindScore()) + other.kinds.get(kind, KindScore()) for kind in kinds
            },
            conditions=self.conditions + other.conditions,
            changes=self.changes + other.changes,
            oddities={
                kind: self.oddities.get(kind, Share()) + other.oddities.get(kind, Share())
                for kind in AnomalyKind
            },
            weeks=self.weeks + other.weeks,
            verdicts=[*self.verdicts, *other.verdicts],
            missed=[*self.missed, *other.missed],
        )


def total(scores: Iterable[Scores]) -> Scores:
    """Sum the figures of several homes."""
    return sum(scores, Scores())
