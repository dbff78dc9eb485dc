"""The lesson's pictures: curves, bars, matrices, coloured text, and the network unrolled over time.

The notebooks draw with these functions, and `zuoci lesson --save-plot` its curve. All words in a picture are arguments,
so that each notebook speaks its own language. Chinese characters are drawn with a Chinese font of this machine; without
one they are written in pinyin, never as empty boxes.
"""

from __future__ import annotations

import io
import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Any

from zuoci.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure

# The perplexities that the lesson prints, on the course's own lyrics: sampling → epoch → perplexity.
PRINTED_PERPLEXITIES = {
    "random": {50: 65.81, 100: 9.79, 150: 2.77, 200: 1.60, 250: 1.32},
    "consecutive": {50: 60.29, 100: 7.14, 150: 2.09, 200: 1.31, 250: 1.23},
}

_CHINESE = "[\u2e80-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
_PUNCTUATION = str.maketrans("。、「」『』《》〈〉", ".,\"\"''<><>")
_CHINESE_FONTS = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "PingFang SC", "Hiragino Sans GB",
    "Heiti SC", "Microsoft YaHei", "SimHei", "SimSun", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Arial Unicode MS",
    "Noto Sans CJK JP", "Noto Serif CJK SC", "Droid Sans Fallback",
)  # fmt: skip
_COLOURS = ("#4e79a7", "#f28e2b", "#59a14f", "#b07aa1", "#e15759", "#76b7b2")


class Picture:
    """A figure that a notebook shows as it is.

    Attributes:
        figure: the matplotlib figure.
    """

    def __init__(self, figure: Figure) -> None:
        """Wraps a figure."""
        self.figure = figure

    def _repr_png_(self) -> bytes:
        """The image, as IPython asks for it: 128 colours, a third of the bytes of all of them."""
        from PIL import Image

        full, small = io.BytesIO(), io.BytesIO()
        with _style():
            self.figure.savefig(full, format="png", dpi=100)
        Image.open(full).convert("RGB").quantize(128).save(small, "PNG", optimize=True)
        return small.getvalue()


@cache
def chinese_font() -> str | None:
    """The name of a Chinese font of this machine; None if there is none."""
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    return next((name for name in _CHINESE_FONTS if name in installed), None)


def legible(text: str) -> str:
    """A text that can be drawn: pinyin in the place of Chinese characters if there is no font for them."""
    if chinese_font() or not re.search(_CHINESE, text):
        return text
    from pypinyin import lazy_pinyin

    plain = unicodedata.normalize("NFKC", text.translate(_PUNCTUATION))  # NFKC: full-width forms
    return "".join(
        " ".join(lazy_pinyin(part, errors=lambda unknown: "?" * len(unknown))) if re.match(_CHINESE, part) else part
        for part in re.split(f"({_CHINESE}+)", plain)
    )


def curves(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    xlabel: str,
    ylabel: str,
    *,
    dots: Mapping[str, tuple[Sequence[float], Sequence[float]]] | None = None,
    log: bool = True,
) -> Picture:
    """Lines, and dots beside them.

    Args:
        lines: label → x and y of each point.
        xlabel: below.
        ylabel: to the left.
        dots: the same for points that are not joined. The first dots have the colour of the first line, and so on.
        log: a logarithmic y axis.
    """
    with _style():
        figure = _figure(7, 3.6)
        axes = figure.add_subplot()
        for colour, (label, (x, y)) in zip(_COLOURS, lines.items(), strict=False):
            axes.plot(x, y, label=legible(label), color=colour)
        for colour, (label, (x, y)) in zip(_COLOURS, (dots or {}).items(), strict=False):
            axes.plot(x, y, "o", label=legible(label), color=colour, markerfacecolor="white", markeredgewidth=1.5)
        axes.set(xlabel=legible(xlabel), ylabel=legible(ylabel), yscale="log" if log else "linear")
        axes.grid(visible=True, which="major", alpha=0.3)
        if len(lines) + len(dots or {}) > 1:
            axes.legend()
    return Picture(figure)


