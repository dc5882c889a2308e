"""Follows a home event by event: the one implementation of the rules, for past days and for the present."""

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from heapq import heappop, heappush
from math import exp
from statistics import median
from typing import Any

from detectors.anomaly.alarms import MINUTE_MS, Alarm, span
from detectors.anomaly.budget import Budget
from detectors.anomaly.meters import Meter
from detectors.anomaly.openings import SLOT_MIN, Hours
from detectors.anomaly.routines import Expected, Routine
from detectors.anomaly.silences import FEWEST_SIGNS, SHORTEST_ACTIVE_MIN, STEP_MS
from detectors.anomaly.stays import PRIOR_SPREAD
from detectors.anomaly.track import Track
from schemas.anomalies import AnomalyKind
from schemas.home import Home

NEVER = 1 << 62
WARM_UP_DAYS = 10
QUIET_MIN = 20
# So many active minutes in the quiet time may be pets and ghosts.
GHOSTS = 2
# Stays of a device from which on it speaks for its class.
SPEAKING = 8
# What may be due; of one instant, in this order.
UNSEEN, STAY, ROUTINE, METER = range(4)
# When nothing at all is heard for so long, it is we who do not hear.
# A numeric sensor that was not heard of for so long has left.
FORGOTTEN_STEPS = 14 * 288
STILL_MS = 15 * MINUTE_MS


