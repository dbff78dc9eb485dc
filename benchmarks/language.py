"""Whether it is language: people's lines held apart, and what models write, by the same figures.

    pip install -c constraints.txt jieba
    python benchmarks/language.py [MODEL …] [--reference SOURCE] [--training SOURCE] [--pieces N]

MODEL is zh, en or the folder of a model (default: zh and en). It writes free texts of 100 characters (English: 300),
and texts of eight lines of 7 syllables, rhymed AABB; all other settings are the defaults, and nothing is typed before.
A free text ends in the middle of a line, which is left out. Words and line ends are of complete lines, the rest is of
pieces: consecutive lines, cut after 48 letters or digits (English: 160), as many of each kind.

held-out nats    nats per character of the bundled songs held apart, by the model
unknown          share of their characters that the model does not know, and that are not counted
words            Chinese: share of characters that stand in words of two or more, as jieba cuts lines by its dictionary
                 alone; English: share of words that stand in the bundled songs that training reads, or in the
                 dictionary of rhymes
line ends        mean of log P(line ends | last two characters, or words in English), as people end lines and parts of
                 lines between pauses: line_ends.py; people are counted in the bundled songs that training reads
below 8 %        share of lines that end where that probability is below 8 %
AUC, ±           how well a classifier tells pieces from people's held apart, and its standard error: two_sample.py; it
                 does not see line breaks, pauses and punctuation. People's are told from songs that training reads
distinct-2       share of different ones among the pairs of neighbouring characters (English: words)
copies           longest run of characters that also stands in the training text, of each piece
"""

from __future__ import annotations

import argparse
import itertools
import logging
import random
import re
import statistics
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import zuoci
from common import publish
from line_ends import LineEnds
from two_sample import separability
from zuoci.writing.rhyme.english_table import read_table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

Language: TypeAlias = Literal["zh", "en"]

LETTERS = {"zh": 48, "en": 160}  # of a piece
FREE = {"zh": {"length": 100}, "en": {"length": 300}}
FORM = {"lines": 8, "line_length": "7", "rhyme": "AABB"}
BUNDLED = "bundled"
_MORE = 1.15  # texts to write for each piece, since some are too short for one
_SHUFFLED_SONGS = 20
_HAN = re.compile("[\u3400-\u9fff]+")


@dataclass(frozen=True)
class Texts:
    """Texts of one kind.

    Attributes:
        lines: their complete lines.
        pieces: the pieces of each song or text that has any.
    """

    lines: list[str]
    pieces: list[list[str]]

    @classmethod
    def of(cls, texts: Iterable[Sequence[str]], letters: int, most: int) -> Texts:
        """Cuts texts, given as lines, into at most `most` pieces. Texts that are not needed are left out."""
        lines: list[str] = []
        pieces: list[list[str]] = []
        left = most
        for text in texts:
            if not left:
                break
            lines += text
            if found := cut(text, letters)[:left]:
                pieces.append(found)
                left -= len(found)
        return cls(lines, pieces)

    def first(self, count: int) -> list[list[str]]:
        """The first so many pieces, by song."""
        before = itertools.accumulate(map(len, self.pieces), initial=0)
        return [song[: count - n] for song, n in zip(self.pieces, before, strict=False) if n < count]

    def __len__(self) -> int:
        """The number of pieces."""
        return sum(map(len, self.pieces))


