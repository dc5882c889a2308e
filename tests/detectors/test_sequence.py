"""Textbook households: what is a chain, and what only looks like one."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from detectors.co_occurrence import CoOccurrence
from detectors.evidence import accept
from detectors.history import History
from detectors.sequence import Sequence as Detector
from detectors.sequence.chains import Chains
from pipeline.core.core import LearningCore
from schemas.events import Gap, StateChange
from schemas.home import Home
from schemas.patterns import Pattern, SequenceDetail

DAY_S = 86_400
START = datetime(2026, 3, 2, tzinfo=UTC)
START_US = int(START.timestamp()) * 1_000_000

DOOR = ("binary_sensor.front_door", "on")
PROJECTOR = ("media_player.projector", "on")
BLIND = ("cover.blind", "closed")
LAMP = ("light.lamp", "on")
FAN = ("fan.hall", "on")
FILM = (PROJECTOR, BLIND, LAMP)
REST = {"cover": "open"}

Name = tuple[str, str]


@dataclass
class Household:
    """A generated home: `use` things at seconds after the first midnight, then ask what was learned."""

    seed: int = 1
    days: int = 30
    gaps: list[tuple[float, float]] = field(default_factory=list)
    changes: list[StateChange] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def change(self, at: float, name: Name, context: str = "", parent: str | None = None) -> None:
        """Let an entity reach a state."""
        context = context or f"c{len(self.changes)}"
        at_us = START_US + round(at * 1e6)
        self.changes.append(StateChange(at_us, name[0], None, name[1], context, parent))

    def use(self, at: float, name: Name, **context: str) -> None:
        """Let an entity reach a state, and leave it a quarter of an hour later or so."""
        self.change(at, name, **context)
        rest = REST.get(name[0].partition(".")[0], "off")
        self.change(at + 900 * self.random.lognormvariate(0, 0.3), (name[0], rest))

    def moments(self, per_day: int) -> Iterator[float]:
        """Random moments between 07:00 and 22:00, at least a quarter of an hour apart."""
        for day in range(self.days):
            for slot in sorted(self.random.sample(range(30), per_day)):
                yield day * DAY_S + 7 * 3600 + slot * 1800 + self.random.uniform(0, 900)

    def lag(self, median: float) -> float:
        """Return how long somebody takes who usually takes `median` seconds."""
        return median * self.random.lognormvariate(0, 0.35)

    def live(self, devices: int = 10) -> "Household":
        """Add devices in use at random."""
        for number in range(devices):
            for at in self.moments(3):
                self.use(at, (f"switch.other_{number}", "on"))
        return self

    def run(self, at: float, steps: Sequence[Name], *, share: float = 1.0, median: float = 20) -> None:
        """Take steps one after the other; after each, go on with this probability."""
        for step in steps:
            self.use(at, step)
            at += self.lag(median)
            if self.random.random() >= share:
                return

    def learn(self, **settings: Any) -> list[Pattern]:
        """Every chain that is found in this home."""
        pairs, sequence = CoOccurrence(), Detector(**settings)
        core = LearningCore(Home(), [pairs, sequence])
        for start, end in self.gaps:
            core.note_gap(Gap(START_US + round(start * 1e6), START_US + round(end * 1e6), "test"))
        end_us = START_US + self.days * DAY_S * 1_000_000
        for change in sorted(change for change in self.changes if change.at_us < end_us):
            core.learn_one(change)
        core.learn_one(StateChange(end_us, "weather.home", "sunny", "rainy"))
        core.close_due()
        history = core.history()
        before = tuple(pattern for pattern in pairs.detect(history) if pattern is not None)
        return found(sequence, replace(history, found={pairs.kind: before}))


def found(detector: Detector, history: History) -> list[Pattern]:
    """Patterns without the pauses between them."""
    return [pattern for pattern in detector.detect(history) if pattern is not None]


def detail(pattern: Pattern) -> SequenceDetail:
    """Return what a pattern speaks of."""
    assert isinstance(pattern.detail, SequenceDetail)
    return pattern.detail


def chains(patterns: Sequence[Pattern]) -> list[tuple[Name, ...]]:
    """The steps of each pattern."""
    return [tuple((step.entity_id, step.state) for step in detail(pattern).steps) for pattern in patterns]


def test_tells_a_chain_with_its_evidence() -> None:
    """Three steps are told with their lags, how often the first one leads to the last, and when."""
    home = Household().live()
    for at in home.moments(1):
        home.run(at, FILM, share=0.9)
    (pattern,) = home.learn()
    steps, evidence = detail(pattern).steps, pattern.evidence
    assert chains([pattern]) == [FILM]
    assert steps[0].lag_seconds is None
    assert steps[1].lag_seconds is not None
    assert steps[1].lag_seconds.p10 < 17 < steps[1].lag_seconds.p50 < 24 < steps[1].lag_seconds.p90
    assert 40 < detail(pattern).within_seconds < 80
    assert detail(pattern).support == pattern.occurrences == evidence.hits
    assert 28 <= evidence.opportunities <= 30
    assert evidence.hits + evidence.misses == evidence.opportunities
    assert evidence.interval[0] < 0.81 < evidence.interval[1]
    assert 0.6 < pattern.confidence < 0.95
    assert evidence.base_rate < 0.01
    assert evidence.e_value > 1e6
    assert pattern.first_seen.date() == START.date()


def test_chains_that_were_screened_out_count_as_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every way of joining two pairs is a chain that was tested, although few of them are weighed."""
    counted: list[tuple[int, int]] = []

    def counting(evidence: Any, alpha: float, tested: int) -> Any:
        counted.append((len(evidence), tested))
        return accept(evidence, alpha, tested)

    monkeypatch.setattr("detectors.sequence.detector.accept", counting)
    home = Household().live()
    for at in home.moments(2):
        home.run(at, FILM, share=0.9)
    assert chains(home.learn()) == [FILM]
    weighed, tested = counted[-1]
    assert tested > 3 * weighed


