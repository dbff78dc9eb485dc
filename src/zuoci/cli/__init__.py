"""The command line: `main` reads the arguments, runs one command, and turns errors into one line and an exit code.

Each command is the function `command` of the module with its name. It parses options, calls the package and prints;
it holds no logic of its own. The helpers for printing are here as well.

Data goes to stdout, messages and progress to stderr. Exit codes: 0 done, 1 it could not be done, 2 wrong use,
130 interrupted.
"""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, TextIO

import typer
from typer.core import TyperCommand, TyperGroup

from zuoci.errors import SettingsError, ZuociError
from zuoci.model.threads import pin_libraries
from zuoci.text.terminal import CONTROLS, printable

if TYPE_CHECKING:
    from collections.abc import Iterable

# The commands, in the order of the help.
COMMANDS = {
    "train": "Train a model on lyrics, then write with it.",
    "prepare": "Write lyrics as a corpus that may be larger than memory, to train on.",
    "corpus": "Show what lyrics hold and how they are read, before training.",
    "write": "Write with a model, freely or in a given form.",
    "compose": "Write a song line by line, choosing each line from several.",
    "rhymes": "List what rhymes with a word, the words of a model first.",
    "studio": "Open the studio in the browser: write, look inside a model, train, export.",
    "serve": "Serve models over the OpenAI API.",
    "original": "Show which parts of a text are copied, and from which song.",
    "score": "Measure how well a model predicts a text.",
    "export": "Export a model: a web page that writes offline in any browser, or an ONNX graph.",
    "plot": "Plot the curves of a training run.",
    "lesson": "Run the lesson from scratch; prints what the lesson prints.",
}


class _Lazy(TyperCommand):
    """A command whose module is imported only when it runs, so that `zuoci --help` is quick."""

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
    """A text stream that ignores failed writes, so that a closed terminal or a full disk does not end the work."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes a text; a failure is ignored."""
        with suppress(OSError, ValueError):  # ValueError: it is closed
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flushes the buffer; a failure is ignored."""
        with suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        """Forwards every other attribute to the stream."""
        return getattr(self._stream, name)


def say(*messages: object, sep: str = " ") -> None:
    """Prints a message to stderr, which `Messages` makes safe: work goes on where a message cannot be written."""
    print(*(printable(str(message)) for message in messages), sep=sep, file=sys.stderr, flush=True)


def say_notes(notes: Iterable[str]) -> None:
    """Prints the notes of reading a corpus: what was changed or left out."""
    for note in notes:
        say(f"note: {note}")


def print_json(document: Any) -> None:
    """Prints a JSON document, escaped where stdout cannot show all characters."""
    escaped = not (sys.stdout.encoding or "").lower().startswith("utf")
    text = json.dumps(document, ensure_ascii=escaped, allow_nan=False)
    print(re.sub(CONTROLS, lambda found: f"\\u{ord(found[0]):04x}", text))  # they stand in strings only


def print_text(text: str) -> None:
    """Prints a text that a model wrote; control characters are escaped if stdout is a terminal."""
    print(printable(text) if sys.stdout.isatty() else text)


def shortened(text: str, most: int) -> str:
    """Shortens a text to one line of about `most` characters: its beginning and its end."""
    line = printable(text.replace("\n", " / "))
    return line if len(line) <= most else f"{line[: most // 2]} … {line[-most // 2 :]}"


def main() -> None:
    """Runs the command line; the entry point."""
    pin_libraries()
    _prepare_streams()
    code = _run()
    try:
        sys.stdout.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError):  # the reader closed the pipe: not an error
            say(f"error: the output cannot be written: {error.strerror or error}")
        _silence(sys.stdout)
        code = code or 1
    sys.exit(code)


def _run() -> int:
    try:
        app()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0
    except ZuociError as error:
        say(f"error: {error}")
        return 2 if isinstance(error, SettingsError) else 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    except BrokenPipeError:
        return 1
    except MemoryError:  # other exceptions are bugs and keep their traceback
        say("error: there is not enough memory for that")
        return 1
    except RecursionError:
        say("error: a file is nested too deeply to be read")
        return 1
    except OSError as error:
        say(f"error: {error.filename or 'the output'}: {error.strerror or error}")
        return 1
    return 0


def _prepare_streams() -> None:
    """Opens closed standard streams, and escapes characters that a stream's encoding lacks."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:  # closed: the next opened file must not take its number
            descriptor = os.open(os.devnull, os.O_RDWR)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            setattr(sys, name, open(number, "r" if name == "stdin" else "w", encoding="utf-8"))  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")
    if not isinstance(sys.stderr, Messages):
        sys.stderr = Messages(sys.stderr)  # pyright: ignore[reportAttributeAccessIssue]


def _silence(stream: TextIO) -> None:
    """Redirects a stream to the null device, so that Python does not complain at exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
