"""What the demonstration's reader hears, shown as it comes and set against what was planted."""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from rich.text import Text

from pipeline.cli.terminal import OUT, alarm, command, picture, say
from pipeline.planted import automation_in_words, chain_in_words, habit_in_words, pair_in_words
from pipeline.simulation import Household
from pipeline.simulation.scoring import score
from pipeline.wording import claim
from schemas.patterns import Pattern
from schemas.statuses import AnomalyDetected, PatternDetected

NEXT_STEPS = """
Where to look next
  {command} doctor     is your broker ready, and does Home Assistant publish its events?
  {command} run        learn your own home; `patterns` shows what it found, `watch` follows it
  {command} simulate   write this household to files; `learn` and `replay` read them"""


class Findings:
    """The patterns that were said on the topic, as they stand."""

    def __init__(self, household: Household) -> None:
        self._household = household
        self._zone = ZoneInfo(household.tz)
        self._known: dict[str, Pattern] = {}

    def introduce(self) -> None:
        """Say what is about to be seen."""
        truth = self._household.truth
        OUT.print(
            f"A generated household of two people, {self._household.days} days: with {len(truth.habits)} "
            f"habits, {len(truth.pairs)} pairs and {len(truth.chains)} chains, of which the pipeline is told "
            "nothing. Its events go to a real MQTT broker, as Home Assistant would publish them. What is "
            "found is shown as it is said on ha-ai/events/pattern/detected: when, what, and how we know.\n"
        )

    def take(self, message: PatternDetected) -> None:
        """Show what is new; what merely gained evidence is remembered."""
        pattern = message.pattern
        day = f"{message.at.astimezone(self._zone):%d %b}"
        if message.what == "retired":
            self._known.pop(pattern.id, None)
            OUT.print(Text(f"{day}  No longer: {claim(pattern)}\n", style="dim"))
            return
        before = self._known.get(pattern.id)
        self._known[pattern.id] = pattern
        if before is None or before.change != pattern.change:
            OUT.print(picture(pattern, day))

    def warn(self, message: AnomalyDetected) -> None:
        """Show what is out of order."""
        OUT.print(alarm(message.anomaly, f"{message.at.astimezone(self._zone):%d %b}"))

    def summarize(self, messages: int, duration_s: float) -> None:
        """Say what was planted, what of it was found, and what else."""
        truth, known = self._household.truth, self._known.values()
        scores = score(truth, known, until=self._household.calendar.moment(self._household.days, 0))
        found = {verdict.planted for verdict in scores.verdicts if verdict.judgement == "right"}
        wrong = scores.reasons["machine"]
        rate = messages / max(duration_s, 1e-3)
        say(
            f"{messages:,} messages of {self._household.days} days in {duration_s:.0f} s "
            f"({rate:,.0f} a second), {len(known)} patterns\n"
        )
        _list("Habits that were planted", [(habit_in_words(h), h.habit_id in found) for h in truth.habits])
        _list("Pairs that were planted", [(pair_in_words(p), p.pair_id in found) for p in truth.pairs])
        _list("Chains that were planted", [(chain_in_words(c), c.chain_id in found) for c in truth.chains])
        say("Done by machines, so no habit")
        for automation in truth.automations:
            say(f"      {automation_in_words(automation)}")
        recognised = sum(pattern.detail.automated for pattern in known)
        said = f"{wrong} taken for a habit" if wrong else "none taken for a habit"
        say(f"  {said}, {recognised} recognised as an automation's doing")
        say(NEXT_STEPS.format(command=command()))


def _list(title: str, lines: Iterable[tuple[str, bool]]) -> None:
    rows = list(lines)
    say(f"{title}: {sum(found for _, found in rows)} of {len(rows)} found")
    for words, found in rows:
        OUT.print(
            Text("  ✓   " if found else "  –   ", style="green" if found else "yellow"),
            words,
            sep="",
            soft_wrap=True,
        )
    say()
