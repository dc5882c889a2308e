"""From a month of habits to an automation that a person approved, and back, in a real Home Assistant."""

import json
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from pipeline.commands.presses import SHOWN_FOR_US
from pipeline.core.attribution import attribute
from schemas.commands import Press, PressVerb
from schemas.events import Cause
from schemas.suggestions import Opinion, Status, Suggestion
from sinks.store.audit import check
from tests.fixtures import discovery as examples
from tests.homeassistant.home import HomeAssistant
from tests.homeassistant.processes import eventually
from tests.homeassistant.product import Product
from tests.homeassistant.traces import Traces

pytestmark = [
    pytest.mark.homeassistant,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.story,
    pytest.mark.timeout(600),
]

ZONE = ZoneInfo("Europe/Amsterdam")
LAMP, FAN, MOTION = "light.kitchen_lamp", "switch.fan", "binary_sensor.hall_motion"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def product(
    home_assistant: HomeAssistant, traces: Traces, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Product]:
    """The product as people run it, with a month of the home behind it."""
    folder = tmp_path_factory.mktemp("suggesting")
    token = folder / "deployer.token"
    token.touch(mode=0o600)
    token.write_text(home_assistant.owner.token)
    made = Product(home_assistant, folder / "product", "suggesting", DEPLOYER_TOKEN_FILE=token)
    async with traces.none_left():
        await made.start()
        log = folder / "month.csv"
        log.write_text(past_month())
        await made.command("replay", log, "--shift-to-now", "--tz", ZONE.key)
        yield made
        await made.remove()
        for entity_id in (LAMP, FAN):
            await home_assistant.wire.report(entity_id, "off")
        await home_assistant.call_service("input_boolean.turn_off", "input_boolean.pattern_seen")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def suggestion(product: Product) -> Suggestion:
    """The suggestion that the fan follows the lamp, as it was made from the month."""
    return await eventually(lambda: find(product), f"the fan is suggested; see {product.log}", 120)


async def find(product: Product) -> Suggestion | None:
    """Return the suggestion that turns the fan on after the lamp, if it is there."""
    for each in stored(product):
        acts = each.automation.actions[0]
        follows = getattr(each.automation.trigger, "entity_id", None) == LAMP
        if follows and (acts.entity_id, acts.service) == (FAN, "switch.turn_on"):
            return each
    return None


async def test_it_is_proposed_in_words_with_its_proof(
    home_assistant: HomeAssistant, product: Product, suggestion: Suggestion
) -> None:
    """A device in Home Assistant says what it would do and what it would have done; nothing is deployed."""
    assert suggestion.status is Status.PENDING
    assert suggestion.trial.wanted > 4 * max(1, suggestion.trial.unwanted)
    button = await button_of(home_assistant, suggestion, "approve")
    assert (await home_assistant.state(button) or {})["state"] == "unknown"
    await _await_words(home_assistant, suggestion, timeout_s=30)
    shown = [each for each in await states(home_assistant) if each["state"] == suggestion.title]
    assert len(shown) == 1
    assert str(suggestion.trial.wanted) in json.dumps(shown[0]["attributes"])
    assert await deployed(home_assistant, suggestion) is None
    listed = await product.command("suggestions")
    assert suggestion.id[:6] in listed


async def test_a_forged_press_deploys_nothing(
    home_assistant: HomeAssistant, product: Product, suggestion: Suggestion
) -> None:
    """The very message of the button, published by anybody, is refused and written down."""
    press = Press(
        suggestion_id=suggestion.id, verb=PressVerb.APPROVE, content_hash=suggestion.content_hash
    ).model_dump_json()
    await home_assistant.wire.publish("ha-ai/commands/suggestion/press", press)

    async def is_refused() -> bool:
        return any(entry.what.startswith("refused") for entry in audit(product))

    await eventually(is_refused, "the press is refused in the audit log")
    assert current(product, suggestion).status is Status.PENDING
    assert await deployed(home_assistant, suggestion) is None


