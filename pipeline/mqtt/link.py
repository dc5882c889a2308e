"""News of the connection, told at its place among the messages."""

from typing import NamedTuple


class Sight(NamedTuple):
    """The connection was lost, or stands again: then all topic filters are subscribed.

    `resumed` says whether the broker still had our session. It need not be the one that we left: mosquitto,
    killed, comes back with the one that it saved last. `is_deaf` says of a loss that the connection stood,
    and that events did not come through it: then no heartbeat proves anything.
    """

    at_us: int
    stands: bool
    resumed: bool = False
    is_deaf: bool = False
