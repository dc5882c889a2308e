"""The co-occurrence detector: what somebody does shortly after something happened."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from itertools import compress, groupby

import numpy as np

from detectors.co_occurrence.conditions import Conditions
from detectors.co_occurrence.explaining import explain
from detectors.co_occurrence.finding import Finding
from detectors.evidence import accept, lower_bound
from detectors.following.day_table import tabulate
from detectors.following.log import Flags, Log
from detectors.following.present import present
from detectors.following.screening import LEAST_HITS, nominate
from detectors.following.tabulating import Tabulating, share
from detectors.following.timeline import Timeline
from detectors.following.tried import Tried, try_all
from detectors.history import Aggregate, Day, History
from schemas.home import Home
from schemas.patterns import Condition, Pattern, PatternType

FINDINGS_A_SLICE = 16

RATE_WITHOUT_CONDITION = 0.8
LEAST_RATE_OVERALL = 0.1
LEAST_FOCUS = 0.35
APART = 0.8
"""What is asked of a pair in different rooms, of what is asked of one in the same room."""
EVERYWHERE = frozenset(("person", "device_tracker"))
LEVEL, LEVEL_OF_CHOSEN = 0.9, 0.98
"""Certainty of a hit rate's lower bound; more is asked where its condition was chosen among hundreds."""


