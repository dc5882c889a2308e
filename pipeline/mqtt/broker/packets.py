"""Whole packets out of a byte stream, bounded in size, malformed ones reported as errors."""

from collections.abc import Iterator
from typing import Final

import mqtt5

CONNECT_HEADER: Final = 0x10
MQTT_5: Final = 5
_LENGTH_BYTES: Final = 4
_CONTINUED: Final = 0x80  # the bit of a length's byte that says that another one follows


class PacketError(Exception):
    """A packet that ends its connection, and the reason code that says why."""

    def __init__(self, reason: mqtt5.DisconnectReasonCode) -> None:
        super().__init__(reason.name)
        self.reason = reason


class UnsupportedVersionError(PacketError):
    """A CONNECT in another version of MQTT."""

    def __init__(self, version: int) -> None:
        super().__init__(mqtt5.DisconnectReasonCode.PROTOCOL_ERROR)
        self.version = version


class PacketReader:
    """Collect the bytes of one connection and give out the packets in them.

    Parameters
    ----------
    max_packet_size
        Bytes from which a packet is refused as soon as its header is there.
    """

    def __init__(self, max_packet_size: int) -> None:
        self._max_packet_size = max_packet_size
        self._buffer = b""

    def feed(self, received: bytes) -> Iterator[mqtt5.Packet]:
        """Yield every packet that `received` completes.

        Raises
        ------
        PacketError
            When a packet is malformed or too large; nothing after it can be read.
        """
        buffer = memoryview(self._buffer + received)
        start = 0
        while (size := self._next_size(buffer[start:])) is not None:
            yield decode(buffer[start : start + size])
            start += size
        self._buffer = bytes(buffer[start:])

    def _next_size(self, buffer: memoryview) -> int | None:
        length = 0
        for position in range(1, min(len(buffer), _LENGTH_BYTES + 1)):
            length |= (buffer[position] & 0x7F) << 7 * (position - 1)
            if buffer[position] < _CONTINUED:
                size = 1 + position + length
                if size > self._max_packet_size:
                    raise PacketError(mqtt5.DisconnectReasonCode.PACKET_TOO_LARGE)
                return size if size <= len(buffer) else None
        if len(buffer) > _LENGTH_BYTES:
            raise PacketError(mqtt5.DisconnectReasonCode.MALFORMED_PACKET)
        return None


def decode(frame: memoryview) -> mqtt5.Packet:
    """Decode one whole packet.

    Raises
    ------
    UnsupportedVersionError
        For a CONNECT that is not of MQTT 5.
    PacketError
        For everything else that cannot be decoded.
    """
    if frame[0] == CONNECT_HEADER and (version := _protocol_version(frame)) != MQTT_5:
        raise UnsupportedVersionError(version)
    try:
        packet, _ = mqtt5.read(frame)
    except (IndexError, ValueError) as error:
        raise PacketError(mqtt5.DisconnectReasonCode.MALFORMED_PACKET) from error
    except BaseException as error:
        # The codec panics on text that is not UTF-8, and its PanicException, which cannot be imported,
        # is no Exception: without this one client could end the whole broker.
        if type(error).__name__ != "PanicException":
            raise
        raise PacketError(mqtt5.DisconnectReasonCode.MALFORMED_PACKET) from error
    return packet


def _protocol_version(connect: memoryview) -> int:
    name_at = next(at for at in range(1, len(connect)) if connect[at] < _CONTINUED) + 1
    version_at = name_at + 2 + int.from_bytes(connect[name_at : name_at + 2], "big")
    return connect[version_at] if version_at < len(connect) else 0
