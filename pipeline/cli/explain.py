"""``ha-ai explain ID``: why this pattern, or this anomaly, in plain words."""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError
from rich.text import Text

from pipeline.cli import UserError
from pipeline.cli.home_file import read_home_file
from pipeline.cli.store_reader import INDENT, chosen, reading, zone_of
from pipeline.cli.terminal import OUT, say, short_id
from pipeline.settings import Settings
from pipeline.wording.explanation import Explanation, explain
from pipeline.wording.pictures import LEGEND, weeks
from pipeline.wording.sentences import claim
from schemas.anomalies import Anomaly
from schemas.patterns import Pattern

_FOUND: TypeAdapter[Pattern | Anomaly] = TypeAdapter(Pattern | Anomaly)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("id", help="as `ha-ai patterns` shows it; its beginning is enough")
    parser.add_argument("--file", type=Path, help="what `ha-ai learn --json` wrote, instead of the store")
    parser.add_argument("--home", type=Path, help="home.json, for the time zone of that file")
    parser.add_argument("--json", action="store_true", help="as one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Explain the one finding that the id names."""
    settings = Settings()
    if arguments.file is not None:
        known = list(_read_file(arguments.file))
    else:
        with reading(settings) as store:
            known = [*store.patterns(), *store.anomalies()]
            _refuse_suggestion(arguments.id.lower(), known, [each.id for each in store.suggestions.all()])
    where = f" in {arguments.file}" if arguments.file else ": `ha-ai patterns` shows them"
    of_id = {each.id: each for each in known}
    found = of_id[chosen(arguments.id.lower(), {key: claim(each) for key, each in of_id.items()}, where)]
    zone = read_home_file(arguments.home).zone if arguments.home else zone_of(settings)
    explanation = explain(found, zone)
    if arguments.json:
        say(json.dumps(_plain(found, explanation, zone), ensure_ascii=False))
    else:
        _show(found, explanation)
    return 0


def _refuse_suggestion(
    beginning: str, known: Sequence[Pattern | Anomaly], suggestion_ids: Sequence[str]
) -> None:
    """Say where a suggestion is explained, if the id is one's and nothing else's."""
    if any(each.id.startswith(beginning) for each in known):
        return
    if any(each.startswith(beginning) for each in suggestion_ids):
        raise UserError(
            f"expected the id of a pattern, got a suggestion's: `ha-ai suggestions {beginning}` shows it"
        )


def _read_file(path: Path) -> Iterator[Pattern | Anomaly]:
    """Yield the patterns and anomalies in a file of JSON lines; the last that is said of an id."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        found = [_FOUND.validate_json(line) for line in lines if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"expected what `ha-ai learn --json` wrote at {path}, got: {error}") from error
    except ValidationError as error:
        raise UserError(
            f"expected a pattern or an anomaly on each line of {path}, got: {error.errors()[0]['msg']}"
        ) from error
    yield from {each.id: each for each in found}.values()


def _show(found: Pattern | Anomaly, explanation: Explanation) -> None:
    OUT.print(Text(explanation.claim, style="bold"))
    OUT.print(Text(f"{found.pattern_type.replace('_', ' ')} {short_id(found)}", style="dim"))
    _draw(explanation.picture)
    for paragraph in explanation.paragraphs:
        OUT.print(Text(f"\n{paragraph.title}", style="bold"))
        for sentence in paragraph.sentences:
            OUT.print(Text(sentence))
        if paragraph is explanation.paragraphs[0]:
            _draw([*weeks(explanation.days), *([LEGEND] if explanation.days else [])])


def _draw(lines: Sequence[str]) -> None:
    if lines:
        say()
    for line in lines:
        OUT.print(Text(f"{INDENT}{line}", style="cyan"), soft_wrap=True)


def _plain(found: Pattern | Anomaly, explanation: Explanation, zone: ZoneInfo) -> dict[str, object]:
    return {
        "id": found.id,
        "claim": explanation.claim,
        "paragraphs": [{"title": each.title, "sentences": each.sentences} for each in explanation.paragraphs],
        "days": [
            {"day": mark.day.isoformat(), "hits": mark.hits, "misses": mark.misses}
            for mark in explanation.days
        ],
        "picture": explanation.picture,
        "found": found.told(zone),
    }
