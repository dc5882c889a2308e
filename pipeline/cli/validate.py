"""``ha-ai validate FILE``: whether Home Assistant would take the automations in a YAML file."""

import argparse
import json

from pipeline.automations.schema_check import Kind, Verdict, judge
from pipeline.cli.foreign_file import STDIN, read_automations, tags
from pipeline.cli.terminal import readable, say

INVALID = 1
SAID = {Kind.VALID: "valid", Kind.INVALID: "invalid", Kind.OUTSIDE: "outside what we handle"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", help=f"automations in YAML; {STDIN} reads standard input")
    parser.add_argument("--json", action="store_true", help="JSON lines")


def run(arguments: argparse.Namespace) -> int:
    """Judge each; 1 if one of them is invalid."""
    automations = read_automations(arguments.file)
    verdicts = [_judged(config) for config in automations]
    for number, (config, verdict) in enumerate(zip(automations, verdicts, strict=True), 1):
        name = _name(config, number)
        if arguments.json:
            said = {"automation": name, "kind": verdict.kind, "why": verdict.why}
            say(json.dumps(said, ensure_ascii=False))
        else:
            say(f"{readable(name)}: {SAID[verdict.kind]}")
            for why in verdict.why:
                say(f"  {readable(why)}")
    return INVALID if any(verdict.kind is Kind.INVALID for verdict in verdicts) else 0


def _judged(config: object) -> Verdict:
    used = tags(config)
    if used:
        return Verdict(
            Kind.OUTSIDE, [f"it uses {tag}, which only Home Assistant can fill in" for tag in used]
        )
    return judge(config)


def _name(config: object, number: int) -> str:
    named = config.get("alias") or config.get("id") if isinstance(config, dict) else None
    return f"{number}. {str(named)[:80]}" if named else f"automation {number}"
