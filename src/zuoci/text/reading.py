"""A source → the documents in it, and what was dropped, changed or left out. `corpus.py` makes songs of them.

One unreadable file of a folder ends the reading, after all of them were tried, so that all are named at once; with
`ReadConfig.skip_unreadable` they are left out. One bad member of an archive is always left out. Nothing is left out,
dropped or changed without a note.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zuoci.errors import CorpusError, Message
from zuoci.text.characters import clean_characters
from zuoci.text.encoding import decode
from zuoci.text.formats.document import Document, Dropped, NoLyricsError
from zuoci.text.formats.recognise import read_binary, read_text
from zuoci.text.sources import DAMAGED, EMPTY, NO_LYRICS, TEXT_SUFFIXES, UNREADABLE, LeftOut, find_texts, readable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from zuoci.text.read_config import ReadConfig
    from zuoci.text.sources import Omission

_FAILED = (UNREADABLE, DAMAGED)
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
        notes: what else was changed.
    """

    name: str
    encoding: str
    format: str
    songs: int
    characters: int
    dropped: tuple[Dropped, ...]
    notes: tuple[Message, ...]


class Tally:
    """Counts what is changed and dropped while a source is read, for the notes."""

    def __init__(self) -> None:
        """Begins with nothing."""
        self._documents = self._filled = 0  # all of them, and those with songs
        self._names: dict[str, bool] = {}  # of files in which something was dropped → whether anything is sung
        self._changed: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()

    def add(self, name: str, document: Document, encoding: str, left_out: LeftOut) -> None:
        """Counts a document, or a part of one. If it is empty, it is left out."""
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

    def notes(self, shown: str, left_out: Iterable[Omission]) -> list[str]:
        """A note for each kind of thing that was changed, dropped or left out; `shown` is the name of the source."""
        return [f"{shown}: {note}" for note in [*self._changes(), *self._losses(left_out)]]

    def _changes(self) -> list[str]:
        notes = [note + (f" ({count} files)" if count > 1 else "") for note, count in self._changed.items()]
        return notes + [f"dropped {count} {why}" for why, count in self._dropped.items()]

    def _losses(self, left_out: Iterable[Omission]) -> list[str]:
        """A note for each kind of file that was left out."""
        kinds: defaultdict[str, list[Omission]] = defaultdict(list)
        for each in left_out:
            kinds[each.why].append(each)
        failed = [each for why in _FAILED for each in kinds.pop(why, ())]
        notes = [f"left out {len(some)} {why} ({_first([each.name for each in some])})" for why, some in kinds.items()]
        notes += [f"left out {_unreadable(failed)}"] if failed else []
        unsung = self._unsung
        return notes + ([f"left out {len(unsung)} files in which nothing is sung ({_first(unsung)})"] if unsung else [])

    @property
    def _unsung(self) -> list[str]:
        return [name for name, sung in self._names.items() if not sung]

    def check(self, shown: str, left_out: Sequence[Omission]) -> None:
        """Makes sure that there are songs.

        Raises:
            CorpusError: there are none.
        """
        if self._filled:
            return
        failed = [each for each in left_out if each.why in _FAILED]
        if failed:
            raise CorpusError(f"{shown} holds no text: {_unreadable(failed)}")
        if self._documents == 1 and self._unsung:
            told = "{name} holds no lyrics: {what}; name a file with sung lines"
            raise CorpusError(Message("unsung", told, name=shown, what="; ".join(self._changes())))
        losses, suffixes = "; ".join(self._losses(left_out)), ", ".join(sorted(TEXT_SUFFIXES))
        told = "{name} holds no text: expected lyrics in {suffixes} files, or a zip of them"
        told += "; {notes}" if losses else ""
        raise CorpusError(Message("no_text", told, name=shown, suffixes=suffixes, notes=losses))


