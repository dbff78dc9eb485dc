"""`zuoci compose`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zuoci.cli import say
from zuoci.cli.options import make, with_settings
from zuoci.cli.write import figures, open_writer
from zuoci.errors import WritingError, ZuociError
from zuoci.writing.config import WriteConfig

if TYPE_CHECKING:
    from zuoci.writing.choice import Candidate
    from zuoci.writing.writer import Writer

HELP = """a number   take that line
text       your own line (write 'text for one that looks like a command)
+          other lines
-          take the last line back
.          an empty line
= FILE     save
q          end (the text is printed)"""


@with_settings(WriteConfig, leave_out=["length", "stop", "word"])
def command(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A folder that training has written.")],
    text: Annotated[Path | None, typer.Argument(metavar="[TEXT]", help="A text to go on with.")] = None,
    count: Annotated[int, typer.Option("-n", "--count", help="Lines to choose from each time.", min=1, max=99)] = 5,
    corpus: Annotated[
        list[Path] | None,
        typer.Option(help="What the model was trained on, to copy less.", metavar="SOURCE", show_default=False),
    ] = None,
    **settings: Any,
) -> None:
    """Writes line by line: see lines, take one, write your own, go back, ask for others, save."""
    from zuoci.text.cleaning import unify_line_ends
    from zuoci.text.corpus import read_text

    config = make(WriteConfig, settings)
    writer = open_writer(model, corpus)
    lines = unify_line_ends(read_text(text))[0].rstrip("\n").split("\n") if text else []
    say(HELP)
    try:
        _dialogue(writer, config, lines, count)
    finally:
        print("\n".join(lines))


def _dialogue(writer: Writer, config: WriteConfig, lines: list[str], count: int) -> None:
    """Changes `lines` as the user says, until the input ends."""
    asked = 0
    found = _show(writer, config, lines, count, asked)
    while True:
        say(f"line {sum(bool(line.strip()) for line in lines) + 1}, + - . = q or your own:")
        try:
            answer = input().strip()
        except EOFError:
            return
        if answer == "q":
            return
        if answer.startswith("="):
            _save(Path(answer[1:].strip() or "song.txt"), lines)
            continue
        if answer in ("", "?"):
            say(HELP)
            continue
        if answer.isdigit() and not 1 <= int(answer) <= len(found):
            say(f"there are lines 1 to {len(found)} to take: got {answer}")
            continue
        asked = asked + 1 if answer == "+" else 0
        if answer == "-":
            del lines[-1:]
        elif answer == ".":
            lines.append("")
        elif answer != "+":
            lines.append(found[int(answer) - 1].text if answer.isdigit() else answer.removeprefix("'"))
        found = _show(writer, config, lines, count, asked)


def _show(writer: Writer, config: WriteConfig, lines: list[str], count: int, asked: int) -> list[Candidate]:
    from zuoci.writing.choice import next_lines
    from zuoci.writing.sampling import key_of

    say("", *lines[-8:], "", sep="\n")
    seed = key_of(config.seed, len(lines), asked) >> 1
    try:
        found = next_lines(writer, "\n".join(lines), config.model_copy(update={"seed": seed}), count)
    except WritingError as error:
        say(f"note: {error}")
        return []
    for number, candidate in enumerate(found, 1):
        say(f"{number:2}. {candidate.text}    ({figures(candidate)})")
    return found


def _save(file: Path, lines: list[str]) -> None:
    from zuoci.model.checkpoint import replace_durably

    try:
        replace_durably(file, ("\n".join(lines) + "\n").encode())
        say(f"saved in {file}")
    except (OSError, ZuociError) as error:
        say(f"note: {file} cannot be saved: {error}")