async def test_what_strangers_made_with_our_buttons_id_approves_nothing(
    home_assistant: HomeAssistant, product: Product
) -> None:
    """A scene and a door bell that publish our press, when a user sets them off, do not approve."""
    proposed = examples.suggestion(900)
    unique_id, press = _button_id(proposed), _press(proposed)
    decoy = {"unique_id": unique_id, "command_topic": "ha-ai/commands/suggestion/press"}
    bell = {
        "name": "Chime",
        "payload_press": press,
        "device": {"identifiers": ["bell"], "name": "Front bell"},
    }
    cinema = {"name": "Movie night", "payload_on": press, "object_id": "movie_night"}
    announced: dict[str, dict[str, Any]] = {
        "homeassistant/button/bell/config": bell,
        "homeassistant/scene/cinema/config": cinema,
    }
    for topic, about in announced.items():
        await home_assistant.wire.publish(topic, json.dumps({**decoy, **about}), retain=True)

    async def are_there() -> list[str] | None:
        known = await home_assistant.ask("config/entity_registry/list")
        found = sorted(row["entity_id"] for row in known if row["unique_id"] == unique_id)
        return found if len(found) == len(announced) else None

    chime, scene = await eventually(are_there, "Home Assistant has the decoys", 30) or []
    await add(home_assistant, product, proposed)
    for service, entity_id in (("scene.turn_on", scene), ("button.press", chime)):
        before = len(reasons(product, proposed))
        await home_assistant.call_service(service, entity_id)
        await _await_refusal(product, proposed, before)
    assert reasons(product, proposed) == ["not_ours"] * 2
    with closing(product.store()) as store:
        assert store.suggestions.get(proposed.id) == proposed
    for topic in announced:
        await home_assistant.wire.publish(topic, "", retain=True)
    # As when it was found that Home Assistant lacks it: all is announced again.
    await home_assistant.wire.publish("homeassistant/status", "online")
    await _await_own_button(home_assistant, proposed)
    await settle(home_assistant, product, proposed)


async def test_who_is_shown_other_words_approves_nothing(
    home_assistant: HomeAssistant, product: Product
) -> None:
    """Forged words are put right at once, and whoever pressed when they were there has to press again."""
    proposed = examples.suggestion(901)
    await add(home_assistant, product, proposed)
    button = await button_of(home_assistant, proposed, "approve")
    topic = f"ha-ai/status/suggestion/{proposed.id}"
    forged = {"title": "Turn on the reading lamp", "attributes": {"yaml": "harmless"}}
    await home_assistant.wire.publish(topic, json.dumps(forged), retain=True)
    await home_assistant.call_service("button.press", button)
    await _await_refusal(product, proposed, 0)
    assert set(reasons(product, proposed)) <= {"not_shown", "just_shown"}
    await _await_words(home_assistant, proposed, timeout_s=5)
    with closing(product.store()) as store:
        assert store.suggestions.get(proposed.id) == proposed
    await settle(home_assistant, product, proposed)


async def test_a_users_press_deploys_it(
    home_assistant: HomeAssistant, product: Product, suggestion: Suggestion
) -> None:
    """A user presses Approve, having read what it does, and the automation is there and enabled."""
    await _await_reading(home_assistant, suggestion)
    await press_button(home_assistant, suggestion, "approve")
    automation = await eventually(
        lambda: deployed(home_assistant, suggestion), f"the automation is there; see {product.log}", 30
    )
    assert automation["state"] == "on"

    async def is_deployed() -> bool:
        return current(product, suggestion).status is Status.DEPLOYED

    await eventually(is_deployed, "the suggestion is deployed")
    assert current(product, suggestion).ha_entity_id == automation["entity_id"]


