"""A sheet of lines to judge blind: half by people, half by a model, shuffled and numbered; and the count of a sheet.

    python benchmarks/blind.py sheet MODEL [--line-length 7] [--lines 60] [--seed 0] [--out FOLDER]
    python benchmarks/blind.py count SHEET KEY

`sheet` writes sheet.txt, and key.json, which says who wrote each line and is for nobody who judges. People's lines are
of bundled songs held apart, at most one of each song while there are enough; no title is among them. The model's are of
texts of four lines in that form, one line of each, all other settings the defaults. Lines with spaces are left out on
both sides: people pause within a line, and a model that is told a length does not.

A reader writes take, edit (after a small change) or never after the second bar of each line. `count` reads that.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import zuoci
from common import publish
from language import language_of, parts, write
from zuoci.writing.form import count_syllables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from language import Language

JUDGEMENTS = ("take", "edit", "never")
ORIGINS = ("people", "model")
HEAD = """\
# {count} lines of songs, in random order. Some are by people, some by a program.
# After the second bar of each line, write what you would do with it in a song of your own:
#   take   take it as it stands
#   edit   take it after a small change
#   never  not take it
"""
_LINES_OF_TEXT = 4
_MORE = 3  # texts for each line that is wanted, since lines with spaces and lines that come twice are left out


class Entry(NamedTuple):
    """A line of a sheet.

    Attributes:
        line: the line.
        by: `people` or `model`.
    """

    line: str
    by: str


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    modes = parser.add_subparsers(dest="mode", required=True)
    sheet = modes.add_parser("sheet", help="make a sheet and its key")
    sheet.add_argument("model", metavar="MODEL", help="zh, en or the folder of a model")
    sheet.add_argument("--line-length", type=int, default=7, help="syllables of each line (English: words)")
    sheet.add_argument("--lines", type=int, default=60, help="lines of the sheet, an even number")
    sheet.add_argument("--seed", type=int, default=0, help="of the choice of lines, of the texts and of the order")
    sheet.add_argument("--out", type=Path, default=Path("blind"), help="a new folder for sheet.txt and key.json")
    count = modes.add_parser("count", help="count a sheet that is filled in")
    count.add_argument("sheet", type=Path)
    count.add_argument("key", type=Path)
    options = parser.parse_args()
    try:
        if options.mode == "sheet":
            make(options.model, options.line_length, options.lines, options.seed, options.out)
        else:
            key = json.loads(options.key.read_text("utf-8"))
            rows = tally(options.sheet.read_text("utf-8"), entries_of(key))
            publish("blind", rows, model=key["model"], line_length=key["line_length"], seed=key["seed"])
    except (ValueError, OSError, zuoci.ZuociError) as error:
        sys.exit(f"error: {error}")


def make(model: str, line_length: int, lines: int, seed: int, out: Path) -> None:
    """Writes the sheet and the key into a new folder."""
    if lines < 2 or lines % 2:
        raise ValueError(f"lines must be an even number, half of them by people: got {lines}")
    writer = zuoci.Writer.load(model)
    language = language_of(writer.vocabulary)
    half = lines // 2
    people = lines_of_people(language, line_length, half, seed)
    entries = [Entry(line, "people") for line in people]
    entries += [Entry(line, "model") for line in lines_of_model(writer, line_length, half, seed)]
    random.Random(f"order {seed}").shuffle(entries)
    out.mkdir(parents=True)
    (out / "sheet.txt").write_text(sheet_of(entries), "utf-8")
    key = {"model": Path(model).name, "line_length": line_length, "seed": seed, **key_of(entries)}
    (out / "key.json").write_text(json.dumps(key, indent=2, ensure_ascii=False) + "\n", "utf-8")
    print(f"written to {out / 'sheet.txt'} and {out / 'key.json'}", file=sys.stderr)


def lines_of_people(language: Language, length: int, count: int, seed: int) -> list[str]:
    """Different lines of the songs held apart, first one of each song, then a second one, and so on.

    Raises:
        ValueError: there are fewer.
    """
    draw = random.Random(f"people {seed}")
    rounds: list[tuple[int, float, str]] = []
    for song in zuoci.load_lyrics(language, choruses="once").songs:
        if song.held_apart:
            fitting = [line for line in dict.fromkeys(song.lines[1:]) if _fits(line, length, language)]
            draw.shuffle(fitting)
            rounds += [(turn, draw.random(), line) for turn, line in enumerate(fitting)]
    found = list(dict.fromkeys(line for _, _, line in sorted(rounds)))
    if len(found) < count:
        raise ValueError(f"the songs held apart have {len(found)} lines of length {length}: {count} are needed")
    return found[:count]


def lines_of_model(writer: zuoci.Writer, length: int, count: int, seed: int) -> list[str]:
    """Different lines by a model, each of another text.

    Raises:
        ValueError: it wrote fewer.
    """
    form = {"lines": _LINES_OF_TEXT, "line_length": str(length)}
    first = seed * _MORE * count
    wishes = [zuoci.WriteConfig.model_validate({**form, "seed": first + k}) for k in range(_MORE * count)]
    draw = random.Random(f"model {seed}")
    language = language_of(writer.vocabulary)
    drawn = [draw.choice(text.split("\n")) for text in write(writer, wishes)]
    found = list(dict.fromkeys(line for line in drawn if _fits(line, length, language)))
    if len(found) < count:
        raise ValueError(f"the model wrote {len(found)} different lines of length {length}: {count} are needed")
    return found[:count]


def sheet_of(entries: Sequence[Entry]) -> str:
    """The sheet to judge, which does not say who wrote what."""
    numbered = (f"{number} | {entry.line} | \n" for number, entry in enumerate(entries, 1))
    return HEAD.format(count=len(entries)) + "".join(numbered)


def key_of(entries: Sequence[Entry]) -> dict[str, Any]:
    """The key of a sheet, as JSON: number, line, and who wrote it."""
    return {"lines": [{"number": number, **entry._asdict()} for number, entry in enumerate(entries, 1)]}


def entries_of(key: Mapping[str, Any]) -> list[Entry]:
    """The lines of a key, in the order of their numbers."""
    return [Entry(line["line"], line["by"]) for line in sorted(key["lines"], key=lambda line: line["number"])]


def tally(sheet: str, entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """How often each judgement was given to people's lines, and to the model's.

    Raises:
        ValueError: a line is missing, differs from the key, or has no judgement that is known.
    """
    lines = {str(number): entry.line.strip() for number, entry in enumerate(entries, 1)}
    judged: dict[int, str] = {}
    for row in sheet.splitlines():
        if not row.strip() or row.startswith("#"):
            continue
        number, line, judgement = [cell.strip() for cell in (row + "||").split("|")[:3]]
        if line != lines.get(number):
            raise ValueError(f"the sheet does not fit the key: {row.strip()!r} is not one of its lines")
        if judgement.lower() not in JUDGEMENTS:
            raise ValueError(f"line {number} needs one of {', '.join(JUDGEMENTS)}: got {judgement!r}")
        if int(number) in judged:
            raise ValueError(f"line {number} is there twice")
        judged[int(number)] = judgement.lower()
    if missing := [number for number in range(1, len(entries) + 1) if number not in judged]:
        raise ValueError(f"the sheet lacks line {missing[0]} of {len(entries)}")
    counts = Counter((entry.by, judged[number]) for number, entry in enumerate(entries, 1))
    totals = Counter(entry.by for entry in entries)
    return [{"by": by, **{word: counts[by, word] for word in JUDGEMENTS}, "lines": totals[by]} for by in ORIGINS]


def _fits(line: str, length: int, language: Language) -> bool:
    """Whether a line has this length, and a Chinese one no pauses."""
    return count_syllables(line) == length and len(parts(line, language)) == 1 and "|" not in line


if __name__ == "__main__":
    main()
