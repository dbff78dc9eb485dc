"""Forks processes that have imported zuoci already. A script: fork_server.py SOCKET, the number of a descriptor.

It receives one request after another, and with it the descriptors of the standard streams of a process and of a pipe.
The process's pid goes back over the socket; its wait status, once it has ended, into the pipe. `tests/processes.py` is
the other side.
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
import threading
import traceback
from contextlib import suppress
from importlib import import_module
from typing import Any

from zuoci.model.threads import pin_libraries

# What commands import when they are called; none of it starts a thread, so that this process can be forked.
MODULES = [
    "torch._dynamo", "zuoci.cli.compose", "zuoci.cli.score", "zuoci.cli.train", "zuoci.cli.write", "zuoci.cli.original",
    "zuoci.server.run", "zuoci.studio.app", "zuoci.studio.worker", "zuoci.training.job", "rich.progress",
]  # fmt: skip
STREAMS = {"stdin": "r", "stdout": "w", "stderr": "w"}


def serve(control: socket.socket) -> dict[str, Any] | None:
    """Forks until the socket is closed; returns the request in each child, None in the server at its end."""
    ended = os.pipe()
    for end in ended:
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, ignore)  # what wakes is the pipe
    signal.set_wakeup_fd(ended[1], warn_on_full_buffer=False)
    selector = selectors.DefaultSelector()
    selector.register(control, selectors.EVENT_READ)
    selector.register(ended[0], selectors.EVENT_READ)
    pipes: dict[int, int] = {}
    while True:
        ready = [key.fileobj for key, _ in selector.select()]
        if ended[0] in ready:
            os.read(ended[0], 4096)
            reap(pipes)
        if control not in ready:
            continue
        data, descriptors, _, _ = socket.recv_fds(control, 1 << 20, 4)
        if not data:
            return None
        request = json.loads(data)
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            selector.close()
            for descriptor in (*ended, *pipes.values(), descriptors.pop(), control.detach()):
                os.close(descriptor)
            become(request, descriptors)
            return request
        *streams, pipes[pid] = descriptors
        for stream in streams:
            os.close(stream)
        control.send(str(pid).encode())


def ignore(number: int, frame: object) -> None:
    """A handler that does nothing."""


def reap(pipes: dict[int, int]) -> None:
    """Tells of each process that has ended."""
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            pipe = pipes.pop(found[0])
            with suppress(BrokenPipeError):
                os.write(pipe, str(found[1]).encode())
            os.close(pipe)


def become(request: dict[str, Any], descriptors: list[int]) -> None:
    """Makes this process what a new interpreter with these streams, this folder and this environment would be."""
    if request["terminal"]:
        os.setsid()
    for number, (name, mode) in enumerate(STREAMS.items()):
        getattr(sys, name).close()  # its buffer is empty
        if name in request["closed"]:
            with suppress(OSError):
                os.close(number)
            setattr(sys, name, None)
            setattr(sys, f"__{name}__", None)
            continue
        descriptor = descriptors.pop(0)
        os.dup2(descriptor, number)
        os.close(descriptor)
        errors = {"stderr": "backslashreplace"}.get(name, "strict")
        raw = open(number, f"{mode}b", buffering=-1, closefd=False)  # noqa: SIM115
        stream = io.TextIOWrapper(
            raw, encoding="utf-8", errors=errors, line_buffering=name == "stderr" or os.isatty(number)
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    if request["terminal"]:
        import fcntl
        import termios

        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = request["arguments"]
    sys.path[0] = request["cwd"]


def run(module: str) -> int:
    """What `python -m` does, but for taking the interpreter apart, which would copy the memory of the server."""
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
    for module in MODULES:
        import_module(module)
    gc.freeze()
    sys.stdin = open(os.devnull)  # noqa: SIM115, PTH123
    wanted = serve(socket.socket(fileno=int(sys.argv[1])))
    if wanted:
        os._exit(run(wanted["module"]))
