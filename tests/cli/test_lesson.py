"""`zuoci lesson`: its printout, its explanation, its picture and the time left."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from zuoci.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Result(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Result]:
    """Runs `zuoci lesson` in the folder `tmp_path`, on a short text, perhaps with stderr as a terminal."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("分开的人 不分开的路\n" * 120, "utf-8")

    def call(*arguments: object, corpus: str = "a.txt", terminal: bool = False) -> Result:
        monkeypatch.setattr(sys, "argv", ["zuoci", "lesson", "--corpus", corpus, *map(str, arguments)])
        monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
        code: Any = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        return Result(code or 0, str(out), str(err))

    return call


def timeless(printed: str) -> str:
    return re.sub("time .*", "", printed)


def test_it_prints_the_lessons_two_kinds_of_line_twice_the_same(run: Callable[..., Result]) -> None:
    first, again = (run("--epochs", 2, "--seed", 3, "--prefix", "分开") for _ in "ab")
    assert (first.code, first.err) == (0, "")
    lines = first.out.splitlines()
    assert [re.sub(r"\d+\.\d+", "#", line) for line in lines[::2]] == [
        f"epoch {epoch}, perplexity #, time # sec" for epoch in (1, 2)
    ]
    assert all(re.fullmatch(" - 分开.{50}", line) for line in lines[1::2])
    assert timeless(first.out) == timeless(again.out)


def test_another_text(run: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "row.txt").write_text("row row row your boat\n" * 100, "utf-8")
    result = run("--epochs", 1, "--sampling", "consecutive", corpus="row.txt")
    assert result.code == 0, result.err
    assert " - ro" in result.out
    bad = run("--epochs", 1, "--prefix", "分", corpus="row.txt")
    assert bad.code == 2
    assert "the prefix '分' cannot be continued: 分 is not in the text" in bad.err
    (tmp_path / "b.txt").write_text("short", "utf-8")
    short = run(corpus="b.txt")
    assert short.code == 1
    assert "the text is shorter than one minibatch: it has 5 characters" in short.err
    zero = run("--epochs", 0)
    assert zero.code == 2
    assert "epochs must be positive" in zero.err


def test_a_terminal_shows_the_time_left_and_the_printout_stays_the_same(run: Callable[..., Result]) -> None:
    plain, terminal = run("--epochs", 11), run("--epochs", 11, terminal=True)
    assert timeless(plain.out) == timeless(terminal.out)
    assert plain.err == ""
    written = re.sub(r" {2,}\r", "\r", terminal.err).split("\r")
    shown = [line for line in written if line.strip()]
    assert [line.split(",")[0] for line in shown] == [f"epoch {epoch} of 11" for epoch in (1, 3, 5, 7, 9, 11)]
    assert all(re.fullmatch(r"epoch \d+ of 11, (\d+ min )?\d+ s left", line) for line in shown)
    assert terminal.err.endswith("\r")  # the line is gone before anything else is printed
    assert not terminal.err.split("\r")[-2].strip()


@pytest.mark.parametrize(
    ("cell", "parameters", "state"),
    [
        ("rnn", "W_xh (7, 256), W_hh (256, 256), b_h (256), W_hq (256, 7), b_q (7)", "1 × (2, 256)"),
        ("gru", "W_xz (7, 256), W_hz (256, 256), b_z (256), W_xr (7, 256)", "1 × (2, 256)"),
        ("lstm", "W_xi (7, 256), W_hi (256, 256), b_i (256), W_xf (7, 256)", "2 × (2, 256)"),
    ],
)
def test_explain(run: Callable[..., Result], cell: str, parameters: str, state: str) -> None:
    plain = run("--epochs", 1, "--cell", cell)
    told = run("--epochs", 1, "--cell", cell, "--explain")
    assert told.code == 0, told.err
    text = re.sub(r"\s+", " ", told.out)
    assert re.findall(r"^(\d+)\. ", told.out, re.MULTILINE) == [str(number) for number in range(1, 11)]
    for part in (
        "1,320 characters, 7 different ones: V = 7.",
        "5 matrices (2, 7), one for each time step. Each row sums to 1:",
        parameters,
        f"a state of {state}, all zero at first, come 5 outputs (2, 7)",
        "a perplexity of 7.0: it guesses among 7 characters",
        "clipped to θ = 0.01, 0.0100. A step with the learning rate 100 moves the parameters by 1, never by more",
        "consecutive: first minibatch ['分开的人 不', '的路 分开的'], second ['分开的路 分', '人 不分开的']",
    ):
        assert part in text
    assert timeless(plain.out) in timeless(told.out)  # explaining changes no figure
    written = re.search(" - 分开(.{50})", told.out)
    copied = re.search(r"Of 50 characters after 分开, (\d+) in a row are in the text: '(.*?)'", told.out)
    assert written
    assert copied
    parts = [written[1][i:k] for i in range(50) for k in range(i + 1, 51)]
    lyrics = ("分开的人 不分开的路 " * 120)[:-1]
    assert len(copied[2]) == int(copied[1]) == max(len(part) for part in parts if part in lyrics)


def test_the_curve_is_saved(run: Callable[..., Result], tmp_path: Path) -> None:
    saved = run("--epochs", 2, "--save-plot", "curve.svg")
    assert (saved.code, saved.err) == (0, "the curve is in curve.svg\n")
    labels = "".join(ET.parse(tmp_path / "curve.svg").getroot().itertext())
    assert "this run, random sampling" in labels
    assert "printed in the lesson, for its own lyrics" in labels
    run("--epochs", 2, "--save-plot", "gru.svg", "--cell", "gru", "--sampling", "consecutive")
    labels = "".join(ET.parse(tmp_path / "gru.svg").getroot().itertext())
    assert "printed in the lesson" not in labels  # those figures are of the plain network


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("a.txt", "a.txt exists already"),
        ("curve.doc", "curve.doc cannot be drawn: its suffix must be one of .eps"),
        ("nowhere/curve.png", "name a file in a folder that exists"),
    ],
)
def test_a_picture_that_cannot_be_written_is_said_before_the_run(
    run: Callable[..., Result], file: str, message: str
) -> None:
    result = run("--epochs", 1, "--save-plot", file)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
