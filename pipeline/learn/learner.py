"""One home's learning on its store: what a batch changes, and the transaction that makes it last."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

from pipeline.core.core import LearningCore
from pipeline.core.ledger import Ledger, PatternChange, What
from pipeline.core.messages import Announcer
from pipeline.history.kept_days import KeptDay, KeptDays
from pipeline.ingest.bounds import FUTURE_US, PAST_US
from pipeline.ingest.decoding import BatchDecoder, DecodedBatch
from pipeline.ingest.learning_switch import FilteredBatch, LearningSwitch
from pipeline.ingest.messages import Message
from pipeline.learn.allowance import Allowance
from pipeline.learn.judgement import Judgement
from pipeline.learn.sightings import Sightings
from pipeline.learn.work import SNAPSHOT, SNAPSHOT_VERSION, Work, models_to_keep, restore_models, write
from pipeline.mqtt.intake import Sight
from pipeline.runtime.heap import look_through_all, spare_what_is_known
from pipeline.timing.clock import monotonic_s, wall_us
from schemas.events import ServiceCall, StateChange
from schemas.instants import from_us
from sinks.store import Extent, Held, SqlStore, Waiting

CHECKPOINT_ENTRIES = 20_000
LATE_S = 20.0
DAY_US = 86_400_000_000
TAKEN_BACK_AT_ONCE = 500
DAYS_AT_ONCE = 3


class HomeLearner:
    """Learns batches and writes what they change, exactly once.

    `prepare` changes the core in memory, `write` makes it last; a failed `write` is repeated with the same
    work, never prepared again. After a kill `recover` brings the core back to the last commit.

    Parameters
    ----------
    store
        The home's store.
    core
        A fresh core.
    decoder
        From messages to entries.
    announcer
        Makes the messages that say what was found.
    """

    def __init__(
        self, store: SqlStore, core: LearningCore, decoder: BatchDecoder, announcer: Announcer
    ) -> None:
        self.core = core
        self._sightings = Sightings(core)
        self.gaps = self._sightings.gaps
        self._switch = LearningSwitch()
        self._allowance = Allowance(core.days, core.entities.cap)
        self._store = store
        self._days = KeptDays(store)
        self._decoder = decoder
        self._announcer = announcer
        self._applied_seq = 0
        self._since_checkpoint = 0
        self._unread: list[date] = []
        self._outdated: list[date] = []
        self._judging: Iterator[list[PatternChange]] | None = None
        self._judge_wanted = False
        self._judgement = Judgement()
        self._late_since: float | None = None
        self._closed_through_ms = 0
        self.pushed_out = 0

    def recover(self) -> None:
        """Bring the core to the last commit; days that are sealed are read later, by `judge_for`.

        Every kept day says up to which place of the journal it holds what happened. The snapshot only saves
        reading the journal from its beginning.
        """
        self.core.ledger = Ledger(self._store.patterns(status="active"))
        self.core.watching.said = self._store.anomaly_ids()
        self._sightings.recall(self._store.gaps())
        restore_models(self._store, self.core)
        kept = self._days.all()
        self._restore_snapshot(kept)
        self._restore_open_days(kept)
        applied = {each.day: each.applied_seq for each in kept}
        for seq, entry in self._store.journal_after(self._applied_seq):
            self._applied_seq = seq
            if seq > applied.get(self.core.days.at(entry.at_us // 1000).date, 0):
                self._restore_late([entry])
                self._allowance.refuses(entry)
                self._learn(entry)
                self._since_checkpoint += 1
        self._decoder.recall(self._store.last_states)
        self._sightings.restore(self._store)
        self._switch = self._sightings.restore_switch(self._store)
        self._judge_wanted = bool(self._unread or self.core.open_days())
        if self.core.due():
            self._late_since = monotonic_s()

    def decode(self, messages: Sequence[Message]) -> DecodedBatch:
        """Decode a batch, once: a decoder may remember what it saw."""
        return self._decoder.decode(messages)

    def prepare(self, decoded: DecodedBatch) -> Work:
        """Learn what is new in a batch. An error of the store comes before anything is learned."""
        reached_us = (self.core.watermark_ms + 1) * 1000
        course = self._switch.follow(decoded.entries, decoded.turns, reached_us)
        keys = list(course.learned)
        unseen = self._store.unseen(keys) if keys else set()
        work = Work(replace(decoded, entries=course.learned))
        work.waiting = self._to_wait(decoded.untimely)
        self._restore_late([course.learned[key] for key in keys if key in unseen])
        unseen -= self._refuse([key for key in keys if key in unseen], work)
        work.unseen = [key for key in keys if key in unseen]
        fresh = [course.learned[key] for key in work.unseen]
        self._turn(course, work)
        lost = self.gaps.loss
        self._sightings.prove(decoded)
        for key, entry in self._sightings.in_order(decoded, work):
            if key in course.learned and key not in unseen:
                continue
            if isinstance(entry, StateChange):
                self._sightings.see(entry, work)
            if key in course.learned:
                self._learn(entry)
        self._sightings.beat(decoded, lost, work)
        self._outdated += self._sightings.outdate(work)
        self._since_checkpoint += len(fresh)
        self._raise_alarms(work)
        self._close_days(work)
        return work

    def _refuse(self, keys: Sequence[bytes], work: Work) -> set[bytes]:
        """Those of some new entries that come above what is taken, with letters of them; the others count."""
        refused, decoded = set(), work.decoded
        for key in keys:
            reason = self._allowance.refuses(decoded.entries[key])
            if reason is not None:
                refused.add(key)
                topic = decoded.topics.get(key)
                decoded.letters += self._decoder.refuse(decoded.entries[key], reason, topic)
        if self._allowance.left:
            self.core.forget(self._allowance.left)
            self._allowance.left = []
        return refused

    def take_back(self, now_us: int) -> Work:
        """Learn events that waited and that the clock now lets pass, some at a time; nothing at the end.

        What waits while learning is off goes on waiting.
        """
        if self._switch.off_us is not None:
            return Work()
        due = self._store.quarantine.due(now_us - PAST_US, now_us + FUTURE_US, TAKEN_BACK_AT_ONCE)
        if not due:
            self._sightings.is_doubted = False
            return Work()
        entries, topics = {each.key: each.entry for each in due}, {each.key: each.topic for each in due}
        work = self.prepare(DecodedBatch(entries=entries, topics=topics))
        work.released = [each.key for each in due]
        return work

    def is_ahead(self, now_us: int) -> bool:
        """Return whether events were learned that lie more than a day after now."""
        return self.core.watermark_ms * 1000 > now_us + DAY_US

    def turn_back(self, now_us: int) -> Work:
        """Go on from now, although later events were learned; their days stay in the store, unjudged."""
        work = Work(checkpoint=True, ahead=self.core.turn_back(now_us // 1000))
        today = self.core.days.at(now_us // 1000).date
        self._unread = [day for day in self._unread if day <= today]
        self._outdated = [day for day in self._outdated if day <= today]
        self._closed_through_ms = min(self._closed_through_ms, now_us // 1000)
        self._judging, self._judge_wanted = None, True
        return work

    def clip_gaps(self, now_us: int, moved_us: int = 0) -> Work:
        """Let no gap reach beyond now, nor learning be off from then on, as `Sightings.clip` says."""
        work = Work()
        switch = self._sightings.clip(now_us, work, switch=self._switch, moved_us=moved_us)
        if switch != self._switch:
            self._switch = work.switch = switch
        self._outdated += self._sightings.outdate(work)
        return work

    def waiting(self) -> Extent:
        """Return the extent of the events that wait for the clock."""
        return self._store.quarantine.extent()

    def note_sight(self, sight: Sight) -> Work:
        """Note that the connection was lost or stands again, after what came before that."""
        work = Work()
        self._sightings.note_sight(sight, work)
        self._outdated += self._sightings.outdate(work)
        return work

    def judge_for(self, budget_s: float) -> Work:
        """Go on judging for about `budget_s`; return what that yielded to write, mostly nothing."""
        work = Work()
        deadline = monotonic_s() + budget_s
        while monotonic_s() < deadline:
            if self._outdated:
                self._read_outdated(self._outdated[-1])
                self._outdated.pop()
            elif self._unread:
                self._read_unread(self._unread[-1])
                self._unread.pop()
            elif self._judging is None:
                if not (self._judge_wanted or self._judgement.is_due):
                    break
                self._judge_wanted = False
                self._judgement.begin()
                spare_what_is_known()
                self._judging = self.core.judge()
            else:
                changes = next(self._judging, None)
                if changes is None:
                    self._judging = None
                    self._conclude(work)
                elif changes:
                    self._announce(changes, work)
        return work

    @property
    def thinking(self) -> bool:
        """Return whether there is judging left to do."""
        is_wanted = self._judge_wanted or self._judgement.is_due
        return bool(self._outdated or self._unread) or self._judging is not None or is_wanted

    def request_judgement(self, request: str) -> None:
        """Let the retained days be judged anew, and say so when that is done; as `Judgement.request` says."""
        self._judgement.request(request)

    @property
    def late(self) -> bool:
        """Return whether late events changed closed days."""
        return self._late_since is not None

    def settle(self) -> Work:
        """Close days that late events changed, some seconds after the first of them."""
        work = Work()
        if self._late_since is not None and monotonic_s() - self._late_since >= LATE_S:
            self._close(work)
        return work

    def checkpoint(self) -> Work:
        """Return the work to be written before a planned stop, so that the next start is short."""
        letters = self._decoder.rest(wall_us())
        return Work(decoded=DecodedBatch(letters=letters), checkpoint=True)

    def floods(self) -> dict[str, str]:
        """Return what comes faster than anybody makes it, by subject, in words that end with what to do."""
        gaps = self._sightings.floods(wall_us())
        return {**self._decoder.floods(), **self._allowance.flooded(), **gaps}

    def write(self, work: Work, *, holder: Held | None, now_us: int) -> None:
        """Write `work` in one transaction.

        Raises
        ------
        LeaseLostError
            Somebody else owns the home now; nothing was written.
        """
        with self._store.begin(holder=holder) as transaction:
            written = write(
                transaction, work, self.core, self._announcer, applied_seq=self._applied_seq, now_us=now_us
            )
        self._applied_seq = written.applied_seq
        self.pushed_out += written.pushed_out
        if work.checkpoint:
            self._since_checkpoint = 0

    def _to_wait(self, untimely: Sequence[Waiting]) -> list[Waiting]:
        """Those that are new; what happens while learning is off is nobody's behaviour, whenever it was."""
        if not untimely or self._switch.off_us is not None:
            return []
        unseen = self._store.unseen([each.key for each in untimely])
        return [each for each in untimely if each.key in unseen]

    def _learn(self, entry: StateChange | ServiceCall) -> None:
        if isinstance(entry, ServiceCall):
            self.core.see_call(entry)
        else:
            self.core.learn_one(entry)

    def _turn(self, course: FilteredBatch, work: Work) -> None:
        gaps = [self._sightings.keep(gap, work) for gap in course.gaps]
        switch = course.settled([gap for gap in gaps if gap is not None])
        if switch != self._switch:
            self._switch = work.switch = switch

    def _close_days(self, work: Work) -> None:
        """Close when a day ends, or when late events have changed several; judge when it was a day's end."""
        due = self.core.due()
        if not due:
            work.checkpoint = self._since_checkpoint >= CHECKPOINT_ENTRIES
            return
        if self._late_since is None:
            self._late_since = monotonic_s()
        if due[-1].start_ms >= self._closed_through_ms or len(due) > DAYS_AT_ONCE:
            self._close(work)

    def _close(self, work: Work) -> None:
        work.closed = self.core.close_due()
        self._judgement.days += [closed.day for closed in work.closed]
        ends_ms = (closed.day.end_ms for closed in work.closed)
        self._closed_through_ms = max([self._closed_through_ms, *ends_ms])
        work.checkpoint = True
        self._late_since = None
        self._judging = None
        self._judge_wanted = True

    def _announce(self, changes: Sequence[PatternChange], work: Work) -> None:
        work.patterns += [change.pattern for change in changes]
        day = self.core.last_closed()
        worth = [change for change in changes if change.what is not What.REFRESHED]
        said = [self._announcer.pattern(change, day) for change in worth]
        work.outgoing += said
        self._judgement.changed = len(said)

    def _raise_alarms(self, work: Work) -> None:
        alarms = self.core.watching.take()
        work.anomalies += alarms
        work.outgoing += [self._announcer.anomaly(alarm) for alarm in alarms]

    def _conclude(self, work: Work) -> None:
        look_through_all()
        if self._judgement.days:
            # Before the first judgement nobody watches, nor while days come faster than they are judged.
            since = from_us(min(day.start_ms for day in self._judgement.days) * 1000)
            self.core.watching.alarms += [each for each in self.core.anomalies if each.detail.at >= since]
        self._raise_alarms(work)
        work.models = models_to_keep(self.core)
        work.outgoing += self._judgement.end(self.core, self._announcer)

    def _restore_late(self, entries: Sequence[StateChange | ServiceCall]) -> None:
        for day in self.core.late_days(entries):
            self._read_day(day.date, closed=False)

    def _read_outdated(self, day: date) -> None:
        if day not in self.core.open_days():
            self._read_day(day, closed=False)
        if self._late_since is None:
            self._late_since = monotonic_s()

    def _read_unread(self, day: date) -> None:
        if not self.core.at_hand(day):
            self._read_day(day)

    def _read_day(self, day: date, *, closed: bool = True) -> None:
        events = self._days.read(day)
        if events is not None:
            again = self.core.restore_day(self.core.days.on(day), events, closed=closed)
            if again is not None:
                self._judgement.days.append(again.day)
            if closed and again is None:
                self._allowance.recall((*events.changes, *events.numbers), day.toordinal())
            else:
                self._allowance.restore(events, day.toordinal())

    def _restore_snapshot(self, kept: Sequence[KeptDay]) -> None:
        """Take up numeric entities and watermark; without it the last kept day tells how far time is."""
        stored = self._store.snapshot(SNAPSHOT)
        if stored is None or stored.version != SNAPSHOT_VERSION:
            last = self.core.days.on(kept[-1].day) if kept else None
            self.core.watermark_ms = last.start_ms if last else 0
            return
        plain = json.loads(stored.payload)
        self.core.watermark_ms = plain["watermark_ms"]
        self._applied_seq = stored.applied_seq
        measured = plain.get("measured", plain.get("baselines", ()))
        for entity_id in measured:
            self.core.entities.restore(entity_id, self.core.watermark_ms)
        # Since when each is known is not kept: since the home is.
        today = self.core.days.at(self.core.watermark_ms).ordinal
        for ordinal in sorted({today, *(each.day.toordinal() for each in kept[:1])}):
            self._allowance.recall(measured, ordinal)

    def _restore_open_days(self, kept: Sequence[KeptDay]) -> None:
        today = self.core.days.at(self.core.watermark_ms).ordinal
        # A clock that was ahead makes no day leave the judgement; what it put after tomorrow is not judged.
        kept = [each for each in kept if each.day.toordinal() <= today + 1]
        first = self.core.first_retained_day()
        newest = max((each.day.toordinal() for each in kept if each.sealed), default=today)
        first -= max(0, today - newest - 1)
        for day, closed, _ in kept:
            end_ms = self.core.days.on(day).end_ms
            if closed and end_ms <= self.core.sealed_before_ms():
                self.core.know_sealed(day)
                if day.toordinal() >= first:
                    self._unread.append(day)
                continue
            self._read_day(day, closed=closed)
            if closed:
                self._closed_through_ms = max(self._closed_through_ms, end_ms)