def test_a_chain_is_as_sure_as_its_weakest_joint() -> None:
    """Steps that follow for sure prove nothing of one that comes anyway."""
    sure, anyway = 0.01, 0.9
    joints = [[sure, sure], [sure, anyway], [anyway, sure]]
    chains = Chains(
        steps=np.tile([0, 1, 2], (3, 1)),
        windows=np.full((3, 2), 60_000),
        reached=np.full((3, 2), 20),
        chances=np.array(joints),
        chance=np.full(3, sure),
        nth=np.repeat(np.arange(3), 18),
        rows=np.zeros((54, 3), dtype=np.int64),
    )
    assert (chains.log_e() > 0).tolist() == [True, False, False]


def test_a_long_chain_is_told_once() -> None:
    """Of four steps neither three nor two of them are told beside."""
    home = Household().live()
    for at in home.moments(1):
        home.run(at, (*FILM, FAN), share=0.9)
    assert chains(home.learn()) == [(*FILM, FAN)]


def test_steps_that_are_taken_otherwise_too_are_seen() -> None:
    """In two weeks, with each step taken as often for itself, the chain is told as unlikely to be begun."""
    home = Household(days=14).live()
    for at in home.moments(1):
        home.run(at, FILM, share=0.9)
    for step in FILM:
        for at in home.moments(1):
            home.use(at, step)
    (pattern,) = home.learn()
    assert chains([pattern]) == [FILM]
    assert pattern.confidence < 0.6


def test_two_chains_are_both_told() -> None:
    """Chains on different occasions do not hide each other."""
    home = Household(days=40).live()
    tea = (FAN, ("switch.kettle", "on"), ("switch.toaster", "on"))
    for at in home.moments(2):
        home.run(at, home.random.choice((FILM, tea)))
    assert set(chains(home.learn())) == {FILM, tea}


def test_reactions_to_one_thing_are_no_chain() -> None:
    """What follows on the same sign, each for itself, is two pairs, though always in one order."""
    home = Household(days=45).live()
    for at in home.moments(2):
        home.use(at, DOOR)
        if home.random.random() < 0.75:
            home.use(at + home.lag(10), LAMP)
        if home.random.random() < 0.75:
            home.use(at + home.lag(60), PROJECTOR)
    assert home.learn() == []


def test_a_chain_may_begin_with_what_is_no_action() -> None:
    """The door opens, then the lamp goes on, then, only if it did, the projector."""
    home = Household(days=45).live()
    for at in home.moments(2):
        home.run(at, (DOOR, LAMP, PROJECTOR), share=0.8)
    assert chains(home.learn()) == [(DOOR, LAMP, PROJECTOR)]


@pytest.mark.parametrize(("delay", "visible"), [(0.2, True), (0.2, False), (5, True), (5, False)])
def test_what_an_automation_does_is_no_step(delay: float, *, visible: bool) -> None:
    """A step that a machine takes makes no chain, whether its context tells or only its regularity."""
    home = Household(days=45).live()
    for count, at in enumerate(home.moments(2)):
        home.change(at, PROJECTOR, context=f"by {count}")
        home.change(at + 900, ("media_player.projector", "off"))
        home.use(at + delay, BLIND, context=f"made {count}", **({"parent": f"by {count}"} if visible else {}))
        home.use(at + delay + home.lag(20), LAMP)
    assert home.learn() == []


def test_a_step_and_back_is_no_chain() -> None:
    """Something on, something else on, the first off again: one entity has one place in a chain."""
    home = Household(days=45).live()
    for at in home.moments(2):
        home.change(at, PROJECTOR)
        home.use(at + home.lag(20), LAMP)
        home.change(at + 60 + home.lag(20), ("media_player.projector", "off"))
    for at in home.moments(3):
        home.use(at, PROJECTOR)
    assert home.learn() == []