async def test_it_fires_and_is_not_learned_from(
    home_assistant: HomeAssistant, product: Product, suggestion: Suggestion
) -> None:
    """The lamp goes on by hand, the fan follows by the automation, and attribution says so."""
    await home_assistant.await_state(FAN, "off")
    await home_assistant.await_state(LAMP, "off")
    since_us = await home_assistant.mark()
    await home_assistant.wire.report(LAMP, "on")
    lag_s = suggestion.automation.trigger.model_dump().get("for_seconds", 0)
    await home_assistant.await_state(FAN, "on", timeout_s=lag_s + 30)
    until_us = await home_assistant.mark()
    await product.await_bookmark(until_us)
    causes = {
        record.entity_id: cause
        for day in product.learned().open_days().values()
        for record, cause in zip(day.records(), attribute(day, day.records())[0], strict=True)
        if since_us // 1000 < record.at_ms < until_us // 1000
    }
    assert causes[FAN] is Cause.AUTOMATION
    assert causes[LAMP] is Cause.PHYSICAL


async def test_undo_takes_it_away_after_a_restart(
    home_assistant: HomeAssistant, product: Product, suggestion: Suggestion
) -> None:
    """One press, and the automation is gone, its device too; that it was undone is remembered."""
    await home_assistant.restart()
    assert await deployed(home_assistant, suggestion)
    await press_button(home_assistant, suggestion, "undo")

    async def is_gone() -> bool:
        return await deployed(home_assistant, suggestion) is None

    await eventually(is_gone, f"the automation is gone; see {product.log}", 30)

    async def is_settled() -> bool:
        return not [each for each in await states(home_assistant) if each["state"] == suggestion.title]

    await eventually(is_settled, "its device is gone", 30)
    assert current(product, suggestion).status is Status.RETIRED
    with closing(product.store()) as store:
        opinions = [each.opinion for each in store.suggestions.feedback()]
    assert opinions == [Opinion.APPROVED, Opinion.UNDONE]
    assert check("home", audit(product)) is None


def _button_id(proposed: Suggestion) -> str:
    return f"haai_{proposed.id}_{proposed.content_hash[:8]}_approve"


def _press(proposed: Suggestion) -> str:
    press = Press(suggestion_id=proposed.id, verb=PressVerb.APPROVE, content_hash=proposed.content_hash)
    return press.model_dump_json()


async def add(home: HomeAssistant, product: Product, proposed: Suggestion) -> None:
    """Suggest something; return when Home Assistant shows it."""
    with closing(product.store()) as store, store.begin() as transaction:
        assert transaction.suggestions.add(proposed)
    await home.wire.publish("ha-ai/events/suggestion/generated", "{}")
    await _await_words(home, proposed, timeout_s=60)


async def settle(home: HomeAssistant, product: Product, proposed: Suggestion) -> None:
    """Let a suggestion be rejected; return when it is not shown any more."""
    with closing(product.store()) as store, store.begin() as transaction:
        kept = transaction.suggestions.get(proposed.id)
        assert kept
        rejected = kept.suggestion.model_copy(update={"status": Status.REJECTED})
        assert transaction.suggestions.replace(rejected, changes=kept.changes)
    await home.wire.publish("ha-ai/events/suggestion/changed", "{}")

    async def is_gone() -> bool:
        return not [each for each in await states(home) if proposed.id in each["entity_id"]]

    await eventually(is_gone, "its device is gone", 60)


async def _await_words(home: HomeAssistant, proposed: Suggestion, *, timeout_s: float) -> None:
    entity_id = f"sensor.ha_ai_{proposed.id}_{proposed.content_hash[:8]}"
    await home.await_state(entity_id, proposed.title, timeout_s)


async def _await_reading(home: HomeAssistant, proposed: Suggestion) -> None:
    """Return when the words have stood for as long as it takes to see them."""

    async def is_read() -> bool:
        words = await home.state(f"sensor.ha_ai_{proposed.id}_{proposed.content_hash[:8]}")
        if not words or words["state"] != proposed.title:
            return False
        since = datetime.fromisoformat(words["last_updated"])
        return datetime.now(UTC) - since > timedelta(microseconds=2 * SHOWN_FOR_US)

    await eventually(is_read, "the words stand", 30)


