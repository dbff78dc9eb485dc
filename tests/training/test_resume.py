"""A run that is stopped, however, ends as if it had not been."""

from __future__ import annotations

import dataclasses
import itertools
import json
from typing import TYPE_CHECKING, Any, Literal

import pytest
import torch
from safetensors.torch import load_file, save_file

import zuoci
from zuoci.model.lock import locked
from zuoci.training import resume

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from zuoci.training.snapshot import Snapshot

SMALL = {"epochs": 3, "hidden_size": 8, "embedding_size": 4, "batch_size": 4, "seq_len": 16, "keep": "best"}

KINDS = [
    {"sampling": "random"},
    {"sampling": "consecutive", "cell": "lstm", "num_layers": 2, "precision": "float32"},
    {"sampling": "consecutive", "optimizer": "sgd", "learning_rate": 0.5, "threads": 1},
    {"sampling": "random", "steps": 7, "epochs": 0, "validation": 0.0},
]


def figures(reports: Iterable[object]) -> list[Any]:
    """Everything in some reports but the time."""
    rows: list[Any] = []
    for report in reports:
        if isinstance(report, zuoci.StepReport):
            rows.append((report.step, report.steps, report.epoch, report.nll, report.characters))
        elif isinstance(report, zuoci.EvalReport):
            rows.append({**report.as_dict(), "seconds": 0})
        elif isinstance(report, zuoci.EndReport):
            rows.append({**report.as_dict(), "train_seconds": 0, "characters_per_second": 0})
            rows.append(zuoci.Writer(report.model).write("山前", zuoci.WriteConfig(seed=3)).text)
    return rows


def same(one: Snapshot, other: Snapshot) -> bool:
    return one.tensors.keys() == other.tensors.keys() and all(
        torch.equal(value, other.tensors[name]) for name, value in one.tensors.items()
    )


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_run_stopped_after_any_report_ends_the_same(
    corpus: zuoci.Corpus, kind: dict[str, object], tmp_path: Path
) -> None:
    settings = zuoci.resolve("lyrics", {**SMALL, **kind})
    whole = zuoci.Run(corpus, settings, device="cpu")
    reports = figures(whole)
    count = len(list(zuoci.Run(corpus, settings, device="cpu")))
    for stop in range(1, count):
        first = zuoci.Run(corpus, settings, device="cpu")
        before: list[object] = []
        for report in first:
            before += figures([report])
            if len(before) == stop:
                break
        zuoci.save_run(first, tmp_path / "model")
        second = zuoci.load_run(tmp_path / "model").resume(corpus, device="cpu")
        assert before + figures(second) == reports, f"stopped after report {stop}"
        assert same(second.capture(), whole.capture())


def test_a_run_on_the_bundled_lyrics_goes_on_exactly_and_with_no_other_text(tmp_path: Path) -> None:
    def lyrics(choruses: Literal["sung", "once"] = "once") -> zuoci.Corpus:
        songs = zuoci.load_lyrics("zh", choruses=choruses).songs
        return zuoci.Corpus(songs[50:80])

    settings = zuoci.resolve("lyrics", {**SMALL, "epochs": 0, "steps": 6})
    whole = zuoci.Run(lyrics(), settings, device="cpu")
    list(whole)
    first = zuoci.Run(lyrics(), settings, device="cpu")
    for report in first:
        if isinstance(report, zuoci.StepReport) and report.step == 3:
            break
    zuoci.save_run(first, tmp_path / "model")
    stored = zuoci.load_run(tmp_path / "model")
    with pytest.raises(zuoci.SettingsError, match="was trained on another text"):
        stored.resume(lyrics("sung"))
    unmarked = zuoci.Corpus(tuple(dataclasses.replace(song, held_apart=False) for song in lyrics().songs))
    with pytest.raises(zuoci.SettingsError, match="was trained on another text"):
        stored.resume(unmarked)
    second = stored.resume(lyrics(), device="cpu")
    list(second)
    assert same(second.capture(), whole.capture())


