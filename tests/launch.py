"""Asks the fork server for processes. As a script, `launch.py SOCKET MODULE ARGUMENT …`, it is `python -m MODULE …`."""

from __future__ import annotations

import json
import os
import socket
import sys
from typing import Any


def ask(server: str, request: dict[str, Any], streams: list[int]) -> tuple[socket.socket, int]:
    """A socket from which the wait status comes when the process has ended, and the pid."""
    control = socket.socket(socket.AF_UNIX)
    control.connect(server)
    socket.send_fds(control, [json.dumps(request).encode()], streams)
    control.shutdown(socket.SHUT_WR)
    said = b""
    while not said.endswith(b"\n"):
        said += control.recv(1)
    return control, int(said)


def is_open(number: int) -> bool:
    """Whether a descriptor is open."""
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def main() -> None:
    """Lends its own streams, and ends as the process does."""
    server, *arguments = sys.argv[1:]
    streams = list(filter(is_open, range(3)))  # before a socket takes the number of another
    request = {
        "arguments": arguments,
        "cwd": os.getcwd(),  # noqa: PTH109
        "environment": {**os.environ},
        "closed": [name for number, name in enumerate(("stdin", "stdout", "stderr")) if number not in streams],
        "terminal": False,
    }
    control, _ = ask(server, request, streams)
    code = os.waitstatus_to_exitcode(int(control.recv(100)))
    if code < 0:
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    main()
