"""Golden cases of lines, which the Python tests and the JavaScript tests both read.

tests/golden/lines.json holds what may come `next` after the beginning of a line, the `units` of a text, what a line
costs that `repeats`, the characters that would complete `loops`, and the parts of patterns of `lengths`. After a
deliberate change, write the file anew: `python tests/writing/test_golden_lines.py`.
"""

from __future__ import annotations

import json
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zuoci.errors import SettingsError
from zuoci.text.vocabulary import Vocabulary
from zuoci.writing.alphabet import Alphabet
from zuoci.writing.config import MAX_REPEATS
from zuoci.writing.form import LinePlan, units
from zuoci.writing.line_judge import DILATIONS, LONGEST_BEFORE, LineJudge
from zuoci.writing.line_score import repeats
from zuoci.writing.line_state import LineState
from zuoci.writing.patterns import parse_lengths
from zuoci.writing.repetition import characters_that_would_repeat

FILE = Path(__file__).parents[1] / "golden" / "lines.json"
CHARACTERS = "\n ，山路々abé1'-\u0301👨👩❤\u200d\ufe0f"
# The line so far, its length with its gaps, and the texts that must stand in it, each with the syllables before it.
STATES: list[tuple[str, int | str, str | dict[int, str]]] = [
    *((text, length, "") for length in (0, 3) for text in ("", "山", "，", "山，", "山，，", "山，，，", "ab", "ab'")),
    *(
        (text, 3, "")
        for text in ("山 ", "ab ", "ab，", "山路々", "山路々，", "山路々，，", "山路ab", "山路ab-", "a'b路1")
    ),
    *((text, 0, "") for text in ("山 ", "山路 a", "山" * 39, "山" * 40, "a" * 23, "a" * 24, "山-a", "é1")),
    *((text, 3, "山a") for text in ("", "山", "山a", "山a ")),
    *((text, 1, "") for text in ("山👨", "山👨\u200d", "山👨\u200d👩", "山👨\u200d👩👨", "山❤\ufe0f", "山\u0301")),
    *((text, 0, "") for text in ("👨\u200d", "a\u0301b", "山" + "\u0301" * 3, "山" + "\u0301" * 4, "山 ", "，\u200d")),
    ("1", 2, "1"),
    ("山", 1, "山"),
    *(
        (text, "2+1", "")
        for text in ("山", "山路", "山路，", "山路 ", "山路 ，", "山路 々", "ab 山", "山 ab", "山❤\u200d路")
    ),
    *((text, "2+2", "ab山") for text in ("", "a", "ab山", "ab山 ", "ab山  ")),
    *((text, 4, {2: "山a"}) for text in ("山", "山路", "山a", "山a ", "山路，", "山路山", "山路山a", "山路山a ")),
    *((text, 0, {2: "山"}) for text in ("山", "山路", "山路山", "a")),
    *((text, "2+1", {2: "山"}) for text in ("山路", "山路 ", "山路，")),
    *((text, "2+1", {1: "山a", 2: "路"}) for text in ("路", "路山", "路山 ")),
]
LENGTHS = [
    "7",
    "7,4+3",
    "7，5 0",
    "2+3+2\n7",
    "+",
    "4+",
    "4+0",
    "0+0",
    "-1",
    "1.5",
    "7 x",
    "1000",
    "1001",
    "600+401",
    "٣",
]
UNITS = [
    "",
    "山路 a路",
    "Don't go-go  now",
    "1é山'a",
    "々〇ー",
    "ñandú, ЁЖ",
    "- a",
    "น้ำ กิน",
    "е\u0301é\u0301 ❤\ufe0f1",
    "👨\u200d👩a",
]
REPEATS = [
    ("", "山路山路"),
    ("山路上", "山路上"),
    ("山路上\n", "上山路 山"),
    ("the sea\n", "The sea the"),
    ("山路" + "人" * 120, "山路"),
    ("", "啦啦啦"),
]
LOOPS = [
    "",
    "啦" * 11,
    "啦" * 12,
    "啦" * 13,
    "山路" * 6,
    "山路" * 6 + "山",
    "山路上" * 4,
    "abc" + "山路上人" * 3,
    "山路上" * 3 + "人",
]


