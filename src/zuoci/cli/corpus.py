"""`zuoci corpus`: shows how lyrics are read: what is in them, what is dropped, and whether they are enough."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zuoci.cli import print_json, printable, shortened
from zuoci.cli.options import make, with_settings
from zuoci.text.read_config import ReadConfig

if TYPE_CHECKING:
    from zuoci.writing.corpus_report import CorpusReport, FileFigures

_SHOWN_GROUPS, _WIDTH = 10, 80


@with_settings(ReadConfig)
def command(
    source: Annotated[list[Path], typer.Argument(metavar="SOURCE …", help="Files, zip files or folders.")],
    show_dropped: Annotated[
        bool, typer.Option("--show-dropped", help="List every line that is not trained on, with its number.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document to stdout.")] = False,
    **settings: Any,
) -> None:
    """Shows what lyrics hold, and what of them is trained on."""
    from zuoci.text.corpus import read_corpus
    from zuoci.writing.corpus_report import CorpusReport

    report = CorpusReport.of(read_corpus(source, make(ReadConfig, settings)))
    if as_json:
        print_json({"schema": "zuoci.corpus/1", **report.model_dump()})
        return
    _print(report)
    for file in report.files:
        _print_file(file, dropped=show_dropped)
    hidden = sum(len(file.lines) for file in report.files)
    if hidden and not show_dropped:
        print(f"{hidden:,} lines or parts of lines are dropped; --show-dropped lists them")
    print(report.verdict)


def _print(report: CorpusReport) -> None:
    lines = report.lines
    print(
        f"{report.songs:,} songs, {lines.count:,} lines, {report.characters:,} characters, "
        f"{report.distinct:,} different ones"
    )
    usual = ", ".join(f"{length} ({count:,} lines)" for length, count in lines.usual)
    print(f"line lengths in syllables: {lines.shortest} to {lines.longest}, median {lines.median:g}; most: {usual}")
    rhymes = ", ".join(f"{name.partition(':')[2]} ({count:,})" for name, count in lines.rhymes)
    print(
        f"rhymes: {lines.couplets:.0%} of lines with the line before, {lines.alternate:.0%} with the one before that; "
        f"most end in {rhymes or 'no known rhyme'}"
    )
    if report.sections:
        sections = ", ".join(f"{count:,} {name}" for name, count in report.sections.items())
        print(f"sections, marked in {report.marked_songs:,} songs: {sections}")
    common = " ".join(char for char, _ in report.common)
    print(printable(f"commonest characters: {common}; {report.once:,} occur once, such as {' '.join(report.rare)}"))
    for group in report.duplicates[:_SHOWN_GROUPS]:
        titles = ", ".join(shortened(title, _WIDTH // 4) for title in group[:5])
        print(f"nearly the same: {titles}" + (f" and {len(group) - 5} more" if len(group) > 5 else ""))
    if len(report.duplicates) > _SHOWN_GROUPS:
        print(f"and {len(report.duplicates) - _SHOWN_GROUPS:,} more groups of songs that are nearly the same")
    for note in report.notes:
        if "left out" in note:
            print(printable(f"note: {note}"))


def _print_file(file: FileFigures, *, dropped: bool) -> None:
    how = ", ".join(filter(None, [file.format, file.encoding]))
    gone = ", ".join(f"{count} {why}" for why, count in file.dropped.items())
    parts = [f"{file.songs:,} songs", f"{file.characters:,} characters", *([f"dropped {gone}"] if gone else [])]
    print(printable(f"{file.name} ({how}): {', '.join([*parts, *file.notes])}"))
    if dropped:
        for number, why, text in file.lines:
            print(printable(f"{number:7}  {why}: {shortened(text, _WIDTH)}"))
