"""Numbers of ports for processes that have to be given one, so that nobody else takes them first.

What listens in this process binds port 0 and asks for its number. mosquitto, Home Assistant and `ha-ai run`
need one before they start. A number that was merely free a moment ago may be gone by then: to another test,
or to any outgoing connection. So each process claims a range of its own, below those of outgoing connections
(from 32768 on Linux, from 49152 elsewhere), and goes through it.
"""

import fcntl
import os
import socket
import tempfile
from functools import cache
from itertools import cycle
from pathlib import Path

HOST = "127.0.0.1"
FIRST, LAST = 20_000, 32_000
EACH = 100


class PortRange:
    """A range of ports that no other process on this machine claims while this one lives.

    Parameters
    ----------
    folder
        For the files whose locks are the claims; all who share a machine have the same.
    size
        How many ports, for all who claim there.

    Raises
    ------
    RuntimeError
        Every range is claimed.
    """

    def __init__(self, folder: Path, size: int = EACH) -> None:
        self.ports = self._claim(folder, size)
        self._next = cycle(self.ports)

    def take(self) -> int:
        """Return the next port of the range on which nobody listens.

        Raises
        ------
        RuntimeError
            Somebody listens on each of them.
        """
        for port in (next(self._next) for _ in self.ports):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((HOST, port))
                except OSError:
                    continue
                return port
        raise RuntimeError(
            f"expected a port on which nobody listens from {self.ports[0]} to {self.ports[-1]}"
        )

    def release(self) -> None:
        """Let others claim the range."""
        os.close(self._lock)

    def _claim(self, folder: Path, size: int) -> range:
        for first in range(FIRST, LAST, size):
            lock = os.open(folder / f"ha-ai-ports-{first}", os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                continue
            self._lock = lock
            return range(first, first + size)
        raise RuntimeError(f"expected a range of ports between {FIRST} and {LAST} that nobody claims")


@cache
def _own(_pid: int) -> PortRange:
    return PortRange(Path(tempfile.gettempdir()))


def claim_port() -> int:
    """Return a port on which nobody listens, out of the range of this process."""
    return _own(os.getpid()).take()
