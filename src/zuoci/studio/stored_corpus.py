"""A folder with the uploaded files of a corpus, and a file with the names that they have on the user's machine.

`Corpora.copy_to` writes such a folder for each training run; the run's process reads it with `load_stored`.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zuoci.errors import CorpusError
from zuoci.text.corpus import Corpus, load_lyrics, read_corpus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NAMES = ".names.json"  # hidden, so that it is not read as a text of the corpus


def make_private(folder: Path) -> None:
    """Makes a folder that only its owner can look into, whatever the umask."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)


def save_names(folder: Path, names: Mapping[str, str], *, bundled: str | None) -> None:
    """Writes the names of a corpus's files.

    Args:
        folder: the corpus's folder.
        names: stored name of a file → its name on the user's machine.
        bundled: which bundled lyrics the corpus is; None: it is made of files.
    """
    document = {"bundled": bundled, "names": dict(names)}
    (folder / _NAMES).write_text(json.dumps(document, ensure_ascii=False), "utf-8")
    (folder / _NAMES).chmod(0o600)


def load_stored(folder: Path) -> Corpus:
    """The songs of a corpus in a folder.

    Raises:
        CorpusError: the folder does not hold them, or they cannot be read.
    """
    try:
        document: Any = json.loads((folder / _NAMES).read_text("utf-8"))
        bundled, names = document["bundled"], document["names"]
        if bundled is None:
            return read_stored(folder, {str(file): str(name) for file, name in names.items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise CorpusError(f"{folder} does not hold the lyrics of a run: {_NAMES} is missing or damaged") from None
    return load_lyrics(bundled, choruses="once")


def read_stored(folder: Path, names: Mapping[str, str]) -> Corpus:
    """The songs of the files in a folder, with the files' own names as sources.

    Raises:
        CorpusError: there are none.
    """
    return with_names(read_corpus(folder), folder, names)


def with_names(corpus: Corpus, folder: Path, names: Mapping[str, str]) -> Corpus:
    """A corpus whose sources and notes name the files of a folder as the user does.

    Args:
        corpus: was read from the folder.
        folder: the folder.
        names: stored name of a file → its name on the user's machine.
    """
    stored = re.compile(re.escape(f"{folder}{os.sep}") + r"(\d{6}\.\w+)")

    def renamed(text: str) -> str:
        return stored.sub(lambda found: names.get(found[1], found[0]), text)

    songs = tuple(replace(song, source=renamed(song.source)) for song in corpus.songs)
    files_read = tuple(replace(file, name=renamed(file.name)) for file in corpus.files)
    left_out = tuple(replace(each, name=renamed(each.name)) for each in corpus.left_out)
    notes = tuple(map(renamed, corpus.notes))
    return replace(corpus, songs=songs, notes=notes, files=files_read, left_out=left_out)
