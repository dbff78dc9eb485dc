"""The command line: one command for each verb, rendered with rich; no logic.

Data goes to stdout, messages and progress to stderr. Exit codes: 0 done, 1 it could not be done, 2 wrong use,
130 interrupted.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, TextIO

import typer
from typer.core import TyperCommand, TyperGroup

from zuoci.errors import SettingsError, ZuociError
from zuoci.model.threads import pin_libraries

if TYPE_CHECKING:
    from collections.abc import Iterable

# The commands in their order in the help; each is the function `command` of the module of its name.
COMMANDS = {
    "train": "Train a model on lyrics, and write with it.",
    "write": "Write with a model, freely or in a given form.",
    "compose": "Write line by line, choosing among lines.",
    "studio": "Write, look inside, train and give away, in the browser.",
    "serve": "Serve models to clients of the OpenAI API.",
    "original": "Say what of a text is copied, and from where.",
    "score": "Say how well a model predicts a text.",
    "export": "Give a model away: a page that writes in any browser, or an ONNX graph.",
    "plot": "Draw the course of a training run.",
    "lesson": "Replay the lesson from scratch, as it prints itself.",
}


class _Lazy(TyperCommand):
    """A command whose module is imported when it is run: `zuoci --help` waits for none of them."""

    def __init__(self, name: str) -> None:
        super().__init__(name, help=COMMANDS[name])

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        single = typer.Typer(add_completion=False, rich_markup_mode=None)
        single.command(self.name, help=COMMANDS[self.name or ""])(import_module(f"zuoci.cli.{self.name}").command)
        return typer.main.get_command(single).make_context(info_name, args, parent, **extra)


class _Group(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        del ctx
        return _Lazy(cmd_name) if cmd_name in COMMANDS else None


app = typer.Typer(cls=_Group, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


def _version(wanted: bool) -> None:
    if wanted:
        from zuoci import __version__

        print(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    """zuoci (作词): train a language model on your own lyrics, and write new ones with it."""
    del version


class Messages:
    """A text stream that drops what can no longer be written: the reader or the terminal is gone, or the disk is full.

    What is said on the way is worth less than the work that it tells of.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes, or drops."""
        with suppress(OSError, ValueError):  # ValueError: it is closed
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Writes what is buffered, or drops it."""
        with suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        """All else is the stream's."""
        return getattr(self._stream, name)


def say(*messages: object, sep: str = " ") -> None:
    """Prints a message to stderr."""
    print(*messages, sep=sep, file=sys.stderr, flush=True)


def quote(word: object) -> str:
    """A word of a command that is printed, so that a shell reads it as one; letters of all languages stay bare."""
    text = str(word)
    return text if re.fullmatch(r"[\w@%+=:,./-]+", text) else shlex.quote(text)


def say_notes(notes: Iterable[str]) -> None:
    """Prints what reading a corpus changed or left out."""
    for note in notes:
        say(f"note: {note}")


def main() -> None:
    """The entry point: runs a command, and turns errors into one line and an exit code."""
    pin_libraries()
    _open_streams()
    try:
        app()
        sys.stdout.flush()
    except ZuociError as error:
        say(f"error: {error}")
        sys.exit(2 if isinstance(error, SettingsError) else 1)
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(130)
    except OSError as error:
        if not isinstance(error, BrokenPipeError):  # the reader of stdout is gone, and knows it
            say(f"error: {error.filename or 'the output'}: {error.strerror or error}")
        with suppress(OSError, ValueError):  # keep Python from complaining at its exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _open_streams() -> None:
    """Makes the standard streams fit to be written to, whatever they were when the process began."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:  # it was closed: a file that is opened later must not take its place
            stream = open(os.devnull, "w" if number else "r", encoding="utf-8")  # noqa: PTH123, SIM115
            setattr(sys, name, stream)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:  # also UTF-8 cannot encode a file name that is none
            reconfigure(errors="backslashreplace")
    if not isinstance(sys.stderr, Messages):
        sys.stderr = Messages(sys.stderr)  # pyright: ignore[reportAttributeAccessIssue]
