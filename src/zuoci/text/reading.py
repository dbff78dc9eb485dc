"""A source → the documents in it, and what was dropped, changed or left out. `corpus.py` makes songs of them.

One unreadable file of a folder ends the reading, after all of them were tried, so that all are named at once; with
`ReadConfig.skip_unreadable` they are left out. One bad member of an archive is always left out. Nothing is left out,
dropped or changed without a note.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zuoci.errors import CorpusError
from zuoci.text.characters import clean_characters
from zuoci.text.encoding import decode
from zuoci.text.formats.document import Document, Dropped, NoLyricsError
from zuoci.text.formats.recognise import read_binary, read_text
from zuoci.text.sources import EMPTY, NO_LYRICS, TEXT_SUFFIXES, LeftOut, find_texts, readable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from zuoci.text.read_config import ReadConfig

_MOST_NAMED = 20  # unreadable files that an error or a note names with their reasons


@dataclass(frozen=True, slots=True)
class FileReport:
    """How a file was read.

    Attributes:
        name: its name (`archive.zip/member.txt` inside a zip).
        encoding: the encoding of its text; "" where the format says it.
        format: its format.
        songs: the songs that were found in it; 0: nothing in it is sung.
        characters: the characters of these songs.
        dropped: what is not trained on.
        notes: what else was changed, in words.
    """

    name: str
    encoding: str
    format: str
    songs: int
    characters: int
    dropped: tuple[Dropped, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SourceText:
    """What was read from a source.

    Attributes:
        documents: the name and the contents of each file with songs in it.
        files: how each file was read, those without songs included.
        notes: a sentence for everything that was changed or left out.
    """

    documents: list[tuple[str, Document]]
    files: tuple[FileReport, ...]
    notes: tuple[str, ...]


def read_source(path: Path, config: ReadConfig) -> SourceText:
    """Reads a file, a zip or a folder.

    Raises:
        CorpusError: it does not exist, cannot be read, or holds no songs.
    """
    left_out = LeftOut()

    def read(name: str, data: bytes) -> Iterator[tuple[Document, str]]:
        yield parse(name, data, config)

    found = documents_of(find_texts(path, left_out, config), path, left_out, config, read)
    return _found(readable(str(path)), list(found), left_out)


def read_bytes(data: bytes, name: str, config: ReadConfig) -> SourceText:
    """Reads the bytes of one text.

    Raises:
        CorpusError: they cannot be decoded, or hold no songs.
    """
    return _found(name, [(name, *parse(name, data, config))], LeftOut())


def documents_of(
    texts: Iterable[tuple[str, bytes]],
    path: Path,
    left_out: LeftOut,
    config: ReadConfig,
    read: Callable[[str, bytes], Iterator[tuple[Document, str]]],
) -> Iterator[tuple[str, Document, str]]:
    """Reads the texts of a source one by one.

    Args:
        texts: what `find_texts` yields.
        path: the source.
        left_out: collects the texts that cannot be read or hold no lyrics.
        config: whether unreadable files of a folder are skipped.
        read: gives the contents of a text and its encoding; in several parts, if it is large.

    Yields:
        The name, the contents and the encoding of each.

    Raises:
        CorpusError: the source, or a file of a folder, cannot be read.
    """
    shown = readable(str(path))
    for name, data in texts:
        begun = False
        try:
            for document, encoding in read(name, data):
                begun = True
                yield name, document, encoding
        except CorpusError as error:
            if name == shown or begun:
                raise
            if isinstance(error, NoLyricsError):
                left_out.add(NO_LYRICS, name)
            elif left_out.is_folder and not any(parent.suffix.lower() == ".zip" for parent in Path(name).parents):
                left_out.unreadable[name] = str(error)
            else:
                left_out.in_archives[name] = str(error)
    if left_out.unreadable and not config.skip_unreadable:
        raise CorpusError(
            f"{shown}: {_unreadable(left_out.unreadable)}; mend them, or go on without them: --skip-unreadable"
        )


def parse(name: str, data: bytes, config: ReadConfig) -> tuple[Document, str]:
    """The contents of a file, and its encoding; "" where the format says it.

    Raises:
        CorpusError: it cannot be decoded, or is damaged.
    """
    document = read_binary(data, name)
    if document is not None:
        return document, ""
    text, encoding = decode(data, name, config.encoding or None)
    text, notes = clean_characters(text)
    document = read_text(text, name, config)
    document.notes[:0] = notes
    return document, encoding


class Tally:
    """Counts what is changed, dropped and left out while a source is read, for the notes."""

    def __init__(self) -> None:
        """Begins with nothing."""
        self._documents = self._filled = 0  # all of them, and those with songs
        self._names: dict[str, bool] = {}  # of files in which something was dropped → whether anything is sung
        self._changed: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()

    def add(self, name: str, document: Document, encoding: str, left_out: LeftOut) -> None:
        """Counts a document, or a part of one."""
        filled = bool(document.text.strip())
        self._documents += 1
        self._filled += filled
        if not filled and not document.dropped:
            left_out.add(EMPTY, name)
        if document.dropped or name in self._names:
            self._names[name] = self._names.get(name, False) or filled
        named = [] if encoding.startswith("utf-8") or not encoding else [f"read as {encoding}"]
        self._changed.update([*named, *([f"read as {document.format}"] if not encoding else []), *document.notes])
        self._dropped.update(each.why for each in document.dropped)

    def notes(self, shown: str, left_out: LeftOut) -> list[str]:
        """A note for each kind of thing that was changed, dropped or left out.

        Raises:
            CorpusError: there are no songs.
        """
        changed = [note + (f" ({count} files)" if count > 1 else "") for note, count in self._changed.items()]
        changed += [f"dropped {count} {why}" for why, count in self._dropped.items()]
        notes = [f"left out {len(names)} {why} ({_first(names)})" for why, names in left_out.files.items()]
        failed = {**left_out.unreadable, **left_out.in_archives}
        notes += [f"left out {_unreadable(failed)}"] if failed else []
        unsung = [name for name, sung in self._names.items() if not sung]
        notes += [f"left out {len(unsung)} files in which nothing is sung ({_first(unsung)})"] if unsung else []
        if not self._filled and failed:
            raise CorpusError(f"{shown} holds no text: {_unreadable(failed)}")
        if not self._filled and unsung and self._documents == 1:
            raise CorpusError(f"{shown} holds no lyrics: {'; '.join(changed)}; name a file with sung lines")
        if not self._filled:
            suffixes = ", ".join(sorted(TEXT_SUFFIXES))
            expected = f"{shown} holds no text: expected lyrics in {suffixes} files, or a zip of them"
            raise CorpusError("; ".join([expected, *notes]))
        return [f"{shown}: {note}" for note in [*changed, *notes]]


def _found(shown: str, texts: Sequence[tuple[str, Document, str]], left_out: LeftOut) -> SourceText:
    """What was read, with notes.

    Raises:
        CorpusError: there are no songs.
    """
    tally = Tally()
    for name, document, encoding in texts:
        tally.add(name, document, encoding, left_out)
    files = tuple(
        FileReport(
            name, encoding, document.format, len(document.songs), len(document.text), tuple(document.dropped),
            tuple(document.notes),
        )
        for name, document, encoding in texts
    )  # fmt: skip
    filled = [(name, document) for name, document, _ in texts if document.text.strip()]
    return SourceText(filled, files, tuple(tally.notes(shown, left_out)))


def _unreadable(failed: Mapping[str, str]) -> str:
    """How many files cannot be read, with their names and the reasons."""
    reasons = [(why if name in why else f"{name} {why}") for name, why in list(failed.items())[:_MOST_NAMED]]
    more = [f"and {len(failed) - len(reasons)} more"] if len(failed) > len(reasons) else []
    return f"{len(failed)} files that cannot be read: {'; '.join([*reasons, *more])}"


def _first(names: Sequence[str]) -> str:
    """The first three names, for a note."""
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
