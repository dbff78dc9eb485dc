"""The figures of the benchmarks that judge language, on texts whose figures are known."""

from __future__ import annotations

import json
import math
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import blind
import language
import run_all
import zuoci
from line_ends import SMOOTHING, LineEnds
from two_sample import auc, separability

if TYPE_CHECKING:
    from collections.abc import Callable


def songs(characters: str, count: int = 10, seed: int = 0) -> list[list[list[str]]]:
    """Songs of three texts, each of two parts of random characters."""
    draw = random.Random(seed)
    return [[["".join(draw.choices(characters, k=12)) for _ in range(2)] for _ in range(3)] for _ in range(count)]


def test_half_of_the_characters_stand_in_dictionary_words() -> None:
    pytest.importorskip(
        "jieba", reason="the share of dictionary words needs jieba: pip install -c constraints.txt jieba"
    )
    assert language.dictionary_share(["我们 月亮", "躲响abc铁疼"]) == 0.5
    assert language.dictionary_share([""]) == 0.0


def test_a_word_is_known_by_any_list() -> None:
    assert language.known_share(["The rain, don’t zorb"], {"the", "rain", "don't"}) == 0.75


def test_texts_that_are_equal_cannot_be_told_apart() -> None:
    same = songs("山水花月风雨")
    assert separability(same, same) == (0.5, 0.0)


def test_texts_that_share_no_character_are_told_apart() -> None:
    assert separability(songs("山水花月风雨"), songs("abcdef")) == (1.0, 0.0)


def test_texts_of_the_same_kind_are_hardly_told_apart() -> None:
    area, error = separability(songs("山水花月风雨", 40, 1), songs("山水花月风雨", 40, 2))
    assert abs(area - 0.5) < 4 * error + 0.05


def test_too_few_songs_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 5 songs: got 4 and 10"):
        separability(songs("ab", 4), songs("ab"))


def test_equal_scores_count_half() -> None:
    assert auc(np.array([1.0, 2.0]), np.array([1.0, 0.0])) == 0.875


def test_line_ends_are_smoothed_counts() -> None:
    ends = LineEnds(["山上", "山下山上", "上"])  # 上 ends 3 of 3 times, 7 units, 3 ends
    single = (3 + SMOOTHING * 3 / 7) / (3 + SMOOTHING)
    assert ends.share == 3 / 7
    assert ends.probability("上") == pytest.approx(single)
    assert ends.probability("花山上") == pytest.approx((2 + SMOOTHING * single) / (2 + SMOOTHING))
    mean, rare = ends.figures(["山上", ""])
    assert mean == pytest.approx(math.log(ends.probability("山上")))
    assert rare == 0.0


def test_pieces_have_one_length_and_lose_nothing_before_their_end() -> None:
    assert language.cut(["山前一路 路上", "人在唱", "歌", "里有"], 5) == ["山前一路 路", "人在唱\n歌\n里"]
    assert language.cut(["山前"], 5) == []


def test_the_first_pieces_are_those_of_the_first_songs() -> None:
    texts = language.Texts.of([["山前一路", "人在唱歌"], ["短"], ["里有一人"]], 4, 9)
    assert texts.pieces == [["山前一路", "人在唱歌"], ["里有一人"]]
    assert [texts.first(count) for count in (1, 2)] == [[["山前一路"]], [["山前一路", "人在唱歌"]]]
    assert texts.first(3) == texts.first(9) == texts.pieces


def test_pairs_are_counted_within_texts() -> None:
    assert language.distinct_pairs(["山山山", "水"]) == 0.5


@pytest.fixture
def entries() -> list[blind.Entry]:
    lines = [blind.Entry(f"第{n}行在这里", "people" if n in "一三五" else "model") for n in "一二三四五六"]
    random.Random(0).shuffle(lines)
    return lines


def filled_in(sheet: str, judge: Callable[[str], str]) -> str:
    """The sheet with a judgement after each line."""
    rows = sheet.splitlines()
    return "\n".join(row if row.startswith("#") else row.rstrip() + " " + judge(row) for row in rows)


