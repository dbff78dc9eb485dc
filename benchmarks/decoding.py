"""Which encoding a short text has: zuoci beside charset-normalizer, on a table of texts.

    python benchmarks/decoding.py

The texts are made of sentences in `decoding.txt`, which were written for this table and which no model of a language
was counted on, and of bundled songs that are held apart, which were not counted either. They have 20 to 400 characters.
A text is right if it comes back character for character; it is refused if the program says that it does not know.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import common
import zuoci
from zuoci.text.encoding import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SENTENCES = Path(__file__).with_name("decoding.txt")
LENGTHS = (20, 40, 80, 150, 250, 400)


class Sample(NamedTuple):
    """A text of the table."""

    language: str
    encoding: str
    text: str


def samples() -> list[Sample]:
    """The texts of the table: of each language in each of its encodings one of each length, none of them ASCII."""
    found = {
        sample: None
        for language, encodings, lines in _blocks()
        for k, encoding in enumerate(encodings)
        for number, length in enumerate(LENGTHS)
        if not (sample := Sample(language, encoding, _cut(lines, number + k, length))).text.isascii()
    }
    return list(found)


def _cut(lines: list[str], first: int, length: int) -> str:
    """The text of some lines in a circle, of that length if there are so many characters."""
    start = first % len(lines)
    return "\n".join([*lines[start:], *lines[:start]])[:length]


def _blocks() -> Iterator[tuple[str, list[str], list[str]]]:
    """Language, encodings, lines."""
    for block in SENTENCES.read_text("utf-8").split("[")[1:]:
        head, _, lines = block.partition("]\n")
        language, *encodings = head.split()
        yield language, encodings, lines.splitlines()
    for song in [song for song in zuoci.load_lyrics("zh").songs if song.held_apart][:3]:
        yield "zh-Hans", ["gb18030"], song.lines
    for song in [song for song in zuoci.load_lyrics("en").songs if song.held_apart and "'" in song.text][:3]:
        yield "en", ["cp1252", "mac_roman"], song.text.replace("'", "’").splitlines()


def by_zuoci(data: bytes) -> str | None:
    """The text; None if it is refused."""
    try:
        return decode(data, "x")[0]
    except zuoci.CorpusError:
        return None


def by_charset_normalizer(data: bytes) -> str | None:
    """The text; None if there is no best guess."""
    from charset_normalizer import from_bytes

    best = from_bytes(data).best()
    return None if best is None else str(best)


def judge(table: list[Sample], read: Callable[[bytes], str | None]) -> dict[Sample, str]:
    """Of each text whether it was read right, wrong, or refused."""
    outcomes: dict[Sample, str] = {}
    for sample in table:
        text = read(sample.text.encode(sample.encoding))
        outcomes[sample] = "refused" if text is None else "right" if text == sample.text else "wrong"
    return outcomes


def main() -> None:
    table = samples()
    by_zuoci(table[0].text.encode(table[0].encoding))  # makes the models of the languages
    rows: dict[str, dict[str, Any]] = {key: {"encoding": key, "texts": len(some)} for key, some in _groups(table)}
    seconds: dict[str, float] = {}
    for name, read in (("zuoci", by_zuoci), ("charset-normalizer", by_charset_normalizer)):
        start = time.process_time()
        outcomes = judge(table, read)
        seconds[name] = (time.process_time() - start) / len(table)
        for key, some in _groups(table):
            counts = Counter(outcomes[sample] for sample in some)
            rows[key] |= {f"{name} {outcome}": counts[outcome] for outcome in ("right", "refused", "wrong")}
    common.publish("decoding", list(rows.values()), seconds_a_text=seconds)


def _groups(table: list[Sample]) -> list[tuple[str, list[Sample]]]:
    """All texts, and those in each encoding."""
    names = dict.fromkeys(sample.encoding for sample in table)
    return [("all", table)] + [(name, [sample for sample in table if sample.encoding == name]) for name in names]


if __name__ == "__main__":
    main()