def perplexity_curve(perplexities: Sequence[float], sampling: str, *, printed: bool) -> Picture:
    """The perplexity of each epoch of a run.

    Args:
        perplexities: of the first epoch and those after it.
        sampling: random or consecutive.
        printed: show the lesson's own figures for that sampling beside it.
    """
    epochs = list(range(1, len(perplexities) + 1))
    theirs = PRINTED_PERPLEXITIES[sampling]
    dots = {"printed in the lesson, for its own lyrics": (list(theirs), list(theirs.values()))} if printed else {}
    return curves({f"this run, {sampling} sampling": (epochs, perplexities)}, "epoch", "perplexity", dots=dots)


def bars(values: Mapping[str, float], xlabel: str, *, digits: int = 0, log: bool = False) -> Picture:
    """Horizontal bars with their figures.

    Args:
        values: label → length of the bar.
        xlabel: below.
        digits: decimal places of the figures.
        log: a logarithmic axis.
    """
    with _style():
        figure = _figure(7, 0.8 + 0.42 * len(values))
        axes = figure.add_subplot()
        drawn = axes.barh([legible(name) for name in values], list(values.values()), color=_COLOURS[0])
        axes.bar_label(drawn, labels=[f"{value:,.{digits}f}" for value in values.values()], padding=4)
        axes.set(xlabel=legible(xlabel), xscale="log" if log else "linear")
        axes.invert_yaxis()
        axes.margins(x=0.15)
        axes.spines[["top", "right"]].set_visible(False)
    return Picture(figure)


def matrices(
    values: Mapping[str, Any], *, rows: Sequence[str] | None = None, columns: Sequence[str] | None = None
) -> Picture:
    """Matrices side by side, a cell for each number: blue below zero, red above.

    Args:
        values: title → matrix.
        rows: names of the rows of the first.
        columns: names of the columns of the first.
    """
    import numpy as np

    arrays = {title: np.asarray(matrix) for title, matrix in values.items()}
    with _style():
        widths = [array.shape[1] for array in arrays.values()]
        tallest = max(array.shape[0] for array in arrays.values())
        figure = _figure(min(9.0, 1.5 + 0.3 * sum(widths)), 1.1 + 0.28 * tallest)
        for i, (axes, (title, array)) in enumerate(
            zip(figure.subplots(1, len(arrays), width_ratios=widths, squeeze=False)[0], arrays.items(), strict=True)
        ):
            most = float(np.abs(array).max()) or 1.0
            axes.pcolormesh(array, cmap="RdBu_r", vmin=-most, vmax=most, edgecolors="#dddddd", linewidth=0.5)
            axes.set(title=legible(title), aspect="equal", xticks=[], yticks=[])
            axes.invert_yaxis()
            if not i and rows:
                axes.set_yticks([k + 0.5 for k in range(len(rows))], [legible(name) for name in rows])
            if not i and columns:
                axes.set_xticks([k + 0.5 for k in range(len(columns))], [legible(name) for name in columns])
            axes.tick_params(length=0)
    return Picture(figure)


def coloured_text(rows: Sequence[tuple[str, Sequence[float | None]]], title: str = "", *, palette: str = "") -> Picture:
    """Texts, each character on a coloured cell.

    Args:
        rows: each row's characters, and for each a number: the number of a colour, or with a palette a value
            between −1 and 1. None leaves the cell white.
        title: above.
        palette: the name of a matplotlib colour map for values.
    """
    with _style():
        from matplotlib import colormaps, colors

        longest = max(len(text) for text, _ in rows)
        figure = _figure(0.4 + 0.25 * longest, 0.32 * len(rows) + (0.55 if title else 0.15), layout="none")
        axes = figure.add_axes((0.01, 0.02, 0.98, 0.96 if not title else 1 - 0.5 / figure.get_figheight()))
        cells: list[list[tuple[float, ...]]] = [[(1.0, 1.0, 1.0, 0.0)] * longest for _ in rows]
        for r, (text, values) in enumerate(rows):
            for k, (char, value) in enumerate(zip(text, values, strict=True)):
                if value is not None and palette:
                    cells[r][k] = colormaps[palette](0.5 + 0.35 * value)  # no darker than letters can stand
                elif value is not None:
                    cells[r][k] = (*colors.to_rgb(_COLOURS[int(value) % len(_COLOURS)]), 0.45)
                shown = legible(char)
                size = 11 if len(shown) < 3 else 5
                axes.text(k + 0.5, r + 0.52, shown, ha="center", va="center", fontsize=size)
        axes.imshow(cells, extent=(0, longest, len(rows), 0), aspect="auto", interpolation="nearest")
        axes.set(xlim=(0, longest), ylim=(len(rows), 0), title=legible(title))
        axes.axis("off")
    return Picture(figure)


