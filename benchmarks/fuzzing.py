"""``python -m benchmarks.fuzzing --runs N``: payloads that were changed at random, through the real decoding.

Each run takes a poison or a good payload and changes some of its bytes, fields or numbers, or joins two.
Whatever it is, it has to become a state change, nothing, or a dead letter, and nothing infinite is learned.
"""

import argparse
import json
import sys
import time
from collections import Counter
from random import Random
from typing import Any

from benchmarks.results import version, write_rows
from detectors.registry import detectors
from pipeline.core.core import LearningCore
from pipeline.ingest.behaviour import Gate
from pipeline.ingest.bounds import StreamClock
from pipeline.ingest.eventstream import as_eventstream
from pipeline.ingest.inputs import Eventstream, HomeAssistantInput
from pipeline.ingest.messages import Message, PoisonError
from schemas.events import StateChange
from schemas.home import Home
from tests.poison import poison_messages

TOPIC = "homeassistant_events"
NOW_US = 1_792_454_400_000_000
LONGEST = 20_000
ODD = (b"NaN", b"1e999", b"-0", b"null", b"{}", b"[]", b'""', b"\\ud800", b"\xff", b"9" * 5_000, b"[" * 200)
HEADER = (
    "| payloads | state changes | dead letters | neither | crashes | not finite | seconds | seed "
    "| version |\n" + "|---" * 9 + "|"
)


def mutated(payloads: list[bytes], rng: Random) -> bytes:
    """One of the payloads, changed in up to three places."""
    payload = bytearray(rng.choice(payloads))
    for _ in range(rng.randint(0, 3)):
        place = rng.randrange(len(payload) + 1)
        match rng.randrange(8):
            case 0:
                payload[place:place] = rng.choice(ODD)
            case 1:
                del payload[place : place + rng.randint(1, 20)]
            case 2:
                payload[place : place + 1] = rng.randbytes(1)
            case 3:
                payload[place:] = rng.choice(payloads)[place:]
            case _:
                payload = bytearray(_field_changed(bytes(payload), rng))
    return bytes(payload)


def _field_changed(payload: bytes, rng: Random) -> bytes:
    """The payload with one of its values replaced, where it is JSON."""
    try:
        plain = json.loads(payload)
        at: Any = plain
        while isinstance(at, dict) and at:
            key = rng.choice(sorted(at))
            if not isinstance(at[key], dict) or rng.random() < 0.3:
                at[key] = rng.choice(
                    [None, True, -1, 2**70, 1e308, "", "on", [], {}, [[]], "\x00", "x" * 300]
                )
                break
            at = at[key]
        return json.dumps(plain).encode()
    except (ValueError, RecursionError, TypeError):
        return payload


def fuzz(runs: int, seed: int) -> Counter[str]:
    """What became of so many payloads; what was taken is learned, and nothing of that may be infinite."""
    rng = Random(seed)
    good = [as_eventstream(StateChange(NOW_US, "light.hall", "off", "on", "c"))]
    good.append(as_eventstream(StateChange(NOW_US, "sensor.hall_temperature", "20", "21.5", "c")))
    payloads = [payload for _, payload in poison_messages() if len(payload) < LONGEST] + good * 100
    source = HomeAssistantInput(Eventstream(TOPIC), status_topic="homeassistant/status")
    gate = Gate(StreamClock())
    core, found = LearningCore(Home(), detectors()), Counter[str](payloads=runs)
    for _ in range(runs):
        payload = mutated(payloads, rng)
        try:
            item = gate.admit(source.decode(Message(TOPIC, payload, NOW_US)), NOW_US)
        except PoisonError:
            found["letters"] += 1
        except Exception as error:  # noqa: BLE001 any other exception is what is looked for
            found["crashes"] += 1
            print(f"{error!r}: {payload[:500]!r}", file=sys.stderr)
        else:
            if isinstance(item, StateChange):
                found["changes"] += 1
                core.learn_one(item)
    for day, events in core.open_days().items():
        try:
            json.dumps(events.canonical(), allow_nan=False)
        except ValueError:
            found["not finite"] += 1
            print(f"the set of {day} is not finite", file=sys.stderr)
    return found


def main() -> int:
    """Fuzz; 1 if something crashed or passed that must not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzzing", description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000_000, help="payloads (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the changes (%(default)s)")
    parser.add_argument("--write", action="store_true", help="the row into RESULTS.md")
    arguments = parser.parse_args()
    began_s = time.monotonic()
    found = fuzz(arguments.runs, arguments.seed)
    seconds = time.monotonic() - began_s
    rest = found["payloads"] - found["changes"] - found["letters"] - found["crashes"]
    line = (
        f"| {found['payloads']:,} | {found['changes']:,} | {found['letters']:,} | {rest:,} "
        f"| {found['crashes']} | {found['not finite']} | {seconds:.0f} "
        f"| {arguments.seed} | {version('Fuzzed payloads')} |"
    )
    print(f"{HEADER}\n{line}")
    if arguments.write:
        write_rows("Fuzzed payloads", HEADER, {str(arguments.runs): line})
    return int(bool(found["crashes"] or found["not finite"]))


if __name__ == "__main__":
    sys.exit(main())
