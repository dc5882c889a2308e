"""Our verdicts on automations that people wrote against those of a real Home Assistant.

python -m benchmarks.validity [--mutants N] [--write]
"""

import argparse
import asyncio
import gzip
import json
import random
from collections import Counter
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from websockets.asyncio.client import connect

from benchmarks.mutations import SECTIONS, Config, mutants
from benchmarks.results import write_section
from pipeline.automations.schema_check import Kind, judge
from tests.homeassistant.conftest import VERSIONS, run_home
from tests.homeassistant.home import INSTALLS, HomeAssistant

WRITTEN = Path(__file__).parents[2] / "shared" / "data" / "ha_automations_open.jsonl.gz"
FIRST_WITH_PLURALS = (2024, 10)
TO_REACH = "To reach: 0 crashes, 0 called invalid that Home Assistant calls valid."
Tally = Counter[tuple[Kind, bool]]


def people_wrote() -> list[Config]:
    """The automations that people wrote."""
    lines = gzip.decompress(WRITTEN.read_bytes()).decode().splitlines()
    return [json.loads(line)["automation"] for line in lines]


async def validate(home: HomeAssistant, configs: Sequence[Config]) -> list[bool]:
    """Ask a Home Assistant which of them are valid."""
    takes_plurals = tuple(map(int, home.version.split("."))) >= FIRST_WITH_PLURALS
    verdicts, numbers = list[bool](), count(1)
    async with connect(f"{home.url.replace('http', 'ws')}/api/websocket", max_size=None) as socket:
        await socket.recv()
        await socket.send(json.dumps({"type": "auth", "access_token": home.owner.token}))
        await socket.recv()
        for config in configs:
            question = {"id": next(numbers), "type": "validate_config", **_sections(config, takes_plurals)}
            await socket.send(json.dumps(question))
            answer = json.loads(await socket.recv())
            parts = (answer.get("result") or {}).values()
            verdicts.append(answer["success"] and all(part["valid"] for part in parts))
    return verdicts


def _sections(config: Config, takes_plurals: bool) -> dict[str, Any]:  # noqa: FBT001 the release says it
    """The sections under the names that the release takes for a question, whatever their own are."""
    return {
        many if takes_plurals else one: config[key]
        for one, many in SECTIONS.items()
        for key in (one, many)
        if key in config
    }


def tally(configs: Sequence[Config], taken: Sequence[bool]) -> Tally:
    """How often each of our verdicts met each of Home Assistant's."""
    return Counter((judge(config).kind, is_taken) for config, is_taken in zip(configs, taken, strict=True))


async def measure(versions: Sequence[str], groups: dict[str, list[Config]]) -> str:
    """The table: valid is what any of the releases takes, since our verdicts are for all of them."""
    taken = {name: [False] * len(configs) for name, configs in groups.items()}
    for version in versions:
        with TemporaryDirectory() as folder:
            async with run_home(version, Path(folder)) as home:
                for name, configs in groups.items():
                    theirs = await validate(home, configs)
                    taken[name] = [one or other for one, other in zip(taken[name], theirs, strict=True)]
    heading = f"Judges: Home Assistant {' and '.join(versions)}; valid is what either takes. {TO_REACH}"
    rows = [
        "",
        "| automations | our verdict | valid to Home Assistant | invalid to it |",
        "|---|---|---|---|",
    ]
    for name, configs in groups.items():
        found = tally(configs, taken[name])
        label = f"{name} ({len(configs):,})"
        rows += [f"| {label} | {kind} | {found[kind, True]:,} | {found[kind, False]:,} |" for kind in Kind]
    return "\n".join([heading, *rows])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mutants", type=int, default=10_000, metavar="N", help="mutants of them (10000)")
    parser.add_argument("--write", action="store_true", help="into benchmarks/RESULTS.md")
    arguments = parser.parse_args()
    versions = [
        version for version in VERSIONS if (INSTALLS / f"homeassistant-{version}" / "recipe").exists()
    ]
    if not versions or not WRITTEN.exists():
        print(f"needs {WRITTEN} and a Home Assistant of tests/homeassistant/install.sh")
        return
    written = people_wrote()
    odd = list(mutants(random.Random(7), written, arguments.mutants))
    table = asyncio.run(measure(versions, {"people wrote": written, "mutants of them": odd}))
    print(table)
    if arguments.write:
        write_section("Verdicts on automations that others wrote", table)


if __name__ == "__main__":
    main()