def unrolled(inputs: str, targets: str, *, cuts: Sequence[int] = (), note: str = "") -> Picture:
    """The recurrent network, one column for each time step: input below, hidden state, output above.

    Args:
        inputs: the character that is read at each step.
        targets: the character that should come next.
        cuts: steps before which the state is detached: its value goes on, the gradient (dashed) does not come back.
        note: below the picture.
    """
    if len(inputs) != len(targets) or not inputs:
        raise SettingsError(f"inputs and targets must be of the same length: got {len(inputs)} and {len(targets)}")
    with _style():
        figure = _figure(1.2 + 1.25 * len(inputs), 3.3)
        axes = figure.add_subplot()
        _arrow(axes, (-0.75, 1.5), (-0.28, 1.5))
        axes.text(-0.8, 1.5, "$H_0$", ha="right", va="center")
        for t, (char, target) in enumerate(zip(inputs, targets, strict=True)):
            _column(axes, t, char, target)
            if t:
                _link(axes, t, cut=t in cuts, gradients=bool(cuts))
        axes.set(xlim=(-1.2, len(inputs) - 0.4), ylim=(-0.75 if note else -0.3, 3.3))
        if note:
            axes.text((len(inputs) - 1) / 2, -0.6, legible(note), ha="center", va="center", fontsize=9)
        axes.axis("off")
    return Picture(figure)


def _column(axes: Any, t: int, char: str, target: str) -> None:
    """One time step: X_t → H_t → O_t, and the character that should come next."""
    axes.text(t, 0.0, legible(char), ha="center", va="center", fontsize=14)
    _arrow(axes, (t, 0.25), (t, 1.2), "$W_{xh}$" if t == 0 else "")
    axes.text(t, 1.5, f"$H_{{{t + 1}}}$", ha="center", va="center", bbox=_box(_COLOURS[0]))
    _arrow(axes, (t, 1.8), (t, 2.35), "$W_{hq}$" if t == 0 else "")
    axes.text(t, 2.6, f"$O_{{{t + 1}}}$", ha="center", va="center", bbox=_box(_COLOURS[2]))
    axes.text(t, 3.1, legible(target), ha="center", va="center", fontsize=14, color="#777777")


def _link(axes: Any, t: int, *, cut: bool, gradients: bool) -> None:
    """From the state before step t to the one after it, and the way of the gradient back."""
    height = 1.57 if gradients else 1.5
    _arrow(axes, (t - 0.72, height), (t - 0.28, height), "" if t > 1 else "$W_{hh}$")
    if gradients and not cut:
        _arrow(axes, (t - 0.28, 1.4), (t - 0.72, 1.4), colour=_COLOURS[4], dashed=True)
    if cut:
        axes.plot([t - 0.5, t - 0.5], [0.9, 2.1], color=_COLOURS[4], linewidth=2)


def _arrow(
    axes: Any, start: tuple[float, float], end: tuple[float, float], label: str = "", *, colour: str = "#444444",
    dashed: bool = False,
) -> None:  # fmt: skip
    style = {"arrowstyle": "->", "color": colour, "linestyle": "--" if dashed else "-", "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", xy=end, xytext=start, arrowprops=style)
    if label:
        flat = start[1] == end[1]
        x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
        axes.text(x + (0 if flat else 0.06), y + (0.12 if flat else 0), label, ha="center" if flat else "left",
                  va="bottom" if flat else "center", fontsize=9)  # fmt: skip


def _box(colour: str) -> dict[str, Any]:
    return {"boxstyle": "round,pad=0.35", "facecolor": colour + "33", "edgecolor": colour}


def _style() -> Any:
    """Fonts and sizes for what is drawn within the block.

    Raises:
        SettingsError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
    except ImportError:
        raise SettingsError("drawing needs matplotlib: pip install 'zuoci[plot]'") from None
    fonts = [name for name in ("DejaVu Sans", chinese_font()) if name]
    return mpl.rc_context({"font.family": fonts, "font.size": 10, "axes.unicode_minus": False, "axes.titlesize": 10})


def _figure(width: float, height: float, layout: Any = "constrained") -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout=layout)
