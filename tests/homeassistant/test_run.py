"""The product beside a real Home Assistant: what it sees, what it makes of it, what comes back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import astuple

import pytest
import pytest_asyncio

from pipeline.learning.attribution import attribute
from tests.homeassistant.home import HomeAssistant
from tests.homeassistant.product import Product
from tests.homeassistant.script import Activity, act

pytestmark = [pytest.mark.homeassistant, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def products(
    home_assistant: HomeAssistant, tmp_path_factory: pytest.TempPathFactory
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
    async with AsyncExitStack() as stack:
        for product in made.values():
            stack.push_async_callback(product.stop)
        await asyncio.gather(*(product.start() for product in made.values()))
        yield made


@pytest.fixture(scope="module")
def product(products: dict[str, Product]) -> Product:
    """The product as people run it: on the event stream."""
    return products["eventstream"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def activity(home_assistant: HomeAssistant, products: dict[str, Product]) -> Activity:
    """The scripted minute, lived once while the products run."""
    lived = await act(home_assistant)
    for product in products.values():
        await product.await_bookmark(lived.until_us)
    return lived


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
    behaviours = [change for change in recorded if change.counts]
    assert len(behaviours) == len(activity.effects)
    assert product.journal(activity.since_us, activity.until_us) == behaviours


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


async def test_the_state_stream_tells_the_same_changes(
    products: dict[str, Product], activity: Activity
) -> None:
    """Both inputs give the same entities, states and times; the state stream knows no contexts."""
    journals = {
        name: [
            (change.entity_id, change.old_state, change.new_state, change.at_us)
            for change in product.journal(activity.since_us, activity.until_us)
        ]
        for name, product in products.items()
    }
    assert journals["statestream"] == journals["eventstream"]


@pytest.mark.parametrize(
    ("event", "reason"),
    [("restart", "home_assistant"), ("kill_and_start", "home_assistant"), ("restart_broker", "broker")],
)
async def test_an_outage_is_one_gap_and_no_behaviour(
    home_assistant: HomeAssistant, product: Product, activity: Activity, event: str, reason: str
) -> None:
    """What comes and goes with a restart is nobody's doing, and the time without sight is told once."""
    assert activity.effects, "the home has lived before"
    since_us = await home_assistant.mark()
    await getattr(home_assistant, event)()
    until_us = await home_assistant.mark()
    await product.await_bookmark(until_us)
    assert product.journal(since_us, until_us) == []
    [gap] = product.gaps(since_us, until_us)
    assert gap.reason == reason
    assert since_us < gap.from_us < gap.to_us <= until_us
