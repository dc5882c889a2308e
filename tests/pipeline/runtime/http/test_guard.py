"""The rules that a route inherits by standing behind the guard, tried on one that does change something."""

import asyncio
import time
from typing import Any

import pytest

from pipeline.runtime.http import guard
from pipeline.runtime.http.guard import BODY_LIMIT, BURST, REQUESTS_PER_S, Guard, Pace
from pipeline.runtime.http.hosts import Hosts
from pipeline.runtime.http.router import Response, Route, Router
from tests.pipeline.runtime.http.asking import OWN, Headers, ask

PAGE: Headers = [
    ("Host", OWN),
    ("Origin", f"http://{OWN}"),
    ("Content-Type", "application/json"),
]


class Switch:
    """A route of later: it notes what it was sent."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Take the body."""
        message = await receive()
        assert not message["more_body"]
        self.taken.append(message["body"])
        cors = [("access-control-allow-origin", "*"), ("referrer-policy", "unsafe-url")]
        await Response("done", headers=cors)(scope, receive, send)


@pytest.fixture
def switch() -> Switch:
    """The route."""
    return Switch()


@pytest.fixture
def app(switch: Switch) -> Guard:
    """The route, behind the guard."""
    seen = Route("/seen", Response("seen"), beyond_loopback=True)
    own = Route("/own", Response("own"))
    change = Route("/switch", switch, methods=("POST",), beyond_loopback=True)
    return Guard(Router([seen, own, change]), Hosts(["ha-ai.lan", "0.0.0.0", ""]))  # noqa: S104 what is tried


def changed(**headers: str | None) -> Headers:
    """The head of a good change, with other headers, or without some."""
    stated: dict[str, str | None] = {
        **dict(PAGE),
        **{name.replace("_", "-"): headers[name] for name in headers},
    }
    return [(name, value) for name, value in stated.items() if value is not None]


async def test_a_change_of_our_own_page_is_taken(app: Guard, switch: Switch) -> None:
    """Same Origin and JSON: the route gets the whole body at once."""
    answer = await ask(app, "POST", "/switch", PAGE, body=[b'{"on":', b" true}"])
    assert (answer.status, switch.taken) == (200, [b'{"on": true}'])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (changed(Origin=None), 403),
        (changed(Origin="null"), 403),
        (changed(Origin="http://evil.example"), 403),
        (changed(Origin="http://localhost"), 403),
        (changed(Origin="http://localhost:8099.evil.example"), 403),
        (changed(Origin="http://evil@localhost:8099"), 403),
        (changed(Origin="ftp://localhost:8099"), 403),
        ([*PAGE, ("Origin", "http://localhost:8099")], 403),
        (changed(Sec_Fetch_Site="cross-site"), 403),
        (changed(Sec_Fetch_Site="same-site"), 403),
        (changed(Sec_Fetch_Site="same-origin"), 200),
        (changed(**{"Content-Type": None}), 415),
        (changed(**{"Content-Type": "text/plain"}), 415),
        (changed(**{"Content-Type": "application/x-www-form-urlencoded"}), 415),
        (changed(**{"Content-Type": "multipart/form-data"}), 415),
        (changed(**{"Content-Type": "text/plain; application/json"}), 415),
        (changed(**{"Content-Type": "application/json; charset=utf-8"}), 200),
        (changed(Host="evil.example", Origin="http://evil.example"), 403),
        (changed(Host="0.0.0.0:8099", Origin="http://0.0.0.0:8099"), 403),
        (changed(Host="ha-ai.lan", Origin="https://ha-ai.lan"), 200),
        (changed(Host="HA-AI.LAN.:80", Origin="http://ha-ai.lan"), 200),
        (changed(X_Forwarded_For="127.0.0.1"), 403),
        (changed(Content_Length=str(BODY_LIMIT + 1)), 413),
    ],
)
async def test_other_changes_are_refused(app: Guard, switch: Switch, headers: Headers, status: int) -> None:
    """Without our Origin, with another content type, forwarded, or too large, it does not reach the route."""
    answer = await ask(app, "POST", "/switch", headers, body=[b"{}"])
    assert (answer.status, len(switch.taken)) == (status, int(status == 200))


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
async def test_a_change_is_not_had_by_another_method(app: Guard, switch: Switch, method: str) -> None:
    """A route that changes something answers to its own method alone; there is no preflight."""
    answer = await ask(app, method, "/switch", PAGE)
    assert (answer.status, answer.headers["allow"], switch.taken) == (405, "POST", [])