@dataclass(frozen=True, slots=True)
class SourceText:
    """What was read from a source.

    Attributes:
        documents: the name and the contents of each file with songs in it.
        files: how each file was read, those without songs included.
        left_out: the files that were not read.
        name: the name of the source.
        tally: what was changed and dropped, counted.
    """

    documents: list[tuple[str, Document]]
    files: tuple[FileReport, ...]
    left_out: tuple[Omission, ...]
    name: str
    tally: Tally

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence for everything that was changed or left out."""
        return tuple(self.tally.notes(self.name, self.left_out))


def read_source(path: Path, config: ReadConfig) -> SourceText:
    """Reads a file, a zip or a folder.

    Raises:
        CorpusError: it does not exist, cannot be read, or holds no songs.
    """
    found = look_through(path, config)
    refuse_unreadable(found.name, found.left_out, config)
    found.tally.check(found.name, found.left_out)
    return found


def look_through(path: Path, config: ReadConfig) -> SourceText:
    """Reads what can be read of a file, a zip or a folder, even if nothing of a folder can.

    Raises:
        CorpusError: it does not exist, or is a single file that cannot be read.
    """
    left_out = LeftOut()

    def read(name: str, data: bytes) -> Iterator[tuple[Document, str]]:
        yield parse(name, data, config)

    texts = list(documents_of(find_texts(path, left_out, config), path, left_out, read))
    return _found(readable(str(path)), texts, left_out)


def refuse_unreadable(shown: str, left_out: Iterable[Omission], config: ReadConfig) -> None:
    """Makes sure that all files of a folder could be read, if none is to be skipped.

    Raises:
        CorpusError: some cannot be read; it names them.
    """
    failed = [each for each in left_out if each.why == UNREADABLE]
    if failed and not config.skip_unreadable:
        raise CorpusError(f"{shown}: {_unreadable(failed)}; mend them, or go on without them: --skip-unreadable")


def read_bytes(data: bytes, name: str, config: ReadConfig) -> SourceText:
    """Reads the bytes of one text.

    Raises:
        CorpusError: they cannot be decoded, or hold no songs.
    """
    found = _found(name, [(name, *parse(name, data, config))], LeftOut())
    found.tally.check(found.name, found.left_out)
    return found


def documents_of(
    texts: Iterable[tuple[str, bytes]],
    path: Path,
    left_out: LeftOut,
    read: Callable[[str, bytes], Iterator[tuple[Document, str]]],
) -> Iterator[tuple[str, Document, str]]:
    """Reads the texts of a source one by one.

    Args:
        texts: what `find_texts` yields.
        path: the source.
        left_out: collects the texts that cannot be read or hold no lyrics.
        read: gives the contents of a text and its encoding; in several parts, if it is large.

    Yields:
        The name, the contents and the encoding of each.

    Raises:
        CorpusError: the source is a file that cannot be read, or a part of a file cannot.
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
            in_archive = any(parent.suffix.lower() == ".zip" for parent in Path(name).parents)
            why = UNREADABLE if left_out.is_folder and not in_archive else DAMAGED
            left_out.add(NO_LYRICS if isinstance(error, NoLyricsError) else why, name, reason=error.message)


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


def _found(shown: str, texts: Sequence[tuple[str, Document, str]], left_out: LeftOut) -> SourceText:
    """What was read."""
    tally = Tally()
    for name, document, encoding in texts:
        tally.add(name, document, encoding, left_out)
    filled = [(name, document) for name, document, _ in texts if document.text.strip()]
    files = tuple(
        FileReport(
            name, encoding, document.format, len(document.songs), len(document.text), tuple(document.dropped),
            tuple(document.notes),
        )
        for name, document, encoding in texts
    )  # fmt: skip
    return SourceText(filled, files, tuple(left_out.files), shown, tally)


def _unreadable(failed: Sequence[Omission]) -> str:
    """How many files cannot be read, with their names and the reasons."""
    reasons = [
        f"{each.reason}" if each.name in (each.reason or "") else f"{each.name} {each.reason}"
        for each in failed[:_MOST_NAMED]
    ]
    more = [f"and {len(failed) - len(reasons)} more"] if len(failed) > len(reasons) else []
    return f"{len(failed)} files that cannot be read: {'; '.join([*reasons, *more])}"


def _first(names: Sequence[str]) -> str:
    """The first three names, for a note."""
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
