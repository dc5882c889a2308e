"""Findings that the demonstration's reader hears, shown as they come and set against what was planted."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from rich.text import Text

from pipeline.cli.suggestion_view import show_brief
from pipeline.cli.terminal import OUT, alarm, command, gone, order, picture, say, short_id
from pipeline.simulation import Household
from pipeline.simulation.scoring import score
from pipeline.simulation.wording import automation_in_words, chain_in_words, habit_in_words, pair_in_words
from pipeline.wording.sentences import claim, counted, kind_in_words
from schemas.patterns import Pattern
from schemas.statuses import AnomalyDetected, PatternDetected
from schemas.suggestions import Suggestion
from schemas.topics import Topics

FORECASTS_SHOWN = 3
APPROVAL = """\
  Nothing runs before you press Approve beside it in Home Assistant, or say `{command} approve ID`."""
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
        self._latest = datetime.min.replace(tzinfo=UTC)

    def introduce(self) -> None:
        """Say what is about to be seen."""
        truth = self._household.truth
        OUT.print(
            f"A generated household of two people, {self._household.days} days: with {len(truth.habits)} "
            f"habits, {len(truth.pairs)} pairs and {len(truth.chains)} chains, of which the pipeline is told "
            "nothing. Its events go to a real MQTT broker, as Home Assistant would publish them. What is "
            f"found is shown as it is said on {Topics().pattern_detected}: when, what, and how we know.\n"
        )

    def take(self, message: PatternDetected) -> None:
        """Show what is new or has moved; what merely gained evidence, or is a forecast, is remembered."""
        pattern, day = message.pattern, self._day(message.at)
        retired = message.what == "retired"
        before = self._known.pop(pattern.id, None)
        if not retired:
            self._known[pattern.id] = pattern
        if pattern.detail.is_forecast:
            return
        if retired:
            OUT.print(gone(pattern, day), soft_wrap=True)
        elif before is None or (before.change is None and pattern.change is not None):
            OUT.print(picture(pattern, day))

    def warn(self, message: AnomalyDetected) -> None:
        """Show what is out of order."""
        OUT.print(alarm(message.anomaly, self._day(message.at)))

    def summarize(self, messages: int, duration_s: float) -> None:
        """Say what was planted, what of it was found, and what else."""
        truth, known = self._household.truth, self._known.values()
        scores = score(truth, known, until=self._household.calendar.moment(self._household.days, 0))
        found = {verdict.planted for verdict in scores.verdicts if verdict.judgement == "right"}
        wrong = scores.reasons["machine"]
        rate = messages / max(duration_s, 1e-3)
        say(
            f"{messages:,} messages of {self._household.days} days in {duration_s:.0f} s "
            f"({rate:,.0f} a second), {counted(len(known), 'pattern')}\n"
        )
        self._list_forecasts()
        _list("Habits that were planted", [(habit_in_words(h), h.habit_id in found) for h in truth.habits])
        _list("Pairs that were planted", [(pair_in_words(p), p.pair_id in found) for p in truth.pairs])
        _list("Chains that were planted", [(chain_in_words(c), c.chain_id in found) for c in truth.chains])
        say("Done by machines, so no habit")
        for automation in truth.automations:
            say(f"      {automation_in_words(automation)}")
        recognised = sum(pattern.detail.automated for pattern in known)
        said = f"{wrong} taken for a habit" if wrong else "none taken for a habit"
        say(f"  {said}, {recognised} recognised as an automation's doing\n")

    def propose(self, suggestions: Sequence[Suggestion]) -> None:
        """Show what would be suggested, with its proof, and how a person says yes to it."""
        if not suggestions:
            say("No automation is suggested yet: that takes more days of proof")
            return
        say("Automations that it would suggest now, each tried on these days")
        for each in suggestions:
            show_brief(each)
        say(APPROVAL.format(command=command()))

    def conclude(self) -> None:
        """Say what a person may do next."""
        say(NEXT_STEPS.format(command=command()))

    def _day(self, at: datetime) -> str:
        """Up to when is known what is said: the days go forward only."""
        self._latest = max(self._latest, at)
        return f"{self._latest.astimezone(self._zone):%d %b}"

    def _list_forecasts(self) -> None:
        """Say how many forecasts of each kind there are, and the surest of them."""
        of_kind: dict[str, list[Pattern]] = {}
        for each in sorted(self._known.values(), key=order):
            if each.detail.is_forecast:
                of_kind.setdefault(kind_in_words(each.detail), []).append(each)
        for kind, forecasts in of_kind.items():
            say(f"And {counted(len(forecasts), kind)}, such as:")
            for pattern in forecasts[:FORECASTS_SHOWN]:
                OUT.print(
                    Text(f"      {claim(pattern)} "),
                    Text(short_id(pattern), style="dim"),
                    sep="",
                    soft_wrap=True,
                )
            say()


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
