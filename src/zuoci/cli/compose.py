"""`zuoci compose`: a dialogue that builds a text line by line from candidates and the user's own lines."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zuoci.cli import print_text, say
from zuoci.cli.options import Encoding, make, with_settings
from zuoci.cli.signals import on_signals
from zuoci.cli.write import Voice, figures, open_writer, say_copy_limit, text_of, unknown_in
from zuoci.errors import SettingsError, ZuociError
from zuoci.text.read_config import ReadConfig
from zuoci.text.sources import readable
from zuoci.writing.config import WriteConfig

if TYPE_CHECKING:
    from zuoci.writing.candidates import Candidate
    from zuoci.writing.writer import Writer

HELP = """number     take this line
text       add your own line ('text if it looks like a command)
+          show other lines
-          remove the last line
.          add an empty line
= FILE     save the text in a new file
q          quit and print the text"""


@with_settings(WriteConfig, leave_out=["length", "stop", "word", "structure", "section"])
def command(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of a model; or zh or en, the base models.")],
    text: Annotated[Path | None, typer.Argument(metavar="[TEXT]", help="A text to continue.")] = None,
    count: Annotated[int, typer.Option("-n", "--count", help="Number of lines to choose from.", min=1, max=99)] = 5,
    corpus: Annotated[
        list[Path] | None,
        typer.Option(
            help="The training text: needed if the model has no fingerprint, or for --max-copy below 7.",
            metavar="SOURCE",
            show_default=False,
        ),
    ] = None,
    voice: Voice = 1.0,
    encoding: Encoding = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Allow = FILE to replace existing files.")] = False,
    **settings: Any,
) -> None:
    """Writes a text line by line: choose among candidates, add your own lines, go back, save."""
    from zuoci.writing.rules import Rules

    if reconfigure := getattr(sys.stdin, "reconfigure", None):
        reconfigure(errors="surrogateescape")  # undecodable bytes must not end the dialogue
    config, reading = make(WriteConfig, settings), ReadConfig(encoding=encoding)
    writer = open_writer(model, corpus, reading, voice)
    say_copy_limit(writer, config)
    rules = Rules(writer.model, config)  # says what cannot be fulfilled before the dialogue begins
    rules.check(rules.form.plan())
    lines = text_of(text, reading).split("\n") if text else []
    say(HELP)
    stopped: list[int] = []

    def stop(number: int) -> None:
        stopped.append(number)
        if len(stopped) == 1:  # a later one must not end what is done after the first
            raise SystemExit(128 + number)

    with on_signals(stop, "SIGTERM", "SIGHUP"):
        try:
            _dialogue(writer, config, lines, count, _Saver(overwrite))
        finally:
            _hand_over(lines, stopped)


def _hand_over(lines: list[str], stopped: list[int]) -> None:
    """Prints the text, or saves it if it was stopped by a signal or cannot be printed."""
    text = "\n".join(lines)
    if stopped and _rescue(text):  # printing could block on a reader that has stopped reading
        return
    printed = False
    try:
        print_text(text)
        sys.stdout.flush()
        printed = sys.__stdout__ is not None  # None: stdout was closed from the start
    except OSError:
        raise typer.Exit(1) from None
    finally:
        if not printed:
            _rescue(text)


def _rescue(text: str) -> bool:
    """Saves a text in a new file, here or in the folder for temporary files; returns whether that was possible."""
    if not text.strip():
        return True
    folders = [Path()]
    with suppress(OSError):  # there is none
        folders.append(Path(tempfile.gettempdir()))
    for folder in folders:
        for number in range(1, 1000):
            file = folder / f"song-unsaved{f'-{number}' if number > 1 else ''}.txt"
            try:
                descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
            except FileExistsError:
                continue
            except OSError:
                break
            try:
                with os.fdopen(descriptor, "wb") as stream:
                    stream.write((text + "\n").encode())
            except OSError:
                file.unlink(missing_ok=True)
                break
            say(f"the text is saved in {file}")
            return True
    say("error: the text cannot be saved, neither here nor in the folder for temporary files")
    return False


def _dialogue(writer: Writer, config: WriteConfig, lines: list[str], count: int, saver: _Saver) -> None:
    """Reads commands and changes `lines` accordingly, until `q` or the end of the input."""
    asked = 0
    found = _show(writer, config, lines, count, asked)
    while True:
        say(f"line {sum(bool(line.strip()) for line in lines) + 1}, + - . = q or your own line:")
        try:
            answer = input().strip()
        except EOFError:
            return
        if answer == "q":
            return
        if answer.startswith("="):
            saver.save(Path(answer[1:].strip() or "song.txt"), lines)
            continue
        if answer in ("", "?"):
            say(HELP)
            continue
        typed = readable(answer)
        if typed != answer:
            if "\ufffd" in typed:
                say("note: this is neither UTF-8 nor GB18030; type it again")
                continue
            say(f"note: this is not in the encoding of the terminal; read as {typed}")
            answer = typed
        number = int(answer) if answer.isdecimal() and len(answer) < 10 else 0
        if answer.isdecimal() and not 1 <= number <= len(found):
            say(f"choose a line from 1 to {len(found)}: got {answer[:10]}; type '{answer[:10]} for your own line")
            continue
        asked = asked + 1 if answer == "+" else 0
        if answer == "-":
            del lines[-1:]
        elif answer == ".":
            lines.append("")
        elif answer != "+":
            lines.append(found[number - 1].text if number else answer.removeprefix("'"))
        found = _show(writer, config, lines, count, asked)


def _show(writer: Writer, config: WriteConfig, lines: list[str], count: int, asked: int) -> list[Candidate]:
    from zuoci.model.random import key_of
    from zuoci.writing.candidates import next_lines

    say("", *lines[-8:], "", sep="\n")
    if lines and (unknown := unknown_in(writer, lines[-1])):
        say(f"note: the model has never seen {unknown}; these characters are left out")
    seed = key_of(config.seed, len(lines), asked) >> 1
    try:
        found = next_lines(
            writer, "".join(line + "\n" for line in lines), config.model_copy(update={"seed": seed}), count
        )
    except ZuociError as error:
        say(f"note: {error}")
        return []
    for number, candidate in enumerate(found, 1):
        say(f"{number:2}. {candidate.text}    ({figures(candidate, writer)})")
    return found


class _Saver:
    """Saves a text in new files, or again in a file that it saved and that has not changed since."""

    def __init__(self, overwrite: bool) -> None:
        self.overwrite = overwrite
        self.saved: dict[Path, bytes] = {}

    def save(self, file: Path, lines: list[str]) -> None:
        from zuoci.model.output import write_output

        data = ("\n".join(lines) + "\n").encode()
        try:
            own = file in self.saved and file.is_file() and file.read_bytes() == self.saved[file]
            write_output(file, data, overwrite=self.overwrite or own)
        except (OSError, SettingsError) as error:
            say(f"note: {error}")
        else:
            self.saved[file] = data
            say(f"saved in {readable(str(file))}")