def test_a_sheet_and_its_key_fit_together(entries: list[blind.Entry]) -> None:
    sheet, key = blind.sheet_of(entries), blind.key_of(entries)
    assert blind.entries_of(key) == entries
    assert "model" not in sheet
    by_line = {entry.line: entry.by for entry in entries}
    answer = {"people": "take", "model": "Never"}
    judged = filled_in(sheet, lambda row: answer[by_line[row.split("|")[1].strip()]])
    assert blind.tally(judged, blind.entries_of(key)) == [
        {"by": "people", "take": 3, "edit": 0, "never": 0, "lines": 3},
        {"by": "model", "take": 0, "edit": 0, "never": 3, "lines": 3},
    ]


CHANGES: list[tuple[Callable[[str], str], str]] = [
    (lambda sheet: sheet.replace("take", "maybe"), "line 1 needs one of take, edit, never: got 'maybe'"),
    (lambda sheet: sheet.replace("| take", ""), "line 1 needs one of"),
    (lambda sheet: sheet.replace("行", "列"), "does not fit the key"),
    (lambda sheet: sheet.replace("6 |", "7 |"), "does not fit the key"),
    (lambda sheet: sheet.rsplit("\n", 1)[0], "lacks line 6 of 6"),
    (lambda sheet: sheet + "\n" + sheet, "line 1 is there twice"),
]


@pytest.mark.parametrize(("change", "message"), CHANGES)
def test_a_sheet_that_does_not_fit_is_refused(
    entries: list[blind.Entry], change: Callable[[str], str], message: str
) -> None:
    rows = filled_in(blind.sheet_of(entries), lambda _: "take").splitlines()
    sheet = "\n".join(row for row in rows if not row.startswith("#"))
    with pytest.raises(ValueError, match=message):
        blind.tally(change(sheet), entries)


def test_people_are_those_held_apart_and_no_title_is_a_line() -> None:
    corpus = zuoci.load_lyrics("zh", choruses="once")
    apart = {line for song in corpus.songs if song.held_apart for line in song.lines[1:]}
    lines = blind.lines_of_people("zh", 7, 30, 0)
    assert len(set(lines)) == 30
    assert set(lines) <= apart
    assert {len(line) for line in lines} == {7}
    assert lines != blind.lines_of_people("zh", 7, 30, 1)
    with pytest.raises(ValueError, match="lines of length 39: 30 are needed"):
        blind.lines_of_people("zh", 39, 30, 0)


TABLES: list[dict[str, Any]] = [
    {"benchmark": "lesson", "rows": [{"sampling": "random", "times faster": 80.0, "zuoci, s": 0.5}]},
    {
        "benchmark": "busy",
        "rows": [
            {"cell": "gru", "beside": "idle", "zuoci, times its idle": 1.0},
            {"cell": "gru", "beside": "2 busy processes", "zuoci, times its idle": 2.5},
        ],
    },
    {"benchmark": "originality", "rows": [{"what": "index", "seconds": 1.0}]},
]


def test_what_is_worse_than_recorded_by_a_tenth_fell_behind() -> None:
    now = run_all.ratios(TABLES)
    busy = "busy, zuoci, times its idle: gru, 2 busy processes"
    assert now == {
        "lesson, times faster: random": 80.0,
        "busy, zuoci, times its idle: gru, idle": 1.0,
        busy: 2.5,
    }
    assert run_all.behind(now, {}) == []
    assert run_all.behind(now, {"lesson, times faster: random": 88.0, busy: 2.3}) == []
    assert run_all.behind(now, {"lesson, times faster: random": 100.0, busy: 2.0}) == [
        "lesson, times faster: random: 80, recorded 100",
        f"{busy}: 2.5, recorded 2",
    ]


def test_every_compared_ratio_is_of_a_benchmark_that_runs() -> None:
    names = run_all.commands(None, None)
    assert {ratio.benchmark for ratio in run_all.RATIOS} <= names.keys()
    assert all((run_all.HERE / f"{name}.py").exists() for name in names)
    recorded = json.loads(run_all.RECORDED.read_text("utf-8"))
    compared = tuple(f"{ratio.benchmark}, {ratio.column}: " for ratio in run_all.RATIOS)
    assert all(name.startswith(compared) for figures in recorded.values() for name in figures)


def test_a_benchmark_without_its_file_or_time_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_all.run(["quality"], run_all.commands(None, None), 1.0) == []
    assert run_all.run(["lesson"], run_all.commands(None, None), 0.0) == []
    shown = capsys.readouterr().out
    assert "quality: left out, it needs a file" in shown
    assert "lesson: left out, the time is over" in shown
