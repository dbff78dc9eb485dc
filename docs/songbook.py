"""Writes docs/songbook.md: what the bundled songbook holds, from the songs themselves. Run it after changing them."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

from zuoci.text.songbook import SongbookSong, parse_songbook
from zuoci.writing.rhyme.scheme import Rhymes

TARGET = Path(__file__).with_name("songbook.md")
DATA = Path(__file__).parents[1] / "src" / "zuoci" / "data"
# One song of each of ten registers, to read.
EXAMPLES = {
    "zh": "你要来;嘴硬;更夫;你的算术比我好;谢幕;就这样过去;交班;两条鱼;影子不洗澡;垭口",
    "en": (
        "Pull Over;I'm Sorry I Was Tired;Where the Talking Goes;You Laugh Too Late;First Person I'd Tell;"
        "Your Mother Still Calls;Back Row;The Wire;When I Lay My Tools Down;Yours from Nine to Five"
    ),
}

INTRODUCTION = """# The songbook

{zh} songs in Chinese and {en} in English, written for zuoci and dedicated to the public domain (CC0): to be sung,
changed, printed, and trained on by anybody for any purpose. Nothing in them is quoted or adapted. They come with the
package: `src/zuoci/data/zh.txt` and `en.txt`, with their [dedication](../src/zuoci/data/LICENSE).

`zuoci.load_lyrics("zh")` gives them as they are sung, `load_lyrics("zh", choruses="once")` without the repeats of
choruses; `zuoci train` without a source trains on the latter. `Song.sections` keeps the sections.

In the files, a section begins with a mark such as `[verse AABB]`: its name, and where it promises one, its rhyme
scheme. A chorus is written once; a mark with nothing under it is its return. `zuoci.text.songbook` reads the format.

**The plan.** No two songs share a premise, a line, or eight characters in a row (forty in English). Registers,
speakers, forms, line lengths and rhyme groups are spread; the words that songs have worn out stand in 2 % of them
at most. `tests/text/test_songbook.py` holds all of that, and the rhyme schemes that the marks promise.

**Held apart.** A tenth of the songs, spread over the registers, is held apart for ever (`held-apart.txt` lists their
titles; they are marked with * below). Training leaves them out, whatever its settings, and judges the model by them;
no model that comes with zuoci has read them. So figures on them mean the same for every model.
"""


def main() -> None:
    """Writes the page."""
    TARGET.write_text(page(), "utf-8")


def page() -> str:
    """The page."""
    books = {language: read(language) for language in ("zh", "en")}
    parts = [INTRODUCTION.format(**{language: len(songs) for language, songs in books.items()})]
    for language, songs in books.items():
        name = {"zh": "Chinese", "en": "English"}[language]
        parts.append(f"## {name}: how they are spread\n\n{spread(songs, language)}\n")
        parts.append(f"## {name}: ten songs of ten registers\n")
        parts += [
            example(next(song for song in songs if song.title == title)) for title in EXAMPLES[language].split(";")
        ]
    for language, songs in books.items():
        name = {"zh": "Chinese", "en": "English"}[language]
        parts.append(f"## {name}: all songs\n\n{table(songs)}\n")
    return "\n".join(parts)


def read(language: str) -> list[SongbookSong]:
    """The songs of a language."""
    name = f"{language}.txt"
    return parse_songbook((DATA / name).read_text("utf-8"), name)


def spread(songs: list[SongbookSong], language: str) -> str:
    """Registers, line lengths and rhyme groups, with how often each occurs."""
    lines = [line for song in songs for line in song.lines(returns=False)]
    lengths = Counter(len(re.sub(r"\s", "", line)) if language == "zh" else len(line.split()) for line in lines)
    unit = "characters" if language == "zh" else "words"
    rows = [
        ("songs", f"{len(songs)}"),
        ("lines, each chorus once", f"{len(lines):,}"),
        ("registers", ", ".join(f"{name} {count}" for name, count in Counter(s.register for s in songs).most_common())),
        (f"{unit} of a line, lines", ", ".join(f"{length}: {count}" for length, count in sorted(lengths.items()))),
    ]
    if language == "zh":
        rhymes = Rhymes()
        groups = Counter((rhymes.group(line) or ":none").split(":")[1] for line in lines)
        rows.append(
            ("rhyme groups of line ends", ", ".join(f"{name} {n / len(lines):.1%}" for name, n in groups.most_common()))
        )
    return "| what | how often |\n| --- | --- |\n" + "\n".join(f"| {what} | {how} |" for what, how in rows)


def example(song: SongbookSong) -> str:
    """A song, to read."""
    sections = ["\n".join(section.lines) for section in song.sections]
    return f"### {song.title}\n\n*{song.register}: {song.premise}*\n\n```text\n" + "\n\n".join(sections) + "\n```\n"


def table(songs: list[SongbookSong]) -> str:
    """A row for each song."""
    apart = set((DATA / "held-apart.txt").read_text("utf-8").splitlines())
    rows = ["| title | register | premise | form |", "| --- | --- | --- | --- |"]
    for song in songs:
        form = " ".join(section.name[0].upper() + section.name[1:2] for section in song.sections)
        schemes = " ".join(dict.fromkeys(section.scheme for section in song.sections if section.scheme))
        mark = "*" if song.title in apart else ""
        rows.append(
            f"| {song.title}{mark} | {song.register} | {song.premise} | {form}{', ' if schemes else ''}{schemes} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
