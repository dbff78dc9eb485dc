"""What the page shows of a corpus, for JSON: the report that `zuoci corpus` prints, with each file's share of it."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from zuoci.errors import Message
from zuoci.text.amount import verdict
from zuoci.writing.corpus_report import CorpusReport

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from zuoci.studio.uploads import UploadedFile
    from zuoci.text.corpus import Corpus
    from zuoci.text.reading import FileReport
    from zuoci.text.sources import Omission

MIN_CHARACTERS = 200  # of a corpus to train on
_EXAMPLES = 5  # titles
_MOST_LINES = 20  # of a file that were dropped
_MOST_GROUPS, _MOST_TITLES = 20, 6  # of songs that are nearly the same
_OF_FILES = {"files", "notes", "verdict", "duplicates"}  # what is said otherwise than in the report


def describe(corpus: Corpus) -> dict[str, Any]:
    """What a corpus holds as a whole."""
    report = CorpusReport.of(corpus)
    return {
        **report.model_dump(exclude=_OF_FILES),
        "duplicates": [group[:_MOST_TITLES] for group in report.duplicates[:_MOST_GROUPS]],
        "duplicate_groups": len(report.duplicates),
        "examples": [song.title[:100] for song in corpus.songs[:_EXAMPLES]],
        "verdict": verdict(report.characters, report.songs).as_dict(),
        "error": _error(report.characters),
    }


def _error(characters: int) -> dict[str, Any] | None:
    """Why a corpus cannot be trained on."""
    if characters >= MIN_CHARACTERS:
        return None
    if not characters:
        return Message("no_text_yet", "there is no text in it yet").as_dict()
    told = "{characters} characters are too few: add text, {least} characters at least"
    return Message("too_few", told, characters=characters, least=MIN_CHARACTERS).as_dict()


def describe_files(corpus: Corpus, folder: Path, files: Iterable[UploadedFile]) -> list[dict[str, Any]]:
    """How each file of a corpus was read. A file in which no text was found is deleted, and says why.

    Args:
        corpus: as it was read from the folder.
        folder: the folder in which the files are stored.
        files: the files.
    """
    texts: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    left_out: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    errors: dict[str, Message] = {}

    def stored_name(name: str) -> tuple[str, str]:
        stored, _, member = name.removeprefix(f"{folder}{os.sep}").partition("/")
        return stored, member

    for text in corpus.files:
        stored, member = stored_name(text.name)
        texts[stored].append(_describe_text(text, member))
    for each in corpus.left_out:
        stored, member = stored_name(each.name)
        if member:
            left_out[stored].append(_describe_omission(each, member))
        elif each.reason:
            errors[stored] = each.reason
    documents: list[dict[str, Any]] = []
    for file in files:
        found = texts[file.stored.name]
        if not file.error and not any(text["songs"] or text["dropped"] for text in found):
            nothing = Message("no_text", "{name} holds no text", name=str(file.stored))
            file.discard(errors.get(file.stored.name, nothing))
        documents.append(
            {
                **{name: getattr(file, name) for name in ("number", "name", "bytes")},
                "error": file.error and file.error.as_dict(),
                "texts": [] if file.error else found,
                "left_out": [] if file.error else left_out[file.stored.name],
            }
        )
    return documents


def _describe_omission(omission: Omission, member: str) -> dict[str, Any]:
    reason = omission.reason and omission.reason.changed(lambda text: text.replace(omission.name, member))
    return {"name": member, "why": omission.why, "reason": reason and reason.as_dict()}


def _describe_text(text: FileReport, member: str) -> dict[str, Any]:
    return {
        "name": member,
        "format": text.format,
        "encoding": text.encoding,
        "songs": text.songs,
        "characters": text.characters,
        "dropped": dict(Counter(each.why for each in text.dropped)),
        "lines": [[each.line, each.why, each.text[:200]] for each in text.dropped[:_MOST_LINES]],
        "notes": [note.as_dict() for note in text.notes],
    }
