from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

import zuoci
from zuoci.training.metrics import _KINDS, TensorBoard, draw_curve, read_metrics  # pyright: ignore[reportPrivateUsage]

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def trained(corpus: zuoci.Corpus, settings: zuoci.Settings, tmp_path: Path) -> Path:
    *_, end = zuoci.train(corpus, settings, device="cpu")
    assert isinstance(end, zuoci.EndReport)
    return zuoci.save_trained(end, tmp_path / "trained")


def test_the_curve_is_drawn_from_the_metrics_the_same_twice(trained: Path, tmp_path: Path) -> None:
    rounds = read_metrics(trained)
    assert [figures["epoch"] for figures in rounds] == [1, 2, 3]
    for name in ("a.svg", "b.svg", "c.png"):
        draw_curve(rounds, tmp_path / name)
    svg = (tmp_path / "a.svg").read_text("utf-8")
    assert svg == (tmp_path / "b.svg").read_text("utf-8")
    assert all(word in svg for word in ("characters seen", "perplexity", "training", "held out"))
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("kind", _KINDS)
def test_every_kind_of_image_is_the_same_at_another_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    figures = {"characters": 10, "train": {"perplexity": 3.0}, "validation": None}
    draw_curve([figures], tmp_path / f"a.{kind}")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")  # the time by which matplotlib goes
    draw_curve([figures], tmp_path / f"b.{kind}")
    assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_a_run_without_held_out_text_and_a_stopped_one_are_drawn_too(
    corpus: zuoci.Corpus, settings: zuoci.Settings, tmp_path: Path
) -> None:
    training = settings.training.model_copy(update={"validation": 0.0})
    run = zuoci.Run(corpus, settings.model_copy(update={"training": training}), device="cpu")
    zuoci.save_run(run, tmp_path / "m")
    with pytest.raises(zuoci.ModelFolderError, match="holds nothing to draw: the run was not evaluated yet"):
        read_metrics(tmp_path / "m")
    next(report for report in run if isinstance(report, zuoci.EvalReport))
    zuoci.save_run(run, tmp_path / "m")
    draw_curve(read_metrics(tmp_path / "m"), tmp_path / "curve.svg")
    assert "held out" not in (tmp_path / "curve.svg").read_text("utf-8")


def test_what_cannot_be_drawn(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = read_metrics(trained)
    with pytest.raises(zuoci.SettingsError, match=r"curve.xyz cannot be drawn: its suffix must be one of \.eps, "):
        draw_curve(rounds, tmp_path / "curve.xyz")
    with pytest.raises(zuoci.SettingsError, match=r"curve.pgf cannot be drawn"):  # needs LaTeX
        draw_curve(rounds, tmp_path / "curve.pgf")
    with pytest.raises(zuoci.SettingsError, match="name a file in a folder that exists"):
        draw_curve(rounds, tmp_path / "nowhere" / "curve.svg")
    with pytest.raises(zuoci.ModelFolderError, match="holds nothing to draw"):
        read_metrics(tmp_path / "nowhere")
    (trained / "training" / "metrics.jsonl").write_text("{", "utf-8")
    with pytest.raises(zuoci.ModelFolderError, match="is damaged"):
        read_metrics(trained)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(zuoci.SettingsError, match=r"pip install 'zuoci\[plot\]'"):
        draw_curve(rounds, tmp_path / "curve.svg")
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard.writer", None)
    with pytest.raises(zuoci.SettingsError, match=r"pip install 'zuoci\[tensorboard\]'"):
        TensorBoard(tmp_path)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # tensorboard's own
def test_tensorboard_gets_every_report(corpus: zuoci.Corpus, settings: zuoci.Settings, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = TensorBoard(tmp_path)
    reports = list(zuoci.train(corpus, settings, device="cpu"))
    for report in reports:
        board.after(report)
    board.close()
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    held_out = [event.value for event in events.Scalars("perplexity/held_out")]
    wanted = [r.validation.perplexity for r in reports if isinstance(r, zuoci.EvalReport) and r.validation]
    assert held_out == pytest.approx(wanted)
    assert len(events.Scalars("step/nll")) == sum(isinstance(report, zuoci.StepReport) for report in reports)
    assert json.dumps(held_out)
