"""Controls on the hub's device that a person may set, as they are published."""

from pipeline.ingest.messages import Message, PoisonError, Reason

LONGEST_NUMBER = 32


def probability(message: Message) -> float:
    """The number from 0 to 1 that a message holds; a retained one is no person's act.

    Raises
    ------
    PoisonError
        It holds something else.
    """
    try:
        number = float(message.payload[:LONGEST_NUMBER])
    except ValueError:
        number = -1.0
    if message.retain or len(message.payload) > LONGEST_NUMBER or not 0 <= number <= 1:
        raise PoisonError(
            Reason.WRONG_SHAPE, f"expected a number from 0 to 1, not retained, got {message.payload[:20]!r}"
        )
    return number
