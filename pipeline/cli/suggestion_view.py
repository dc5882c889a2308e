"""Suggestions as a terminal shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from rich.table import Table
from rich.text import Text

from pipeline.cli import SHORT_ID
from pipeline.cli.store_reader import INDENT
from pipeline.cli.terminal import OUT, readable, say
from pipeline.wording.pictures import WEEKS_AT_MOST, weeks
from pipeline.wording.suggestions import experience_in_words, proof
from schemas.automations import Automation
from schemas.suggestions import Status, Suggestion, Trial

WANTED, UNWANTED, MISSED, MIXED, NOTHING = "●", "○", "·", "◐", " "
LEGEND = (
    f"{WANTED} wanted   {UNWANTED} unwanted   {MISSED} missed: you did it without it   {MIXED} more than one"
)
SETTLED = (Status.REJECTED, Status.RETIRED)
DATES_SHOWN = 10
LIST_INDENT = 3 * INDENT


@dataclass(frozen=True, slots=True)
class TrialDay:
    """A day on which an automation was tried, and what it was: each kind has its sign."""

    day: date
    wanted: bool
    unwanted: bool
    missed: bool

    @property
    def mark(self) -> str:
        """One character."""
        kinds = ((self.wanted, WANTED), (self.unwanted, UNWANTED), (self.missed, MISSED))
        signs = [sign for is_so, sign in kinds if is_so]
        return MIXED if len(signs) > 1 else "".join(signs) or NOTHING


def table(suggestions: Sequence[Suggestion], now: datetime) -> Table:
    """A line each: what, how it did on the past, what became of it, how sure it is, and its id.

    The days up to which some are put off are those of the zone of `now`.
    """
    made = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0), header_style="bold")
    made.add_column("What", ratio=1)
    for name in ("Wanted", "Missed", "Status", "Confidence", "Id"):
        made.add_column(name, justify="right", no_wrap=name != "Status")
    for each in suggestions:
        made.add_row(
            Text(readable(each.title)),
            f"{each.trial.wanted} of {each.trial.fired}",
            str(each.trial.missed),
            standing(each, now),
            f"{each.confidence:.0%}",
            each.id[:SHORT_ID],
            style="dim" if each.status in SETTLED else None,
        )
    return made


def show_brief(suggestion: Suggestion) -> None:
    """One among several: its title and its proof."""
    OUT.print(Text(f"{LIST_INDENT}{readable(suggestion.title)}", style="bold"), soft_wrap=True)
    OUT.print(Text(f"{LIST_INDENT}{proof(suggestion.trial)}"), soft_wrap=True)


def show_offer(suggestion: Suggestion) -> None:
    """Show what a command is about: title, what it does, and its proof."""
    OUT.print(Text(readable(suggestion.title), style="bold"))
    OUT.print(Text(readable(suggestion.description)))
    OUT.print(Text(proof(suggestion.trial)))
    for conflict in suggestion.conflicts:
        OUT.print(Text(f"Mind: {readable(conflict)}", style="yellow"))


def standing(suggestion: Suggestion, now: datetime) -> str:
    """Return a suggestion's status in words; it may be put off until a day of the zone of `now`."""
    until = suggestion.snoozed_until
    if suggestion.status is not Status.PENDING or until is None or not suggestion.is_snoozed(now):
        return suggestion.status.value
    day = until.astimezone(now.tzinfo)
    return f"put off until {day.day} {day:%b}" + (f" {day.year}" if day.year != now.year else "")


def show_whole(suggestion: Suggestion, now: datetime) -> None:
    """Everything that is known of a suggestion, with the dates behind its proof and the YAML to copy."""
    show_offer(suggestion)
    about = f"{suggestion.category}, {suggestion.priority} priority, confidence {suggestion.confidence:.0%}"
    state = f"{standing(suggestion, now)}, version {suggestion.version}, id {suggestion.id}"
    OUT.print(Text(f"{about}; {state}", style="dim"))
    if suggestion.reason:
        OUT.print(Text(f"Reason: {readable(suggestion.reason)}"))
    show_days(suggestion.trial, suggestion.automation)
    if known := experience_in_words(suggestion.experience):
        OUT.print(Text(f"\n{known}"))
    if suggestion.ha_entity_id:
        OUT.print(Text(f"\nIn Home Assistant it is {readable(suggestion.ha_entity_id)}."))
    OUT.print(Text("\nTo copy", style="bold"))
    for line in suggestion.automation_yaml.splitlines():
        say(readable(line))


def show_days(trial: Trial, automation: Automation) -> None:
    """On which days it would have been wanted, unwanted or missed."""
    marks = days(trial, automation)
    if not marks:
        return
    say()
    for line in (*weeks(marks), LEGEND):
        OUT.print(Text(f"{INDENT}{line}", style="cyan"), soft_wrap=True)
    for dates, words in ((trial.unwanted_dates, "Unwanted"), (trial.missed_dates, "Missed")):
        if dates:
            OUT.print(Text(f"{words}: {_dated(dates)}"))


def days(trial: Trial, automation: Automation) -> list[TrialDay]:
    """Each day of the last weeks on which it was tried, oldest first; missed only where it is to run."""
    if not (trial.wanted_dates or trial.unwanted_dates or trial.missed_dates):
        return []
    first = max(trial.first_day, trial.last_day - timedelta(weeks=WEEKS_AT_MOST))
    weekdays = automation.weekdays
    missed = {day for day in trial.missed_dates if day.weekday() in weekdays}
    every = [first + timedelta(number) for number in range((trial.last_day - first).days + 1)]
    return [
        TrialDay(day, day in trial.wanted_dates, day in trial.unwanted_dates, day in missed) for day in every
    ]


def _dated(dates: Sequence[date]) -> str:
    told = sorted(set(dates))[-DATES_SHOWN:]
    before = "among others " if len(told) < len(set(dates)) else ""
    return before + ", ".join(f"{day.day} {day:%b}" for day in told)
