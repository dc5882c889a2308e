import subprocess
import sys

from pipeline.roles import factories
from pipeline.runtime.role import STATEFUL, Consumer

IMPORTS = """
import sys
from pipeline.cli import run
from pipeline.runtime.role import Consumer
from pipeline.roles import factories
factories(Consumer)
print([name for name in sys.modules if name in (
    "pipeline.answer.answerer", "pipeline.deploy.deployer", "pipeline.review.reviewer",
    "pipeline.show.discovery_publisher", "pipeline.suggest.suggester", "sinks.home_assistant",
    "polars",
)])
"""


def test_every_stateless_consumer_can_be_made() -> None:
    """Each has what makes it, under its own name; learning and publishing have not."""
    assert factories(Consumer).keys() == frozenset(Consumer) - STATEFUL
    assert list(factories([Consumer.SHOW, Consumer.LEARN])) == [Consumer.SHOW]


def test_nothing_is_imported_for_what_does_not_run() -> None:
    """Knowing all consumers imports none of them, nor what they alone need."""
    said = subprocess.run(
        [sys.executable, "-c", IMPORTS], capture_output=True, text=True, timeout=60, check=True
    )
    assert said.stdout.strip() == "[]"


def test_the_deployers_process_takes_nothing_to_learn_with() -> None:
    """The process that stays beside the other imports no statistics, which would take 20 MB."""
    code = "import sys; import pipeline.cli.run, pipeline.deploy.deployer; "
    code += "print([name for name in ('numpy', 'river', 'scipy', 'polars') if name in sys.modules])"
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert said.stdout.strip() == "[]"
