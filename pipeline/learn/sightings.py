"""Record of how far the home was in sight: what proves it, what is lost, and the gaps that are kept."""

import json
from collections import deque
from collections.abc import Iterator
from datetime import date

from pipeline.commands.controls import HomeControls
from pipeline.core.core import LearningCore
from pipeline.ingest.bounds import FUTURE_US
from pipeline.ingest.decoding import DecodedBatch, Sign
from pipeline.ingest.learning_switch import LAG_US, LearningSwitch, real
from pipeline.ingest.messages import Signal
from pipeline.learn.gap_tracker import GapTracker, Loss
from pipeline.learn.joined_gaps import JoinedGaps, clip
from pipeline.learn.work import SEEN, Work
from pipeline.mqtt.intake import Sight
from schemas.events import BROKER, HOME_ASSISTANT, NOT_RUNNING, PAUSED, Gap, ServiceCall, StateChange
from sinks.store import SqlStore

FLOODS_OF_GAPS = {
    PAUSED: (
        "the learning switch is turned off more often than a person does, so its pauses are kept as one: "
        "see what turns it"
    ),
    HOME_ASSISTANT: (
        "Home Assistant is said to stop and start again and again, so its absences are kept as one: "
        "see its log, and who publishes on its status topic"
    ),
}


class Sightings:
    """Tells the core of gaps, and puts into each work what of them has to be written.

    `seen_us` is how far the home was in sight. While events come, or wait, whose time the clock does not
    believe (`is_doubted`), no heartbeat ends a gap.
    """

    def __init__(self, core: LearningCore) -> None:
        self.gaps = GapTracker()
        self.seen_us = 0
        self.is_doubted = False
        self._moved_us = 0
        self._joined = JoinedGaps()
        self._core = core

    def recall(self, gaps: list[Gap]) -> None:
        """Take up the gaps that were kept."""
        for gap in gaps:
            self._joined.recall(gap)
            self._core.note_gap(gap)
        self._core.outdated()

    def restore(self, store: SqlStore) -> None:
        """Restore the loss of sight from before the end, which still holds; all else is since then."""
        stored = store.snapshot(SEEN)
        seen = json.loads(stored.payload) if stored else {}
        self.seen_us = max(self._core.watermark_ms * 1000, seen.get("seen_us", 0))
        self.gaps.proved(heartbeat_us=self.seen_us, received_us=self.seen_us)
        self.is_doubted = store.quarantine.extent().total > 0
        lost = seen.get("lost")
        if lost:
            self.gaps.restore(Loss(lost[0], lost[1], lost[-1] if len(lost) > 2 else lost[0]))
        elif self.seen_us:
            self.gaps.lost(self.seen_us, NOT_RUNNING)

    def restore_switch(self, store: SqlStore) -> LearningSwitch:
        """Return whether learning is off, and since when; and the pauses before."""
        controls = HomeControls.of(store.suggestions)
        off_us = None if controls.is_learning else controls.off_us or self.seen_us
        return LearningSwitch(off_us, tuple(gap for gap in store.gaps() if gap.reason == PAUSED))

    def prove(self, decoded: DecodedBatch) -> None:
        """Tell how far the home has been in sight; what waited for the clock tells nothing."""
        if not decoded.received_us:
            return
        times = [entry.at_us for entry in decoded.entries.values()]
        event_us = max((at_us for at_us in times if at_us <= decoded.received_us), default=0)
        self.gaps.proved(event_us, decoded.heartbeat_us, received_us=decoded.received_us)

    def in_order(
        self, decoded: DecodedBatch, work: Work
    ) -> Iterator[tuple[bytes, StateChange | ServiceCall]]:
        """Pass on a batch's entries, and hear Home Assistant's own words at their places among them."""
        signals = deque(decoded.signals)
        for place, each in enumerate(decoded.entries.items()):
            while signals and signals[0].place <= place:
                self.hear(signals.popleft(), work)
            yield each
        for sign in signals:
            self.hear(sign, work)
        # What it said before it stopped tells nothing.
        stops = (each.said_us for each in decoded.signals if each.signal is Signal.STOPPED)
        if decoded.said_us > max(stops, default=0):
            self.gaps.said(decoded.said_us)

    def hear(self, sign: Sign, work: Work) -> None:
        """Home Assistant stops, has started, or is there.

        That a broker kept its word for us shows in the changes before it: of a start there are always some.
        """
        loss = self.gaps.loss
        if sign.signal is Signal.STOPPED:
            self.gaps.lost(sign.received_us, HOME_ASSISTANT)
        elif sign.signal is Signal.ONLINE:
            self.gaps.said(sign.received_us)
        else:
            is_kept = sign.received_us - sign.said_us > LAG_US
            is_told = loss is not None and sign.said_us > loss.noticed_us
            at_us = sign.said_us if is_kept and is_told else sign.received_us
            self.keep(self.gaps.seen(at_us), work)

    def see(self, change: StateChange, work: Work) -> None:
        """Something that is behaviour happened."""
        if self.gaps.loss is not None:
            self.keep(self.gaps.seen(change.at_us), work)

    def beat(self, decoded: DecodedBatch, lost: Loss | None, work: Work) -> None:
        """Take the batch's heartbeat; `lost` is what was lost from sight before the batch."""
        self.is_doubted = self.is_doubted or bool(decoded.untimely)
        if decoded.heartbeat_us and not self.is_doubted:
            self.keep(self.gaps.heard(decoded.heartbeat_us), work)
        if decoded.heartbeat_us or self.gaps.loss != lost:
            self.note(decoded.heartbeat_us, work)

    def note_sight(self, sight: Sight, work: Work) -> None:
        """The connection was lost or stands again."""
        if sight.stands:
            self.keep(self.gaps.connected(sight.at_us, resumed=sight.resumed), work)
        elif sight.is_deaf:
            self.gaps.deaf(sight.at_us)
        else:
            self.gaps.lost(sight.at_us, BROKER)
        self.note(0, work)

    def keep(self, gap: Gap | None, work: Work) -> Gap | None:
        """Keep a gap, perhaps joined to the one before it, and return it as it is kept."""
        if gap is None:
            return None
        gap = self._joined.note(gap)
        self._core.note_gap(gap)
        if work.gaps and (work.gaps[-1].from_us, work.gaps[-1].reason) == (gap.from_us, gap.reason):
            work.gaps[-1] = gap
        else:
            work.gaps.append(gap)
        return gap

    def note(self, heartbeat_us: int, work: Work) -> None:
        """Say how long the home was in sight, and since when it is not: neither is known after a restart."""
        self.seen_us = max(self.seen_us, heartbeat_us)
        work.seen = json.dumps({"seen_us": self.seen_us, "lost": self.gaps.loss}).encode()

    def outdate(self, work: Work) -> list[date]:
        """Let days that were closed before a gap was known be closed again; return them, the first last.

        From this commit on the store has them as open, so that after a kill the next process closes them.
        """
        work.outdated = [day.date for day in self._core.outdated()] if work.gaps or work.wrong_gaps else []
        return work.outdated[::-1]

    def clip(self, now_us: int, work: Work, *, switch: LearningSwitch, moved_us: int = 0) -> LearningSwitch:
        """Let no gap reach beyond now, or the last event if that is later: a clock that was ahead made it.

        What was missed in it would be excused until that time. Return the learning switch as it is then.

        Parameters
        ----------
        moved_us
            By how much the clock was set since the last call: what a person did under the one that was
            ahead was done so much earlier. Unknown after a restart, and the last event is the earliest.
        """
        end_us = max(now_us, self._core.watermark_ms * 1000)
        ends = (gap.to_us for gap in (*self._core.gaps, *switch.pauses))
        is_ahead = max(switch.off_us or 0, max(ends, default=0)) > now_us
        self._moved_us = self._moved_us + moved_us if is_ahead else 0
        self.gaps.not_after(end_us)
        self._joined.mend(lambda gap: self._real(gap, end_us))
        self.seen_us = min(self.seen_us, end_us)
        work.wrong_gaps = [gap for gap in self._core.gaps if gap.to_us > end_us + FUTURE_US]
        for gap in work.wrong_gaps:
            self._core.forget_gap(gap)
            self.keep(self._real(gap, end_us), work)
        # What is a moment ahead comes to be true by itself.
        return switch.before(end_us, self._moved_us, self._known_us(end_us)) if is_ahead else switch

    def _real(self, gap: Gap, end_us: int) -> Gap | None:
        """A gap that reaches beyond now, as far as it was."""
        return real(gap, end_us, self._moved_us) if gap.reason == PAUSED else clip(gap, end_us)

    def _known_us(self, end_us: int) -> int:
        """Since when at the earliest something that we were told happened: the last event before it."""
        return min(self._core.watermark_ms * 1000 + 1 if self._core.watermark_ms else end_us, end_us)

    def floods(self, now_us: int) -> dict[str, str]:
        """Return what leaves more gaps than anybody makes, by subject, in words that end with what to do."""
        return {
            f"flood: {reason}": words
            for reason, words in FLOODS_OF_GAPS.items()
            if self._joined.is_flooded(reason, now_us)
        }