def test_a_step_that_mostly_does_not_come_is_none() -> None:
    """What follows on the steps before it in two cases of five is left out."""
    home = Household(days=60).live()
    for at in home.moments(2):
        home.run(at, FILM if home.random.random() < 0.4 else FILM[:2])
    assert home.learn() == []


def test_a_beginning_that_is_rare_is_left_out() -> None:
    """Of a chain that is begun with one more step now and then, the rest is told, and once."""
    home = Household(days=60).live()
    for count, at in enumerate(home.moments(1)):
        home.run(at, FILM if count % 4 else (FAN, *FILM))
    assert chains(home.learn()) == [FILM]


def test_a_step_that_the_ones_before_make_rarer_is_none() -> None:
    """What follows on a step less often in the chain than otherwise is no part of the chain."""
    home = Household(days=60).live()
    for count, at in enumerate(home.moments(3)):
        begun = count % 3 == 0
        goes_on = home.random.random() < (0.65 if begun else 1)
        home.run(at, [*([PROJECTOR] if begun else []), BLIND, *([LAMP] if goes_on else [])])
    assert home.learn() == []


def test_steps_at_any_time_of_a_visit_are_no_chain() -> None:
    """One thing after the other, but sooner or later as it happens, is no reaction of one to the other."""
    home = Household(days=45).live()
    for at in home.moments(2):
        blind = at + home.random.uniform(0, 290)
        home.use(at, PROJECTOR)
        home.use(blind, BLIND)
        home.use(blind + home.random.uniform(0, 290), LAMP)
    assert home.learn() == []


def test_steps_in_any_order_are_no_chain() -> None:
    """Three things that somebody does within minutes, in any order, are no chain."""
    home = Household(days=45).live()
    for at in home.moments(2):
        home.run(at, home.random.sample(FILM, 3))
    assert home.learn() == []


def test_random_use_gives_nothing() -> None:
    """Fifteen devices in use at random make no chain."""
    assert [len(Household(seed=seed).live(15).learn()) for seed in range(3)] == [0, 0, 0]


def test_a_group_speaks_through_its_first_member() -> None:
    """A second name of a step, at the same moment, makes no second chain."""
    home = Household().live()
    for at in home.moments(1):
        home.run(at, FILM)
    lit = [change for change in home.changes if change.entity_id == LAMP[0]]
    for change in lit:
        home.changes.append(change._replace(at_us=change.at_us + 150_000, entity_id="light.all"))
    assert chains(home.learn()) == [FILM]


def test_a_chain_that_ended_is_told_no_more() -> None:
    """Two weeks in which the first step led nowhere are enough."""
    home = Household(days=44).live()
    for at in home.moments(1):
        home.run(at, FILM if at < 30 * DAY_S else FILM[:1])
    assert home.learn() == []


def test_what_could_not_be_seen_is_no_opportunity() -> None:
    """First steps in a gap, and while a later step's entity is in its state already, are not missed."""
    home = Household(days=30).live()
    for at in home.moments(1):
        home.run(at, FILM if at < 20 * DAY_S else FILM[:1])
    home.gaps.append((20 * DAY_S, 30 * DAY_S))
    (pattern,) = home.learn()
    assert pattern.evidence.opportunities == pattern.evidence.hits == 20
    home = Household(days=30)
    for at in home.moments(1):
        home.run(at, FILM)
    home.live()
    for day in range(30):
        home.change(day * DAY_S + 23 * 3600, LAMP)
        home.change(day * DAY_S + 23 * 3600 + 300, PROJECTOR)
        home.change(day * DAY_S + 23 * 3600 + 600, ("light.lamp", "off"))
        home.change(day * DAY_S + 23 * 3600 + 900, ("media_player.projector", "off"))
    (pattern,) = home.learn()
    assert pattern.evidence.opportunities == pattern.evidence.hits == 30


@pytest.mark.parametrize(
    ("name", "value"), [("alpha", 0.0), ("alpha", float("nan")), ("least_sure_rate", 1.0), ("most_steps", 2)]
)
def test_settings_are_validated(name: str, value: float) -> None:
    """Settings out of range are refused by name."""
    with pytest.raises(ValueError, match=name):
        Detector(**{name: value})  # type: ignore[arg-type]


def test_a_long_routine_is_told_in_parts_that_join() -> None:
    """Fourteen steps are told from the first to the last, six at most at a time, each part beginning anew."""
    home = Household().live()
    routine = [(f"switch.step_{number:02}", "on") for number in range(14)]
    for at in home.moments(1):
        home.run(at, routine, share=0.98, median=12)
    parts = chains(home.learn())
    assert max(map(len, parts)) == 6
    assert [step for part in parts for step in part[:-1]] + [routine[-1]] == routine
    assert max(map(len, chains(home.learn(most_steps=4)))) == 4


def test_empty_history_is_judged() -> None:
    """Without days nothing is found."""
    assert found(Detector(), History(Home(), (), {"sequence": ()})) == []
