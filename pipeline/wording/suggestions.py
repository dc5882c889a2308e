"""Suggestions in words: what an automation does, what speaks for it, and what it is good for."""

from collections.abc import Sequence

from pipeline.wording.naming import cut, short_name, whole_name
from pipeline.wording.phrases import PEOPLE, Namer, does, done, listed, on_days, only, when
from pipeline.wording.sentences import counted, short_time
from schemas.automations import Action, Automation, Requirement, StateTrigger, SunTrigger, TimeTrigger
from schemas.patterns import AtHome, Weekday
from schemas.suggestions import Category, Experience, Priority, Suggestion, Trial

LONGEST_TITLE = 80
# As much of a name as a title has room for, tried one after the other.
ROOM = (60, 32, 24, 16, 12)
OFF = (".turn_off", ".close_cover")
SURE, UNSURE = 0.9, 0.8
OFTEN_A_DAY, SELDOM_A_DAY = 1 / 2, 1 / 7
COMFORT = frozenset({"light", "climate", "cover", "fan", "humidifier"})


def title(automation: Automation) -> str:
    """Say in at most 80 characters what an automation does; under which conditions only where that fits.

    Examples
    --------
    >>> lamp = Action(service="light.turn_on", entity_id="light.hall_lamp")
    >>> weekdays = Weekday(days=(0, 1, 2, 3, 4))
    >>> title(Automation(trigger=TimeTrigger(minute=425), conditions=(weekdays,), actions=(lamp,)))
    'Turn on hall lamp at 07:05 on weekdays'
    >>> opened = StateTrigger(entity_id="binary_sensor.front_door", to="on")
    >>> title(Automation(trigger=opened, actions=(lamp,)))
    'When front door opens, turn on hall lamp'
    """
    said = [_title(automation, room) for room in ROOM]
    under = [only(each, short_name) for each in _conditions(automation)]
    tried = [", ".join([said[0], listed(under)]), *said] if under else said
    return next((each for each in tried if len(each) <= LONGEST_TITLE), cut(said[-1], LONGEST_TITLE))


def description(automation: Automation) -> str:
    """Say in sentences what an automation does, when, and only if what.

    Examples
    --------
    >>> on = Action(service="light.turn_on", entity_id="light.hall", data={"brightness": 128})
    >>> off = Action(service="light.turn_off", entity_id="light.hall", after_seconds=300)
    >>> print(description(Automation(trigger=SunTrigger(event="sunset"), actions=(on, off))))
    At sunset every day, the automation turns on hall (light) at 50 % brightness.
    5 min later it turns off hall (light).
    """
    first, *others = automation.actions
    wait = f"waits {short_time(first.after_seconds)} and " if first.after_seconds else ""
    sentences = [f"{_begin(automation, whole_name)}, the automation {wait}{does(first, whole_name)}."]
    for action in others:
        later = f"{short_time(action.after_seconds)} later" if action.after_seconds else "Then"
        sentences.append(f"{later} it {does(action, whole_name)}.")
    under = [only(each, whole_name) for each in _conditions(automation)]
    if under:
        sentences.append(f"It does so only {listed(under)}.")
    return " ".join(sentences)


def proof(trial: Trial) -> str:
    """Say what an automation would have done on the home's own past.

    Examples
    --------
    >>> from datetime import date
    >>> days = {"first_day": date(2026, 10, 1), "last_day": date(2026, 10, 30), "days": 30}
    >>> rates = {"wanted_per_day": 0.8, "unwanted_per_day": 0.1, "regret": -0.5}
    >>> print(proof(Trial(**days, **rates, fired=27, wanted=25, unwanted=2, missed=3)))
    It would have run 27 times in the last 30 days: 25 as you did it yourself, 2 when you did not; you did it
    3 times without it.
    >>> proof(Trial(**days, **rates, fired=1, wanted=1, unwanted=0, missed=0))
    'It would have run once in the last 30 days, as you did it yourself; you never did it without it.'
    """
    if not trial.days:
        return "There are no days yet on which it could be tried."
    past = "on the last day" if trial.days == 1 else f"in the last {trial.days:,} days"
    if not trial.fired:
        alone = f"you did it {_times(trial.missed)} without it" if trial.missed else "nor did you do it"
        return f"It would never have run {past}; {alone}."
    alone = f"you did it {_times(trial.missed)}" if trial.missed else "you never did it"
    return f"It would have run {_times(trial.fired)} {past}{_shares(trial)}; {alone} without it."


