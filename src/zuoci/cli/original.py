"""`zuoci original`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zuoci.cli import print_json, printable, say_notes, shortened

if TYPE_CHECKING:
    from zuoci.writing.originality import CorpusIndex, Fingerprint, Originality

_SHOWN = 80  # characters of a span, and half as many of a title, that people are shown


def command(
    against: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL|CORPUS",
            help="A folder that training has written; or lyrics: a text file, a zip or a folder.",
        ),
    ],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="A text file; - reads the standard input.")],
    least: Annotated[int, typer.Option(help="Characters of the shortest span to list and to count.")] = 8,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Says what of a text also stands in the lyrics that a model was trained on, and where.

    A newline at the very end of the text is taken to end its last line, and left out. Long spans are shortened; --json
    has them whole.
    """
    from zuoci.writing.originality import originality

    found = originality(_read(text), _known(against), least)
    if as_json:
        print_json({"schema": "zuoci.original/1", **found.model_dump()})
    else:
        _print(found)


def _known(against: Path) -> CorpusIndex | Fingerprint:
    """A folder of a model is known by what zuoci writes in its files; everything else is lyrics."""
    from zuoci.text.corpus import read_corpus
    from zuoci.text.sources import holds_model
    from zuoci.writing.originality import CorpusIndex, Fingerprint

    if holds_model(against):
        return Fingerprint.load(against)
    corpus = read_corpus([against])
    say_notes(corpus.notes)
    return CorpusIndex(corpus)


def _read(text: str) -> str:
    from zuoci.text.cleaning import decode, unify_line_ends
    from zuoci.text.corpus import read_text
    from zuoci.text.sources import read_stream

    name = "the standard input"
    read = decode(read_stream(sys.stdin.buffer, name), name)[0] if text == "-" else read_text(text)
    return unify_line_ends(read)[0].removesuffix("\n")


def _print(found: Originality) -> None:
    longest = f"{found.longest_copied} characters"
    if found.longest_copied < found.known_from:
        longest = f"below {found.known_from} characters"
    print(
        f"longest copied span: {longest}; {found.coverage:.1%} of {found.characters:,} characters "
        f"lie in spans of {found.least} or more"
    )
    for span in found.spans:
        where = f", {shortened(span.title, _SHOWN // 2)}" if span.title else f" ({printable(span.source)})"
        print(f"{span.length:5}  song {span.song}{where}, line {span.line}: {shortened(span.text, _SHOWN)}")
