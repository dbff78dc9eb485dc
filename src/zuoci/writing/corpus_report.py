"""A corpus → what is in it: songs, characters, sections, line lengths, rhymes, duplicates, what was dropped.

`zuoci corpus` prints it; the studio shows the same.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from zuoci.text.amount import verdict
from zuoci.text.duplicates import near_duplicates
from zuoci.writing.form import count_syllables
from zuoci.writing.rhyme.scheme import Rhymes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zuoci.text.corpus import Corpus
    from zuoci.text.reading import FileReport

_SHOWN = 12  # characters, lengths and rhymes that are listed
_MOST_LINES = 4000  # whose lengths and rhymes are looked at


class Figures(BaseModel):
    """Base of the parts of a report."""

    model_config = ConfigDict(frozen=True)


class FileFigures(Figures):
    """How a file was read.

    Attributes:
        name: its name.
        format: its format.
        encoding: the encoding of its text; "" where the format says it.
        songs: its songs.
        characters: their characters.
        dropped: how many lines, or parts of lines, were dropped, by kind.
        lines: the number, the kind and the text of everything that was dropped.
        notes: what else was changed.
    """

    name: str
    format: str
    encoding: str
    songs: int
    characters: int
    dropped: dict[str, int]
    lines: list[tuple[int, str, str]]
    notes: list[str]


class LineFigures(Figures):
    """How long lines are, in syllables, and how they rhyme.

    Attributes:
        count: the lines.
        median: the median length.
        shortest: the shortest length.
        longest: the longest length.
        usual: the commonest lengths, with how many lines have them.
        couplets: the share of lines that rhyme with the line before them in their song.
        alternate: the share of lines that rhyme with the line before the last.
        rhymes: the commonest rhyme groups, with how many lines end in them.
    """

    count: int
    median: float
    shortest: int
    longest: int
    usual: list[tuple[int, int]]
    couplets: float
    alternate: float
    rhymes: list[tuple[str, int]]


class CorpusReport(Figures):
    """What a corpus holds.

    Attributes:
        songs: the songs.
        characters: all characters.
        distinct: how many different ones.
        files: how each file was read.
        notes: what was changed or left out.
        lines: lengths and rhymes of the lines.
        sections: how often each kind of section is sung.
        marked_songs: songs whose sections are marked.
        duplicates: titles of songs that share most of their lines, group by group.
        common: the commonest characters, with their counts.
        rare: characters that occur once, the first of them.
        once: how many characters occur once.
        verdict: whether it is enough, in words.
    """

    songs: int
    characters: int
    distinct: int
    files: list[FileFigures]
    notes: list[str]
    lines: LineFigures
    sections: dict[str, int]
    marked_songs: int
    duplicates: list[list[str]]
    common: list[tuple[str, int]]
    rare: str
    once: int
    verdict: str

    @classmethod
    def of(cls, corpus: Corpus) -> CorpusReport:
        """The report on a corpus."""
        counts = Counter(corpus.text)
        once = [char for char, count in counts.items() if count == 1]
        kinds = Counter(section.name.split(" ")[0] for song in corpus.songs for section in song.sections)
        del kinds[""]
        return cls(
            songs=len(corpus),
            characters=len(corpus.text),
            distinct=len(counts),
            files=[_file_figures(file) for file in corpus.files],
            notes=list(corpus.notes),
            lines=_line_figures([song.lines for song in corpus.songs]),
            sections=dict(kinds.most_common()),
            marked_songs=sum(any(section.name for section in song.sections) for song in corpus.songs),
            duplicates=[[corpus.songs[index].title for index in group] for group in near_duplicates(corpus.songs)],
            common=[(char, count) for char, count in counts.most_common() if not char.isspace()][:_SHOWN],
            rare="".join(once[:_SHOWN]),
            once=len(once),
            verdict=verdict(len(corpus.text), len(corpus)),
        )


def _file_figures(file: FileReport) -> FileFigures:
    return FileFigures(
        name=file.name,
        format=file.format,
        encoding=file.encoding,
        songs=file.songs,
        characters=file.characters,
        dropped=dict(Counter(each.why for each in file.dropped)),
        lines=[(each.line, each.why, each.text) for each in file.dropped],
        notes=list(file.notes),
    )


def _line_figures(songs: Sequence[Sequence[str]]) -> LineFigures:
    sampled: list[Sequence[str]] = []
    left = _MOST_LINES
    for song in songs:
        sampled.append(song[:left])
        left -= len(sampled[-1])
        if left <= 0:
            break
    lengths = [count_syllables(line) for song in sampled for line in song]
    rhymes = Rhymes()
    groups = [[set(rhymes.keys(line)) for line in song] for song in sampled]
    pairs = [bool(a & b) for song in groups for a, b in pairwise(song)]
    crossed = [bool(a & b) for song in groups for a, b in zip(song, song[2:], strict=False)]
    found = Counter(next(iter(sorted(keys)), "") for song in groups for keys in song)
    del found[""]
    return LineFigures(
        count=sum(map(len, songs)),
        median=float(median(lengths)) if lengths else 0.0,
        shortest=min(lengths, default=0),
        longest=max(lengths, default=0),
        usual=Counter(lengths).most_common(3),
        couplets=sum(pairs) / max(len(pairs), 1),
        alternate=sum(crossed) / max(len(crossed), 1),
        rhymes=found.most_common(5),
    )
