import pytest
import yaml

from benchmarks.review_desk import ReviewDesk, a_suggestion
from pipeline.backtest.runner import BacktestError
from pipeline.settings import Settings
from schemas.automations import Automation, InState, TimeTrigger
from schemas.commands import Modification, Verb
from schemas.patterns import Evidence, Pattern, TimeOfDayDetail, Weekday
from schemas.suggestions import Opinion, Status, Trial
from sinks.home_assistant import HomeAssistantReader
from tests.pipeline.review.reviewing import (
    ANSWERED,
    CHANGED,
    FEEDBACK,
    GENERATED,
    LAMP,
    desk,
    home_assistant,
    now,
    postgresql_server,
    postgresql_url,
    reasons,
    settings,
    sqlite_url,
    url,
)
from tests.sinks.fake_home_assistant import FakeHomeAssistant

__all__ = ["desk", "home_assistant", "postgresql_server", "postgresql_url", "settings", "sqlite_url", "url"]

BEDSIDE = "light.bedside"
LATER = Modification(minute=420)


def a_pattern() -> Pattern:
    """The habit that the suggestion follows."""
    evidence = Evidence(
        opportunities=30, hits=27, misses=3, base_rate=0.1, lift=9, interval=(0.8, 0.97), e_value=1e6
    )
    detail = TimeOfDayDetail(
        entity_id="light.lamp_390",
        state="on",
        minute=390,
        spread_minutes=5,
        days=tuple(range(7)),
        anchor="clock",
    )
    moment = LAMP.created_at
    made = Pattern.of(
        detail,
        home="home",
        confidence=0.9,
        occurrences=27,
        first_seen=moment,
        last_seen=moment,
        evidence=evidence,
    )
    return made.model_copy(update={"id": LAMP.pattern_id})


class Bench:
    """A workshop that tries nothing: what it was asked, and what it says."""

    def __init__(self, desk: ReviewDesk, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[Pattern, Automation]] = []
        self.trial = LAMP.trial.model_copy(update={"fired": 20, "wanted": 20, "unwanted": 0})
        self.error: BacktestError | None = None
        monkeypatch.setattr(desk.reviewer._modifier._runner, "try_out", self.try_out)
        with desk.store.begin() as transaction:
            transaction.save_patterns([a_pattern()], 1)

    async def try_out(self, pattern: Pattern, automation: Automation) -> Trial:
        """Note what is asked."""
        self.asked.append((pattern, automation))
        if self.error:
            raise self.error
        return self.trial


@pytest.fixture
def bench(desk: ReviewDesk, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """What tries automations on the past."""
    return Bench(desk, monkeypatch)


async def test_a_modification_makes_another_version_that_waits(desk: ReviewDesk, bench: Bench) -> None:
    """It has its own trial, words and YAML, is told anew, and nothing is deployed by it."""
    await desk.send(desk.command(Verb.MODIFY, LAMP, change=LATER, text="later"))
    changed = now(desk)
    assert (changed.version, changed.status, changed.created_at) == (2, Status.PENDING, LAMP.created_at)
    assert changed.automation == LAMP.automation.model_copy(update={"trigger": TimeTrigger(minute=420)})
    assert changed.trial == bench.trial
    assert bench.asked == [(a_pattern(), changed.automation)]
    assert "07:00" in changed.automation_yaml
    assert "07:00" in changed.description
    assert [said.topic for said in desk.said()] == [CHANGED, GENERATED, FEEDBACK, ANSWERED]
    assert desk.said(GENERATED)[0].payload["suggestion"] == changed.told()
    assert [each.opinion for each in desk.store.suggestions.feedback()] == [Opinion.MODIFIED]
    assert desk.store.suggestions.deployments() == []


async def test_only_the_version_that_stands_can_be_approved(desk: ReviewDesk, bench: Bench) -> None:
    """What was seen before the modification is not what would be deployed."""
    await desk.send(desk.command(Verb.MODIFY, LAMP, change=LATER))
    await desk.send(desk.command(Verb.APPROVE, LAMP))
    assert (now(desk).status, reasons(desk)) == (Status.PENDING, ["changed"])
    await desk.send(desk.command(Verb.APPROVE, now(desk)))
    row = desk.store.suggestions.deployment(LAMP.id)
    assert row is not None
    assert row.wanted == len(bench.asked) + 1 == 2


async def test_a_modification_is_tried_once(desk: ReviewDesk, bench: Bench) -> None:
    """Sent again it is neither tried nor made again: neither the same command nor another on what was."""
    command = desk.command(Verb.MODIFY, LAMP, change=LATER)
    for again in (command, command, desk.command(Verb.MODIFY, LAMP, change=LATER)):
        await desk.send(again)
    assert len(bench.asked) == 1
    assert now(desk).version == 2
    assert reasons(desk) == ["replayed", "changed"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (None, "modification"),
        (Modification(minute=390), "modification"),
        (Modification(offset_minutes=5), "modification"),
        (Modification(entity_id="switch.lamp"), "modification"),
        (Modification(entity_id=BEDSIDE), "modification"),
    ],
)
async def test_what_cannot_be_made_is_refused_in_words(
    desk: ReviewDesk, bench: Bench, change: Modification | None, code: str
) -> None:
    """Nothing to change, another kind, or what cannot be looked up: nothing is tried, and it is said why."""
    await desk.send(desk.command(Verb.MODIFY, LAMP, change=change))
    assert (now(desk), bench.asked, reasons(desk)) == (LAMP, [], [code])
    assert not desk.said(ANSWERED)[0].payload["accepted"]


