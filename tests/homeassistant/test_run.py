"""The product beside a real Home Assistant: what it sees, what it makes of it, what comes back."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import astuple
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from pydantic import SecretStr

from pipeline.core.attribution import attribute
from pipeline.learn.gap_tracker import KEEPALIVE_US, REORDERED_US
from pipeline.runtime.home import read_home
from pipeline.settings import Settings
from schemas.events import NOT_RUNNING
from schemas.patterns import TimeOfDayDetail
from tests.homeassistant.changes import Change, behaviours
from tests.homeassistant.home import HomeAssistant, Outage
from tests.homeassistant.product import Product
from tests.homeassistant.script import Activity, act
from tests.homeassistant.traces import Traces

pytestmark = [pytest.mark.homeassistant, pytest.mark.asyncio(loop_scope="session")]

ZONE = "Europe/Amsterdam"
HABIT = ("light.kitchen_lamp", "on")
MOTION = "binary_sensor.hall_motion"
MOST_TURNS, TURN_S = 6, 3.0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def products(
    home_assistant: HomeAssistant, traces: Traces, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, Product]]:
    """The product on either stream of Home Assistant, from before the scripted minute to the end.

    The home has lived before: the state stream tells the first change of an entity without its old state.
    """
    await act(home_assistant, rounds=1)
    folder = tmp_path_factory.mktemp("products")
    made = {
        name: Product(home_assistant, folder / name, name, INPUT=name)
        for name in ("eventstream", "statestream")
    }
    async with traces.none_left(), AsyncExitStack() as stack:
        for product in made.values():
            stack.push_async_callback(product.remove)
        await asyncio.gather(*(product.start() for product in made.values()))
        yield made


@pytest.fixture(scope="module")
def product(products: dict[str, Product]) -> Product:
    """The product as people run it: on the event stream."""
    return products["eventstream"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def activity(home_assistant: HomeAssistant, products: dict[str, Product]) -> Activity:
    """The scripted minute, lived once while the products run."""
    lived = await act(home_assistant)
    for product in products.values():
        await product.await_bookmark(lived.until_us)
    return lived


def told(change: Change) -> tuple[object, ...]:
    """Return what either stream tells of a change."""
    return change.entity_id, change.old_state, change.new_state, change.at_us


def causes_in(product: Product, since_us: int, until_us: int) -> list[tuple[str, str, str]]:
    """Return entity, state and cause of what was learned of discrete entities between two bookmarks."""
    learned = []
    for day in product.learned().open_days().values():
        records = day.records()
        causes, _ = attribute(day, records)
        learned += [
            (record.entity_id, record.state, cause.name.lower())
            for record, cause in zip(records, causes, strict=True)
            if since_us // 1000 < record.at_ms < until_us // 1000
        ]
    return learned


async def test_the_journal_is_what_counts_in_the_recorder_row_for_row(
    home_assistant: HomeAssistant, product: Product, activity: Activity
) -> None:
    """Every recorded change of state is in the journal with its time and its contexts, and nothing else."""
    recorded = home_assistant.recorded(activity.since_us, activity.until_us)
    behaved = behaviours(recorded)
    assert len(behaved) == len(activity.effects)
    assert product.journal(activity.since_us, activity.until_us) == behaved


async def test_causes_are_those_of_the_script(product: Product, activity: Activity) -> None:
    """People, automations of either kind and hands at devices are told apart."""
    discrete = [astuple(effect) for effect in activity.effects if not effect.entity_id.startswith("sensor.")]
    assert causes_in(product, activity.since_us, activity.until_us) == discrete


async def test_a_hand_at_the_switch_right_after_a_call_is_seen(
    home_assistant: HomeAssistant, product: Product
) -> None:
    """An override within five seconds bears the context of the call, and is the hand's all the same."""
    since_us = await home_assistant.mark()
    await home_assistant.call_service("light.turn_on", "light.hall_lamp")
    await home_assistant.await_state("light.hall_lamp", "on")
    await home_assistant.wire.report("light.hall_lamp", "off")
    await home_assistant.await_state("light.hall_lamp", "off")
    until_us = await home_assistant.mark()
    await product.await_bookmark(until_us)
    assert len({change.context_id for change in product.journal(since_us, until_us)}) == 1
    assert causes_in(product, since_us, until_us) == [
        ("light.hall_lamp", "on", "user"),
        ("light.hall_lamp", "off", "physical"),
    ]


