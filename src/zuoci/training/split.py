"""A corpus → the text to train on, and the text that is held out to judge the model by.

A run (`training/trainer.py`) parts its corpus here when it begins; one that goes on (`training/resume.py`) compares
the digest.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING

import torch

from zuoci.errors import CorpusError, Message
from zuoci.model.random import key_of
from zuoci.text.duplicates import near_duplicates

if TYPE_CHECKING:
    from zuoci.text.corpus import Corpus, Song
    from zuoci.training.recipe import TrainConfig

_SONGS_UP_TO = 300_000  # characters; in a longer text, the usual tail in one piece is large enough to be fair


@dataclass(frozen=True, slots=True)
class Split:
    """The two parts of a corpus.

    Attributes:
        training: the text to train on.
        validation: the text held out; "" if nothing is.
        held_out: how the held-out text was chosen, for the protocol.
        digest: identifies the corpus and what is made of it.
    """

    training: str
    validation: str
    held_out: str
    digest: str


def split(corpus: Corpus, config: TrainConfig) -> Split:
    """Parts a corpus into the text to train on and the text held out, as `validation` and `validation_split` say.

    Songs that the corpus holds apart (`Song.held_apart`, a tenth of the bundled lyrics) are never trained on. Where
    whole songs are held out, they are exactly the held-out ones, whatever share `validation` names.

    Of other corpora, whole songs are drawn until they make up the share, with all their versions
    (`text/duplicates.py`). A song more than half of whose lines stand in a song that is trained on is not held out: it
    would measure memory.

    Args:
        corpus: the songs.
        config: `join_lines` and `max_characters` change the text before it is parted.

    Raises:
        CorpusError: there is nothing to train on, or whole songs are to be held out of a text that is changed.
    """
    training, validation, held_out = _parts(corpus, config)
    # Of the whole corpus, since the fingerprint in the model's folder is made of it: of its songs, and of the names of
    # its files, wherever they are.
    numbers = {source: number for number, source in enumerate(dict.fromkeys(song.source for song in corpus.songs))}
    songs = [(numbers[song.source], PureWindowsPath(song.source).name, song.text) for song in corpus.songs]
    digest = hashlib.sha256(json.dumps([songs, training, validation]).encode()).hexdigest()
    return Split(training, validation, held_out, digest)


def _parts(corpus: Corpus, config: TrainConfig) -> tuple[str, str, str]:
    """The text to train on, the text held out, and how the latter was chosen."""
    apart = [song for song in corpus.songs if song.held_apart]
    text = "".join(song.text for song in corpus.songs if not song.held_apart) if apart else corpus.text
    if not text.strip():
        raise CorpusError(Message("no_text_yet", "the corpus is empty: it holds no characters to train on"))
    if config.join_lines:
        text = text.replace("\n", " ").replace("\r", " ")
    if config.max_characters:
        text = text[: config.max_characters]
    if config.validation == 0.0:
        return text, "", ""
    few = len(text) <= _SONGS_UP_TO and len(corpus) >= 10
    if config.validation_split == "songs" or (config.validation_split == "auto" and (few or apart)):
        if config.join_lines or config.max_characters:
            raise CorpusError(
                "whole songs cannot be held out of a text that join_lines or max_characters changes; "
                "set validation_split to tail, or validation to 0"
            )
        if apart:
            return text, "".join(song.text for song in apart), f"the {len(apart)} of {len(corpus)} songs held apart"
        return _by_songs(corpus, config)
    cut = len(text) - round(len(text) * config.validation)
    return text[:cut], text[cut:], f"the last {config.validation:.0%} of the text"


def _by_songs(corpus: Corpus, config: TrainConfig) -> tuple[str, str, str]:
    """Whole songs, drawn until they make up the share that is to be held out."""
    wanted = len(corpus.text) * config.validation
    generator = torch.Generator().manual_seed(key_of(config.seed, "held-out songs"))
    order = torch.randperm(len(corpus), generator=generator).tolist()
    versions = {i: group for group in near_duplicates(corpus.songs) for i in group}
    chosen: set[int] = set()
    size = 0
    for i in order:
        group = [] if i in chosen else versions.get(i, [i])  # the versions of a song stay on one side
        length = sum(len(corpus.songs[k].text) for k in group)
        if group and size + length / 2 <= wanted:  # whichever is nearer to the share, with the song or without
            chosen.update(group)
            size += length
    training_lines = {line for i, song in enumerate(corpus.songs) if i not in chosen for line in song.lines}
    held_out = {i for i in chosen if not _known(corpus.songs[i], training_lines)}
    training = "".join(song.text for i, song in enumerate(corpus.songs) if i not in held_out)
    validation = "".join(corpus.songs[i].text for i in sorted(held_out))
    return training, validation, f"{len(held_out)} of {len(corpus)} songs, held out whole"


def _known(song: Song, training_lines: set[str]) -> bool:
    """Whether more than half of the lines of a song stand in songs that are trained on."""
    lines = set(song.lines)
    return 2 * len(lines & training_lines) > len(lines)