def test_a_rollback_after_a_resume_is_the_rollback_without(
    corpus: zuoci.Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zuoci.training.trainer._GOOD_EVERY", 5)
    settings = zuoci.resolve("lyrics", {**SMALL, "epochs": 4})

    def poisoned(run: zuoci.Run, at: int) -> zuoci.Run:
        compute, poison = run.gradients.compute, [at]

        def bad(batch: zuoci.Batch, state: Any) -> Any:
            nll, after = compute(batch, state)
            if poison and run.progress.step == poison[0]:
                poison.clear()
                nll = float("nan")
            return nll, after

        monkeypatch.setattr(run.gradients, "compute", bad)
        return run

    whole = poisoned(zuoci.Run(corpus, settings, device="cpu"), 11)
    reports = list(whole)
    rollbacks = [report for report in reports if isinstance(report, zuoci.RollbackReport)]
    assert [report.step for report in rollbacks] == [10]
    assert rollbacks[0].learning_rate == pytest.approx(settings.training.learning_rate / 2)
    first = zuoci.Run(corpus, settings, device="cpu")
    for report in first:
        if isinstance(report, zuoci.StepReport) and report.step == 11:
            break
    zuoci.save_run(first, tmp_path / "model")
    second = poisoned(zuoci.load_run(tmp_path / "model").resume(corpus, device="cpu"), 11)
    assert figures(second)[-2:] == figures(reports)[-2:]
    assert same(second.capture(), whole.capture())


def test_it_gives_up_after_three_rollbacks_with_sound_weights(corpus: zuoci.Corpus) -> None:
    settings = zuoci.resolve(
        "lesson",
        {"cell": "rnn_relu", "learning_rate": 1e35, "max_grad_norm": 1e30, "batch_size": 2, "seq_len": 5},
    )
    run = zuoci.Run(corpus, settings, device="cpu")
    seen: list[object] = []
    with pytest.raises(zuoci.DivergenceError, match=r"for the 4th time: .* lower learning_rate \(now 1.25e\+34\)"):
        seen.extend(run)
    assert sum(isinstance(report, zuoci.RollbackReport) for report in seen) == 3
    assert all(value.isfinite().all() for name, value in run.good.tensors.items() if name.startswith("model."))


def test_a_time_budget_goes_on_where_it_was_saved(corpus: zuoci.Corpus, tmp_path: Path) -> None:
    """The plan is part of what is saved; on a clock that goes as fast as before, the rest of the run is the same."""

    def ticking() -> Callable[[], float]:
        now = itertools.count()
        return lambda: 0.01 * next(now)

    settings = zuoci.resolve("lyrics", {**SMALL, "seconds": 1.0, "epochs": 0})
    run = zuoci.Run(corpus, settings, device="cpu", clock=ticking())
    reports: list[object] = []
    second: zuoci.Run | None = None
    for report in run:
        reports.append(report)
        if isinstance(report, zuoci.StepReport) and report.step == 20:
            assert report.steps
            zuoci.save_run(run, tmp_path / "model")
            second = zuoci.load_run(tmp_path / "model").resume(corpus, device="cpu", clock=ticking())
            assert second.progress == run.progress
    assert isinstance(reports[-1], zuoci.EndReport)
    assert second
    rest = figures(second)
    assert rest == figures(reports)[-len(rest) :]
    assert same(second.capture(), run.capture())


def test_another_text_is_refused(corpus: zuoci.Corpus, tmp_path: Path) -> None:
    zuoci.save_run(zuoci.Run(corpus, zuoci.resolve("lyrics", SMALL), device="cpu"), tmp_path / "model")
    with pytest.raises(zuoci.SettingsError, match="was trained on another text"):
        zuoci.load_run(tmp_path / "model").resume(zuoci.Corpus(corpus.songs[1:]), device="cpu")


def test_songs_that_are_not_trained_on_and_names_of_files_are_part_of_the_text(
    corpus: zuoci.Corpus, tmp_path: Path
) -> None:
    """They go into the model's folder, in its fingerprint."""
    songs = corpus.songs
    settings = zuoci.resolve("lyrics", {**SMALL, "max_characters": 200, "validation_split": "tail"})
    zuoci.save_run(zuoci.Run(corpus, settings, device="cpu"), tmp_path / "model")
    stored = zuoci.load_run(tmp_path / "model")
    changed = [
        (*songs[:-1], zuoci.Song(songs[-1].source, songs[-1].text.replace("歌", "曲"))),
        tuple(zuoci.Song("other.txt", song.text) for song in songs),
        (zuoci.Song(songs[0].source, songs[0].text + songs[1].text), *songs[2:]),
    ]
    for other in changed:
        with pytest.raises(zuoci.SettingsError, match="was trained on another text"):
            stored.resume(zuoci.Corpus(other), device="cpu")
    moved = tuple(zuoci.Song(f"elsewhere/{song.source}", song.text) for song in songs)
    assert stored.resume(zuoci.Corpus(moved), device="cpu")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (None, b"", "there is no run in it"),
        ("training/unfinished.safetensors", b"", "is damaged"),
        ("training/unfinished.safetensors", b"\0" * 100, "is damaged"),
    ],
)
def test_nothing_to_resume(tmp_path: Path, name: str | None, content: bytes, message: str) -> None:
    if name:
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(content)
    with pytest.raises(zuoci.ModelFolderError, match=message):
        zuoci.load_run(tmp_path)


