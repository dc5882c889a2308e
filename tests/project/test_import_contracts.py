"""Every import contract of pyproject.toml rejects what it is there to reject."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

Lint = Callable[[Mapping[str, str]], str]

SHARED_BY_DETECTORS = {"contract", "evidence", "following", "history", "registry", "rollups"}


def contract(pyproject: Mapping[str, Any], identifier: str) -> Mapping[str, Any]:
    """Return the contract with this id."""
    contracts = pyproject["tool"]["importlinter"]["contracts"]
    return next(entry for entry in contracts if entry["id"] == identifier)


def rooms(pyproject: Mapping[str, Any]) -> list[str]:
    """Return the rooms of the pipeline from the top down, those beside each other and to come one by one."""
    layers = contract(pyproject, "rooms")["layers"]
    return [room.strip("()") for layer in layers for room in layer.split(" | ")]


@pytest.fixture
def lint(root: Path, pyproject: Mapping[str, Any], tmp_path: Path) -> Lint:
    """Return a function that adds modules to a model of the house and lints it by the contracts."""
    shutil.copy(root / "pyproject.toml", tmp_path)
    named = [
        "sinks.store.day_sets",
        "schemas.events",
        *contract(pyproject, "independent-detectors")["modules"],
    ]
    named += [f"pipeline.{room}" for room in rooms(pyproject)]

    def write(module: str, code: str) -> None:
        folder = tmp_path.joinpath(*module.split("."))
        path = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
        path.parent.mkdir(exist_ok=True, parents=True)
        for package in path.relative_to(tmp_path).parents[:-1]:
            (tmp_path / package / "__init__.py").touch()
        path.write_text(code)

    def run(modules: Mapping[str, str]) -> str:
        for module in named:
            write(module, "")
        for module, code in modules.items():
            write(module, code)
        command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == (1 if "BROKEN" in done.stdout else 0), done.stdout + done.stderr
        return done.stdout

    return run


def broken(output: str) -> list[str]:
    """Return the names of the contracts that the output calls broken."""
    return [line.removesuffix(" BROKEN") for line in output.splitlines() if line.endswith(" BROKEN")]


def test_a_house_without_forbidden_imports_passes(lint: Lint, pyproject: Mapping[str, Any]) -> None:
    """All contracts are kept where the imports run the right way."""
    right_way = {
        "detectors.time_of_day": "import schemas.events\nimport datetime\nimport numpy",
        "sinks.store": "import schemas.events\nimport sqlmodel",
        "pipeline.cli": "import detectors.time_of_day\nimport sinks.store\nimport asyncio",
    }
    output = lint(right_way)
    assert broken(output) == []
    assert output.count(" KEPT") == len(pyproject["tool"]["importlinter"]["contracts"])


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("schemas.wrong", "detectors.time_of_day"),
        ("schemas.wrong", "sinks.store"),
        ("detectors.wrong", "sinks.store"),
        ("sinks.wrong", "detectors.time_of_day"),
        ("sinks.wrong", "pipeline.core"),
    ],
)
def test_imports_against_the_layers_are_broken(
    lint: Lint, pyproject: Mapping[str, Any], importer: str, imported: str
) -> None:
    """No package imports one that stands above or beside it."""
    assert broken(lint({importer: f"import {imported}"})) == [contract(pyproject, "layers")["name"]]


@pytest.mark.parametrize(
    "identifier", ["pure-detectors", "detectors-without-files", "pure-rooms", "rooms-without-files"]
)
def test_each_forbidden_module_is_caught(lint: Lint, pyproject: Mapping[str, Any], identifier: str) -> None:
    """Every module on the list is found where it is imported, inside functions too."""
    rule = contract(pyproject, identifier)
    imports = "".join(f"    import {module}\n" for module in rule["forbidden_modules"])
    for source in rule["source_modules"]:
        output = lint({f"{source}.saboteur" if source == "detectors" else source: f"def load():\n{imports}"})
        assert rule["name"] in broken(output)
        assert [name for name in rule["forbidden_modules"] if f"to import {name}:" not in output] == []


def test_purity_reaches_through_schemas(lint: Lint, pyproject: Mapping[str, Any]) -> None:
    """A detector cannot get at the store by way of a schema."""
    modules = {"schemas.rows": "import sqlmodel", "detectors.wrong": "import schemas.rows"}
    assert broken(lint(modules)) == [contract(pyproject, "pure-detectors")["name"]]


def test_a_detector_that_imports_another_is_broken(lint: Lint, pyproject: Mapping[str, Any]) -> None:
    """Removing one detector never breaks another."""
    rule = contract(pyproject, "independent-detectors")
    one, other = rule["modules"][:2]
    assert broken(lint({one: f"import {other}"})) == [rule["name"]]


def test_data_flows_one_way_through_the_rooms(lint: Lint, pyproject: Mapping[str, Any]) -> None:
    """No room imports the one above it, and no role another one."""
    rule = contract(pyproject, "rooms")
    above = [layer.split(" | ")[0] for layer in rule["layers"]]
    for upper, lower in pairwise(above):
        output = lint({f"pipeline.{lower}": f"import pipeline.{upper}"})
        assert rule["name"] in broken(output), lower
    one, other = next(layer for layer in rule["layers"] if layer.count("|") > 1).split(" | ")[:2]
    assert broken(lint({f"pipeline.{one}": f"import pipeline.{other}"})) == [rule["name"]]


def test_a_room_that_is_in_no_layer_is_broken(lint: Lint, pyproject: Mapping[str, Any]) -> None:
    """Whoever builds a new room says where it stands."""
    assert contract(pyproject, "rooms")["name"] in broken(lint({"pipeline.attic": ""}))


def test_every_room_but_one_is_without_the_mqtt_libraries(lint: Lint, pyproject: Mapping[str, Any]) -> None:
    """Each of them is caught wherever it is imported; in their own room they are at home."""
    rule = contract(pyproject, "mqtt-libraries")
    imports = "".join(f"import {module}\n" for module in rule["forbidden_modules"])
    for room in ("learn", "documents", "query.deep", rooms(pyproject)[-1]):
        output = lint({f"pipeline.{room}": imports})
        assert broken(output) == [rule["name"]], room
        assert [name for name in rule["forbidden_modules"] if f"to import {name}:" not in output] == []
    assert broken(lint({"pipeline.mqtt": imports, "pipeline.mqtt.broker": imports})) == []


def test_every_detector_is_under_the_contract(root: Path, pyproject: Mapping[str, Any]) -> None:
    """What stands in detectors is a listed detector or one of the few modules that all of them share."""
    present = {path.stem for path in (root / "detectors").glob("[a-z]*") if path.suffix in {"", ".py"}}
    listed = {name.partition(".")[2] for name in contract(pyproject, "independent-detectors")["modules"]}
    assert present - SHARED_BY_DETECTORS == listed


def test_how_days_are_kept_is_known_to_one_room(lint: Lint, pyproject: Mapping[str, Any]) -> None:
    """Every room but the history breaks the contract when it reads day sets itself."""
    rule = contract(pyproject, "kept-days")
    reading = "from sinks.store import day_sets"
    assert broken(lint({"pipeline.history": reading})) == []
    for room in ("learn", "documents", rooms(pyproject)[-1]):
        assert broken(lint({f"pipeline.{room}": reading})) == [rule["name"]], room