class Yardstick:
    """What texts in one language are measured by.

    Attributes:
        language: the language.
        held_apart: the text of the bundled songs that no training reads.
        people: the texts of these songs.
        others: as many of songs that training reads.
    """

    def __init__(self, language: Language, pieces: int, reference: Sequence[str], training: Sequence[str]) -> None:
        self.language: Language = language
        corpus = zuoci.load_lyrics(language, choruses="once")
        read = [song for song in corpus.songs if not song.held_apart]
        apart = [song for song in corpus.songs if song.held_apart]
        self.held_apart = "".join(song.text for song in apart)
        self.people = Texts.of((song.lines for song in apart), LETTERS[language], pieces)
        drawn = random.Random(0).sample(read, len(read))
        self.others = Texts.of((song.lines for song in drawn), LETTERS[language], len(self.people))
        self._index = zuoci.CorpusIndex(zuoci.Corpus((*read, *_songs(training))))
        lines = [line for song in read for line in song.lines]
        sung = {word for line in lines for word in units(line, "en")}
        self._words = sung | read_table().keys() if language == "en" else set[str]()
        counted = [line for song in _songs([name for name in reference if name != BUNDLED]) for line in song.lines]
        counted += lines * (BUNDLED in reference)
        self._ends = LineEnds(part for line in counted for part in parts(line, language))

    def figures(self, texts: Texts, against: Texts) -> dict[str, float]:
        """The figures of some texts.

        Args:
            texts: the texts.
            against: the texts that the classifier has to tell them from.
        """
        line_end, unnatural = self._ends.figures(
            found[-1] for line in texts.lines if (found := parts(line, self.language))
        )
        equally_many = (kind.first(min(len(texts), len(against))) for kind in (texts, against))
        area, error = separability(*([[self._joined(p) for p in song] for song in songs] for songs in equally_many))
        together = [piece for song in texts.pieces for piece in song]
        copies = sorted(zuoci.originality(piece, self._index).longest_copied for piece in together)
        return {
            "words": self._word_share(texts.lines),
            "line ends": line_end,
            "below 8 %": unnatural,
            "AUC": area,
            "±": error,
            "distinct-2": distinct_pairs([units(piece, self.language) for piece in together]),
            "copies, median": statistics.median(copies),
            "p99": copies[int(0.99 * (len(copies) - 1))],
            "pieces": len(together),
        }

    def shuffled(self) -> Texts:
        """People's lines with the same lengths, but all characters (English: words) in random order."""
        between = " " if self.language == "en" else ""
        drawn = [unit for line in self.people.lines for unit in units(line, self.language)]
        random.Random(0).shuffle(drawn)
        lines: list[str] = []
        for line in self.people.lines:
            length = len(units(line, self.language))
            lines.append(between.join(drawn[:length]))
            del drawn[:length]
        size = -(-len(lines) // _SHUFFLED_SONGS)
        songs = (lines[i : i + size] for i in range(0, len(lines), size))
        return Texts.of(songs, LETTERS[self.language], len(self.people))

    def _joined(self, piece: str) -> list[str]:
        """The parts of a piece, for the classifier."""
        between = " " if self.language == "en" else ""
        return [between.join(part) for line in piece.split("\n") for part in parts(line, self.language)]

    def _word_share(self, lines: Iterable[str]) -> float:
        return dictionary_share(lines) if self.language == "zh" else known_share(lines, self._words)


def parts(line: str, language: Language) -> list[list[str]]:
    """The units of a line: the characters of each part between pauses (spaces, punctuation); English: all words."""
    if language == "zh":
        return [list(run) for run in re.findall(r"\w+", line)]
    words = re.findall(r"[^\W_]+(?:'[^\W_]+)*", line.lower().replace("’", "'"))
    return [words] if words else []


def units(text: str, language: Language) -> list[str]:
    """The characters of a text without pauses; English: its words."""
    return [unit for part in parts(text, language) for unit in part]


def cut(lines: Sequence[str], letters: int) -> list[str]:
    """Pieces of consecutive lines, each cut off after so many letters or digits; a shorter rest is left out."""
    pieces: list[str] = []
    piece: list[str] = []
    for line in lines:
        piece.append(line)
        text = "\n".join(piece)
        ends = [found.end() for found in re.finditer(r"\w", text)]
        if len(ends) >= letters:
            pieces.append(text[: ends[letters - 1]])
            piece = []
    return pieces


def dictionary_share(lines: Iterable[str]) -> float:
    """The share of Chinese characters that stand in dictionary words of two or more characters."""
    jieba = import_module("jieba")  # not in the environment of those who only check types
    jieba.setLogLevel(logging.WARNING)  # it says that it reads its dictionary
    lengths = [
        len(word)
        for line in lines
        for word in jieba.lcut(line, HMM=False)
        if isinstance(word, str)
        if _HAN.fullmatch(word)
    ]
    return sum(length for length in lengths if length > 1) / max(sum(lengths), 1)


def known_share(lines: Iterable[str], words: Collection[str]) -> float:
    """The share of the words of some lines that are among these words."""
    written = [word for line in lines for word in units(line, "en")]
    return sum(word in words for word in written) / max(len(written), 1)


def distinct_pairs(texts: Iterable[Sequence[str]]) -> float:
    """The number of different pairs of neighbouring units, by the number of all pairs (Li et al. 2016)."""
    pairs = [pair for text in texts for pair in itertools.pairwise(text)]
    return len(set(pairs)) / max(len(pairs), 1)


def language_of(vocabulary: zuoci.Vocabulary) -> Language:
    """The language of a model: Chinese if most of its characters are."""
    return "zh" if len(_HAN.sub("", vocabulary.characters)) < len(vocabulary) / 2 else "en"


def write(writer: zuoci.Writer, configs: Sequence[zuoci.WriteConfig]) -> list[str]:
    """Writes texts side by side. Those that cannot be written are left out."""
    try:
        return [lyrics.text for lyrics in writer.write_many([""] * len(configs), configs)]
    except zuoci.ZuociError:
        half = len(configs) // 2
        return write(writer, configs[:half]) + write(writer, configs[half:]) if half else []


def model_rows(name: str, yardstick: Yardstick) -> list[dict[str, Any]]:
    """The figures of what a model writes, and of how well it predicts."""
    writer = zuoci.Writer.load(name)
    model = zuoci.load(name)
    known, _ = model.vocabulary.adapt(yardstick.held_apart)
    score = zuoci.evaluate(model, model.vocabulary.encode(known))
    predicted = {"held-out nats": score.nll, "unknown": 1.0 - len(known) / len(yardstick.held_apart)}
    count = len(yardstick.people)
    letters = LETTERS[yardstick.language]
    rows: list[dict[str, Any]] = []
    for way, options in {"free": FREE[yardstick.language], "7 syllables, AABB": FORM}.items():
        wishes = [zuoci.WriteConfig.model_validate({"seed": k, **options}) for k in range(round(_MORE * count))]
        lines = [text.split("\n") for text in write(writer, wishes)]
        complete = [text[:-1] or text if way == "free" else text for text in lines]
        texts = Texts.of(complete, letters, count)
        rows.append({"texts": f"{Path(name).name}, {way}", **predicted, **yardstick.figures(texts, yardstick.people)})
    return rows


def people_rows(yardstick: Yardstick) -> list[dict[str, Any]]:
    """The figures of people's texts, and of the same characters shuffled."""
    kinds = {"held apart": yardstick.people, "shuffled": yardstick.shuffled()}
    missing = {"held-out nats": None, "unknown": None}
    return [
        {"texts": f"people's, {yardstick.language}, {kind}", **missing, **yardstick.figures(texts, yardstick.others)}
        for kind, texts in kinds.items()
    ]


def _songs(sources: Sequence[str]) -> tuple[zuoci.Song, ...]:
    return zuoci.read_corpus(sources).songs if sources else ()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    add = parser.add_argument
    add("models", nargs="*", default=["zh", "en"], metavar="MODEL", help="zh, en or the folder of a model")
    counted = "people's lyrics to count line ends in; may be given several times; default: bundled, the bundled songs"
    add("--reference", action="append", metavar="SOURCE", help=counted)
    read = "more text that the models have read, for copies; may be given several times"
    add("--training", action="append", default=[], metavar="SOURCE", help=read)
    most = "at most so many pieces of each kind; default: as many as the songs held apart give"
    add("--pieces", type=int, default=1000, help=most)
    options = parser.parse_args()
    reference: list[str] = options.reference or [BUNDLED]
    yardsticks: dict[Language, Yardstick] = {}
    rows: list[dict[str, Any]] = []
    for name in options.models:
        language = language_of(zuoci.load(name).vocabulary)
        if language not in yardsticks:
            yardsticks[language] = Yardstick(language, options.pieces, reference, options.training)
            rows += people_rows(yardsticks[language])
        rows += model_rows(name, yardsticks[language])
    publish("language", rows, letters=LETTERS, free=FREE, form=FORM, reference=reference, training=options.training)


if __name__ == "__main__":
    main()