def test_one_process_a_folder(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "model"),
        pytest.raises(zuoci.ModelFolderError, match="another zuoci trains into"),
        locked(tmp_path / "model"),
    ):
        pass
    with locked(tmp_path / "model"):
        pass
    assert not list(tmp_path.iterdir())


def _rewrite(file: Path, change: Callable[[dict[str, Any], dict[str, Any]], object]) -> None:
    """Changes the file of a run as another program could: with a checksum that is right."""
    data = file.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    about, tensors = json.loads(header["__metadata__"]["zuoci"]), load_file(file)
    del about["sha256"]
    change(about, tensors)
    about["sha256"] = resume._checksum(about, tensors)  # pyright: ignore[reportPrivateUsage]
    save_file(tensors, file, {"zuoci": json.dumps(about)})


def test_a_run_of_another_version_is_refused_with_one_line(corpus: zuoci.Corpus, tmp_path: Path) -> None:
    def to_version_4(about: dict[str, Any], _: dict[str, Any]) -> None:
        about["version"] = 4
        for progress in (about["now"], about["good"]):
            progress["paces"] = [1.0]

    file = zuoci.save_run(zuoci.Run(corpus, zuoci.resolve("lyrics", SMALL), device="cpu"), tmp_path / "model")
    _rewrite(file, to_version_4)
    with pytest.raises(zuoci.ModelFolderError, match="was written by another version of zuoci; start a new run"):
        zuoci.load_run(tmp_path / "model")


def _poke(name: str, value: object) -> Callable[[dict[str, Any], dict[str, Any]], object]:
    return lambda about, _: about["now"].update({name: value})


WRONG: list[Callable[[dict[str, Any], dict[str, Any]], object]] = [
    *(_poke("step", value) for value in ("7", -1, 2.5, None, [])),
    *(_poke("rounds", value) for value in ([1], [{}], None, {})),
    *(_poke("batch", value) for value in (10**6, -1)),
    *(_poke(name, -1.0) for name in ("seconds", "rate_scale", "round_nll")),
    _poke("evaluation_seconds", ["a"]),
    _poke("last_evaluation_step", 10**6),
    _poke("unknown", 1),
    lambda about, _: about.update(now=[]),
    lambda about, _: about.update(sources=5),
    lambda about, _: about.update(sources=[5]),
    lambda about, _: about.update(vocabulary="[]"),
    lambda about, _: about.update(settings={"model": 5}),
    lambda _, tensors: tensors.pop("now.optimizer.0.exp_avg"),
    lambda _, tensors: tensors.update({"now.optimizer.0.exp_avg": torch.zeros(3)}),
    lambda _, tensors: tensors.update({"now.optimizer.x.y.z": torch.zeros(3)}),
    lambda _, tensors: tensors.update({"now.sampling.epoch_start": torch.zeros(3)}),
    lambda _, tensors: tensors.pop("now.state.0"),
    lambda _, tensors: tensors.pop("now.model.output.bias"),
    lambda _, tensors: tensors.pop("best.output.bias"),
]


@pytest.mark.parametrize("change", WRONG)
def test_a_run_that_is_not_what_it_says_is_damaged(corpus: zuoci.Corpus, tmp_path: Path, change: Any) -> None:
    run = zuoci.Run(corpus, zuoci.resolve("lyrics", SMALL), device="cpu")
    for report in run:
        if isinstance(report, zuoci.EvalReport):
            break
    file = zuoci.save_run(run, tmp_path / "model")
    assert zuoci.load_run(tmp_path / "model").resume(corpus, device="cpu")
    _rewrite(file, change)
    with pytest.raises(
        zuoci.ModelFolderError, match=r"unfinished.safetensors is damaged: .*; start a new run"
    ) as error:
        zuoci.load_run(tmp_path / "model").resume(corpus, device="cpu")
    assert "\n" not in str(error.value)
