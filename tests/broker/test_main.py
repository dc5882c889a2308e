"""The embedded broker as a process of its own."""

import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mqtt5 import DisconnectPacket, DisconnectReasonCode


async def test_the_process_tells_its_address_and_ends_on_sigterm(connect: Any) -> None:
    """Its first line is where to connect; SIGTERM lets it say goodbye and end with success."""
    command = [sys.executable, "-m", "pipeline.mqtt.broker"]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:  # noqa: ASYNC220 - read once
        try:
            assert process.stdout is not None
            scheme, host, port = process.stdout.readline().strip().split(":")
            assert (scheme, host) == ("mqtt", "//127.0.0.1")
            client = await connect(SimpleNamespace(port=int(port)))
            process.send_signal(signal.SIGTERM)
            farewell = await client.receive(DisconnectPacket)
            assert farewell.reason_code == DisconnectReasonCode.SERVER_SHUTTING_DOWN
            assert process.wait(10) == 0
        finally:
            process.kill()
