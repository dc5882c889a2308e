"""Signs of life of numeric sensors, in runs, tell of silences what each of them would."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detectors.anomaly.deadlines import NEVER, Deadlines
from detectors.anomaly.follower import Follower
from detectors.anomaly.meters import Meters
from detectors.anomaly.signs import ANY, signs_of
from detectors.anomaly.silences import SHORTEST_STEPS, STEP_MS, STEPS_A_DAY
from schemas.home import Home
from tests.profiles import examples

DAYS = 16
OFFSET = 264  # the day begins two hours before midnight UTC
Told = list[tuple[int, int]]


def check(meters: Meters, deadlines: Deadlines, now_ms: int) -> Told:
    """When sensors became stuck before an instant, and since when they are silent."""
    alarms = []
    while deadlines.next_ms < now_ms:
        alarms.append(meters.check(deadlines.pop()[2], now_ms))
    return [(alarm.at_ms, alarm.began_ms) for alarm in alarms if alarm is not None]


def by_step(spoke: np.ndarray) -> Told:
    """What is told of a sensor whose samples come one by one."""
    deadlines, told = Deadlines(), []
    meters = Meters(deadlines)
    for step in np.flatnonzero(spoke).tolist():
        at_ms = (step + OFFSET) * STEP_MS
        told += check(meters, deadlines, at_ms)
        meters.take("sensor.boiler", 20.0, at_ms)
    return told + check(meters, deadlines, NEVER)


def by_run(spoke: np.ndarray) -> Told:
    """What is told of it where only the steps are known in which it spoke."""
    deadlines, told = Deadlines(), []
    meters = Meters(deadlines)
    for day in range(DAYS):
        first = day * STEPS_A_DAY
        heard = {"sensor.boiler": np.packbits(spoke[first : first + STEPS_A_DAY]).tobytes()}
        bounds = ((first + OFFSET) * STEP_MS, (first + OFFSET + STEPS_A_DAY) * STEP_MS)
        for entity_id, signs in signs_of(heard, *bounds):
            if entity_id != ANY:
                told += check(meters, deadlines, signs.first * STEP_MS)
                meters.hear(entity_id, signs)
    return told + check(meters, deadlines, NEVER)


@example(every=22, seed=22, dead=12).via("a day that ends with the 150th sign, or one short of it")
@given(every=st.integers(1, 40), seed=st.integers(0, 10_000), dead=st.integers(12, DAYS))
@settings(max_examples=examples(60))
def test_runs_tell_of_silences_what_single_signs_would(every: int, seed: int, dead: int) -> None:
    """However often a sensor speaks: the same alarms at the same instants."""
    rng = np.random.default_rng(seed)
    spoke = rng.random(DAYS * STEPS_A_DAY) < 1 / every
    spoke[dead * STEPS_A_DAY : dead * STEPS_A_DAY + 250] = False
    assert by_run(spoke) == by_step(spoke)


def test_a_sensor_that_dies_is_told_once() -> None:
    """One that spoke every ten minutes is stuck an hour after its last sign."""
    spoke = np.arange(DAYS * STEPS_A_DAY) % 2 == 0
    spoke[14 * STEPS_A_DAY :] = False
    last = OFFSET + 14 * STEPS_A_DAY - 2
    assert by_run(spoke) == [((last + SHORTEST_STEPS + 1) * STEP_MS, (last + 1) * STEP_MS)]


def test_a_steady_sensor_is_one_run_a_utc_day_and_is_heard_of_as_any() -> None:
    """Pauses that cannot be too long are passed over, so that a night reads few runs."""
    spoke = np.arange(STEPS_A_DAY) % 11 == 0
    bounds = (OFFSET * STEP_MS, (OFFSET + STEPS_A_DAY) * STEP_MS)
    found = list(signs_of({"sensor.boiler": np.packbits(spoke).tobytes()}, *bounds))
    runs = [signs for entity_id, signs in found if entity_id != ANY]
    assert [signs.number for signs in runs] == [3, 24]
    assert {signs.longest for signs in runs} == {11}
    assert sum(entity_id == ANY for entity_id, _ in found) == 27
    assert not list(signs_of({}, *bounds))
    assert not list(signs_of({"sensor.boiler": bytes(36)}, *bounds))


@given(seed=st.integers(0, 10_000))
@settings(max_examples=examples(40))
def test_a_still_home_is_as_still_live_as_when_judged(seed: int) -> None:
    """Where samples come rarely, both take the same time for unseen, and await the next sign alike."""
    rng = np.random.default_rng(seed)
    spoke = rng.random(STEPS_A_DAY) < 0.2
    live, judged = Follower(Home(), 5.0), Follower(Home(), 5.0)
    dead = np.zeros(STEPS_A_DAY, dtype=np.bool_)
    dead[0] = spoke[0] = True
    live.measure("sensor.dead", 20.0, OFFSET * STEP_MS)
    for step in np.flatnonzero(spoke).tolist():
        at_ms = (step + OFFSET) * STEP_MS + int(rng.integers(STEP_MS))
        live.measure("sensor.boiler", 20.0, at_ms)
    heard = {"sensor.boiler": np.packbits(spoke).tobytes(), "sensor.dead": np.packbits(dead).tobytes()}
    bounds = (OFFSET * STEP_MS, (OFFSET + STEPS_A_DAY) * STEP_MS)
    for entity_id, signs in sorted(signs_of(heard, *bounds), key=lambda each: each[1].first):
        judged.hear(entity_id, signs)
    for name in heard:
        one, other = (follower.meters[name].silence for follower in (live, judged))
        assert (one.last, one.since) == (other.last, other.since)
