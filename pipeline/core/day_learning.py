"""Models that learn day after day: gone back to where they stood when a day changes, and learned again."""

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from hashlib import blake2b
from typing import Any, NamedTuple

from detectors.contract import DayLearner, Detector
from detectors.history import Day, History
from schemas.patterns import Pattern

# States that are kept beside the last one, each from the end of a week: an event may be 30 days late.
WEEKLY_STATES = 6
# Where a model stands that has learned nothing.
BEGIN = date.min


class Learned(NamedTuple):
    """A day that was learned: a digest of what it held then, and the labels that it got."""

    digest: str
    labels: tuple[str, ...]


@dataclass(slots=True)
class _Model:
    """Progress of one learner: the days that it learned, and its states as JSON by the last of them."""

    days: dict[date, Learned] = field(default_factory=dict)
    states: dict[date, str] = field(default_factory=lambda: {BEGIN: "null"})
    at: date = BEGIN

    def changed_since(self, digests: Mapping[date, str]) -> date | None:
        """Return the first day behind the oldest state that is not as it was learned, or was not learned."""
        oldest = min(self.states)
        known = {day: learned.digest for day, learned in self.days.items()}
        first = min(digests, default=BEGIN)
        behind = {day for day in digests.keys() | known.keys() if max(oldest, first) <= day <= self.at}
        return min((day for day in behind - {oldest} if digests.get(day) != known.get(day)), default=None)

    def go_back(self, before: date) -> Any:
        """Forget that day and all that follow; return the newest state from before it."""
        self.states = {day: state for day, state in self.states.items() if day < before}
        self.at = max(self.states)
        self.days = {day: learned for day, learned in self.days.items() if day <= self.at}
        return json.loads(self.states[self.at])

    def forget(self, first: date) -> None:
        """Keep the days that are still judged, and the newest states of those that can be gone on from."""
        left = max((day for day in self.days if day < first), default=BEGIN)
        self.days = {day: learned for day, learned in self.days.items() if day >= first}
        usable = sorted(day for day in self.states if day >= left)
        self.states = {day: self.states[day] for day in usable[-WEEKLY_STATES - 1 :]}


class DayLearning:
    """Lets every `DayLearner` learn the closed days once each, in the order of their dates.

    A model is a function of the closed days: where one changed or came late, the newest state from before it
    is taken up, and that day and those after it are learned again. A day that lies before the oldest state,
    five weeks back and more, changes the model no more.
    """

    def __init__(self) -> None:
        self._models: dict[str, _Model] = {}
        self.is_changed = False

    def learn(self, learner: DayLearner, history: History, detectors: Sequence[Detector]) -> Iterator[None]:
        """Learn what is new or changed in the history; pauses between days.

        `detectors` are those that judge before it, of which it is told what they find up to each day.
        """
        model = self._model(learner, history)
        changed = model.changed_since({day.date: digest(day) for day in history.days})
        if changed is not None:
            learner.resume(model.go_back(changed))
        yield from self._go_on(model, learner, history, detectors)
        model.forget(_first(history))

    def learn_before(
        self, first: date, learner: DayLearner, history: History, detectors: Sequence[Detector]
    ) -> None:
        """Learn the days before one, which leave the judgement, if they were not."""
        leaving = sum(day.date < first for day in history.days)
        model = self._model(learner, history)
        if leaving and history.days[leaving - 1].date > model.at:
            for _ in self._go_on(model, learner, history.first(leaving), detectors):
                pass

    def _model(self, learner: DayLearner, history: History) -> _Model:
        model = self._models.setdefault(learner.kind, _Model())
        model.forget(_first(history))
        return model

    def _go_on(
        self, model: _Model, learner: DayLearner, history: History, detectors: Sequence[Detector]
    ) -> Iterator[None]:
        for number, day in enumerate(history.days, 1):
            if day.date <= model.at:
                continue
            if _week(day.date) == _week(model.at):
                model.states.pop(model.at, None)
            elif model.at not in model.states:
                model.states[model.at] = _written(learner)
            found = yield from _found(learner.builds_on, history.first(number), detectors)
            labels = learner.learn_day(day, found)
            model.days[day.date] = Learned(digest(day), tuple(sorted(labels)))
            model.at, self.is_changed = day.date, True
            yield None
        if model.at not in model.states:
            model.states[model.at] = _written(learner)

    def labels(self) -> dict[date, frozenset[str]]:
        """Return the labels of the days, of all learners."""
        labels: dict[date, frozenset[str]] = {}
        for model in self._models.values():
            for day, learned in model.days.items():
                labels[day] = labels.get(day, frozenset()).union(learned.labels)
        return dict(sorted(labels.items()))

    def snapshot(self) -> dict[str, Any]:
        """Days and states of every model, in plain JSON values."""
        return {
            kind: {
                "days": [[day.isoformat(), *learned] for day, learned in sorted(model.days.items())],
                "states": [[day.isoformat(), state] for day, state in sorted(model.states.items())],
            }
            for kind, model in sorted(self._models.items())
        }

    def restore(self, snapshot: Mapping[str, Any], learners: Sequence[DayLearner]) -> list[str]:
        """Take up what `snapshot` returned; return the kinds whose state is none of theirs any more.

        Those, and what there was no state of, are learned anew from the days that are judged.
        """
        refused = []
        for learner in learners:
            kept = snapshot.get(learner.kind)
            if kept is None:
                continue
            model = _Model(
                days={date.fromisoformat(day): Learned(known, tuple(of)) for day, known, of in kept["days"]},
                states={date.fromisoformat(day): state for day, state in kept["states"]},
            )
            model.at = max(model.states)
            try:
                learner.resume(json.loads(model.states[model.at]))
            except ValueError:
                learner.resume(None)
                refused.append(learner.kind)
            else:
                self._models[learner.kind] = model
        return refused


def digest(day: Day) -> str:
    """Sixteen hexadecimal digits that follow from what a day holds."""
    parts = blake2b(digest_size=8)
    parts.update(repr((day.date, day.start_ms, day.end_ms, day.types, day.gaps_ms)).encode())
    for array in (day.at_ms, day.type_ids, day.causes, day.derived):
        parts.update(array.tobytes())
    return parts.hexdigest()


def _first(history: History) -> date:
    return history.days[0].date if history.days else BEGIN


def _week(day: date) -> tuple[int, int]:
    year, week, _ = day.isocalendar()
    return year, week


def _written(learner: DayLearner) -> str:
    """Return the state as text: what is learned later cannot change it."""
    return json.dumps(learner.state(), allow_nan=False, separators=(",", ":"))


def _found(
    kinds: Sequence[str], history: History, detectors: Sequence[Detector]
) -> Generator[None, None, dict[str, tuple[Pattern, ...]]]:
    """Return what some kinds find in a history, where it is not known already."""
    if not history.found.keys() >= set(kinds):
        for detector in detectors:
            found: list[Pattern] = []
            for finding in detector.detect(history):
                if isinstance(finding, Pattern):
                    found.append(finding)
                yield None
            history = replace(history, found={**history.found, detector.kind: tuple(found)})
    return {kind: history.found[kind] for kind in kinds}