async def test_a_modification_passes_the_same_checks(
    desk: ReviewDesk, bench: Bench, home_assistant: FakeHomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A condition on what is not there is refused; another lamp that is there is taken."""
    for entity_id in ("light.lamp_390", BEDSIDE):
        home_assistant.add_entity(entity_id)
    reader = HomeAssistantReader(home_assistant.url, home_assistant.reader_token)
    monkeypatch.setattr(desk.reviewer._modifier, "_reader", reader)
    nobody = Modification(condition=InState(entity_id="person.nobody", state="home"))
    await desk.send(desk.command(Verb.MODIFY, LAMP, change=nobody))
    assert (now(desk), bench.asked, reasons(desk)) == (LAMP, [], ["unfit"])
    await desk.send(desk.command(Verb.MODIFY, LAMP, change=Modification(entity_id=BEDSIDE)))
    assert [action.entity_id for action in now(desk).automation.actions] == [BEDSIDE]


async def test_a_suggestion_does_not_stand_in_its_own_way(desk: ReviewDesk, bench: Bench) -> None:
    """What would be a duplicate beside it may take its place; what is one of another suggestion may not."""
    on_weekdays = Modification(condition=Weekday(days=(0, 1, 2, 3, 4)))
    await desk.send(desk.command(Verb.MODIFY, LAMP, change=on_weekdays))
    assert now(desk).version == len(bench.asked) + 1 == 2
    twin = a_suggestion(391).model_copy(update={"automation": LAMP.automation})
    desk.add(twin)
    late = Modification(minute=391)
    await desk.send(desk.command(Verb.MODIFY, now(desk), change=late))
    assert reasons(desk) == ["unfit"]


async def test_its_own_automation_does_not_stand_in_its_way(
    desk: ReviewDesk, bench: Bench, home_assistant: FakeHomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was deployed of it is no duplicate of it; the same by somebody else's id is one."""
    home_assistant.add_entity("light.lamp_390")
    reader = HomeAssistantReader(home_assistant.url, home_assistant.reader_token)
    monkeypatch.setattr(desk.reviewer._modifier, "_reader", reader)
    config = yaml.safe_load(LAMP.automation_yaml)
    home_assistant.add_automation("somebodys", config)
    late = Modification(minute=391)
    await desk.send(desk.command(Verb.MODIFY, LAMP, change=late))
    assert reasons(desk) == ["unfit"]
    home_assistant.remove_automation("somebodys")
    home_assistant.add_automation(LAMP.automation_id, config)
    await desk.send(desk.command(Verb.MODIFY, LAMP, change=late))
    assert now(desk).version == len(bench.asked)


async def test_what_runs_too_often_is_not_made(desk: ReviewDesk, bench: Bench) -> None:
    """What the trial shows counts as for any new suggestion."""
    bench.trial = bench.trial.model_copy(update={"fired": 100_000})
    await desk.send(desk.command(Verb.MODIFY, LAMP, change=LATER))
    assert (now(desk), reasons(desk)) == (LAMP, ["unfit"])


async def test_what_could_not_be_tried_is_not_made(desk: ReviewDesk, bench: Bench) -> None:
    """A workshop that fails is said, and the person can ask again."""
    bench.error = BacktestError("it took too long")
    await desk.send(desk.command(Verb.MODIFY, LAMP, change=LATER))
    assert (now(desk), reasons(desk)) == (LAMP, ["untried"])
    bench.error = None
    await desk.send(desk.command(Verb.MODIFY, LAMP, change=LATER))
    assert now(desk).version == 2


async def test_a_modification_that_came_to_nothing_is_not_tried_again(desk: ReviewDesk, bench: Bench) -> None:
    """Whoever sends it again and again does not get a backtest each time."""
    bench.error = BacktestError("it took too long")
    command = desk.command(Verb.MODIFY, LAMP, change=LATER)
    for _ in range(3):
        await desk.send(command)
    assert len(bench.asked) == 1
    assert reasons(desk) == ["untried", "replayed", "replayed"]
    assert len(desk.said(ANSWERED)) == 1


async def test_a_habit_that_is_forgotten_cannot_be_tried(desk: ReviewDesk) -> None:
    """Without its pattern nobody knows on which occasions it was wanted."""
    await desk.send(desk.command(Verb.MODIFY, LAMP, change=LATER))
    assert (now(desk), reasons(desk)) == (LAMP, ["forgotten"])


async def test_what_was_decided_meanwhile_is_not_modified(
    desk: ReviewDesk, bench: Bench, settings: Settings
) -> None:
    """While it is tried, another reviewer rejects it: the rejection stays."""
    other = ReviewDesk(settings)
    try_out = bench.try_out

    async def rejected_meanwhile(pattern: Pattern, automation: Automation) -> Trial:
        await other.send(other.command(Verb.REJECT, LAMP))
        return await try_out(pattern, automation)

    desk.reviewer._modifier._runner.try_out = rejected_meanwhile  # type: ignore[method-assign]
    await desk.send(desk.command(Verb.MODIFY, LAMP, change=LATER))
    other.close()
    assert (now(desk).status, now(desk).version) == (Status.REJECTED, 1)
    assert reasons(desk) == ["settled"]
