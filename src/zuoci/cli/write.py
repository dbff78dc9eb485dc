"""`zuoci write`: makes a `WriteConfig` of the options, opens a `Writer`, and prints texts or candidates.

`zuoci compose` shares the helpers below.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zuoci.cli import print_json, print_text, say, say_notes
from zuoci.cli.options import Encoding, given, make, with_settings
from zuoci.cli.original import longest_copied
from zuoci.errors import SettingsError
from zuoci.text.read_config import ReadConfig
from zuoci.writing.config import VOICE, WriteConfig, refuse_greedy_temperature

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zuoci.text.corpus import Song
    from zuoci.writing.candidates import Candidate
    from zuoci.writing.writer import Writer

Voice = Annotated[float, typer.Option(help=VOICE)]


@with_settings(WriteConfig)
def command(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of a model; or zh or en, the base models.")],
    opening: Annotated[
        str, typer.Argument(help="The first characters; by default the text begins as a new line.")
    ] = "",
    count: Annotated[
        int, typer.Option("-n", "--count", help="Number of candidates, printed with the best first.", min=1, max=1000)
    ] = 1,
    like: Annotated[
        str,
        typer.Option(
            help="A song whose form to use: lines, their lengths and gaps, stanzas or marked sections, rhymes; a file, "
            "or the title of a song of --corpus or of the bundled lyrics.",
            metavar="FILE|TITLE",
            show_default=False,
        ),
    ] = "",
    following: Annotated[
        Path | None, typer.Option("--next", help="Write the next line of this text.", metavar="FILE")
    ] = None,
    rewrite: Annotated[Path | None, typer.Option(help="Replace the line --line of this text.", metavar="FILE")] = None,
    line: Annotated[int, typer.Option(help="Number of the line to replace, from 1; empty lines are not counted.")] = 0,
    corpus: Annotated[
        list[Path] | None,
        typer.Option(
            help="The training text: needed if the model has no fingerprint, or for --max-copy below 7; may be given "
            "several times.",
            metavar="SOURCE",
            show_default=False,
        ),
    ] = None,
    voice: Voice = 1.0,
    encoding: Encoding = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    **settings: Any,
) -> None:
    """Writes with a model: continues an opening, freely or in a given form."""
    refuse_greedy_temperature(settings)
    if settings["greedy"] and count > 1:
        raise SettingsError("greedy writes one text: there are no candidates to choose from; leave out greedy or count")
    if (rewrite is None) != (line == 0):
        raise SettingsError("rewrite and line belong together: give the text and the number of its line")
    if (rewrite or following) and (opening or like or (rewrite and following)):
        raise SettingsError("rewrite and next go on from their own text: give one of them, without an opening or like")
    _refuse_unused(settings, following=following is not None, rewrite=rewrite is not None)
    reading = ReadConfig(encoding=encoding)
    if like:
        from zuoci.writing.example import form_of

        settings = {**form_of(_example(like, corpus, reading)), **given(settings)}
    config = make(WriteConfig, settings)
    writer = open_writer(model, corpus, reading, voice)
    say_copy_limit(writer, config)
    text = ""
    if rewrite or following:
        from zuoci.writing.candidates import next_lines
        from zuoci.writing.candidates import rewrite as rewrite_line

        text = text_of(rewrite or following or Path(), reading)
        unknown = unknown_in(writer, text)
        found = rewrite_line(writer, text, line, config, count) if rewrite else next_lines(writer, text, config, count)
    else:
        from zuoci.writing.candidates import rank

        texts = writer.candidates(opening, config, count)
        unknown = texts[0].unknown
        found = rank(writer, texts)
    if unknown:
        say(f"note: the model has never seen {unknown}; these characters are left out")
    if as_json:
        print_json({"schema": "zuoci.write/1", "unknown": unknown, "texts": [one.model_dump() for one in found]})
    elif rewrite and count == 1:
        print_text(replaced(text, line, found[0].text))
    else:
        _print(writer, found, count)


def _refuse_unused(settings: dict[str, Any], *, following: bool, rewrite: bool) -> None:
    """Raises an error for settings that have no effect on a single line."""
    unused = ["length", "stop", "word"] if following or rewrite else []
    unused += ["lines", "stanza", "acrostic", "line_opening"] if rewrite else []
    for name in unused:
        if settings[name]:
            action = "rewriting a line" if rewrite else "the next line"
            raise SettingsError(f"{name} has no effect on {action}; leave it out")


def open_writer(model: Path, corpus: Sequence[Path] | None, reading: ReadConfig, voice: float = 1.0) -> Writer:
    """A writer with a saved model, and with its training text if that was given."""
    from zuoci.writing.writer import Writer

    songs = None
    if corpus:
        from zuoci.text.corpus import read_corpus  # the readers of all formats

        songs = read_corpus(corpus, reading)
        say_notes(songs.notes)
    return Writer.load(model, songs, voice=voice)


def unknown_in(writer: Writer, text: str) -> str:
    """The characters of a text that the model does not know."""
    return writer.vocabulary.adapt(text)[1]


def figures(candidate: Candidate, writer: Writer) -> str:
    """The figures of a candidate of a writer, for people."""
    parts = [f"{candidate.nll:.2f} nats a character"]
    parts += [f"{candidate.fit:.2f} for the next line"] if candidate.fit is not None else []
    parts += [f"{candidate.repetition:.0%} repeated"]
    if candidate.longest_copied is not None:
        parts.append(f"{_copied(candidate, writer)} copied in a row")
    return ", ".join(parts)


def _copied(candidate: Candidate, writer: Writer) -> str:
    """The length of the longest copied span in a candidate of a writer, for people."""
    assert writer.model.against is not None
    return longest_copied(candidate.longest_copied or 0, candidate.copied_words or 0, writer.model.against)


def say_copy_limit(writer: Writer, config: WriteConfig) -> None:
    """Says where a limit for copies that was asked for cannot be kept, since shorter copies are not recognised."""
    from zuoci.writing.originality import parts_of

    against = writer.model.against
    base = parts_of(against)[1] if against is not None else None
    if base is not None and config.max_copy and config.max_copy < base.known_from - 1:
        say(
            f"note: of what {base.about.name} has read, copies are recognised from {base.known_from} characters on; "
            f"shorter ones may be more than max_copy {config.max_copy}"
        )


def replaced(text: str, number: int, line: str) -> str:
    """The text with `line` in place of its line `number`, from 1; empty lines are not counted."""
    from zuoci.writing.form import line_indices

    rows = text.split("\n")
    rows[line_indices(rows)[number - 1]] = line
    return "\n".join(rows)


def text_of(file: Path, reading: ReadConfig | None = None) -> str:
    """The text of a file, read as `zuoci train` reads it, without trailing newlines."""
    from zuoci.text.corpus import read_one

    corpus = read_one(file, reading)
    say_notes(corpus.notes)
    return corpus.text.rstrip("\n")


def _example(name: str, corpus: Sequence[Path] | None, reading: ReadConfig) -> Song:
    """The song of --like: a file, or a song with this title."""
    from zuoci.text.corpus import Song, load_lyrics, read_corpus, read_one

    if Path(name).is_file():
        example = read_one(Path(name), reading)
        say_notes(example.notes)
        return example.songs[0] if len(example.songs) == 1 else Song(name, example.text)
    songs = read_corpus(corpus, reading).songs if corpus else ()
    songs += load_lyrics("zh").songs + load_lyrics("en").songs
    found = next((song for song in songs if song.title == name), None)
    if found is None:
        raise SettingsError(
            f"like names neither a file nor the title of a song of the corpus or the bundled lyrics: got {name!r}"
        )
    return found


def _print(writer: Writer, found: Sequence[Candidate], count: int) -> None:
    from zuoci.writing.text import mark_sections

    lines = all("\n" not in candidate.text for candidate in found)
    for number, candidate in enumerate(found, 1):
        text = mark_sections(candidate.text, candidate.sections)
        if count == 1:
            print_text(text)
        elif lines:
            print_text(f"{number:2}. {text}    ({figures(candidate, writer)})")
        else:
            print_text(f"{number}. {figures(candidate, writer)}, seed {candidate.seed}\n{text}\n")
    if count == 1 and found[0].longest_copied is not None:
        say(f"copied in a row: {_copied(found[0], writer)}")
    elif count == 1 and writer.model.against is None:
        say("note: the training text is unknown, so copies cannot be detected; name it with --corpus")
