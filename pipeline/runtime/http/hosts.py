"""Host and Origin: whom a request was meant for, and which page sent it."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

AUTHORITY = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9_.-]+))(?::(?P<port>[0-9]{1,5}))?")
ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#@\\]+)", re.IGNORECASE)
# Where to listen, and on Linux a way to the loopback that browsers leave open to foreign pages.
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 refused, not listened on
DEFAULT_PORTS = {"http": 80, "https": 443}


class Authority(NamedTuple):
    """A host, in one spelling, and the port where one is stated."""

    host: str
    port: int | None


def authority(value: str) -> Authority | None:
    """A ``Host`` header's host and port; None where it is not of that form.

    Examples
    --------
    >>> authority("LocalHost.:8099"), authority("[0:0::1]"), authority("::1"), authority("a@b")
    (Authority(host='localhost', port=8099), Authority(host='::1', port=None), None, None)
    """
    match = AUTHORITY.fullmatch(value)
    if match is None:
        return None
    if match["v6"] is not None and _address(match["v6"]) is None:
        return None
    host = spelling(match["v6"] or match["name"])
    port = int(match["port"]) if match["port"] else None
    return Authority(host, port) if host and (port is None or 0 < port < 1 << 16) else None


def spelling(host: str) -> str:
    """A host in one spelling: small letters, no final dot, addresses in their short form.

    Examples
    --------
    >>> spelling("HA-AI.lan."), spelling("[::FFFF:127.0.0.1]")
    ('ha-ai.lan', '127.0.0.1')
    """
    name = host.strip("[]").lower().removesuffix(".")
    address = _address(name)
    return name if address is None else str(address)


def is_loopback(host: str) -> bool:
    """Return whether a host in our spelling can be no other machine's.

    Examples
    --------
    >>> is_loopback("localhost"), is_loopback("127.8.0.1"), is_loopback("127.0.0.1.evil.example")
    (True, True, False)
    """
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def is_same_origin(origin: str, host: Authority) -> bool:
    """Return whether a page of this origin came from the host that it asks.

    Examples
    --------
    >>> is_same_origin("http://localhost:8099", Authority("localhost", 8099))
    True
    >>> is_same_origin("null", Authority("localhost", 8099))
    False
    """
    match = ORIGIN.fullmatch(origin)
    sender = authority(match["authority"]) if match else None
    if match is None or sender is None:
        return False
    default = DEFAULT_PORTS[match["scheme"].lower()]
    return (sender.host, sender.port or default) == (host.host, host.port or default)


class Hosts:
    """The hosts that requests may name: the loopback's, the address they reached, and those that were set.

    A page whose name leads to this machine (DNS rebinding) sends its own name, which is none of these.

    Parameters
    ----------
    names
        Further names by which this machine is called.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        spelled = (spelling(name.strip()) for name in names)
        self._names = {name for name in spelled if name and name not in EVERYWHERE}

    def admits(self, host: str, reached: str | None) -> bool:
        """Return whether a host in our spelling is one of them; `reached` is the address connected to."""
        own = self._names if reached is None else {*self._names, spelling(reached)}
        return is_loopback(host) or host in own


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
