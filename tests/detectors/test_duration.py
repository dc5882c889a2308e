"""Households in which things last: what is said about how long, and what is passed over."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from math import log
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.duration import Duration
from detectors.duration.candidates import MOST_STAYS, Candidate
from detectors.duration.lengths import buckets, middle_s
from detectors.duration.splitting import CONTEXTS
from detectors.duration.stays import Stays, gather
from detectors.duration.trial import Trial
from detectors.duration.window import Window
from detectors.evidence import LOG_CAP
from pipeline.core.core import LearningCore
from schemas.events import EventType, Gap, StateChange
from schemas.home import Home
from schemas.patterns import DurationDetail, Hours, Pattern, Weekday
from tests.profiles import examples

MONDAY = date(2026, 3, 2)
BEFORE_SUMMER_TIME = date(2026, 3, 9)  # 20 days before the clocks go forward
LAMP, WASHER, RADIO = "light.lamp", "switch.washer", "media_player.radio"
REST = {"media_player": "idle", "cover": "closed", "person": "home", "lock": "locked"}


@dataclass
class Household:
    """Use things for some minutes from local hours on, then ask what was learned."""

    days: int = 28
    tz: str = "Europe/Berlin"
    start: date = MONDAY
    seed: int = 1
    changes: list[StateChange] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.home = Home(tz=self.tz, lat=52.5, lon=13.4)

    def at(self, day: int, hour: float) -> datetime:
        """When local clocks show an hour; 25 is 1 on the following day."""
        local = datetime.combine(self.start + timedelta(days=day), datetime.min.time(), self.home.zone)
        return (local + timedelta(hours=hour)).astimezone(UTC)

    def change(self, at: datetime, entity_id: str, state: str, context: str = "", parent: str = "") -> None:
        """Let an entity reach a state."""
        at_us = round(at.timestamp() * 1_000_000)
        context = context or f"{at_us} {entity_id}"
        self.changes.append(StateChange(at_us, entity_id, "before", state, context, parent))

    def use(
        self,
        at: datetime,
        minutes: float,
        entity_id: str,
        state: str = "on",
        context: str = "",
        parent: str = "",
    ) -> None:
        """Use something."""
        self.change(at, entity_id, state, context, parent)
        rest = REST.get(entity_id.partition(".")[0], "off")
        self.change(at + timedelta(minutes=minutes), entity_id, rest, context, parent)

    def moments(self, per_day: int = 1, begin: float = 8, end: float = 20) -> Iterator[tuple[int, datetime]]:
        """Random moments of every day, apart from each other."""
        width = (end - begin) / per_day
        for day in range(self.days):
            for place in range(per_day):
                yield day, self.at(day, begin + width * (place + self.random.uniform(0, 0.4)))

    def around(self, minutes: float, sigma: float = 0.2) -> float:
        """A length that is mostly near `minutes`."""
        return minutes * self.random.lognormvariate(0, sigma)

    def core(self, detector: Duration) -> LearningCore:
        """Learn the home."""
        core = LearningCore(self.home, [detector])
        for change in sorted(self.changes):
            core.learn_one(change)
        for gap in self.gaps:
            core.note_gap(gap)
        end_us = round(self.at(self.days + 1, 0).timestamp() * 1_000_000)
        core.learn_one(StateChange(end_us, "switch.end", "off", "on"))
        core.close_due()
        return core

    def gap(self, begin: datetime, minutes: float) -> None:
        """Look away."""
        begin_us = round(begin.timestamp() * 1_000_000)
        self.gaps.append(Gap(begin_us, begin_us + round(minutes * 60_000_000), "test"))

    def all_stays(self) -> dict[str, Stays]:
        """The stays that the days' aggregates join to, by event type."""
        history = self.core(Duration()).history()
        types = {event_type for day in history.days for event_type in day.types}
        found = gather(history.days, history.aggregates["duration"], types)
        return {each[0].key: each[1] for each in found if each is not None}

    def stays(self, entity_id: str, state: str = "on") -> Stays:
        """The stays of an entity in a state, if it ever reached it."""
        return self.all_stays()[f"{entity_id}={state}"]

    def learn(self, **chosen: Any) -> list[Pattern]:
        """Everything that is said of this home."""
        detector = Duration(**chosen)
        said = detector.detect(self.core(detector).history())
        return [finding for finding in said if finding is not None]


def detail(pattern: Pattern) -> DurationDetail:
    """What a pattern says."""
    assert isinstance(pattern.detail, DurationDetail)
    return pattern.detail


