"""`zuoci original`: reports which parts of a text are copied from a corpus or from a model's training text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zuoci.cli import print_json, say_notes, shortened
from zuoci.cli.options import Encoding
from zuoci.text.read_config import ReadConfig
from zuoci.text.terminal import printable

if TYPE_CHECKING:
    from zuoci.writing.originality import Known, Originality, Span

_SHOWN = 80  # characters of a span that are printed, and half as many of a title


def command(
    against: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL|CORPUS",
            help="The folder of a trained model, zh or en (base models), or lyrics: a text file, a zip or a folder.",
        ),
    ],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="A text file; -: the standard input.")],
    least: Annotated[int, typer.Option(help="Length of the shortest span to list and count, in characters.")] = 8,
    encoding: Encoding = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Finds the spans of a text that also occur in other lyrics or in the training text of a model.

    For a base model, and one that started from it, also spans of what the base has read, from 13 characters on in
    Chinese and 32 in English.

    Copies are also found that are written in another way: with invisible characters, accents written apart, in full
    width, in capital letters, in traditional characters, or, if lyrics are named rather than a model, with other blanks
    and punctuation. A newline at the end of the text is ignored. Long spans are shortened; --json prints them in full.
    """
    from zuoci.writing.originality import originality

    reading = ReadConfig(encoding=encoding)
    read, known = _read(text, reading), _known(against, reading)
    found = originality(read, known, least, disguised=True)
    if as_json:
        print_json({"schema": "zuoci.original/1", **found.model_dump()})
    else:
        _print(found, known)


def _known(against: Path, reading: ReadConfig) -> Known:
    """What a model and its base have read, or an index of lyrics."""
    from zuoci.model.base import model_folder
    from zuoci.text.corpus import read_corpus
    from zuoci.text.sources import holds_model
    from zuoci.text.window_filter import WindowFilter
    from zuoci.writing.originality import CorpusIndex, Fingerprint, known_texts

    folder = against if against.exists() else model_folder(against)
    if holds_model(folder):
        windows = WindowFilter.find(folder)
        own = Fingerprint.find(folder) if windows else Fingerprint.load(folder)
        return known_texts(own, windows) or Fingerprint.load(folder)
    corpus = read_corpus([against], reading)
    say_notes(corpus.notes)
    return CorpusIndex(corpus)


def _read(text: str, reading: ReadConfig | None = None) -> str:
    """The text of a file, or of the standard input, read as lyrics are."""
    from zuoci.text.corpus import corpus_of, read_one
    from zuoci.text.sources import read_stream

    name = "the standard input"
    stdin = text == "-"
    corpus = corpus_of(read_stream(sys.stdin.buffer, name), name, reading) if stdin else read_one(text, reading)
    say_notes(corpus.notes)
    return corpus.text.removesuffix("\n")


def longest_copied(longest: int, known: Known) -> str:
    """The length of the longest copied span, for people.

    Args:
        longest: the length in characters; 0: the span is too short to be detected.
        known: what the text was compared with. Shorter copies of what a base model has read go undetected.
    """
    from zuoci.writing.originality import parts_of

    own, base = parts_of(known)
    text = f"{longest} characters"
    undetected = min(part.known_from for part in (own, base) if part is not None) - 1
    if not longest and undetected:
        text = f"at most {undetected} characters"
    if own is not None and base is not None and longest < base.known_from:
        text += f", or at most {base.known_from - 1} of what {base.about.name} has read"
    return text


def _print(found: Originality, known: Known) -> None:
    from zuoci.writing.originality import parts_of

    _, base = parts_of(known)
    print(
        f"longest copied span: {longest_copied(found.longest_copied, known)}; {found.coverage:.1%} of "
        f"{found.characters:,} characters lie in spans of {found.least} or more"
        + (f", {base.known_from} or more of what {base.about.name} has read" if base is not None else "")
    )
    for span in found.spans:
        differs = f", but for {', '.join(span.differs_in)}" if span.differs_in else ""
        print(f"{span.length:5}  {_where(span)}{differs}: {shortened(span.text, _SHOWN)}")


def _where(span: Span) -> str:
    """Where a span is from, for people."""
    if span.song is None:
        return printable(span.source)
    where = f", {shortened(span.title, _SHOWN // 2)}" if span.title else f" ({printable(span.source)})"
    return f"song {span.song}{where}, line {span.line}"