def experience_in_words(experience: Experience) -> str:
    """Say what became of suggestions like it; empty where there were none.

    Examples
    --------
    >>> experience_in_words(Experience(kept=4, undone=1, probability=0.7))
    'Of 5 suggestions like it, 4 were kept and 1 was not.'
    """
    kept, undone = experience.kept, experience.undone
    if kept + undone == 0:
        return ""
    if kept + undone == 1:
        return f"The only suggestion like it so far was {'kept' if kept else 'not kept'}."
    said = f"Of {counted(kept + undone, 'suggestion')} like it, "
    if not kept or not undone:
        return f"{said}{'none was' if not kept else 'all were'} kept."
    return f"{said}{kept:,} {_were(kept)} kept and {undone:,} {_were(undone)} not."


def suggestion_text(suggestion: Suggestion) -> str:
    """Say a suggestion whole: title, description, proof, and what became of others like it."""
    said = (
        f"{suggestion.title}.",
        suggestion.description,
        proof(suggestion.trial),
        experience_in_words(suggestion.experience),
    )
    return " ".join(filter(None, said))


def category(automation: Automation) -> Category:
    """Return the category of an automation, by the first thing that it does.

    Switching anything off is energy; whatever else is done as somebody leaves, or while nobody is at home, is
    security; light, warmth, air and covers are comfort; all else is convenience.

    Examples
    --------
    >>> off = Action(service="light.turn_off", entity_id="light.hall")
    >>> category(Automation(trigger=TimeTrigger(minute=0), actions=(off,))).value
    'energy'
    """
    first = automation.actions[0]
    if first.service.endswith((".turn_off", ".media_stop")) or first.data.get("hvac_mode") == "off":
        return Category.ENERGY
    if _is_for_leaving(automation):
        return Category.SECURITY
    is_comfort = first.entity_id.partition(".")[0] in COMFORT
    return Category.COMFORT if is_comfort else Category.CONVENIENCE


def priority(trial: Trial, confidence: float) -> Priority:
    """Return the priority of a suggestion.

    High where at least .9 of its runs are wanted, and one every other day; low where less than .8 are,
    or less than one a week; else medium.
    """
    if confidence < UNSURE or trial.wanted_per_day < SELDOM_A_DAY:
        return Priority.LOW
    if confidence >= SURE and trial.wanted_per_day >= OFTEN_A_DAY:
        return Priority.HIGH
    return Priority.MEDIUM


def _title(automation: Automation, room: int) -> str:
    def named(entity_id: str) -> str:
        return short_name(entity_id, room)

    first, *others = automation.actions
    further = {each.entity_id for each in others} - {first.entity_id}
    what = done(first, named) + (f" and {len(further)} more" if further else _for_how_long(first, others))
    start = _begin(automation, named)
    if not _is_by_time(automation):
        return f"{start}, {what}"
    start = start.removesuffix(" every day")
    return f"{what[0].upper()}{what[1:]} {start[0].lower()}{start[1:]}"


def _begin(automation: Automation, named: Namer) -> str:
    """When an automation runs; with the days, where that is a time."""
    start = when(automation.trigger, named)
    return f"{start} {on_days(automation.weekdays)}" if _is_by_time(automation) else start


def _is_for_leaving(automation: Automation) -> bool:
    match automation.trigger:
        case StateTrigger(entity_id=who, to="not_home") if who.startswith(PEOPLE):
            return True
        case _:
            return AtHome(somebody=False) in automation.conditions


def _is_by_time(automation: Automation) -> bool:
    return isinstance(automation.trigger, TimeTrigger | SunTrigger)


def _conditions(automation: Automation) -> list[Requirement]:
    """The conditions that are not said with the time."""
    by_time = _is_by_time(automation)
    return [each for each in automation.conditions if not (by_time and isinstance(each, Weekday))]


def _for_how_long(first: Action, others: Sequence[Action]) -> str:
    """Say how long the first action lasts, if the only action that follows takes it back."""
    back = others[0] if len(others) == 1 else None
    takes_back = back is not None and back.service != first.service and back.service.endswith(OFF)
    return f" for {short_time(back.after_seconds)}" if back and takes_back and back.after_seconds else ""


def _shares(trial: Trial) -> str:
    """Say how many of the runs were wanted, as it goes on from how many there were."""
    if trial.wanted == trial.fired:
        return f", {'' if trial.fired == 1 else 'each time '}as you did it yourself"
    if trial.unwanted == trial.fired:
        return f", {'' if trial.fired == 1 else 'each time '}when you did not do it"
    return f": {trial.wanted:,} as you did it yourself, {trial.unwanted:,} when you did not"


def _times(count: int) -> str:
    return "once" if count == 1 else counted(count, "time")


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
