"""Sources on disk, or the bundled lyrics → a corpus of songs, which training, writing and the fingerprint read.

A song has the name of its source and its text. A model is trained on the texts of all songs, one after another. A plain
text file is kept character for character, except that its line ends become newlines, and that credits, section marks
and the like are taken out (`formats`); empty lines cut it into songs.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from zuoci.errors import CorpusError
from zuoci.text.encoding import decode
from zuoci.text.formats.plain import as_one_song
from zuoci.text.read_config import ReadConfig
from zuoci.text.reading import FileReport, SourceText, look_through, read_bytes, read_source
from zuoci.text.songbook import parse_songbook
from zuoci.text.sources import LeftOut, find_texts, readable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zuoci.text.songbook import Section
    from zuoci.text.sources import Omission

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
        named: the title that the source names outside the text; "": none.
    """

    source: str
    text: str
    sections: tuple[Section, ...] = ()
    held_apart: bool = False
    named: str = ""

    @property
    def lines(self) -> list[str]:
        """The lines that are not empty."""
        return [line for line in self.text.split("\n") if line.strip()]

    @property
    def title(self) -> str:
        """The title that the source names, or else the first line; "" for an empty song."""
        if self.named:
            return self.named
        found = re.search(r"\S[^\n]*", self.text)
        return found[0].strip() if found else ""


@dataclass(frozen=True)
class Corpus:
    """Songs, and notes on what was changed or left out while they were read.

    Attributes:
        songs: the songs, in the order of the sources.
        notes: a sentence for everything that was changed or left out.
        files: how each file was read.
        left_out: the files that were not read.
        config: the settings with which they were read; a run keeps them, to read the same text when it is resumed.
    """

    songs: tuple[Song, ...]
    notes: tuple[str, ...] = field(default=())
    files: tuple[FileReport, ...] = field(default=(), repr=False)
    left_out: tuple[Omission, ...] = field(default=(), repr=False)
    config: ReadConfig = field(default=ReadConfig(), repr=False)

    @cached_property
    def text(self) -> str:
        """The texts of all songs, one after another."""
        return "".join(song.text for song in self.songs)

    def __len__(self) -> int:
        """The number of songs."""
        return len(self.songs)


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


def read_corpus(source: Source | Sequence[Source], config: ReadConfig | None = None) -> Corpus:
    """Reads a text file, a zip of text files, a folder (recursive, sorted), or several of these.

    The format of each file is recognised by what it holds (`zuoci.text.formats`): plain text, LRC and its relatives,
    tables, JSON, subtitles, HTML, Markdown, DOCX, RTF. What is not sung is dropped: time stamps, credits, marks.

    A source that holds one plain text is kept as it is; its blocks between empty lines are its songs. In a source that
    holds several texts, each text is one song, and an empty line separates it from the next. Tables, JSON and headings
    say themselves where songs begin.

    Args:
        source: a path, or several.
        config: how to read them; default: `ReadConfig()`.

    Returns:
        The songs, in the order of the sources and, within one, of the file names.

    Raises:
        CorpusError: a source does not exist, cannot be read or decoded, or holds no text.
    """
    sources = [source] if isinstance(source, str | os.PathLike) else list(source)
    if not sources:
        raise CorpusError("no source was given: name a text file, a zip or a folder")
    config = config or ReadConfig()
    parts = [_corpus(read_source(Path(each), config)) for each in sources]
    return Corpus(
        tuple(_separated([song for part in parts for song in part.songs])),
        tuple(note for part in parts for note in part.notes),
        tuple(file for part in parts for file in part.files),
        tuple(each for part in parts for each in part.left_out),
        config,
    )


def read_what_can_be_read(source: Source, config: ReadConfig | None = None) -> Corpus:
    """Reads a folder as `read_corpus` does, and leaves out what cannot be read; the corpus may hold no songs.

    Raises:
        CorpusError: the folder does not exist.
    """
    config = config or ReadConfig()
    return replace(_corpus(look_through(Path(source), config)), config=config)


def read_one(source: Source, config: ReadConfig | None = None) -> Corpus:
    """Reads a source that holds exactly one text: a file, or a zip or folder with one file.

    Raises:
        CorpusError: the source cannot be read or decoded, or holds no text or several.
    """
    found = read_source(Path(source), config or ReadConfig())
    if len(found.files) != 1:
        raise CorpusError(f"{readable(str(source))} holds {len(found.files)} texts: expected one")
    return _corpus(found)


def read_as_it_is(source: Source, encoding: str = "") -> str:
    """Reads a source that holds exactly one text: the characters of a plain text with all its line ends and blanks.

    What is no plain text is read as `read_one` reads it.

    Args:
        source: the source.
        encoding: of the text, as Python names it; "": found out.

    Raises:
        CorpusError: as `read_one`.
    """
    config = ReadConfig(encoding=encoding)
    found = read_source(Path(source), config)
    if len(found.files) != 1 or found.files[0].format != "plain text":
        return read_one(source, config).text
    found_texts = find_texts(Path(source), LeftOut(), config)  # files without songs among them
    name, data = next((name, data) for name, data in found_texts if name == found.files[0].name)
    return decode(data, name, config.encoding or None)[0]


def corpus_of(data: bytes, name: str, config: ReadConfig | None = None) -> Corpus:
    """The songs in the bytes of one text, read as those of a file are.

    Raises:
        CorpusError: they cannot be decoded, or hold no text.
    """
    return _corpus(read_bytes(data, name, config or ReadConfig()))


def _corpus(found: SourceText) -> Corpus:
    """The songs of a source. A single plain text is kept as it is; several songs are parted by empty lines."""
    songs: list[Song] = []
    for name, document in found.documents:
        alone = len(found.documents) == 1
        for song in document.songs if alone or document.separate else [as_one_song(document)]:
            exact = alone and not document.separate
            text = song.text if exact else song.text.rstrip() + "\n\n"
            songs.append(Song(name, text, song.sections, named=song.title))
        if alone and document.separate:
            songs[-1] = replace(songs[-1], text=songs[-1].text.removesuffix("\n"))
    return Corpus(tuple(songs), found.notes, found.files, found.left_out)


def _separated(songs: Sequence[Song]) -> Iterator[Song]:
    """Adds an empty line where one source ends and the next begins. Within a source nothing is added."""
    for song, following in zip(songs, [*songs[1:], None], strict=True):
        if following is not None and not song.text.endswith("\n\n") and song.source != following.source:
            yield replace(song, text=song.text.rstrip("\n") + "\n\n")
        else:
            yield song
