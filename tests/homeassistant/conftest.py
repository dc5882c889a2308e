"""A real Home Assistant beside a real mosquitto, and a home that lives by script.

What stands here, started once a session and installed version, all on 127.0.0.1:

- **mosquitto** (`broker.py`) with persistence: retained messages and sessions outlive its restart.
- **Home Assistant** (`home.py`, `configuration.py`) as `install.sh` built it: recorder (commits every
  change), `mqtt_eventstream`, `mqtt_statestream` with attributes and timestamps, three input booleans, an
  alarm, four automations. Onboarding is seeded as done, because its last step sets up integrations that talk
  to the internet, and so is the MQTT entry.
- **the wire** (`wire.py`): five MQTT devices (two lamps, a fan, a motion sensor, a thermometer) that announce
  themselves by discovery, obey commands at once and report what people do to them; and a witness that writes
  down the event stream.

The automations, and the difference between them that Home Assistant does not publish:

========================  ====================================  ==============================================
automation                trigger                               context of its effect
========================  ====================================  ==============================================
hall_lamp_on_motion       state of binary_sensor.hall_motion    the motion's context is the parent
kitchen_lamp_on_doorbell  MQTT `home/doorbell`                  no parent, no user, as if by hand; but the id
                                                                is that of the automation's own state change
fan_on_at_the_alarm       time of input_datetime.alarm          the same
pattern_seen              MQTT `ha-ai/events/pattern/detected`  the same
========================  ====================================  ==============================================

`script.act` lives through a minute of that home as fast as Home Assistant follows, and says what happened and
by whose hand. `recorded` and `streamed` of the home say what Home Assistant wrote down and published. Every
step awaits its effect; an activity lies between two bookmarks that recorder and stream have both seen.

Tests share the home, and so leave it as they found it: a test that leaves an automation, a device, a retained
message, an area, a notification or a lamp that is on, fails (`traces.py`). What a module's tests share, such
as the product beside the home, is set up within `Traces.none_left`, and has to be gone when the module ends.
Home Assistant starts again only where a restart is what a test is about.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.conftest import mosquitto_path
from tests.homeassistant.broker import Broker
from tests.homeassistant.home import INSTALLS, HomeAssistant
from tests.homeassistant.script import Activity, act
from tests.homeassistant.traces import Traces
from tests.homeassistant.wire import Wire

VERSIONS = ("2024.3", "2025.4")
REQUIRED_VERSION = "2024.3"


@asynccontextmanager
async def run_home(version: str, folder: Path) -> AsyncIterator[HomeAssistant]:
    """Bring up broker, devices and Home Assistant from nothing, and take them down again."""
    async with AsyncExitStack() as stack:
        broker = Broker(folder, {})
        broker.start()
        stack.callback(broker.stop)
        wire = Wire(broker.port)
        await stack.enter_async_context(wire.listening())
        await wire.announce()
        home = HomeAssistant(version, folder, broker, wire)
        stack.push_async_callback(home.close)
        await home.start()
        yield home


@pytest.fixture(scope="session", params=VERSIONS)
def home_assistant_version(request: pytest.FixtureRequest) -> str:
    """Every version that `install.sh` knows; those that are not installed are skipped."""
    version: str = request.param
    if not (INSTALLS / f"homeassistant-{version}" / "recipe").exists():
        absence = f"Home Assistant {version} is absent: run tests/homeassistant/install.sh {version}"
        pytest.skip(absence if version == REQUIRED_VERSION else f"not applicable: {absence}")
    if not mosquitto_path():
        pytest.skip("mosquitto is not installed")
    return version


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running_home(
    home_assistant_version: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[HomeAssistant]:
    """A home that runs as long as the session."""
    folder = tmp_path_factory.mktemp(f"home-{home_assistant_version}-")
    async with run_home(home_assistant_version, folder) as home:
        yield home


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def traces(running_home: HomeAssistant) -> AsyncIterator[Traces]:
    """What compares the home with itself: the whole session, too, has to leave it as it was."""
    made = Traces(running_home)
    async with made.none_left():
        yield made


@pytest.fixture(scope="session")
def home_assistant(running_home: HomeAssistant, traces: Traces) -> HomeAssistant:
    """The home that tests share, and its event loop; each leaves it as it was."""
    assert traces, "whoever uses the home is looked after"
    return running_home


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def leaves_nothing(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Fail the test that leaves the home otherwise than it found it; a story is looked at when it ends."""
    if "traces" not in request.fixturenames:
        yield
        return
    traces: Traces = request.getfixturevalue("traces")
    if request.node.get_closest_marker("story"):
        traces.forget()
        yield
        return
    async with traces.none_left():
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def activity(home_assistant: HomeAssistant) -> Activity:
    """The scripted minute, lived once a module."""
    return await act(home_assistant)