class CoOccurrence(Tabulating):
    """Find what people do shortly after something happened, in this order, and not by chance.

    A pair (trigger, action) is nominated from the day tables; then every use of the trigger is replayed as a
    trial: an opportunity if the action's entity was not in that state already, a hit if somebody, and no
    automation, brought the action about in the window after it. The hit rate is weighed against what would
    happen anyway, because somebody is active or because the action was due, with e-values under false
    discovery control (e-BH). What another trigger explains is dropped, and so is what a machine does: of
    automations, visible or hidden, nothing is reported.

    Where the hit rate clearly changed, or depends on a condition, only the trials that belong to how things
    are now, under that condition, count.

    Judging 60 days of 1,700 event types takes half a second, closing a day 0.8 microseconds an event. Memory:
    the day tables as arrays, a cache of some 15 kB a day.

    Parameters
    ----------
    alpha
        False discovery rate among what is reported.
    least_rate
        Least share of opportunities that are hits: below one half a habit surprises those whose it is.
    least_sure_rate
        Least lower bound (90 %) of that share.
    least_coverage
        Least share of the action's uses that follow the trigger. Of these three, a fifth less is asked where
        trigger and action are in different rooms.
    half_life_days
        Days after which a trial counts half in the confidence.

    Examples
    --------
    >>> CoOccurrence(alpha=5)
    Traceback (most recent call last):
    ValueError: expected alpha between 0 and 1, got 5

    References
    ----------
    R. Wang, A. Ramdas (2022). False discovery rate control with e-values. Journal of the Royal Statistical
    Society B 84(3), 822-852. doi:10.1111/rssb.12489
    """

    kind = PatternType.CO_OCCURRENCE.value

    def __init__(
        self,
        *,
        alpha: float = 0.05,
        least_rate: float = 0.5,
        least_sure_rate: float = 0.4,
        least_coverage: float = 0.2,
        half_life_days: float = 14.0,
    ) -> None:
        super().__init__(alpha=alpha, half_life_days=half_life_days)
        self.least_rate = share("least_rate", least_rate)
        self.least_sure_rate = share("least_sure_rate", least_sure_rate)
        self.least_coverage = share("least_coverage", least_coverage)

    def close_day(self, day: Day) -> Mapping[str, Aggregate]:
        return tabulate(day)

    def detect(self, history: History) -> Iterator[Pattern | None]:
        if not any(len(day.at_ms) for day in history.days):
            return
        log = Log.of(history.days)
        yield None
        candidates, tested = yield from nominate(self._tables, log, history, self.kind)
        yield None
        timeline = Timeline.of(log, candidates.triggers, candidates.actions)
        tried = yield from try_all(
            timeline,
            candidates,
            least_coverage=APART * self.least_coverage,
            least_rate=LEAST_RATE_OVERALL,
        )
        findings = yield from self._verify(timeline, history, tried, len(tested))
        links = {(finding.trigger, finding.action) for finding in findings}
        for _, of_action in groupby(findings, key=lambda finding: finding.action):
            for finding in explain(timeline, list(of_action), links):
                if not finding.automated:
                    yield finding.pattern(log, history, self.half_life_days)
            yield None

    def _verify(
        self, timeline: Timeline, history: History, tried: list[Tried], pairs_tested: int
    ) -> Generator[None, None, list[Finding]]:
        """Find those with evidence enough for all that was tested, each with its condition, by action."""
        if not tried:
            return []
        conditions = Conditions(timeline.log, history.days, history.steps)
        evidence = np.exp(np.concatenate([part.log_e for part in tried]))
        believed = accept(evidence, self.alpha, max(pairs_tested, len(evidence)))
        places = ((part, candidate) for part in tried for candidate in range(len(part.candidates)))
        findings: list[Finding] = []
        for count, (part, candidate) in enumerate(compress(places, believed.tolist())):
            finding = self._narrow(conditions, _finding(timeline, part, candidate), history.home)
            if finding is not None:
                findings.append(finding)
            if count % FINDINGS_A_SLICE == 0:
                yield None
        return sorted(findings, key=lambda finding: (finding.action, finding.trigger))

    def _choose(self, conditions: Conditions, finding: Finding) -> tuple[Condition, Flags, float] | None:
        if finding.rate >= RATE_WITHOUT_CONDITION:
            return None
        return conditions.choose(finding.trials.rows, finding.trials.hits)

    def _narrow(self, conditions: Conditions, finding: Finding, home: Home) -> Finding | None:
        """Add the condition that the habit depends on, if any, and say whether what is left is a habit.

        Where a change explains the misses better than a condition does, only what came after it counts. None
        if the action is no reaction to the trigger, or none any more.
        """
        start, gain = present(finding.trials.hits)
        chosen = self._choose(conditions, finding)
        if start and (chosen is None or chosen[2] < gain):
            finding = finding.since(start)
            chosen = self._choose(conditions, finding)
        if chosen is not None:
            finding = replace(finding, condition=chosen[0], trials=finding.trials.take(chosen[1]))
        level = LEVEL if finding.condition is None else LEVEL_OF_CHOSEN
        asked = APART if _apart(finding, home) else 1.0
        holds = (
            finding.rate >= asked * self.least_rate
            and finding.hits >= asked * self.least_coverage * finding.uses
            and lower_bound(finding.hits, len(finding.trials.at), level) >= asked * self.least_sure_rate
        )
        is_reaction = finding.hits >= LEAST_HITS and finding.focus >= LEAST_FOCUS
        return replace(finding, holds=holds) if is_reaction else None


def _apart(finding: Finding, home: Home) -> bool:
    """Tell whether trigger and action are in different rooms: then nobody's mere presence explains both."""
    rooms = home.rooms.get(finding.trigger.entity_id), home.rooms.get(finding.action.entity_id)
    anywhere = finding.trigger.entity_id.partition(".")[0] in EVERYWHERE
    return None not in rooms and rooms[0] != rooms[1] and not anywhere


def _finding(timeline: Timeline, part: Tried, candidate: int) -> Finding:
    trigger, action = int(part.candidates.triggers[candidate]), int(part.candidates.actions[candidate])
    return Finding(
        trigger=timeline.log.types[trigger],
        action=timeline.log.types[action],
        trigger_id=trigger,
        trigger_at=timeline.triggers.of(trigger),
        used_at=timeline.actions.of(action),
        window_ms=int(part.candidates.windows[candidate]),
        trials=part.trials.of(candidate),
        base_rate=float(part.rates[candidate]),
        e_value=float(np.exp(part.log_e[candidate])),
    )
