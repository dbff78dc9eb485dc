"""Commands in processes of their own, forked from one that has imported torch, so that each begins at once.

What is about the beginning of an interpreter (encodings, pinned libraries, what is imported) starts a new one instead.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from subprocess import DEVNULL, PIPE, CompletedProcess
from typing import IO, TYPE_CHECKING, Any, Self

import pytest
from tests.launch import ask

if TYPE_CHECKING:
    from collections.abc import Collection

SERVER, LAUNCH = (Path(__file__).with_name(name) for name in ("fork_server.py", "launch.py"))
# What commands import when they are called; none of it starts a thread, so that the server can be forked.
IMPORTED = (
    "torch._dynamo", "zuoci.cli.compose", "zuoci.cli.score", "zuoci.cli.train", "zuoci.cli.write", "zuoci.cli.original",
    "zuoci.server.run", "zuoci.studio.app", "zuoci.training.job", "rich.progress",
)  # fmt: skip
STREAMS = ("stdin", "stdout", "stderr")


@cache
def fork_server() -> str:
    """The socket of the server that forks, which ends with this process."""
    if not hasattr(os, "fork"):
        pytest.skip("processes are forked")
    folder = tempfile.mkdtemp()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/socket")
        listener.listen()
        words = [sys.executable, SERVER, str(listener.fileno()), *IMPORTED]
        process = subprocess.Popen(words, stdin=PIPE, pass_fds=[listener.fileno()])

    def end() -> None:
        process.communicate(timeout=60)
        shutil.rmtree(folder)

    atexit.register(end)
    return f"{folder}/socket"


def launcher(module: str, *arguments: object) -> list[str]:
    """The words of a command that is `python -m MODULE ARGUMENT …` but begins sooner."""
    return [sys.executable, "-I", "-S", str(LAUNCH), fork_server(), module, *map(str, arguments)]


class Process:
    """A process that runs a command.

    Attributes:
        pid: its number.
        stdin, stdout, stderr: the other ends of those streams that are pipes.
    """

    def __init__(
        self, *arguments: object, module: str = "zuoci", cwd: str | Path | None = None,
        environment: dict[str, str] | None = None, stdin: int = DEVNULL, stdout: int = DEVNULL, stderr: int = PIPE,
        closed: Collection[str] = (), terminal: bool = False,
    ) -> None:  # fmt: skip
        """Begins.

        Args:
            arguments: those of the command.
            module: what `python -m` would run.
            cwd: the folder that it begins in.
            environment: variables beside those of this process.
            stdin, stdout, stderr: a descriptor, `PIPE`, or `DEVNULL`.
            closed: the names of the streams that it begins without.
            terminal: whether stdin is a terminal that it has for its own.
        """
        request = {
            "arguments": [module, *map(str, arguments)],
            "cwd": os.fspath(cwd or Path.cwd()), "environment": {**os.environ, **(environment or {})},
            "closed": list(closed), "terminal": terminal,
        }  # fmt: skip
        self._pipes: dict[str, IO[str]] = {}
        self._code: int | None = None
        with ExitStack() as stack:
            wanted = zip(STREAMS, (stdin, stdout, stderr), strict=True)
            theirs = [self._stream(name, stream, stack) for name, stream in wanted if name not in closed]
            self._control, self.pid = ask(fork_server(), request, theirs)

    def _stream(self, name: str, stream: int, stack: ExitStack) -> int:
        if stream == DEVNULL:
            stream = os.open(os.devnull, os.O_RDWR)
            stack.callback(os.close, stream)
        elif stream == PIPE:
            read, write = os.pipe()
            ours, stream = (write, read) if name == "stdin" else (read, write)
            stack.callback(os.close, stream)
            self._pipes[name] = os.fdopen(ours, "w" if name == "stdin" else "r", encoding="utf-8")
        return stream

    def __getattr__(self, name: str) -> Any:
        """A stream that is a pipe."""
        if name in STREAMS and name in self._pipes:
            return self._pipes[name]
        raise AttributeError(name)

    def send_signal(self, number: int) -> None:
        """Sends a signal, unless the process has ended."""
        if self._code is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def wait(self, timeout: float = 60) -> int:
        """Waits for the end; gives the exit code, or the negative number of the signal that ended the process."""
        if self._code is None:
            self._control.settimeout(timeout)
            self._code = os.waitstatus_to_exitcode(int(self._control.recv(100)))
            self._control.close()
        return self._code

    def kill(self) -> None:
        """Ends it as a crash would."""
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        """The process itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Kills it if it runs."""
        self.kill()
        self.wait()
        for pipe in self._pipes.values():
            pipe.close()


def run(
    *arguments: object, cwd: str | Path | None = None, timeout: float = 120, **options: Any
) -> CompletedProcess[str]:
    """Runs a command to its end; what it prints is kept."""
    with ExitStack() as stack:
        files = {name: stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8")) for name in STREAMS[1:]}
        streams: dict[str, Any] = {name: file.fileno() for name, file in files.items()}
        with Process(*arguments, cwd=cwd, **{**streams, **options}) as process:
            code = process.wait(timeout)
        for file in files.values():
            file.seek(0)
        return CompletedProcess([*map(str, arguments)], code, *(file.read() for file in files.values()))
