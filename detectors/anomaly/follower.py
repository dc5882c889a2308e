"""Follows a home event by event: the one implementation of the rules, for past days and for the present."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from math import exp
from statistics import median
from typing import Any

from detectors.anomaly.activity import Activity
from detectors.anomaly.alarms import MINUTE_MS, Alarm, span
from detectors.anomaly.budget import Budget
from detectors.anomaly.deadlines import ROUTINE, STAY, UNSEEN, Deadlines
from detectors.anomaly.meters import Meters
from detectors.anomaly.openings import SLOT_MIN, Hours
from detectors.anomaly.routines import DaySoFar, Expected, Routine
from detectors.anomaly.signs import ANY, Signs
from detectors.anomaly.silences import STEP_MS
from detectors.anomaly.stays import PRIOR_SPREAD
from detectors.anomaly.track import Track
from schemas.anomalies import AnomalyKind
from schemas.home import Home

WARM_UP_DAYS = 10
QUIET_MIN = 20
# So many active minutes in the quiet time may be pets and ghosts.
GHOSTS = 2
# Stays of a device from which on it speaks for its class.
SPEAKING = 8
# When nothing at all is heard for so long, it is we who do not hear.
STILL_MS = 15 * MINUTE_MS


class Follower:
    """Keeps the state of a home and raises what is out of order, by what the days that it learned let expect.

    Time is the events' own: what is due is noticed when a later event passes it. Constant time an event.
    """

    def __init__(self, home: Home, per_week: float, routines: Iterable[Routine] = ()) -> None:
        self.now_ms = 0
        self._heard_ms = 0
        self._deadlines = Deadlines()
        self.meters = Meters(self._deadlines)
        self._zone = home.zone
        self._hours = Hours()
        self._budget = Budget(per_week)
        self._tracks: dict[str, Track] = {}
        self._routines = list(routines)
        self._expected: dict[tuple[str, int], Expected] = {}
        self._activity = Activity()
        self._day = DaySoFar()
        self._people: dict[str, bool] = {}
        self._odd: dict[str, int] = {}
        self._bursts: dict[str, tuple[int, int]] = {}
        for routine in self._routines:
            track = self._track(routine.detail.entity_id)
            track.routines.setdefault(routine.detail.state, []).append(routine)

    def begin_day(self, day: date, sun: tuple[float, float]) -> None:
        """Expect the day's routines; `sun` is when it rose and set, the day before."""
        for number, routine in enumerate(self._routines):
            expected = routine.expect(day, self._zone, sun)
            if expected is not None:
                self._expected[str(number), expected.from_ms] = expected
                self._deadlines.add(expected.until_ms, ROUTINE, str(number), expected.from_ms)

    def go_live(self, past: "Follower | None") -> None:
        """Go on in the present, with what another follower heard there before."""
        if past is not None:
            self.meters.adopt(past.meters, self.now_ms)
            self._budget.adopt(past._budget)  # noqa: SLF001 another of its kind

    def see(self, entity_id: str, state: str, at_ms: int) -> list[Alarm]:
        """See an entity reach a state."""
        due = at_ms > self._deadlines.next_ms or at_ms - self._heard_ms > STILL_MS
        alarms = self.pass_time(at_ms) if due else []
        self._heard_ms = max(self._heard_ms, at_ms)
        track = self._tracks.get(entity_id) or self._track(entity_id)
        if at_ms <= track.last_ms:
            return alarms
        minute = at_ms // MINUTE_MS
        if minute > self._activity.minute and not track.is_shadow:
            for alarm in self._activity.tick(minute):
                self._raise(alarm, alarms)
        if track.bursts.see(at_ms) and not track.is_shadow:
            self._raise(track.bursts.alarm(entity_id, *self._bursts.get(track.domain, (0, 1))), alarms)
        if track.silence:
            track.silence.see(self._activity.active_min)
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
        if meter is not None and meter.step == at_ms // STEP_MS and at_ms <= self._deadlines.next_ms:
            meter.total += value
            meter.count += 1
            return []
        alarms = self.pass_time(at_ms)
        self._heard_ms = max(self._heard_ms, _end_ms(at_ms // STEP_MS))
        self._raise(self.meters.take(entity_id, value, at_ms), alarms)
        return alarms

    def measure_step(self, entity_id: str, mean: float, start_ms: int) -> list[Alarm]:
        """See the mean of a 5-minute step that is over."""
        alarms = self.measure(entity_id, mean, start_ms)
        self._raise(self.meters[entity_id].finish(), alarms)
        return alarms

    def hear(self, entity_id: str, signs: Signs) -> list[Alarm]:
        """Hear that a numeric sensor spoke, or `ANY` of them, though not what."""
        alarms = self.pass_time(signs.first * STEP_MS)
        if entity_id == ANY:
            self._heard_ms = max(self._heard_ms, _end_ms(signs.last))
        else:
            self.meters.hear(entity_id, signs)
        return alarms

    def pass_time(self, at_ms: int) -> list[Alarm]:
        """Say what was due before an instant."""
        alarms: list[Alarm] = []
        if at_ms - self._heard_ms > STILL_MS and self._heard_ms:
            self.meters.skip(at_ms)
        self.now_ms = max(self.now_ms, at_ms)
        while at_ms > self._deadlines.next_ms:
            due_ms, kind, key, from_ms = self._deadlines.pop()
            if kind == UNSEEN:
                self._lose_sight(due_ms)
            elif kind == STAY:
                self._raise(self._check_stay(due_ms, self._tracks[key], from_ms), alarms)
            elif kind == ROUTINE:
                self._raise(self._settle(self._expected.pop((key, from_ms))), alarms)
            else:
                self._raise(self.meters.check(key, self.now_ms), alarms)
        return alarms

    def lose_sight(self, from_ms: int, to_ms: int) -> None:
        """Take an interval for unseen: nothing was missed in it, and nobody knows what it left behind."""
        self._deadlines.hide(from_ms, to_ms)

    def _lose_sight(self, until_ms: int) -> None:
        for track in self._tracks.values():
            track.lose_sight(until_ms)
        self.meters.skip(until_ms)

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
        self._activity.learn_day(self._tracks.values())

    def _learn_bursts(self) -> None:
        longest: dict[str, list[int]] = {}
        seen: dict[str, int] = {}
        for track in self._tracks.values():
            bursts = track.bursts
            bursts.close_day()
            seen[track.domain] = seen.get(track.domain, 0) + bursts.seen
            longest.setdefault(track.domain, []).append(bursts.longest)
        self._bursts = {domain: (seen[domain], max(each)) for domain, each in longest.items()}
        usual = {domain: sorted(each)[len(each) * 4 // 5] for domain, each in longest.items()}
        for track in self._tracks.values():
            track.bursts.set_limit(usual[track.domain])

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

    def _track(self, entity_id: str) -> Track:
        return self._tracks.setdefault(entity_id, Track(entity_id, self._activity.active_min))

    def _raise(self, alarm: Alarm | None, alarms: list[Alarm]) -> None:
        if alarm is not None and self._hours.days >= WARM_UP_DAYS and self._budget.admits(alarm):
            alarms.append(alarm)

    def _change(self, track: Track, state: str, at_ms: int, alarms: list[Alarm]) -> None:
        track.change(state, at_ms)
        limit = track.limits.get(state)
        if limit:
            self._deadlines.add(at_ms + limit[0], STAY, track.entity_id, at_ms)
        if state == track.opened:
            self._open(track, at_ms, alarms)
        if track.is_person:
            self._people[track.entity_id] = state == "home"

    def _open(self, track: Track, at_ms: int, alarms: list[Alarm]) -> None:
        local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self._zone)
        slot = (local.hour * 60 + local.minute) // SLOT_MIN
        quiet = self._activity.busy(at_ms - QUIET_MIN * MINUTE_MS, at_ms) <= GHOSTS + 1
        alarm = self._hours.alarm(track.entity_id, at_ms, slot, quiet=quiet)
        if alarm is not None:
            self._odd[track.entity_id] = slot
            self._raise(alarm, alarms)

    def _nobody_home(self) -> bool:
        return bool(self._people) and not any(self._people.values())

    def _check_stay(self, due_ms: int, track: Track, since_ms: int) -> Alarm | None:
        limit = track.limits.get(track.state)
        if track.since_ms != since_ms or limit is None or track.is_shadow or track.is_automated:
            return None
        if not self._deadlines.saw(since_ms, due_ms):
            return None
        stays = track.stays[track.state]
        usual, longest = exp(stays.quantile(0.9)), exp(stays.logs[-1])
        n = len(stays.logs)
        return Alarm(
            entity_id=track.entity_id,
            kind=AnomalyKind.STUCK_SENSOR if track.is_sensor else AnomalyKind.LEFT_ON,
            at_ms=due_ms,
            began_ms=since_ms,
            score=limit[1],
            expected=(
                f"is usually {track.state} for less than {span(usual)}; "
                f"the longest of {n} times was {span(longest)}"
            ),
            observed=f"has been {track.state} for {span(due_ms - since_ms)}",
            occasions=n,
            usual=n,
            alone=self._nobody_home(),
        )

    def _settle(self, expected: Expected) -> Alarm | None:
        detail = expected.routine.detail
        seen = self._deadlines.saw(expected.from_ms, expected.until_ms)
        already = self._tracks[detail.entity_id].state == detail.state
        routine = expected.routine
        if seen:
            self._day.note(expected, routine.likely)
        alarm = routine.settle(
            expected,
            busy=self._activity.busy(expected.from_ms, expected.until_ms),
            possible=seen and not already and not self._nobody_home(),
        )
        return alarm if self._day.is_ordinary(detail.entity_id) else None


def _end_ms(step: int) -> int:
    """Until when a sample tells of life: to the end of its step, as nothing finer is kept."""
    return (step + 1) * STEP_MS - 1