async def test_what_the_clock_sets_off_is_an_automation(
    home_assistant: HomeAssistant, product: Product
) -> None:
    """A clock's automation is told by its own run, and who undoes it at once by the missing call."""
    since_us = await home_assistant.mark()
    # A time trigger knows whole seconds: two ahead are one at least.
    await home_assistant.call_service(
        "input_datetime.set_datetime", "input_datetime.alarm", timestamp=time.time() + 2
    )
    await home_assistant.await_state("switch.fan", "on")
    await home_assistant.wire.report("switch.fan", "off")
    await home_assistant.await_state("switch.fan", "off")
    until_us = await home_assistant.mark()
    await product.await_bookmark(until_us)
    of_the_fan = [each for each in causes_in(product, since_us, until_us) if each[0] == "switch.fan"]
    assert of_the_fan == [("switch.fan", "on", "automation"), ("switch.fan", "off", "physical")]


async def test_the_state_stream_tells_the_same_changes(
    products: dict[str, Product], activity: Activity
) -> None:
    """Both inputs give the same entities, states and times; the state stream knows no contexts."""
    journals = {
        name: [told(change) for change in product.journal(activity.since_us, activity.until_us)]
        for name, product in products.items()
    }
    assert journals["statestream"] == journals["eventstream"]


async def test_what_happens_while_it_is_away_is_learned_at_its_return(
    home_assistant: HomeAssistant, products: dict[str, Product], activity: Activity
) -> None:
    """It stops in order and finds at the broker whatever was published meanwhile: no row less."""
    assert activity.effects, "the home has lived before"
    assert [await product.stop() for product in products.values()] == [0, 0]
    away = await act(home_assistant, rounds=1)
    await asyncio.gather(*(product.start() for product in products.values()))
    recorded = home_assistant.recorded(away.since_us, away.until_us)
    behaved = behaviours(recorded)
    for product in products.values():
        await product.await_bookmark(away.until_us)
        journal = product.journal(away.since_us, away.until_us)
        assert [told(change) for change in journal] == [told(change) for change in behaved]
        # From its last sign to the first event after it nothing shows that the home was quiet.
        gaps = product.gaps(away.since_us, away.until_us)
        assert {gap.reason for gap in gaps} <= {NOT_RUNNING}
        assert all(gap.to_us <= behaved[0].at_us for gap in gaps)


async def counted(at_us: int, home_assistant: HomeAssistant, product: Product) -> int:
    """Return a bookmark that counts, the one of that time if it does, else one that is turned later.

    Where no user is told, what changes within ten seconds of its appearance counts as a start's.
    """
    for _ in range(MOST_TURNS):
        await asyncio.sleep(TURN_S)
        if product.journal(at_us - 1, at_us + 1):
            return at_us
        at_us = await home_assistant.mark()
    raise AssertionError(f"expected one of {MOST_TURNS} bookmarks to count, {TURN_S} s apart")


@pytest.mark.parametrize(
    ("event", "reason"),
    [("restart", "home_assistant"), ("kill_and_start", "home_assistant"), ("restart_broker", "broker")],
)
async def test_an_outage_is_one_gap_and_no_behaviour(
    home_assistant: HomeAssistant,
    products: dict[str, Product],
    activity: Activity,
    event: Outage,
    reason: str,
) -> None:
    """What comes and goes with a restart is nobody's doing, and the time without sight is told once."""
    assert activity.effects, "the home has lived before"
    since_us, first_us = await home_assistant.outage(event, anew=True)
    for source, product in products.items():
        has_users = source == "eventstream"
        until_us = first_us if has_users else await counted(first_us, home_assistant, product)
        await product.await_bookmark(until_us)
        assert product.journal(since_us, until_us) == []
        [gap] = product.gaps(since_us, until_us)
        assert gap.reason == reason
        # It begins at the last proof of delivery: who is killed takes along what it had not sent yet.
        before_us = KEEPALIVE_US if event == "kill_and_start" else REORDERED_US
        assert since_us - before_us <= gap.from_us < gap.to_us <= until_us