def minutes(stays: Stays) -> list[float]:
    """Lengths, to half a percent."""
    return [middle_s(bucket) / 60 for bucket in stays.lengths.tolist()]


def stays_of(lengths: Sequence[int]) -> Stays:
    """Stays of these buckets, three a day, one after the other."""
    places = np.arange(len(lengths))
    return Stays(places // 3, places % 7, places % 24, np.array(lengths, dtype=np.int64), 0)


def only(patterns: Sequence[Pattern]) -> DurationDetail:
    """What the only pattern says."""
    assert len(patterns) == 1
    return detail(patterns[0])


def test_a_wash_is_said_with_its_length_and_evidence() -> None:
    """Middle and limits are those of the washes; eight of ten that followed lay between these."""
    home = Household()
    for _, at in home.moments():
        home.use(at, home.random.gauss(45, 2), WASHER)
    (pattern,) = home.learn()
    seconds, evidence = detail(pattern).seconds, pattern.evidence
    assert seconds.p50 == pytest.approx(2700, rel=0.03)
    assert 2430 < seconds.p10 < 2650
    assert 2750 < seconds.p90 < 2970
    assert evidence.e_value > 1e6
    assert evidence.hits + evidence.misses == evidence.opportunities >= 20
    assert evidence.base_rate < 0.2
    assert evidence.lift > 3
    assert 0.65 <= pattern.confidence <= 0.9
    assert pattern.occurrences == 28
    assert not detail(pattern).conditions
    assert not detail(pattern).automated


def test_what_may_end_any_moment_has_no_length() -> None:
    """Memoryless uses, short, long and mixed, are passed over."""
    home = Household(days=40)
    for place in range(20):
        for _, at in home.moments(2):
            mean = (2, 20, 60)[place % 3] if place % 4 else home.random.choice((1, 10, 60))
            home.use(at, min(300, home.random.expovariate(1 / mean)), f"light.lamp_{place}")
    assert home.learn() == []


def test_a_night_stay_is_as_long_as_it_was() -> None:
    """Stays across midnight count whole, and belong to the hours at which they began."""
    home = Household()
    for day in range(home.days - 1):
        home.use(home.at(day, 22 + home.random.random()), home.around(540, 0.05), "climate.bedroom", "heat")
    said = only(home.learn())
    assert said.seconds.p50 == pytest.approx(540 * 60, rel=0.05)
    assert said.typical_hours == (22,)


def test_the_night_of_summer_time_lasts_as_long_as_it_lasted() -> None:
    """Eight hours over the changed clock are eight hours; hours of begin stay local before and after."""
    home = Household(days=40, start=BEFORE_SUMMER_TIME)
    for day in range(home.days - 1):
        home.use(home.at(day, 23), 480, "climate.bedroom", "heat")
    stays = home.stays("climate.bedroom", "heat")
    assert stays.hours.tolist() == [23] * 39
    assert minutes(stays) == pytest.approx([480] * 39, rel=0.005)


def test_a_gap_cuts_the_stays_that_it_touches() -> None:
    """What may have ended while nobody looked is no observation: within a day, and across midnight."""
    home = Household(days=6)
    for day in range(5):
        home.use(home.at(day, 8), 100, LAMP)
        home.use(home.at(day, 20), 600, LAMP)
    home.gap(home.at(1, 9), 5)
    home.gap(home.at(2, 23.9), 12)
    home.gap(home.at(3, 12), 60)
    stays = home.stays(LAMP)
    assert [day - MONDAY.toordinal() for day in stays.days.tolist()] == [0, 0, 1, 2, 3, 3, 4, 4]
    assert minutes(stays) == pytest.approx([100, 600, 600, 100, 100, 600, 100, 600], rel=0.005)


def test_a_day_of_which_nothing_is_known_cuts_like_a_gap() -> None:
    """A stay is not joined over a day that was never closed; over one with other changes only it is."""
    home = Household(days=12)
    for day in (0, 4, 8):
        home.use(home.at(day, 20), 44 * 60, LAMP)
    assert minutes(home.stays(LAMP)) == []
    for day in range(12):
        home.use(home.at(day, 12), 10, RADIO, "playing")
    assert minutes(home.stays(LAMP)) == pytest.approx([44 * 60] * 3, rel=0.005)


def test_an_end_that_was_not_seen_makes_no_stay() -> None:
    """The same state twice means that something went unseen, as when Home Assistant restarted."""
    home = Household(days=3)
    home.change(home.at(0, 10), LAMP, "on")
    home.use(home.at(0, 12), 30, LAMP)
    home.change(home.at(1, 10), LAMP, "on")
    home.use(home.at(2, 12), 20, LAMP)
    assert minutes(home.stays(LAMP)) == pytest.approx([30, 20], rel=0.005)


def test_weekends_are_told_apart_where_they_differ() -> None:
    """A film at weekends, the news on workdays: two durations of one device, each under its condition."""
    home = Household(days=42)
    for day, at in home.moments(begin=18, end=21):
        home.use(at, home.around(180 if day % 7 >= 5 else 60), RADIO, "playing")
    workdays, weekend = map(detail, home.learn())
    assert workdays.conditions == (Weekday(days=(0, 1, 2, 3, 4)),)
    assert weekend.conditions == (Weekday(days=(5, 6)),)
    assert workdays.seconds.p50 == pytest.approx(3600, rel=0.15)
    assert weekend.seconds.p50 == pytest.approx(10_800, rel=0.2)


def test_evenings_are_told_apart_where_they_differ() -> None:
    """The hours that are named hold the evening's uses, and their contrary the others."""
    home = Household(days=30)
    for at, length in (
        *((at, 20) for _, at in home.moments(1, 8, 15)),
        *((at, 90) for _, at in home.moments(1, 18, 22)),
    ):
        home.use(at, home.around(length), LAMP)
    said = {condition: each for each in map(detail, home.learn()) for condition in each.conditions}
    evening, other = sorted(said, key=lambda condition: -said[condition].seconds.p50)
    assert isinstance(evening, Hours)
    assert isinstance(other, Hours)
    assert (evening.after, evening.before) == (other.before, other.after)
    assert 11 <= evening.after <= 18
    assert said[evening].seconds.p50 == pytest.approx(5400, rel=0.15)
    assert said[other].seconds.p50 == pytest.approx(1200, rel=0.15)


def test_no_context_is_named_that_does_not_matter() -> None:
    """Of many devices whose uses last as long on any day, next to none is split."""
    home = Household(days=30)
    for place in range(30):
        for _, at in home.moments(2):
            home.use(at, home.around(30, 0.4), f"light.lamp_{place}")
    said = [detail(pattern) for pattern in home.learn()]
    assert len(said) >= 29
    assert sum(bool(each.conditions) for each in said) <= 2


def test_a_length_that_changed_for_good_is_not_mixed() -> None:
    """Two weeks after a new washer the old one's washes are forgotten; the pattern is the same."""
    home = Household(days=45)
    for day, at in home.moments():
        home.use(at, home.around(45 if day < 30 else 80, 0.05), WASHER)
    (pattern,) = home.learn()
    assert detail(pattern).seconds.p50 == pytest.approx(4800, rel=0.05)
    assert detail(pattern).seconds.p10 > 4000
    home.changes = [change for change in home.changes if change.at_us < home.at(30, 0).timestamp() * 1e6]
    home.days = 30
    (before,) = home.learn()
    assert before.id == pattern.id
    assert detail(before).seconds.p50 == pytest.approx(2700, rel=0.05)


def test_what_a_machine_ends_is_no_duration() -> None:
    """Timers, automations, motors and motion sensors are passed over; a hand that ends early is not."""
    home = Household(days=30)
    for _, at in home.moments(3):
        home.use(at, 15 + home.random.uniform(0, 0.005), "switch.timer")
        home.use(at, home.around(1), "binary_sensor.hall_motion")
        home.use(at, home.around(20), "light.automatic", parent="automation")
        home.use(at, 0.3 * home.around(1), "cover.blind", "opening")
        home.use(at, home.around(10), "light.by_hand")
    assert only(home.learn()).entity_id == "light.by_hand"


@pytest.mark.parametrize("automated", ["begin", "end"])
def test_what_a_machine_begins_or_ends_across_midnight_is_no_stay(automated: str) -> None:
    """A light that is on over midnight is somebody's stay only where people began and ended it."""
    home = Household(days=10)
    for day in range(home.days - 1):
        by_machine = {"parent": "automation"}
        home.change(home.at(day, 23), LAMP, "on", **(by_machine if automated == "begin" else {}))
        home.change(home.at(day, 30), LAMP, "off", **(by_machine if automated == "end" else {}))
        home.use(home.at(day, 23), 7 * 60, RADIO, "playing")
    stays = home.all_stays()
    assert (len(stays[f"{LAMP}=on"]), stays[f"{LAMP}=on"].others) == (0, home.days - 1)
    assert (len(stays[f"{RADIO}=playing"]), stays[f"{RADIO}=playing"].others) == (home.days - 1, 0)


def test_slips_are_no_evidence_against_a_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """One stay of seconds after every fifth of an hour leaves what the bets on these win as it is."""
    monkeypatch.setattr(Window, "log_surprise", lambda *_: -LOG_CAP)
    lengths = random.Random(3)
    washes = [round(1_000 * lengths.lognormvariate(0, 0.03)) for _ in range(60)]
    slipped = [
        each for place, wash in enumerate(washes) for each in ([wash, 10] if place % 5 == 4 else [wash])
    ]
    clean, mixed = (Trial.of(stays_of(each), 28.0) for each in (washes, slipped))
    assert (clean.slips.sum(), mixed.slips.sum()) == (0, 11)
    assert mixed.log_e > 0.95 * clean.log_e


def test_stays_without_memory_are_no_evidence() -> None:
    """Of stays that end at any moment, of one rate or two, one trial in twenty reaches twenty."""
    lengths = random.Random(5)
    trials = [
        buckets(np.array([round(1_000 * lengths.expovariate(1 / lengths.choice(means))) for _ in range(60)]))
        for means in ((1_800.0,), (600.0, 7_200.0))
        for _ in range(100)
    ]
    assert (
        sum(Trial.of(stays_of(trial.tolist()), 28.0).log_e >= log(20) for trial in trials) <= len(trials) / 20
    )


def test_the_choice_of_a_split_is_paid_for() -> None:
    """The evidence of both cases together is less what there was to choose from, on the logarithm."""
    home = Household(days=40)
    for day in range(home.days):
        home.use(home.at(day, 8.5), home.around(10, 0.05), LAMP)
        home.use(home.at(day, 19.5), home.around(90, 0.05), LAMP)
    candidate = Candidate.of(EventType(LAMP, "on"), home.stays(LAMP), 28.0)
    assert candidate is not None
    assert len(candidate.parts) == 2
    together = sum(trial.log_e for _, trial in candidate.parts)
    assert candidate.log_e == pytest.approx(together - log(CONTEXTS))


def test_what_only_repeats_another_entity_is_said_once() -> None:
    """Neither a group that shares the device's context nor a power sensor under its own is a second use."""
    home = Household(days=30)
    for _, at in home.moments(2):
        length, context = home.around(40), f"{at}"
        home.use(at, length, WASHER, context=context)
        home.use(at + timedelta(milliseconds=3), length, "switch.group", context=context)
        home.use(at + timedelta(milliseconds=80), length, "binary_sensor.washer_running")
    assert only(home.learn()).entity_id == WASHER


def test_slips_count_as_misses_and_do_not_stretch_the_window() -> None:
    """One use in five is put right within seconds: the window is the others', the confidence is lower."""
    home = Household(days=30)
    for _, at in home.moments(3):
        home.use(at, 0.3 if home.random.random() < 0.2 else home.around(30), LAMP)
    (pattern,) = home.learn()
    assert detail(pattern).seconds.p10 > 900
    assert 0.5 < pattern.confidence < 0.72


def test_one_that_was_forgotten_does_not_stretch_the_window() -> None:
    """A lamp that burnt for a night is a miss, no more."""
    home = Household(days=12)
    for day, at in home.moments():
        home.use(at, 900 if day in (5, 10) else home.around(20, 0.1), LAMP)
    assert only(home.learn()).seconds.p90 < 1800


def test_two_kinds_of_use_without_a_reason_are_passed_over() -> None:
    """A radio that plays for five minutes or for two hours, as it happens, has no usual length."""
    home = Household(days=40)
    for _, at in home.moments(2):
        home.use(at, home.around(home.random.choice((5, 120)), 0.1), RADIO, "playing")
    assert home.learn() == []


def test_resting_is_no_duration() -> None:
    """Neither named states of rest nor the state of most of the time are said."""
    home = Household(days=30)
    for _, at in home.moments(1, 20, 21):
        for entity_id, rest, use in (("cover.blind", "open", "closed"), ("select.mode", "day", "evening")):
            home.change(at, entity_id, use)
            home.change(at + timedelta(minutes=home.around(180)), entity_id, rest)
    assert only(home.learn()).state == "evening"


def test_confidence_is_what_comes_true() -> None:
    """Over devices more and less regular, the share that holds in the following days is as foretold."""
    home = Household(days=42)
    for place in range(40):
        for _, at in home.moments(2):
            slip = home.random.random() < (0.2 if place % 4 == 0 else 0)
            home.use(at, 0.3 if slip else home.around(30, 0.1 + 0.1 * (place % 4)), f"light.lamp_{place}")
    later = home.all_stays()
    home.changes = [change for change in home.changes if change.at_us < home.at(28, 0).timestamp() * 1e6]
    home.days = 28
    foretold, true = [], []
    for pattern in home.learn():
        said = detail(pattern)
        stays = later[f"{said.entity_id}=on"]
        after = minutes(stays.take(stays.days >= (MONDAY + timedelta(days=28)).toordinal()))
        true += [said.seconds.p10 <= 60 * each <= said.seconds.p90 for each in after]
        foretold += [pattern.confidence] * len(after)
    assert len(true) > 700
    assert sum(foretold) / len(foretold) == pytest.approx(sum(true) / len(true), abs=0.04)


@settings(max_examples=examples(40))
@given(st.lists(st.floats(0.1, 3000), min_size=1, max_size=20))
def test_joined_stays_are_the_gaps_between_changes(lengths: list[float]) -> None:
    """Wherever midnights fall, each stay is as long as it was, to half a percent."""
    home, at = Household(days=60), Household().at(0, 7)
    for length in lengths:
        home.use(at, length, LAMP)
        at += timedelta(minutes=length + 7)
    for day in range(60):
        home.use(home.at(day, 12), 10, RADIO, "playing")
    assert sorted(minutes(home.stays(LAMP))) == pytest.approx(sorted(lengths), rel=0.005)


@settings(max_examples=examples(60))
@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 23), st.sampled_from([0.001, 0.01, 5, 50, 500, 5000])),
        min_size=1,
        max_size=40,
    ),
    st.integers(0, 20),
)
def test_whatever_lasted_is_judged(uses: list[tuple[int, int, float]], washes: int) -> None:
    """Few stays, on few days, of any length and all alike: never an error, and figures that can be."""
    home = Household(days=7)
    for day, hour, length in uses:
        home.use(home.at(day, hour), length, LAMP)
    for number in range(washes):
        home.use(home.at(number % 7, 7 + 3 * (number // 7)), home.around(25, 0.05), LAMP)
    for pattern in home.learn(least_stays=1, least_days=1, alpha=0.9):
        seconds = detail(pattern).seconds
        assert 0 < seconds.p10 <= seconds.p50 <= seconds.p90
        assert 0 < pattern.evidence.base_rate < 1
        assert pattern.evidence.opportunities > 0


def judged(count: int) -> Candidate:
    """Judge so many uses of a lamp in sixty days, at night ten times as long as by day."""
    rng = np.random.default_rng(1)
    days = np.sort(rng.integers(MONDAY.toordinal(), MONDAY.toordinal() + 60, count))
    hours = np.arange(count) % 24
    lengths = rng.integers(800, 840, count) + np.where(hours < 6, 460, 0)
    candidate = Candidate.of(EventType(LAMP, "on"), Stays(days, days % 7, hours, lengths, others=0), 28.0)
    assert candidate is not None
    return candidate


def test_evidence_of_several_cases_is_finite() -> None:
    """Two cases, each as sure as figures can say, are together no surer than that."""
    candidate = judged(4_000)
    assert len(candidate.parts) == 2
    assert [trial.log_e for _, trial in candidate.parts] == [LOG_CAP, LOG_CAP]
    assert candidate.log_e == LOG_CAP


def test_of_very_many_stays_the_latest_are_judged() -> None:
    """What is used without end takes no more time to judge than so many stays do."""
    days = np.concatenate([part.stays.days for part, _ in judged(12_000).parts])
    assert len(days) == MOST_STAYS
    assert MONDAY.toordinal() + 59 == days.max()
    assert days.min() >= MONDAY.toordinal() + 29


@pytest.mark.parametrize(
    "senseless", [{"alpha": 0}, {"widest": 1}, {"half_life_days": 0}, {"least_stays": 0}, {"least_days": 0}]
)
def test_settings_that_make_no_sense_are_rejected(senseless: dict[str, Any]) -> None:
    """Each setting is checked once, when the detector is made."""
    with pytest.raises(ValueError, match="expected"):
        Duration(**senseless)
