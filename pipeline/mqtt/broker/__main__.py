"""Run the embedded broker on its own: ``python -m pipeline.mqtt.broker --port 1883``."""

import argparse
import asyncio
import signal

from pipeline.mqtt.broker.server import EmbeddedBroker


async def serve(host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM; the first line on standard output is the address."""
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    broker = EmbeddedBroker()
    await broker.start(host, port)
    print(f"mqtt://{host}:{broker.port}", flush=True)  # noqa: T201 - what the caller reads
    await stopping.wait()
    await broker.stop()


def main() -> None:
    """Read the address from the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.host, arguments.port))


if __name__ == "__main__":
    main()