def state_case(text: str, length: int | str, asked: str | dict[int, str]) -> dict[str, Any]:
    alphabet = Alphabet(Vocabulary(CHARACTERS))
    parts = parse_lengths(f"{length}")[0]
    gaps = tuple(accumulate(parts[:-1]))
    fixed = tuple(asked.items()) if isinstance(asked, dict) else ((0, asked),) if asked else ()
    state = LineState(alphabet, LinePlan(sum(parts), fixed, gaps=gaps))
    for char in text:
        state.forced()
        state.advance(char)
    mask = alphabet.mask(state.forced()) if state.forced() else state.allowed()
    known = alphabet.vocabulary.characters
    following = "".join(known[i] for i in np.flatnonzero(mask))
    plan = {"length": sum(parts), "gaps": gaps, "fixed": fixed}
    return {"characters": known, "plan": plan, "text": text, "next": following}


def lengths_case(pattern: str) -> dict[str, Any]:
    try:
        return {"pattern": pattern, "parts": parse_lengths(pattern)}
    except SettingsError:
        return {"pattern": pattern, "parts": None}


def judge_case() -> dict[str, Any]:
    """A small judge and its log odds. Its weights are eighths, which 8 bits and floats of any size hold exactly."""
    generator = np.random.default_rng(5)
    E, H, characters = 4, 3, "\n山路上人"

    def some(*shape: int) -> Any:
        values = generator.integers(-8, 9, shape).astype(np.float32) / 8
        if len(shape) > 1:
            values[:, 0] = 127 / 8  # so that the scale of each row in 8 bits is an eighth
            values[:, 0] *= generator.choice([-1, 1], shape[0])
        return values

    weights = {"embedding": some(len(characters), E), "output": some(2 * H), "output_bias": some(1)}
    for k in range(len(DILATIONS)):
        weights |= {f"convolutions.{k}": some(3 * (H if k else E), H) / 64, f"biases.{k}": some(H)}
    judge = LineJudge(characters, weights)
    befores, lines = (
        ["", "山路", "山" * LONGEST_BEFORE, "山" * (LONGEST_BEFORE + 1), "海"],
        ["山", "路上人山路", "海上", ""],
    )
    odds = {before: judge.log_odds(before, lines).round(4).tolist() for before in befores}
    shapes = {
        name: {"shape": list(values.shape), "values": values.flatten().tolist()} for name, values in weights.items()
    }
    return {"characters": characters, "weights": shapes, "lines": lines, "odds": odds}


def cases() -> dict[str, Any]:
    return {
        "states": [state_case(*state) for state in STATES],
        "units": [{"text": text, "units": units(text)} for text in UNITS],
        "repeats": [{"before": before, "line": line, "cost": repeats(before, line)} for before, line in REPEATS],
        "loops": [{"text": text, "characters": characters_that_would_repeat(text, MAX_REPEATS)} for text in LOOPS],
        "lengths": [lengths_case(pattern) for pattern in LENGTHS],
        "judge": judge_case(),
        "constants": {"dilations": list(DILATIONS), "longest_before": LONGEST_BEFORE},
    }


@pytest.mark.parametrize("kind", ["states", "units", "repeats", "loops", "lengths", "judge", "constants"])
def test_the_golden_cases_are_what_python_gives(kind: str) -> None:
    assert json.loads(FILE.read_text("utf-8"))[kind] == json.loads(json.dumps(cases()[kind]))


def test_the_cases_tell_something() -> None:
    golden = json.loads(FILE.read_text("utf-8"))
    assert len({case["next"] for case in golden["states"]}) > 8
    assert {bool(case["characters"]) for case in golden["loops"]} == {True, False}
    assert len({case["cost"] for case in golden["repeats"]}) > 2


if __name__ == "__main__":
    FILE.write_text(json.dumps(cases(), ensure_ascii=False, indent=1) + "\n", "utf-8")
