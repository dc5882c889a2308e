"""Anomalies, as published on their topic and kept in the store."""

from enum import StrEnum
from typing import Literal

from schemas.patterns import Evidence, identify
from schemas.payload import Instant, Schema, Score


class AnomalyKind(StrEnum):
    """The kinds of anomaly there are."""

    MISSED_ROUTINE = "missed_routine"
    LEFT_ON = "left_on"
    NIGHT_OPENING = "night_opening"
    STUCK_SENSOR = "stuck_sensor"
    FLAPPING = "flapping"
    NUMERIC = "numeric"


class AnomalyDetail(Schema):
    """Details of an anomaly: since when it lasts, and what was expected instead.

    `at` is the moment from which it is out of order. `score` says how unusual that is: minus the base-10
    logarithm of its probability if all were in order. `expected` and `observed` are sentences for people.
    """

    entity_id: str
    kind: AnomalyKind
    at: Instant
    score: Score
    expected: str
    observed: str
    severity: Literal["low", "medium", "high"]


class Anomaly(Schema):
    """An event out of order with its evidence: of the occasions like it, the hits went as expected."""

    id: str
    home: str
    pattern_type: Literal["anomaly"] = "anomaly"
    detail: AnomalyDetail
    evidence: Evidence

    @classmethod
    def of(cls, detail: AnomalyDetail, *, home: str, evidence: Evidence) -> "Anomaly":
        """Make an anomaly whose id follows from entity, kind and moment."""
        identity = identify(home, detail.kind, detail.entity_id, str(round(detail.at.timestamp() * 1000)))
        return cls(id=identity, home=home, detail=detail, evidence=evidence)
