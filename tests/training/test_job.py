"""A job saves first and reports after; whatever ends it, what was learnt can be gone on with."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import torch

import zuoci
from zuoci.training import job as jobs
from zuoci.training import memory, trainer
from zuoci.training.gradients import Workers
from zuoci.training.job import Job, Paused, SaveFailed
from zuoci.training.memory import typed_memory_errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SMALL: dict[str, Any] = {
    "epochs": 3, "hidden_size": 8, "embedding_size": 4, "batch_size": 4, "seq_len": 8, "sampling": "random",
    "keep": "best",
}  # fmt: skip
SETTINGS = zuoci.resolve("lyrics", SMALL)
UNFINISHED = "training/unfinished.safetensors"


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def train(folder: Path, corpus: zuoci.Corpus, **more: Any) -> Path:
    with Job(folder, device="cpu", **more) as job:
        job.prepare(corpus, SETTINGS)
        list(job)
    return folder


@pytest.fixture
def undisturbed(corpus: zuoci.Corpus, tmp_path: Path) -> bytes:
    return weights(train(tmp_path / "undisturbed", corpus))


def resumed(folder: Path, corpus: zuoci.Corpus) -> bytes:
    """The weights that a run has in the end."""
    return weights(train(folder, corpus, resume=True))


def test_the_model_is_on_the_disk_when_the_end_is_reported(corpus: zuoci.Corpus, tmp_path: Path) -> None:
    with Job(tmp_path / "m", device="cpu") as job:
        job.prepare(corpus, SETTINGS)
        for event in job:
            assert isinstance(event, zuoci.EndReport) == (tmp_path / "m" / "model.safetensors").exists()
    assert zuoci.load(tmp_path / "m")


def test_a_report_that_cannot_be_shown_loses_nothing(corpus: zuoci.Corpus, tmp_path: Path, undisturbed: bytes) -> None:
    """Whoever renders the reports may fail at any of them, as where a terminal is gone. Each fourth is tried."""

    def show(event: object, last: bool) -> None:
        if last:
            shown.append(event)
            raise BrokenPipeError

    shown: list[object] = []
    while not shown or not isinstance(shown[-1], zuoci.EndReport):
        folder = tmp_path / f"m{len(shown)}"
        job = Job(folder, save_every=1e6, device="cpu")
        with suppress(BrokenPipeError), job:
            job.prepare(corpus, SETTINGS)
            at = 4 * len(shown)
            for number, event in enumerate(job):
                show(event, last=number == at or isinstance(event, zuoci.EndReport))
        if isinstance(shown[-1], zuoci.EndReport):
            assert weights(folder) == undisturbed
        else:
            assert zuoci.load_run(folder).now.progress.step == job.run.progress.step
            assert resumed(folder, corpus) == undisturbed
    assert len({type(event) for event in shown}) == 3
    assert len(shown) > 5


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, OSError, RuntimeError("bad allocation: allocate")])
@pytest.mark.parametrize("where", ["compute", "evaluate", "clip_gradients", "save"])
def test_an_accident_in_the_middle_of_a_step_costs_some_steps(
    corpus: zuoci.Corpus, tmp_path: Path, undisturbed: bytes, monkeypatch: pytest.MonkeyPatch, error: Any, where: str
) -> None:
    monkeypatch.setattr("zuoci.training.trainer._GOOD_EVERY", 5)
    calls = 0

    def broken(function: Any, at: int) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            result = function(*arguments, **named)
            if calls == at:
                raise error
            return result

        return call

    def run_with_an_accident(patch: pytest.MonkeyPatch) -> None:
        with Job(folder, save_every=1e6, device="cpu") as job:
            job.prepare(corpus, SETTINGS)
            if where == "compute":
                patch.setattr(job.run.gradients, "compute", broken(job.run.gradients.compute, 13))
            elif where == "save":
                patch.setattr(jobs, "save_trained", broken(lambda *_, **__: None, 1))  # pyright: ignore
            else:
                patch.setattr(trainer, where, broken(getattr(trainer, where), 2 if where == "evaluate" else 13))
            list(job)

    folder = tmp_path / "m"
    expected = zuoci.SettingsError if not isinstance(error, type) or error is MemoryError else error
    with monkeypatch.context() as patch, pytest.raises(expected):
        run_with_an_accident(patch)
    stored = zuoci.load_run(folder)
    assert stored.now.progress.step == {"compute": 10, "clip_gradients": 10, "evaluate": 15, "save": 24}[where]
    assert resumed(folder, corpus) == undisturbed


def test_a_save_that_fails_is_tried_again_and_training_goes_on(
    corpus: zuoci.Corpus, tmp_path: Path, undisturbed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_run, full = jobs.save_run, [True] * 3

    def save(*arguments: Any, **named: Any) -> Any:
        if full:
            full.pop()
            raise zuoci.ModelFolderError("m cannot be saved: No space left on device")
        return save_run(*arguments, **named)

    monkeypatch.setattr(jobs, "save_run", save)
    with Job(tmp_path / "m", save_every=0.0, device="cpu") as job:
        job.prepare(corpus, SETTINGS)
        events = list(job)
    failures = [event for event in events if isinstance(event, SaveFailed)]
    assert [str(failure.error) for failure in failures] == ["m cannot be saved: No space left on device"] * 3
    assert isinstance(events[-1], zuoci.EndReport)
    assert weights(tmp_path / "m") == undisturbed


def test_pausing_saves_before_the_report_is_shown(
    corpus: zuoci.Corpus, tmp_path: Path, undisturbed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "m"
    with Job(folder, save_every=1e6, device="cpu") as job:
        job.prepare(corpus, SETTINGS)
        compute = job.run.gradients.compute

        def signalled(*arguments: Any) -> Any:
            if job.run.progress.step == 4:
                job.pause()  # as a signal does, in the middle of a step
            return compute(*arguments)

        monkeypatch.setattr(job.run.gradients, "compute", signalled)
        shown: list[object] = []
        for event in job:
            shown.append(event)
            assert (folder / UNFINISHED).exists() == (len(shown) >= 5)
    assert isinstance(shown[-2], zuoci.StepReport)
    assert shown[-1] == Paused(5)
    assert resumed(folder, corpus) == undisturbed


def test_a_pause_that_cannot_be_saved_is_none(
    corpus: zuoci.Corpus, tmp_path: Path, undisturbed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(*_: Any, **__: Any) -> None:
        raise zuoci.ModelFolderError("no room")

    monkeypatch.setattr(jobs, "save_run", save)
    with Job(tmp_path / "m", save_every=1e6, device="cpu") as job:
        job.prepare(corpus, SETTINGS)
        job.pause()
        events = list(job)
    assert [type(event) for event in events[:3]] == [zuoci.StepReport, SaveFailed, zuoci.StepReport]
    assert isinstance(events[-1], zuoci.EndReport)
    assert weights(tmp_path / "m") == undisturbed


def test_stopping_ends_with_what_was_learnt(corpus: zuoci.Corpus, tmp_path: Path) -> None:
    with Job(tmp_path / "m", device="cpu") as job:
        job.prepare(corpus, SETTINGS)
        job.stop()
        *_, end = job
    assert isinstance(end, zuoci.EndReport)
    assert end.steps == 1
    assert zuoci.load(tmp_path / "m")


def test_a_run_is_gone_on_with_if_there_is_one(corpus: zuoci.Corpus, tmp_path: Path, undisturbed: bytes) -> None:
    for steps in (7, 14):
        with Job(tmp_path / "m", resume=None, device="cpu") as job:
            assert bool(job.stored) == (steps > 7)
            job.prepare(corpus, SETTINGS, sources=["somewhere"] if steps == 7 else ())  # a stored run keeps its own
            for event in job:
                if isinstance(event, zuoci.StepReport) and event.step == steps:
                    break
    with Job(tmp_path / "m", resume=True, device="cpu") as job:
        assert job.stored
        assert list(job.stored.sources) == ["somewhere"]
        job.prepare(corpus)
        list(job)
    assert weights(tmp_path / "m") == undisturbed


def test_the_folder_is_held_and_given_back(corpus: zuoci.Corpus, tmp_path: Path) -> None:
    with (
        Job(tmp_path / "m", device="cpu"),
        pytest.raises(zuoci.ModelFolderError, match="another zuoci trains into"),
        Job(tmp_path / "m", device="cpu"),
    ):
        pass
    train(tmp_path / "m", corpus)
    with pytest.raises(zuoci.ModelFolderError, match="holds a model already"), Job(tmp_path / "m"):
        pass
    assert train(tmp_path / "m", corpus, overwrite=True)


@pytest.mark.parametrize("folder", [".", "./", "", "/", "..", "a/.."])
def test_a_folder_without_a_name_of_its_own(folder: str) -> None:
    with pytest.raises(zuoci.SettingsError, match="cannot be the folder of a model"):
        Job(folder)


@pytest.mark.parametrize("every", [float("nan"), float("inf"), -1.0])
def test_seconds_between_saves_are_a_number(every: float) -> None:
    with pytest.raises(zuoci.SettingsError, match="save_every must be a number of seconds"):
        Job("m", save_every=every)


def test_a_text_that_grew_is_another_text(corpus: zuoci.Corpus, tmp_path: Path) -> None:
    with Job(tmp_path / "m", device="cpu") as job:
        job.prepare(corpus, SETTINGS)
        for _ in job:
            break
    grown = zuoci.Corpus((*corpus.songs, zuoci.Song("new.txt", "从未见过的字符\n\n")))
    with (
        pytest.raises(zuoci.SettingsError, match=r"was trained on another text than this one of 309 characters; name"),
        Job(tmp_path / "m", resume=True, device="cpu") as job,
    ):
        job.prepare(grown)
    assert (tmp_path / "m" / UNFINISHED).exists()


def test_names_that_are_no_utf8(corpus: zuoci.Corpus, tmp_path: Path) -> None:
    name = os.fsdecode("歌词/歌誠.txt".encode("gbk"))
    songs = zuoci.Corpus(tuple(zuoci.Song(name, song.text) for song in corpus.songs))
    with Job(tmp_path / "m", save_every=0.0, device="cpu") as job:
        job.prepare(songs, SETTINGS, sources=[name])
        for event in job:
            if isinstance(event, zuoci.StepReport) and event.step == 3:
                break
    with Job(tmp_path / "m", resume=True, device="cpu") as job:
        assert job.stored
        assert list(job.stored.sources) == [name]  # the file is found again
        job.prepare(songs)
        list(job)
    assert list(zuoci.Fingerprint.load(tmp_path / "m").names) == ["歌誠.txt"]


def test_halves_of_characters_are_refused_before_training(corpus: zuoci.Corpus) -> None:
    broken = zuoci.Corpus((*corpus.songs, zuoci.Song("x", "山\ud800前\n\n")))
    with pytest.raises(zuoci.CorpusError, match="halves of characters"):
        zuoci.Run(broken, SETTINGS, device="cpu")


def constant(value: int) -> Callable[[object], int]:
    return lambda _: value


class TestMemory:
    @pytest.mark.parametrize(
        "large",
        [
            {"hidden_size": 16_384},
            {"hidden_size": 16_384, "num_layers": 64, "cell": "lstm"},
            {"embedding_size": 16_384, "hidden_size": 16_384, "cell": "rnn"},
            {"hidden_size": 8192, "num_layers": 64, "optimizer": "sgd"},
        ],
    )
    def test_what_does_not_fit_is_said_with_figures(
        self, corpus: zuoci.Corpus, large: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(memory, "available_bytes", constant(16 * 2**30))
        message = r"would need about [\d,.]+ GiB of memory, and 16.0 GiB are free: hidden_size .*; lower hidden_size"
        with pytest.raises(zuoci.SettingsError, match=message):
            zuoci.Run(corpus, zuoci.resolve("lyrics", {**SMALL, **large}), device="cpu")

    def test_a_minibatch_that_does_not_fit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(memory, "available_bytes", constant(2**30))
        config = zuoci.TrainConfig(batch_size=4096, seq_len=1024, precision="float32", threads=1)
        with pytest.raises(zuoci.SettingsError, match="batch_size 4,096, seq_len 1,024"):
            memory.check_memory(zuoci.ModelConfig(), config, 3000, torch.device("cpu"))

    @pytest.mark.parametrize("cell", ["rnn", "rnn_relu", "gru", "lstm"])
    @pytest.mark.parametrize("embedding", [{}, {"embedding_size": 5}, {"embedding_size": 5, "tie_embedding": True}])
    def test_weights_are_counted_right(self, cell: Any, embedding: dict[str, Any]) -> None:
        config = zuoci.ModelConfig(cell=cell, hidden_size=7, num_layers=3, **embedding)
        model = zuoci.CharLM(config, zuoci.Vocabulary("abcd"))
        assert memory.parameter_count(config, 4) == sum(param.numel() for param in model.parameters())

    def test_this_machine_has_memory(self) -> None:
        available = memory.available_bytes(torch.device("cpu"))
        assert available is None or available > 2**20

    @pytest.mark.parametrize(
        ("error", "message"),
        [
            (MemoryError(), "not enough memory; lower hidden_size"),
            (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate"), "not enough memory"),
            (torch.OutOfMemoryError("CUDA"), "not enough memory"),
            (RuntimeError("can't start new thread"), "no more threads; lower threads"),
        ],
    )
    def test_an_allocation_that_fails_is_typed(self, error: Exception, message: str) -> None:
        with pytest.raises(zuoci.SettingsError, match=message), typed_memory_errors():
            raise error

    def test_other_errors_stay_what_they_are(self) -> None:
        with pytest.raises(RuntimeError, match="shapes"), typed_memory_errors():
            raise RuntimeError("shapes differ")


def test_weights_that_are_no_numbers_are_gone_back_from_before_they_are_kept(
    corpus: zuoci.Corpus, tmp_path: Path
) -> None:
    """The last step of a run may break the weights, and no loss comes after it that would show it."""
    with Job(tmp_path / "m", device="cpu") as job:
        job.prepare(corpus, SETTINGS)
        broken = False
        for event in job:
            if isinstance(event, zuoci.StepReport) and event.step == 24 and not broken:
                broken = True
                job.run.model.output.bias.data[0] = float("nan")
        assert job.run.progress.rollbacks == 1
    assert zuoci.load(tmp_path / "m")


def test_an_interrupted_evaluation_leaves_a_model_as_it_was(model: zuoci.CharLM) -> None:
    class Interrupted(Workers):
        def map(self, *_: Any, **__: Any) -> Any:
            raise KeyboardInterrupt

    model.train()
    with pytest.raises(KeyboardInterrupt):
        zuoci.evaluate(model, torch.zeros(50, dtype=torch.int64), workers=Interrupted(1))
    assert model.training


@pytest.mark.parametrize("while_shown", [False, True])
def test_a_process_that_has_to_end_keeps_the_run_elsewhere(
    corpus: zuoci.Corpus, tmp_path: Path, undisturbed: bytes, while_shown: bool
) -> None:
    def run_until_it_ends() -> None:
        with Job(folder, save_every=1e6, device="cpu") as job:
            job.prepare(corpus, SETTINGS)
            job.save()
            folder.rename(tmp_path / "moved")
            if not while_shown:
                job.pause(ending=True)
            for event in job:
                seen.append(event)
                job.pause(ending=True)

    folder, seen = tmp_path / "m", list[object]()
    with pytest.raises(zuoci.ModelFolderError, match=r"m is gone: .*; the run is kept in .*m-2$"):
        run_until_it_ends()
    assert len(seen) == while_shown
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m-2", "moved", "undisturbed"]
    assert resumed(tmp_path / "m-2", corpus) == undisturbed


def test_a_folder_that_was_moved_after_the_last_save_holds_no_save(
    corpus: zuoci.Corpus, tmp_path: Path, undisturbed: bytes
) -> None:
    def run_until_it_ends() -> None:
        with Job(folder, save_every=0, device="cpu") as job:
            job.prepare(corpus, SETTINGS)
            for event in job:
                assert not isinstance(event, Paused)
                if folder.exists():  # the run was saved in it before this report
                    folder.rename(tmp_path / "moved")
                    job.pause(ending=True)

    folder = tmp_path / "m"
    with pytest.raises(zuoci.ModelFolderError, match=r"m is gone: .*; the run is kept in .*m-2$"):
        run_until_it_ends()
    assert resumed(tmp_path / "m-2", corpus) == undisturbed


def test_whoever_interrupts_twice_loses_some_steps_at_most(
    corpus: zuoci.Corpus, tmp_path: Path, undisturbed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first Ctrl-C pauses; the second one ends the step that it waits for."""

    def run_until_it_ends() -> None:
        with Job(tmp_path / "m", save_every=1e6, device="cpu") as job:
            job.prepare(corpus, SETTINGS)
            compute = job.run.gradients.compute

            def twice(*arguments: Any) -> Any:
                if job.run.progress.step == 11:
                    job.pause(ending=True)
                    raise KeyboardInterrupt
                return compute(*arguments)

            with monkeypatch.context() as patch:
                patch.setattr(job.run.gradients, "compute", twice)
                list(job)

    with pytest.raises(KeyboardInterrupt):
        run_until_it_ends()
    assert zuoci.load_run(tmp_path / "m").now.progress.step > 0
    assert resumed(tmp_path / "m", corpus) == undisturbed
