"""The lesson's pictures: what is drawn, and that no character of them is missing, with and without a Chinese font."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from matplotlib.text import Text

from zuoci import SettingsError, lesson, lesson_plots

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

PICTURES: dict[str, Callable[[], lesson_plots.Picture]] = {
    "curves": lambda: lesson_plots.curves({"训练": ([1, 2], [9.0, 2.0])}, "轮", "困惑度", dots={"课程": ([1], [8.0])}),
    "bars": lambda: lesson_plots.bars({"查行": 1234.0, "相乘": 5.0}, "字/秒", log=True),
    "matrices": lambda: lesson_plots.matrices(
        {"独热": lesson.one_hot(torch.tensor([0, 2]), 3), "权重": torch.ones(3, 2)}, rows="分开", columns="不分开"
    ),
    "coloured_text": lambda: lesson_plots.coloured_text([("想要 a", [0, 1, None, 2])], "标题"),
    "values": lambda: lesson_plots.coloured_text([("想要", [-1.0, 1.0])], "标题", palette="RdBu_r"),
    "unrolled": lambda: lesson_plots.unrolled("想要有", "要有直", cuts=[2], note="梯度到此为止"),
}


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_has_no_missing_glyph(name: str) -> None:
    """A glyph that no font has is a warning of matplotlib's, and warnings are errors here."""
    picture = PICTURES[name]()
    assert picture._repr_png_().startswith(b"\x89PNG")  # pyright: ignore[reportPrivateUsage]
    assert picture.figure.get_figwidth() <= 10


@pytest.mark.parametrize("name", PICTURES)
def test_without_a_chinese_font_characters_are_written_in_pinyin(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lesson_plots, "chinese_font", lambda: None)
    picture = PICTURES[name]()
    assert picture._repr_png_()  # pyright: ignore[reportPrivateUsage]
    assert all(text.isascii() or "−" in text for text in words(picture.figure))
    pinyin = {"curves": "kun huo du", "bars": "cha xing", "matrices": "fen", "unrolled": "yao"}.get(name, "xiang")
    assert pinyin in words(picture.figure)


@pytest.mark.parametrize("name", PICTURES)
def test_without_matplotlib_a_picture_says_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SettingsError, match=r"pip install 'zuoci\[plot\]'"):
        PICTURES[name]()


def test_legible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lesson_plots, "chinese_font", lambda: None)
    assert lesson_plots.legible("T = 0.5, 不分开!") == "T = 0.5, bu fen kai!"
    assert lesson_plots.legible("《分，开》。（𠮷）") == "<fen,kai>.(?)"
    monkeypatch.setattr(lesson_plots, "chinese_font", lambda: "Some Font")
    assert lesson_plots.legible("不分开") == "不分开"


def test_the_curve_of_a_run_and_the_lessons_figures() -> None:
    axes = lesson_plots.perplexity_curve([900.0, 90.0, 9.0], "consecutive", printed=True).figure.axes[0]
    run, printed = (line.get_xydata() for line in axes.lines)
    assert np.array_equal(np.asarray(run), [[1, 900], [2, 90], [3, 9]])
    assert np.array_equal(np.asarray(printed)[:, 1], [60.29, 7.14, 2.09, 1.31, 1.23])
    alone = lesson_plots.perplexity_curve([900.0, 90.0], "random", printed=False).figure.axes[0]
    assert len(alone.lines) == 1


def test_unrolled_has_a_column_for_each_step_and_a_cut() -> None:
    shown = words(lesson_plots.unrolled("想要有", "要有直").figure)
    assert [f"$H_{{{t}}}$" in shown for t in (1, 2, 3, 4)] == [True, True, True, False]
    whole, cut = (lesson_plots.unrolled("想要有", "要有直", cuts=cuts).figure.axes[0] for cuts in ([], [2]))
    assert len(cut.lines) == len(whole.lines) + 1
    assert len(cut.texts) == len(whole.texts) + 1  # the gradient's way back, over the one step that is not cut
    with pytest.raises(SettingsError, match="of the same length: got 2 and 1"):
        lesson_plots.unrolled("想要", "要")