async def test_place_and_rooms_come_from_home_assistant(
    home_assistant: HomeAssistant, product: Product
) -> None:
    """A reader's token tells zone and position, and the area of an entity or else of its device."""
    lamp, motion = "light.hall_lamp", "binary_sensor.hall_motion"
    token = SecretStr(home_assistant.reader.token)
    async with home_assistant.area("Upstairs") as upstairs, home_assistant.area("Hall") as hall:
        await home_assistant.ask("config/entity_registry/update", entity_id=lamp, area_id=upstairs)
        entity = await home_assistant.ask("config/entity_registry/get", entity_id=motion)
        device = entity["device_id"]
        await home_assistant.ask("config/device_registry/update", device_id=device, area_id=hall)
        home = await read_home(Settings(home_assistant_url=home_assistant.url, home_assistant_token=token))
    assert (home.tz, home.lat, home.lon) == (ZONE, 52.37, 4.9)
    assert home.rooms == {lamp: "Upstairs", motion: "Hall"}
    assert {start["tz"] for start in product.starts()} == {ZONE}


async def test_the_doctor_finds_nothing_wrong(
    home_assistant: HomeAssistant, product: Product, tmp_path: Path
) -> None:
    """Home Assistant, its zone, both tokens, the broker and what it keeps for a session are in order."""
    token = tmp_path / "token"
    token.touch(0o600)
    token.write_text(home_assistant.owner.token)
    said = await product.command("doctor", "--json", TZ=ZONE, DEPLOYER_TOKEN_FILE=token)
    findings = [json.loads(line) for line in said.splitlines()]
    assert [finding for finding in findings if finding["verdict"] == "wrong"] == []
    in_order = {finding["check"] for finding in findings if finding["verdict"] == "ok"}
    assert in_order >= {"Home Assistant", "time zone", "broker", "durable session", "command key"}
    assert in_order >= {"deployer", "automations", "discovery"}


@pytest.mark.story
async def test_a_habit_of_the_past_month_runs_an_automation(
    home_assistant: HomeAssistant, product: Product, tmp_path: Path
) -> None:
    """What is replayed is learned, and the message of what was found sets off who waits for it."""
    await home_assistant.call_service("input_boolean.turn_off", "input_boolean.pattern_seen")
    since_us = await home_assistant.mark()
    log = tmp_path / "month.csv"
    log.write_text(past_month())
    await product.command("replay", log, "--shift-to-now", "--tz", ZONE)
    seen = await home_assistant.await_state("input_boolean.pattern_seen", "on", timeout_s=60)
    recorded = home_assistant.recorded(since_us, await home_assistant.mark())
    runs = {change.context_id for change in recorded if change.entity_id == "automation.pattern_seen"}
    assert seen["context"]["id"] in runs
    details = [pattern.detail for pattern in product.patterns()]
    [habit] = [
        detail
        for detail in details
        if isinstance(detail, TimeOfDayDetail) and (detail.entity_id, detail.state) == HABIT
    ]
    assert abs(habit.minute - 7 * 60) < 5
    await home_assistant.call_service("input_boolean.turn_off", "input_boolean.pattern_seen")


def past_month() -> str:
    """Return a log of thirty local days that end today: a lamp at seven, and motion at any time."""
    rng = Random(7)
    lines = ["ts,entity_id,state"]
    for day in range(30):
        midnight = datetime(2026, 3, 1, tzinfo=ZoneInfo(ZONE)) + timedelta(days=day)
        if day == 29:
            # The log's last day will be today, of which nothing but the first second has surely passed.
            lines.append(f"{midnight.isoformat()},{MOTION},on")
            break
        on = midnight + timedelta(hours=7, minutes=rng.gauss(0, 3))
        events = [(on, *HABIT), (on + timedelta(minutes=rng.uniform(20, 50)), HABIT[0], "off")]
        for _ in range(4):
            at = midnight + timedelta(minutes=rng.uniform(0, 1430))
            events += [(at, MOTION, "on"), (at + timedelta(minutes=1), MOTION, "off")]
        lines += [f"{at.isoformat()},{entity_id},{state}" for at, entity_id, state in sorted(events)]
    return "\n".join(lines) + "\n"
