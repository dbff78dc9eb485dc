"""Sources on disk, or the bundled lyrics → a corpus of songs, which training, writing and the fingerprint read.

A song has the name of its source and its text. A model is trained on the texts of all songs, one after another. A plain
text file is kept character for character, except that its line ends become newlines; empty lines cut it into songs.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from zuoci.errors import CorpusError
from zuoci.text.cleaning import clean_lrc, unify_line_ends
from zuoci.text.encoding import decode
from zuoci.text.songbook import parse_songbook
from zuoci.text.sources import TEXT_SUFFIXES, LeftOut, find_texts, readable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from zuoci.text.songbook import Section

Source: TypeAlias = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Song:
    """One song, or one block of a plain text.

    Attributes:
        source: the file that the song comes from (`archive.zip/member.txt` inside a zip).
        text: the characters of the song as a model is trained on them, including the empty lines after it.
        sections: the verses, choruses and so on, in the order in which they are sung; empty where the source does not
            mark them. All are there, also where `text` leaves out the repeats of a chorus.
        held_apart: whether training leaves the song out, so that models can be judged by it.
    """

    source: str
    text: str
    sections: tuple[Section, ...] = ()
    held_apart: bool = False

    @property
    def lines(self) -> list[str]:
        """The lines that are not empty."""
        return [line for line in self.text.split("\n") if line.strip()]

    @property
    def title(self) -> str:
        """The first line; "" for an empty song."""
        found = re.search(r"\S[^\n]*", self.text)
        return found[0].strip() if found else ""


@dataclass(frozen=True)
class Corpus:
    """Songs, and notes on what was changed or left out while they were read.

    Attributes:
        songs: the songs, in the order of the sources.
        notes: a sentence for everything that was changed or left out.
    """

    songs: tuple[Song, ...]
    notes: tuple[str, ...] = field(default=())

    @cached_property
    def text(self) -> str:
        """The texts of all songs, one after another."""
        return "".join(song.text for song in self.songs)

    def __len__(self) -> int:
        """The number of songs."""
        return len(self.songs)


def code_points(text: str) -> NDArray[np.uint32]:
    """The Unicode code points of a text, uint32 `(len(text),)`."""
    return np.frombuffer(text.encode("utf-32-le", errors="surrogatepass"), dtype=np.uint32)


class LineIndex:
    """Finds the song and the line of a position in the text of a corpus.

    Attributes:
        songs: the position of the first character of each song, ascending.
        lines: the positions that come after a newline, ascending.
    """

    def __init__(self, songs: NDArray[np.int64], lines: NDArray[np.int64]) -> None:
        self.songs = songs
        self.lines = lines

    @classmethod
    def of(cls, corpus: Corpus) -> LineIndex:
        """The index of a corpus."""
        lengths = np.array([len(song.text) for song in corpus.songs], np.int64)
        return cls(lengths.cumsum() - lengths, np.flatnonzero(code_points(corpus.text) == ord("\n")) + 1)

    def find(self, position: int) -> tuple[int, int]:
        """The song that holds a position, counted from 0, and the line in that song, counted from 1.

        Empty lines count.
        """
        song = int(np.searchsorted(self.songs, position, "right")) - 1
        before, here = np.searchsorted(self.lines, [self.songs[song], position], "right").tolist()
        return song, here - before + 1


def load_lyrics(language: Literal["zh", "en"] = "zh", *, choruses: Literal["sung", "once"] = "sung") -> Corpus:
    """The lyrics that come with zuoci: original songs in Chinese or English, public domain (CC0).

    A tenth of the songs is held apart (`Song.held_apart`): training leaves them out, and judges the model by them.

    Args:
        language: `zh` or `en`.
        choruses: `sung` repeats a chorus as often as it is sung; `once` leaves the repeats out, which is better to
            train on. `zuoci train` takes `once`.

    Raises:
        CorpusError: there are no lyrics in that language, or `choruses` is something else.
    """
    if language not in ("zh", "en"):
        raise CorpusError(f"there are no bundled lyrics in {language!r}; there are 'zh' and 'en'")
    if choruses not in ("sung", "once"):
        raise CorpusError(f"choruses must be 'sung' or 'once': got {choruses!r}")
    name, data = f"{language}.txt", files("zuoci").joinpath("data")
    held_apart = set(data.joinpath("held-apart.txt").read_text("utf-8").splitlines())
    songs: list[Song] = []
    for song in parse_songbook(data.joinpath(name).read_text("utf-8"), name):
        lines = [song.title, *song.lines(returns=choruses == "sung")]
        songs.append(Song(name, "\n".join(lines) + "\n\n", song.sections, song.title in held_apart))
    songs[-1] = replace(songs[-1], text=songs[-1].text.removesuffix("\n"))
    return Corpus(tuple(songs))


def read_corpus(source: Source | Sequence[Source], *, encoding: str | None = None) -> Corpus:
    """Reads a text file, a zip of text files, a folder (recursive, sorted), or several of these.

    A source that holds one text is kept as it is; its blocks between empty lines are its songs. In a source that holds
    several texts, each text is one song, and an empty line separates it from the next. LRC files lose their time
    stamps and credits.

    Args:
        source: a path, or several.
        encoding: the encoding of files that have no byte-order mark and are not UTF-8; None: it is guessed.

    Returns:
        The songs, in the order of the sources and, within one, of the file names.

    Raises:
        CorpusError: a source does not exist, cannot be read or decoded, or holds no text.
    """
    sources = [source] if isinstance(source, str | os.PathLike) else list(source)
    if not sources:
        raise CorpusError("no source was given: name a text file, a zip or a folder")
    songs: list[Song] = []
    notes: list[str] = []
    for path in map(Path, sources):
        left_out: LeftOut = {}
        texts = [(name, *_clean(name, data, encoding)) for name, data in find_texts(path, left_out)]
        texts = [entry for entry in texts if entry[1].strip()]
        shown = readable(str(path))
        skipped = [f"left out {len(names)} {why} ({_first(names)})" for why, names in left_out.items()]
        if not texts:
            expected = f"expected lyrics in {_known_suffixes()} files, or a zip of them"
            raise CorpusError("; ".join([f"{shown} holds no text: {expected}", *skipped]))
        if len(texts) == 1:
            songs.extend(_blocks(texts[0][1], texts[0][0]))
        else:
            songs.extend(Song(name, text.rstrip() + "\n\n") for name, text, _ in texts)
        for note, count in Counter(note for _, _, changes in texts for note in changes).items():
            notes.append(f"{shown}: {note}" + (f" ({count} files)" if count > 1 else ""))
        notes.extend(f"{shown}: {reason}" for reason in skipped)
    return Corpus(tuple(_separated(songs)), tuple(notes))


def read_text(source: Source, *, encoding: str | None = None) -> str:
    """Reads a source that holds exactly one text: a file, or a zip or folder with one file. Line ends are kept.

    Args:
        source: a path.
        encoding: as in `read_corpus`.

    Raises:
        CorpusError: the source cannot be read or decoded, or holds no text or several.
    """
    texts = list(find_texts(Path(source), {}))
    if len(texts) != 1:
        raise CorpusError(f"{source} holds {len(texts)} texts: expected one ({_known_suffixes()})")
    name, data = texts[0]
    return decode(data, name, encoding)[0]


def _separated(songs: Sequence[Song]) -> Iterator[Song]:
    """Adds an empty line where one source ends and the next begins. Within a source nothing is added."""
    for song, following in zip(songs, [*songs[1:], None], strict=True):
        if following is not None and not song.text.endswith("\n\n") and song.source != following.source:
            yield Song(song.source, song.text.rstrip("\n") + "\n\n")
        else:
            yield song


def _first(names: Sequence[str]) -> str:
    """The first three names, for a note."""
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


def _known_suffixes() -> str:
    return ", ".join(sorted(TEXT_SUFFIXES))


def _blocks(text: str, source: str) -> Iterator[Song]:
    """Cuts a text into blocks at its empty lines. The blocks, joined, are the text again."""
    start, end = 0, len(text.rstrip())
    for gap in re.finditer(r"\n(?:[^\S\n]*\n)+", text):
        if text[start : gap.start()].strip() and gap.end() < end:
            yield Song(source, text[start : gap.end()])
            start = gap.end()
    if text[start:]:
        yield Song(source, text[start:])


def _clean(name: str, data: bytes, encoding: str | None) -> tuple[str, list[str]]:
    """Decodes and cleans a file. Returns its text, and notes on what was changed."""
    text, found = decode(data, name, encoding)
    notes = [] if found.startswith("utf-8") else [f"read as {found}"]
    text, changes = unify_line_ends(text)
    notes += changes
    if name.lower().endswith(".lrc"):
        text, changes = clean_lrc(text, name)
        notes += changes
    return text, notes
