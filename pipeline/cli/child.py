"""``python -m pipeline.cli.child PID CONSUMER``: a consumer that ends with the process which started it."""

import sys

from pipeline.cli import main
from pipeline.runtime.child_process import BESIDE, end_with


def run(parent: int, consumer: str) -> int:
    """Run the consumer, as long as its parent lives."""
    end_with(parent)
    return main(["run", BESIDE, consumer])


if __name__ == "__main__":
    sys.exit(run(int(sys.argv[1]), sys.argv[2]))
