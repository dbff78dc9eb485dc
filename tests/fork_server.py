"""Forks processes that have imported some modules already. A script: fork_server.py DESCRIPTOR MODULE …

The descriptor is that of a socket that listens. Each connection brings one request, and with it the descriptors of the
standard streams of a process. The process's pid goes back over it, and its wait status once it has ended. The server
ends when its stdin does. The other side is `tests/launch.py`.
"""

from __future__ import annotations

import atexit
import gc
import io
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import tempfile
import threading
import traceback
from contextlib import suppress
from importlib import import_module
from typing import Any, TextIO

from zuoci.model.threads import pin_libraries

STREAMS = {"stdin": "r", "stdout": "w", "stderr": "w"}


def serve(listener: socket.socket) -> dict[str, Any] | None:
    """Forks until stdin ends; returns the request in each child, None in the server at its end."""
    woken = os.pipe()
    for end in woken:
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, ignore)  # what wakes is the pipe
    signal.set_wakeup_fd(woken[1], warn_on_full_buffer=False)
    selector = selectors.DefaultSelector()
    for source in (listener, woken[0], 0):
        selector.register(source, selectors.EVENT_READ)
    clients: dict[int, socket.socket] = {}
    while True:
        ready = [key.fileobj for key, _ in selector.select()]
        if woken[0] in ready:
            os.read(woken[0], 4096)
            reap(clients)
        if 0 in ready:
            return None
        if listener not in ready:
            continue
        client, _ = listener.accept()
        request, streams = receive(client)
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            selector.close()
            for one in (listener, client, *clients.values()):
                one.close()
            for end in woken:
                os.close(end)
            become(request, streams)
            return request
        clients[pid] = client
        for stream in streams:
            os.close(stream)
        with suppress(BrokenPipeError):
            client.sendall(f"{pid}\n".encode())


def receive(client: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """A request, and the descriptors that come with it."""
    data, streams, _, _ = socket.recv_fds(client, 1 << 20, len(STREAMS))
    while more := client.recv(1 << 20):
        data += more
    return json.loads(data), streams


def ignore(number: int, frame: object) -> None:
    """A handler that does nothing."""


def reap(clients: dict[int, socket.socket]) -> None:
    """Tells of each process that has ended."""
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            with clients.pop(found[0]) as client, suppress(BrokenPipeError):
                client.sendall(str(found[1]).encode())


def become(request: dict[str, Any], descriptors: list[int]) -> None:
    """Makes this process what a new interpreter with these streams, this folder and this environment would be."""
    if request["terminal"]:
        os.setsid()
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    tempfile.tempdir = None  # which the environment may name
    sys.argv = request["arguments"]
    sys.path[0] = request["cwd"]
    for number, (name, mode) in enumerate(STREAMS.items()):
        getattr(sys, name).close()  # its buffer is empty
        with suppress(OSError):
            os.close(number)
        stream = None
        if name not in request["closed"]:
            descriptor = descriptors.pop(0)
            os.dup2(descriptor, number)
            os.close(descriptor)
            stream = standard_stream(number, mode)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    if request["terminal"]:
        import fcntl
        import termios

        fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def standard_stream(number: int, mode: str) -> TextIO:
    """A stream as an interpreter opens it at its start."""
    unbuffered = mode == "w" and bool(os.environ.get("PYTHONUNBUFFERED"))
    file = open(number, f"{mode}b", buffering=0 if unbuffered else -1, closefd=False)  # noqa: SIM115
    errors = "backslashreplace" if number == 2 else "strict"
    lines = number == 2 or os.isatty(number)
    return io.TextIOWrapper(file, "utf-8", errors, line_buffering=lines, write_through=unbuffered)  # pyright: ignore


def run(module: str) -> int:
    """What `python -m` does, but for taking the interpreter apart, which would copy the memory of the server."""
    sys.modules.pop(module, None)  # it may have been imported by another one
    code: object = 0
    try:
        runpy.run_module(module, run_name="__main__")
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    # What the end of an interpreter does: it waits for threads, and calls what was registered.
    threading._shutdown()  # pyright: ignore[reportAttributeAccessIssue]
    atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]
    try:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
    except OSError as error:
        print("Exception ignored", error, file=sys.stderr)
        return 120
    return code if isinstance(code, int) else 1


if __name__ == "__main__":
    pin_libraries()
    for module in sys.argv[2:]:
        import_module(module)
    gc.freeze()
    wanted = serve(socket.socket(fileno=int(sys.argv[1])))
    if wanted:
        os._exit(run(sys.argv[0]))
