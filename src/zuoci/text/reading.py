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
    from collections.abc import Iterable, Sequence

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


@dataclass(frozen=True, slots=True)
class SourceText:
    """What was read from a source.

    Attributes:
        documents: the name and the contents of each file with songs in it.
        files: how each file was read, those without songs included.
        left_out: the files that were not read.
        name: the name of the source.
    """

    documents: list[tuple[str, Document]]
    files: tuple[FileReport, ...]
    left_out: tuple[Omission, ...]
    name: str

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence for everything that was changed or left out."""
        return tuple(f"{self.name}: {note}" for note in [*_changes(self.files), *_losses(self)])


def read_source(path: Path, config: ReadConfig) -> SourceText:
    """Reads a file, a zip or a folder.

    Raises:
        CorpusError: it does not exist, cannot be read, or holds no songs.
    """
    found, unreadable = look_through(path, config), []
    if not config.skip_unreadable:
        unreadable = [each for each in found.left_out if each.why == UNREADABLE]
    if unreadable:
        told = f"{_unreadable(unreadable)}; mend them, or go on without them: --skip-unreadable"
        raise CorpusError(f"{found.name}: {told}")
    return _with_songs(found)


def look_through(path: Path, config: ReadConfig) -> SourceText:
    """Reads what can be read of a file, a zip or a folder, even if nothing of a folder can.

    Raises:
        CorpusError: it does not exist, or is a single file that cannot be read.
    """
    left_out = LeftOut()
    texts: list[tuple[str, Document, str]] = []
    shown = readable(str(path))
    for name, data in find_texts(path, left_out, config):
        try:
            texts.append((name, *_parse(name, data, config)))
        except CorpusError as error:
            if name == shown:
                raise
            in_archive = any(parent.suffix.lower() == ".zip" for parent in Path(name).parents)
            why = UNREADABLE if left_out.is_folder and not in_archive else DAMAGED
            left_out.add(NO_LYRICS if isinstance(error, NoLyricsError) else why, name, reason=error.message)
    return _found(shown, texts, left_out)


def read_bytes(data: bytes, name: str, config: ReadConfig) -> SourceText:
    """Reads the bytes of one text.

    Raises:
        CorpusError: they cannot be decoded, or hold no songs.
    """
    return _with_songs(_found(name, [(name, *_parse(name, data, config))], LeftOut()))


def _parse(name: str, data: bytes, config: ReadConfig) -> tuple[Document, str]:
    """The contents of a file, and its encoding."""
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
    filled = [(name, document) for name, document, _ in texts if document.text.strip()]
    left_out.add(EMPTY, *(name for name, document, _ in texts if not document.text.strip() and not document.dropped))
    files = tuple(
        FileReport(
            name, encoding, document.format, len(document.songs), len(document.text), tuple(document.dropped),
            tuple(document.notes),
        )
        for name, document, encoding in texts
    )  # fmt: skip
    return SourceText(filled, files, tuple(left_out.files), shown)


def _with_songs(found: SourceText) -> SourceText:
    """What was read, if there are songs in it.

    Raises:
        CorpusError: there are none.
    """
    if found.documents:
        return found
    failed = [each for each in found.left_out if each.why in _FAILED]
    if failed:
        raise CorpusError(f"{found.name} holds no text: {_unreadable(failed)}")
    if len(found.files) == 1 and _is_unsung(found.files[0]):
        what = "; ".join(_changes(found.files))
        told = "{name} holds no lyrics: {what}; name a file with sung lines"
        raise CorpusError(Message("unsung", told, name=found.name, what=what))
    suffixes = ", ".join(sorted(TEXT_SUFFIXES))
    told = "{name} holds no text: expected lyrics in {suffixes} files, or a zip of them"
    told = "; ".join([told, *(["{notes}"] if _losses(found) else [])])
    raise CorpusError(Message("no_text", told, name=found.name, suffixes=suffixes, notes="; ".join(_losses(found))))


def _losses(found: SourceText) -> list[str]:
    """A note for each kind of file that was left out."""
    kinds: defaultdict[str, list[str]] = defaultdict(list)
    for each in found.left_out:
        kinds[each.why].append(each.name)
    notes = [f"left out {len(names)} {why} ({_first(names)})" for why, names in kinds.items() if why not in _FAILED]
    failed = [each for why in _FAILED for each in found.left_out if each.why == why]
    unsung = [file.name for file in found.files if _is_unsung(file)]
    notes += [f"left out {_unreadable(failed)}"] if failed else []
    return notes + ([f"left out {len(unsung)} files in which nothing is sung ({_first(unsung)})"] if unsung else [])


def _is_unsung(file: FileReport) -> bool:
    return bool(file.dropped) and not file.songs


def _changes(files: Iterable[FileReport]) -> list[str]:
    """A note for each kind of thing that was changed or dropped."""
    changed = Counter(note for file in files for note in _notes_of(file))
    notes = [note + (f" ({count} files)" if count > 1 else "") for note, count in changed.items()]
    dropped = Counter(each.why for file in files for each in file.dropped)
    return notes + [f"dropped {count} {why}" for why, count in dropped.items()]


def _notes_of(file: FileReport) -> list[str]:
    named = [] if file.encoding.startswith("utf-8") or not file.encoding else [f"read as {file.encoding}"]
    return [*named, *([f"read as {file.format}"] if not file.encoding else []), *file.notes]


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