async def _await_own_button(home: HomeAssistant, proposed: Suggestion) -> None:
    async def is_there() -> bool:
        known = await home.ask("config/entity_registry/list")
        named = [row["original_name"] for row in known if row["unique_id"] == _button_id(proposed)]
        return named == ["Approve"]

    await eventually(is_there, "its own button is there", 60)


async def _await_refusal(product: Product, proposed: Suggestion, before: int) -> None:
    async def is_refused() -> bool:
        return len(reasons(product, proposed)) > before

    await eventually(is_refused, "the press is refused", 30)


def reasons(product: Product, proposed: Suggestion) -> list[str]:
    """Why presses for a suggestion were refused."""
    entries = [each for each in audit(product) if (each.what, each.subject) == ("refused", proposed.id)]
    return [each.detail.split()[0] for each in entries]


async def button_of(home: HomeAssistant, suggestion: Suggestion, verb: str) -> str:
    """Return the entity id of a suggestion's button, once Home Assistant has it and it can be pressed."""
    unique_id = f"haai_{suggestion.id}_{suggestion.content_hash[:8]}_{verb}"

    async def is_there() -> str | None:
        known = await home.ask("config/entity_registry/list")
        [entity_id] = [row["entity_id"] for row in known if row["unique_id"] == unique_id] or [None]
        state = await home.state(entity_id) if entity_id else None
        return entity_id if state and state["state"] != "unavailable" else None

    return await eventually(is_there, f"the button {verb} is there", 60) or ""


async def press_button(home: HomeAssistant, suggestion: Suggestion, verb: str) -> None:
    """Press a button as a user does on the dashboard."""
    await home.call_service("button.press", await button_of(home, suggestion, verb))


async def states(home: HomeAssistant) -> list[dict[str, Any]]:
    """Return every state object."""
    found: list[dict[str, Any]] = (await home.request("GET", "states")).raise_for_status().json()
    return found


async def deployed(home: HomeAssistant, suggestion: Suggestion) -> dict[str, Any] | None:
    """Return the state object of the suggestion's automation, if it stands in Home Assistant."""
    found = [each for each in await states(home) if each["attributes"].get("id") == suggestion.automation_id]
    return found[0] if found else None


def stored(product: Product) -> list[Suggestion]:
    """Return every suggestion in the product's store."""
    with closing(product.store()) as store:
        return store.suggestions.all()


def current(product: Product, suggestion: Suggestion) -> Suggestion:
    """Return what has become of a suggestion."""
    return next(each for each in stored(product) if each.id == suggestion.id)


def audit(product: Product) -> list[Any]:
    """Return the product's audit log."""
    with closing(product.store()) as store:
        return store.suggestions.audit()


def past_month() -> str:
    """Return a log of thirty local days that end today: in the evening a fan follows a lamp."""
    rng = Random(11)
    lines = ["ts,entity_id,state"]
    for day in range(30):
        midnight = datetime(2026, 3, 1, tzinfo=ZONE) + timedelta(days=day)
        if day == 29:
            # The log's last day will be today, of which nothing but the first second has surely passed.
            lines.append(f"{midnight.isoformat()},{MOTION},on")
            break
        events = []
        for first, last in ((7, 11), (12, 16), (17, 21)):
            on = midnight + timedelta(hours=rng.uniform(first, last))
            fan = on + timedelta(seconds=rng.uniform(10, 25))
            off = on + timedelta(minutes=rng.uniform(30, 55))
            events += [(on, LAMP, "on"), (fan, FAN, "on"), (off, LAMP, "off")]
            events.append((off + timedelta(minutes=rng.uniform(1, 4)), FAN, "off"))
        for _ in range(4):
            at = midnight + timedelta(minutes=rng.uniform(0, 1430))
            events += [(at, MOTION, "on"), (at + timedelta(minutes=1), MOTION, "off")]
        lines += [f"{at.isoformat()},{entity_id},{state}" for at, entity_id, state in sorted(events)]
    return "\n".join(lines) + "\n"
