"""Where the home is, as far as Home Assistant answers."""

import json
from asyncio import timeout
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from websockets.asyncio.server import ServerConnection, serve

from pipeline.runtime.home import read_home, remembered_home
from pipeline.settings import Settings
from sinks.home_assistant import HomeAssistantError, HomeAssistantReader, Unreachable

PLACE = {"time_zone": "Europe/Berlin", "latitude": 52.5, "longitude": 13.4}


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], Settings]:
    """Settings of a home whose Home Assistant gives an answer, and has no WebSocket."""

    def give(configuration: object) -> Settings:
        async def request(_: httpx.AsyncClient, method: str, url: str, **_options: object) -> httpx.Response:
            content = json.dumps(configuration)
            return httpx.Response(200, content=content, request=httpx.Request(method, url))

        async def rooms(_: HomeAssistantReader) -> dict[str, str]:
            raise HomeAssistantError("expected its registries, got: refused")

        monkeypatch.setattr(httpx.AsyncClient, "request", request)
        monkeypatch.setattr(HomeAssistantReader, "rooms", rooms)
        return Settings(
            _env_file=None,
            tz="America/Lima",
            home_assistant_url="http://localhost:1",
            home_assistant_token=SecretStr("token"),
        )

    return give


async def test_zone_and_position_hold_where_areas_cannot_be_read(
    answers: Callable[[object], Settings],
) -> None:
    """Without rooms the home still has its own midnights."""
    home = await read_home(answers(PLACE))
    assert (home.tz, home.lat, home.lon, home.rooms) == ("Europe/Berlin", 52.5, 13.4, {})


@pytest.mark.parametrize("configuration", [[], {}, {"time_zone": "Europe/Berlin"}])
async def test_without_a_place_in_the_answer_the_settings_hold(
    answers: Callable[[object], Settings], configuration: object
) -> None:
    """What is no configuration of Home Assistant ends nothing."""
    assert (await read_home(answers(configuration))).tz == "America/Lima"


async def test_the_zone_outlives_an_absence_of_home_assistant(
    answers: Callable[[object], Settings], tmp_path: Path
) -> None:
    """Started while Home Assistant is away, the home keeps the midnights that its days were kept with."""
    store = {"database_path": tmp_path / "ha-ai.db"}
    told = await remembered_home(answers(PLACE).model_copy(update=store))
    away = answers({}).model_copy(update=store)
    assert (await remembered_home(away)) == told
    assert (await read_home(away)).tz == "America/Lima"


async def test_a_silent_home_assistant_does_not_hold_up_the_start() -> None:
    """One that accepts the connection and never speaks is given up."""

    async def be_silent(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with serve(be_silent, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with timeout(5):
            with pytest.raises(Unreachable):
                await HomeAssistantReader(f"http://127.0.0.1:{port}", "token", timeout_s=0.2).rooms()