async def test_a_body_is_bounded(app: Guard, switch: Switch) -> None:
    """Without a stated length it is read up to the limit, and no further."""
    small = await ask(app, "POST", "/switch", PAGE, body=[b"x" * 1024] * (BODY_LIMIT // 1024))
    large = await ask(app, "POST", "/switch", PAGE, body=[b"x" * 1024] * (BODY_LIMIT // 1024 + 1))
    assert (small.status, large.status, large.headers["connection"]) == (200, 413, "close")
    assert len(switch.taken) == 1


async def test_a_body_that_nobody_takes_is_not_read(app: Guard) -> None:
    """Where there is no such route or method, the answer does not wait for what else may come."""
    many = [b"x" * 1024] * (BODY_LIMIT // 1024 + 1)
    assert (await ask(app, "POST", "/none", PAGE, body=many)).status == 404
    assert (await ask(app, "POST", "/seen", PAGE, body=many)).status == 405


async def test_a_body_that_does_not_come_is_not_waited_for(
    app: Guard, switch: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sender that stops in the middle holds nothing up, one that is gone changes nothing."""
    monkeypatch.setattr(guard, "BODY_S", 0.01)
    sent: list[Any] = []

    async def never() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/switch",
        "headers": [(name.lower().encode(), value.encode()) for name, value in PAGE],
        "client": ("127.0.0.1", 1),
    }
    await app(scope, never, send)
    assert (sent[0]["status"], switch.taken) == (413, [])
    assert (await ask(app, "POST", "/switch", PAGE, body=[])).status == 413
    assert switch.taken == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("Host", OWN), *[("X-Many", "1")] * 64], 431),
        ([("Host", OWN), ("Cookie", "x" * 8_192)], 431),
        ([("Host", OWN), ("Cookie", "x" * 8_000)], 200),
    ],
)
async def test_heads_are_bounded(app: Guard, headers: Headers, status: int) -> None:
    """Too many headers, or too long ones, are refused."""
    assert (await ask(app, target="/seen", headers=headers)).status == status


@pytest.mark.parametrize(
    ("host", "admitted"),
    [
        ("localhost", True),
        ("LOCALHOST.:1", True),
        ("127.0.0.1:9", True),
        ("127.9.9.9", True),
        ("[::1]:8099", True),
        ("[::ffff:127.0.0.1]", True),
        ("192.0.2.7:8099", True),
        ("ha-ai.lan", True),
        ("192.0.2.8", False),
        ("localhost:0", False),
        ("localhost:99999", False),
        ("localhost:x", False),
        ("localhost.evil.example", False),
        ("localhost@evil.example", False),
        ("localhost,evil.example", False),
        ("evil.example#localhost", False),
        ("::1", False),
        ("[::2]", False),
        ("[::1", False),
        ("[fe80::1%lo]", False),
        ("2130706433", False),
        ("0x7f.1", False),
        ("127.1", False),
        ("0.0.0.0", False),  # noqa: S104 what is tried
        ("[::]", False),
        ("", False),
        (".", False),
        ("local host", False),
        ("lócalhost", False),
    ],
)
async def test_hosts(app: Guard, host: str, admitted: bool) -> None:  # noqa: FBT001 a table's column
    """The loopback's names, the address that was reached and the names that were set, in any spelling."""
    answer = await ask(app, target="/seen", headers=[("Host", host)], reached="192.0.2.7")
    assert answer.status == (200 if admitted else 403)


@pytest.mark.parametrize(
    ("version", "peer", "status"),
    [("1.0", "127.0.0.1", 200), ("1.1", "127.0.0.1", 403), ("1.0", "192.0.2.1", 403)],
)
async def test_old_health_checks_need_no_host(app: Guard, version: str, peer: str, status: int) -> None:
    """HTTP/1.0 has no Host: it is taken from this machine, as no browser speaks it, and not from others."""
    assert (await ask(app, target="/seen", headers=[], version=version, peer=peer)).status == status


@pytest.mark.parametrize(
    ("peer", "headers", "is_local"),
    [
        ("127.0.0.1", [], True),
        ("::1", [], True),
        ("::ffff:127.0.0.1", [], True),
        ("192.0.2.1", [], False),
        ("127.0.0.1", [("X-Forwarded-For", "127.0.0.1")], False),
        ("127.0.0.1", [("Forwarded", "for=127.0.0.1")], False),
        ("127.0.0.1", [("Via", "1.1 proxy")], False),
        ("testclient", [], False),
    ],
)
async def test_other_machines_get_what_is_meant_for_them(
    app: Guard,
    switch: Switch,
    peer: str,
    headers: Headers,
    is_local: bool,  # noqa: FBT001 a table's column
) -> None:
    """Without a login another machine, or one behind a proxy, sees little and changes nothing."""
    own = await ask(app, target="/own", headers=[("Host", OWN), *headers], peer=peer)
    seen = await ask(app, target="/seen", headers=[("Host", OWN), *headers], peer=peer)
    change = await ask(app, "POST", "/switch", [*PAGE, *headers], peer=peer)
    assert (own.status, seen.status, change.status) == ((200, 200, 200) if is_local else (403, 200, 403))
    assert len(switch.taken) == int(is_local)


async def test_a_route_cannot_open_itself_to_other_origins(app: Guard) -> None:
    """What a route says of CORS is left out, what it says against our headers is replaced."""
    answer = await ask(app, "POST", "/switch", PAGE)
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_websockets_are_refused(app: Guard) -> None:
    """There are none: a foreign page may open one without any preflight."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    await app({"type": "websocket", "path": "/switch", "headers": []}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]
    with pytest.raises(ValueError, match="expected the scope of a request, got 'lifespan'"):
        await app({"type": "lifespan"}, receive, send)


def test_a_flood_is_held_to_a_pace() -> None:
    """After a burst so many a second, those behind wait, and those beyond a second are refused."""
    now = 1_000.0
    pace = Pace(lambda: now)
    waits = [pace.wait_s() for _ in range(BURST + 200)]
    assert waits[:BURST] == [0.0] * BURST
    assert waits[BURST + 49] == pytest.approx(50 / REQUESTS_PER_S)
    assert [wait is None for wait in waits].index(True) == BURST + 100
    now += 1.0
    assert pace.wait_s() == pytest.approx(1 / REQUESTS_PER_S)


async def test_a_flood_from_elsewhere_leaves_the_machine_itself_its_turn(app: Guard) -> None:
    """Refusals come as 503 with a time to come again; the loopback's requests are counted apart."""
    theirs = [asyncio.create_task(ask(app, target="/seen", peer="192.0.2.1")) for _ in range(BURST + 150)]
    await asyncio.sleep(0)
    before = time.monotonic()
    own = await ask(app, target="/own")
    assert (own.status, time.monotonic() - before < 0.2) == (200, True)
    answers = await asyncio.gather(*theirs)
    assert {answer.headers.get("retry-after") for answer in answers if answer.status == 503} == {"1"}
    assert sum(answer.status == 200 for answer in answers) >= BURST