class Follower:
    """Keeps the state of a home and raises what is out of order, by what the days that it learned let expect.

    Time is the events' own: what is due is noticed when a later event passes it. Constant time an event.
    """

    def __init__(self, home: Home, routines: Iterable[Routine] = ()) -> None:
        self.now_ms = 0
        self.meters: dict[str, Meter] = {}
        self._zone = home.zone
        self._hours = Hours()
        self._budget = Budget()
        self._tracks: dict[str, Track] = {}
        self._routines = list(routines)
        self._expected: dict[tuple[str, int], Expected] = {}
        self._due: list[tuple[int, int, str, int]] = []
        self._next_ms = NEVER
        self._silent: list[tuple[int, str]] = []
        self._minute = 0
        self._active_min = 0
        self._active: deque[int] = deque(maxlen=1_500)
        self._people: dict[str, bool] = {}
        self._unseen: list[tuple[int, int]] = []
        self._odd: dict[str, int] = {}
        self._bursts: dict[str, tuple[int, int]] = {}
        for routine in self._routines:
            self._track(routine.detail.entity_id).routines.setdefault(routine.detail.state, []).append(routine)

    def begin_day(self, day: date, sun: tuple[float, float]) -> None:
        """Expect the day's routines; `sun` is when it rose and set, the day before."""
        for number, routine in enumerate(self._routines):
            expected = routine.expect(day, self._zone, sun)
            if expected is not None:
                self._expected[str(number), expected.from_ms] = expected
                self._await(expected.until_ms, ROUTINE, str(number), expected.from_ms)

    def adopt(self, past: "Follower") -> None:
        """Take over the numeric sensors that only the present knows, and what was said of them."""
        oldest = self.now_ms // STEP_MS - FORGOTTEN_STEPS
        adopted = {
            entity_id: meter
            for entity_id, meter in past.meters.items()
            if entity_id not in self.meters and meter.step >= oldest
        }
        self.meters.update(adopted)
        for meter in adopted.values():
            meter.silence.queued = False
            self._expect_sign(meter)
        self._budget.adopt(past._budget, adopted)  # noqa: SLF001 another of its kind

    def see(self, entity_id: str, state: str, at_ms: int) -> list[Alarm]:
        """See an entity reach a state."""
        alarms = self.pass_time(at_ms)
        track = self._tracks.get(entity_id) or self._track(entity_id)
        if at_ms <= track.last_ms:
            return alarms
        minute = at_ms // MINUTE_MS
        if minute > self._minute and not track.is_shadow:
            self._tick(minute, alarms)
        if track.bursts.see(at_ms) and not track.is_shadow:
            self._raise(track.bursts.alarm(entity_id, *self._bursts.get(track.domain, (0, 1))), alarms)
        if track.silence:
            track.silence.see(self._active_min)
        if state != track.state:
            self._change(track, state, at_ms, alarms)
        if track.routines:
            for routine in track.routines.get(state, ()):
                routine.see(at_ms)
        track.last_ms = at_ms
        return alarms

    def measure(self, entity_id: str, value: float, at_ms: int) -> list[Alarm]:
        """See a numeric sample."""
        meter = self.meters.get(entity_id)
        if meter is not None and meter.step == at_ms // STEP_MS and at_ms <= self._next_ms:
            meter.total += value
            meter.count += 1
            return []
        return self._measure(meter or self._meter(entity_id, at_ms), value, at_ms)

    def measure_step(self, entity_id: str, mean: float, start_ms: int) -> list[Alarm]:
        """See the mean of a 5-minute step that is over."""
        alarms = self.measure(entity_id, mean, start_ms)
        self._finish(self.meters[entity_id], alarms)
        return alarms

    def pass_time(self, at_ms: int) -> list[Alarm]:
        """Say what was due before an instant."""
        alarms: list[Alarm] = []
        if at_ms - self.now_ms > STILL_MS and self.now_ms:
            self._skip_meters(at_ms)
        self.now_ms = max(self.now_ms, at_ms)
        while at_ms > self._next_ms:
            due_ms, kind, key, from_ms = heappop(self._due)
            self._next_ms = self._due[0][0] if self._due else NEVER
            if kind == UNSEEN:
                self._lose_sight(due_ms)
            elif kind == STAY:
                self._check_stay(due_ms, self._tracks[key], from_ms, alarms)
            elif kind == ROUTINE:
                self._settle(self._expected.pop((key, from_ms)), alarms)
            else:
                self._check_meter(self.meters[key], alarms)
        return alarms

    def lose_sight(self, from_ms: int, to_ms: int) -> None:
        """Take an interval for unseen: nothing was missed in it, and nobody knows what it left behind."""
        self._unseen = [*self._unseen[-20:], (from_ms, to_ms)]
        self._await(to_ms, UNSEEN, "", from_ms)

    def learn_day(self, aggregates: Mapping[str, Mapping[str, Any]]) -> None:
        """Learn the day that ends, of which these are the entities' aggregates."""
        uses: dict[str, dict[int, int]] = {}
        for entity_id, aggregate in aggregates.items():
            track = self._tracks.get(entity_id)
            if track is not None:
                track.changes += aggregate["changes"]
                track.derived += aggregate["derived"]
                track.automated += aggregate["automated"]
                uses[entity_id] = {int(slot): count for slot, count in aggregate["slots"].items()}
        self._hours.learn(uses, self._odd)
        self._odd = {}
        self._learn_bursts()
        self._learn_stays()
        self._learn_silences()

    def _learn_bursts(self) -> None:
        self._bursts = {}
        for track in self._tracks.values():
            track.bursts.close_day()
            seen, longest = self._bursts.get(track.domain, (0, 1))
            self._bursts[track.domain] = (seen + track.bursts.seen, max(longest, track.bursts.longest))

    def _learn_stays(self) -> None:
        spreads: dict[str, list[float]] = {}
        for track in self._tracks.values():
            if track.today:
                track.learn_stays()
            for stays in track.stays.values():
                if len(stays.logs) >= SPEAKING:
                    spreads.setdefault(track.domain, []).append(stays.spread)
        class_spread = {domain: median(values) for domain, values in spreads.items()}
        for track in self._tracks.values():
            if track.stays:
                track.set_limits(class_spread.get(track.domain, PRIOR_SPREAD))

    def _learn_silences(self) -> None:
        for entity_id, track in self._tracks.items():
            silence = track.silence
            if silence is None:
                continue
            silence.close_day(FEWEST_SIGNS, SHORTEST_ACTIVE_MIN)
            if silence.limit and not silence.queued and not track.is_shadow:
                silence.queued = True
                heappush(self._silent, (silence.due, entity_id))

    def _track(self, entity_id: str) -> Track:
        return self._tracks.setdefault(entity_id, Track(entity_id, self._active_min))

    def _await(self, due_ms: int, kind: int, key: str, from_ms: int) -> None:
        heappush(self._due, (due_ms, kind, key, from_ms))
        self._next_ms = self._due[0][0]

    def _raise(self, alarm: Alarm, alarms: list[Alarm]) -> bool:
        admitted = self._hours.days >= WARM_UP_DAYS and self._budget.admits(alarm)
        if admitted:
            alarms.append(alarm)
        return admitted

    def _tick(self, minute: int, alarms: list[Alarm]) -> None:
        """Count an active minute; sensors that are silent for too many of them are stuck."""
        self._minute = minute
        self._active_min += 1
        self._active.append(minute)
        while self._silent and self._silent[0][0] <= self._active_min:
            _, entity_id = heappop(self._silent)
            silence = self._tracks[entity_id].silence
            if silence is None:
                continue
            if silence.due <= self._active_min and not silence.told:
                silence.told = True
                self._raise(self._stuck(self._tracks[entity_id], minute * MINUTE_MS), alarms)
            heappush(self._silent, (max(silence.due, self._active_min + 1), entity_id))

    def _stuck(self, track: Track, at_ms: int) -> Alarm:
        silence = track.silence
        if silence is None:
            raise ValueError(f"expected a sensor, got {track.entity_id}")
        return Alarm(
            entity_id=track.entity_id,
            kind=AnomalyKind.STUCK_SENSOR,
            at_ms=at_ms,
            began_ms=track.last_ms,
            score=silence.score,
            expected=(
                f"usually reports at least every {span(silence.longest * MINUTE_MS)} in which the home is active"
            ),
            observed=f"has been silent for {span(at_ms - track.last_ms)}",
            occasions=silence.signs,
            usual=silence.signs,
        )

    def _change(self, track: Track, state: str, at_ms: int, alarms: list[Alarm]) -> None:
        track.change(state, at_ms)
        limit = track.limits.get(state)
        if limit:
            self._await(at_ms + limit[0], STAY, track.entity_id, at_ms)
        if state == track.opened:
            self._open(track, at_ms, alarms)
        if track.is_person:
            self._people[track.entity_id] = state == "home"

    def _open(self, track: Track, at_ms: int, alarms: list[Alarm]) -> None:
        local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self._zone)
        slot = (local.hour * 60 + local.minute) // SLOT_MIN
        quiet = self._busy(at_ms - QUIET_MIN * MINUTE_MS, at_ms) <= GHOSTS + 1
        alarm = self._hours.alarm(track.entity_id, at_ms, slot, quiet=quiet)
        if alarm is not None:
            self._odd[track.entity_id] = slot
            self._raise(alarm, alarms)

    def _busy(self, from_ms: int, to_ms: int) -> int:
        """Count the home's active minutes in an interval that ended lately."""
        count, first, last = 0, from_ms // MINUTE_MS, to_ms // MINUTE_MS
        for minute in reversed(self._active):
            if minute < first:
                break
            count += minute <= last
        return count

    def _nobody_home(self) -> bool:
        return bool(self._people) and not any(self._people.values())

    def _check_stay(self, due_ms: int, track: Track, since_ms: int, alarms: list[Alarm]) -> None:
        limit = track.limits.get(track.state)
        if track.since_ms != since_ms or limit is None or track.is_shadow or track.is_automated:
            return
        if not self._saw(since_ms, due_ms):
            return
        stays = track.stays[track.state]
        usual, longest = exp(stays.quantile(0.9)), exp(stays.logs[-1])
        n = len(stays.logs)
        alarm = Alarm(
            entity_id=track.entity_id,
            kind=AnomalyKind.LEFT_ON,
            at_ms=due_ms,
            began_ms=since_ms,
            score=limit[1],
            expected=f"is usually {track.state} for less than {span(usual)}; the longest of {n} times was {span(longest)}",
            observed=f"has been {track.state} for {span(due_ms - since_ms)}",
            occasions=n,
            usual=n,
            alone=self._nobody_home(),
        )
        self._raise(alarm, alarms)

    def _settle(self, expected: Expected, alarms: list[Alarm]) -> None:
        detail = expected.routine.detail
        seen = self._saw(expected.from_ms, expected.until_ms)
        already = self._tracks[detail.entity_id].state == detail.state
        alarm = expected.routine.settle(
            expected,
            busy=self._busy(expected.from_ms, expected.until_ms),
            possible=seen and not already and not self._nobody_home(),
        )
        if alarm is not None:
            self._raise(alarm, alarms)

    def _saw(self, from_ms: int, to_ms: int) -> bool:
        return not any(start <= to_ms and from_ms <= end for start, end in self._unseen)

    def _lose_sight(self, until_ms: int) -> None:
        for track in self._tracks.values():
            track.lose_sight(until_ms)
        self._skip_meters(until_ms)

    def _skip_meters(self, until_ms: int) -> None:
        for meter in self.meters.values():
            meter.silence.skip(until_ms // STEP_MS)

    def _meter(self, entity_id: str, at_ms: int) -> Meter:
        meter = self.meters[entity_id] = Meter(entity_id, at_ms // STEP_MS)
        return meter

    def _measure(self, meter: Meter, value: float, at_ms: int) -> list[Alarm]:
        step = at_ms // STEP_MS
        if step < meter.step:
            return []
        alarms = self.pass_time(at_ms)
        if step > meter.step:
            self._finish(meter, alarms)
            meter.begin(step)
            self._expect_sign(meter)
        meter.total += value
        meter.count += 1
        return alarms

    def _finish(self, meter: Meter, alarms: list[Alarm]) -> None:
        alarm = meter.finish()
        if alarm is not None:
            self._raise(alarm, alarms)

    def _check_meter(self, meter: Meter, alarms: list[Alarm]) -> None:
        meter.silence.queued = False
        if meter.silence.limit and meter.due_ms < self.now_ms:
            self._raise(meter.stuck(), alarms)
        else:
            self._expect_sign(meter)

    def _expect_sign(self, meter: Meter) -> None:
        if meter.silence.limit and not meter.silence.queued and not meter.silence.told:
            meter.silence.queued = True
            self._await(meter.due_ms, METER, meter.entity_id, 0)
