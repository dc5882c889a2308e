"""Suggestions as they are shown."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from schemas.automations import Action, Automation, TimeTrigger
from schemas.patterns import PatternType
from schemas.statuses import HubState
from schemas.suggestions import Category, Priority, Suggestion, Trial

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
YAML = "alias: Turn on hall lamp\ntrigger:\n- platform: time\n  at: '07:05:00'\n"
HOSTILE = (
    "{{ states('lock.door') }}{% raw %}",
    "line\nbreak\r\x00\x1b[31m",
    "\u202egnp.exe\u2066 turned",
    "'\": [}] - !!python/object:os.system",
    "<script>alert(1)</script> ![x](http://a.b)",
    "x" * 10_000,
    "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16") * 300,
    " \u2028\u2029\t ",
)


def trial(count: int = 25) -> Trial:
    """A trial of thirty days with so many wanted runs."""
    days = [date(2026, 10, 1) + timedelta(days=each) for each in range(count)]
    return Trial(
        first_day=date(2026, 10, 1), last_day=date(2026, 10, 30), days=30,
        fired=count + 2, wanted=count, unwanted=2, missed=3,
        wanted_dates=tuple(days), unwanted_dates=tuple(days[:2]), missed_dates=tuple(days[:3]),
        wanted_per_day=0.8, unwanted_per_day=0.07, regret=-0.6,
    )  # fmt: skip


def suggestion(number: int = 1, **changed: Any) -> Suggestion:
    """A suggestion, pending unless it is said otherwise."""
    plain: dict[str, Any] = {
        "id": f"{number:016x}",
        "home": "home",
        "pattern_id": "p1",
        "pattern_type": PatternType.TIME_OF_DAY,
        "title": "Turn on hall lamp at 07:05 on weekdays",
        "description": "At 07:05 on weekdays, the automation turns on hall lamp.",
        "automation": Automation(
            trigger=TimeTrigger(minute=425),
            actions=(Action(service="light.turn_on", entity_id="light.hall_lamp"),),
        ),
        "automation_yaml": YAML,
        "category": Category.COMFORT,
        "priority": Priority.HIGH,
        "confidence": 0.9,
        "trial": trial(),
        "conflicts": ("Evening lamp turns off hall lamp too.",),
        "created_at": NOW - timedelta(hours=number),
        "updated_at": NOW,
    }
    return Suggestion.model_validate({**plain, **changed})


def hub(**changed: Any) -> HubState:
    """What the hub shows of a home where nothing is known."""
    plain = {"patterns": 0, "pending": 0, "deployed": 0, "gaps": 0, "learning": "ON"}
    return HubState.model_validate({**plain, "minimum_confidence": 0.75, **changed})
