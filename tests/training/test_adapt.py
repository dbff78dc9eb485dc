"""Going on from a model: more characters, another text, counts beside the network."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import zuoci
from zuoci.model.base import BASES, bundled_folder, fitting_base, model_folder
from zuoci.model.stepper import Stepper
from zuoci.training.adapt import adapt, load_base, set_voice
from zuoci.training.job import Job

if TYPE_CHECKING:
    from pathlib import Path

TUNED: dict[str, Any] = {"epochs": 3, "batch_size": 4, "seq_len": 8, "threads": 2, "precision": "float32"}
NEW = "雨在{n}桥下\n桥{n}水不停\n水里{n}盏灯\n\n"


def logits_of(model: zuoci.CharLM, text: str) -> torch.Tensor:
    ids = model.vocabulary.encode(text).unsqueeze(1)
    with torch.no_grad():
        return model(ids, model.initial_state(1))[0][:, 0]


@pytest.fixture
def base(corpus: zuoci.Corpus, tmp_path: Path) -> Path:
    """A small trained model, with counts."""
    settings = zuoci.resolve("lyrics", {**TUNED, "hidden_size": 16, "embedding_size": 8, "counts": True})
    *_, end = zuoci.train(corpus, settings)
    assert isinstance(end, zuoci.EndReport)
    return zuoci.save_trained(end, tmp_path / "base")


@pytest.fixture
def other() -> zuoci.Corpus:
    songs = tuple(zuoci.Song("new.txt", NEW.format(n=n)) for n in "一二三四五六七八九十百千")
    return zuoci.Corpus(songs)


@pytest.mark.parametrize(
    "settings",
    [{}, {"embedding_size": 4}, {"embedding_size": 4, "tie_embedding": True}, {"cell": "lstm"}, {"cell": "rnn"}],
)
def test_known_characters_keep_their_ids_and_their_logits(settings: dict[str, Any]) -> None:
    config = zuoci.ModelConfig.model_validate({"hidden_size": 6, "num_layers": 2, **settings})
    model = zuoci.CharLM(config, zuoci.Vocabulary("甲乙丙丁")).initialise(torch.Generator().manual_seed(0))
    with torch.no_grad():
        model.output.bias[model.vocabulary.characters.index("丙")] = -2.0
    taken_on = adapt(model, "丙戊己", dropout=0.25)
    assert taken_on.vocabulary.characters == model.vocabulary.characters + "己戊"
    assert taken_on.config.dropout == 0.25
    torch.testing.assert_close(logits_of(taken_on.eval(), "甲乙丙丁")[:, :4], logits_of(model.eval(), "甲乙丙丁"))
    rarest = logits_of(model, "甲乙")[:, model.vocabulary.characters.index("丙")]
    torch.testing.assert_close(logits_of(taken_on, "甲乙")[:, 4], rarest)
    torch.testing.assert_close(logits_of(taken_on, "甲戊")[1], logits_of(taken_on, "甲丙")[1])
    assert len(model.vocabulary) == 4


def test_a_run_begins_with_the_figures_of_the_model(base: Path, other: zuoci.Corpus) -> None:
    first, *_, end = zuoci.train(other, zuoci.resolve("lyrics", {**TUNED, "base": str(base), "keep": "best"}))
    assert isinstance(first, zuoci.EvalReport)
    assert isinstance(end, zuoci.EndReport)
    assert (first.step, first.epoch) == (0, 0.0)
    assert first.validation
    model = adapt(zuoci.load(base), other.text)
    run = zuoci.Run(other, zuoci.resolve("lyrics", {**TUNED, "base": str(base)}))
    assert first.validation.nll == pytest.approx(zuoci.evaluate(model, run.held_out).nll, rel=1e-5)
    assert end.base == first.validation
    assert end.kept.validation
    assert end.kept.validation.nll <= first.validation.nll
    assert f"the model it started from, {base.name}, has" in end.verdict
    assert end.as_dict()["base"]["nll"] == first.validation.nll
    assert end.model.config.cell == "gru"
    assert end.model.config.hidden_size == 16


def test_training_that_makes_it_worse_keeps_the_model_as_it_was(base: Path, corpus: zuoci.Corpus) -> None:
    settings = zuoci.resolve("lyrics", {**TUNED, "base": str(base), "keep": "best", "learning_rate": 3.0, "epochs": 1})
    *_, end = zuoci.train(corpus, settings)
    assert isinstance(end, zuoci.EndReport)
    assert end.kept.step == 0
    for name, value in zuoci.load(base).state_dict().items():
        assert torch.equal(end.model.state_dict()[name], value)


def test_counts_are_saved_loaded_and_used_by_all(base: Path, other: zuoci.Corpus, tmp_path: Path) -> None:
    settings = zuoci.resolve("lyrics", {**TUNED, "base": str(base), "counts": True})
    *_, end = zuoci.train(other, settings)
    assert isinstance(end, zuoci.EndReport)
    assert end.model.mixture
    assert len(end.model.mixture.ngrams) == 2  # those of this text, and the base's
    assert end.validation
    assert end.validation.protocol.endswith("mixed with counts (weights cross-fitted in 5 parts)")
    assert end.kept.validation
    assert end.validation.nll < end.kept.validation.nll
    loaded = zuoci.load(zuoci.save_trained(end, tmp_path / "m"))
    text = other.songs[0].text
    ids = loaded.vocabulary.encode(text)
    stepper, nll = Stepper(loaded), []
    state = stepper.start(1)
    for last, char in zip(ids[:-1].numpy(), ids[1:].tolist(), strict=True):
        logits, state = stepper.step(np.array([last]), state)
        assert np.exp(logits).sum() == pytest.approx(1.0, rel=1e-4)
        nll.append(-logits[0, char])
    assert np.mean(nll) == pytest.approx(zuoci.evaluate(loaded, ids).nll, rel=1e-4)
    loaded.mixture = None
    assert np.mean(nll) != pytest.approx(zuoci.evaluate(loaded, ids).nll, rel=1e-3)
    assert zuoci.Writer.load(tmp_path / "m").write("雨").text.startswith("雨")


def test_a_text_without_anything_held_out_keeps_the_counts_of_the_base(base: Path, other: zuoci.Corpus) -> None:
    settings = zuoci.resolve("lyrics", {**TUNED, "base": str(base), "counts": True, "validation": 0.0})
    *_, end = zuoci.train(other, settings)
    assert isinstance(end, zuoci.EndReport)
    assert end.base is None
    assert end.validation is None
    started = zuoci.load(base).mixture
    assert end.model.mixture
    assert started
    assert np.array_equal(end.model.mixture.weights, started.weights)


def test_figures_of_all_rounds_are_those_of_the_model_as_it_is(base: Path, other: zuoci.Corpus) -> None:
    """Without dropout, and of the training text as of the held-out one, so that they can be compared."""
    run = zuoci.Run(other, zuoci.resolve("lyrics", {**TUNED, "base": str(base), "dropout": 0.5}))
    part = run.model.vocabulary.encode(str(run.split.training))[: len(run.held_out)]
    rounds = 0
    for report in run:
        if isinstance(report, zuoci.EvalReport):
            rounds += 1
            assert report.train.nll == pytest.approx(zuoci.evaluate(run.model, part).nll, rel=1e-5)
            assert report.train.protocol.startswith("the beginning of the training text, state carried through")
    assert rounds == 1 + TUNED["epochs"]


def test_the_finished_model_is_small_and_has_the_figures_that_were_printed(
    base: Path, other: zuoci.Corpus, tmp_path: Path
) -> None:
    sizes: list[int] = []
    for small in (False, True):
        settings = zuoci.resolve("lyrics", {**TUNED, "base": str(base), "keep": "best", "in_8_bits": small})
        run = zuoci.Run(other, settings)
        *_, end = run
        assert isinstance(end, zuoci.EndReport)
        assert end.validation
        folder = zuoci.save_trained(end, tmp_path / str(small))
        loaded = zuoci.load(folder)
        for name, value in loaded.state_dict().items():
            torch.testing.assert_close(value, end.model.state_dict()[name], rtol=1e-6, atol=0)
        assert zuoci.evaluate(loaded, run.held_out).nll == pytest.approx(end.validation.nll, rel=1e-5)
        sizes.append((folder / "model.safetensors").stat().st_size)
    assert sizes[1] < 0.5 * sizes[0]
    assert zuoci.resolve("auto", text="月亮在天上\n" * 50).training.in_8_bits
    assert not zuoci.resolve("auto", {"base": "none"}, text="月亮在天上\n" * 50).training.in_8_bits


@pytest.mark.parametrize("stop_after", [1, 5])
def test_a_run_that_took_on_a_model_resumes_to_the_same_bytes(
    base: Path, other: zuoci.Corpus, tmp_path: Path, stop_after: int
) -> None:
    kept = {"counts": True, "keep": "best", "in_8_bits": True}
    settings = zuoci.resolve("lyrics", {**TUNED, "base": str(base), **kept})
    with Job(tmp_path / "whole") as job:
        job.prepare(other, settings)
        for _ in job:
            pass
    with Job(tmp_path / "parts") as job:
        job.prepare(other, settings)
        for number, _ in enumerate(job, 1):
            if number == stop_after:
                job.pause()
    for file in base.rglob("*"):
        if file.is_file():
            file.unlink()  # a resumed run does not need it any more
    with Job(tmp_path / "parts", resume=True) as job:
        job.prepare(other)
        for _ in job:
            pass
    for name in ("model.safetensors", "vocabulary.json", "counts.safetensors"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


class TestVoice:
    @pytest.fixture
    def tuned(self, base: Path, other: zuoci.Corpus, tmp_path: Path) -> Path:
        settings = zuoci.resolve("lyrics", {**TUNED, "base": str(base), "counts": True, "learning_rate": 0.02})
        *_, end = zuoci.train(other, settings)
        assert isinstance(end, zuoci.EndReport)
        return zuoci.save_trained(end, tmp_path / "tuned")

    def test_the_weights_lie_between_both(self, tuned: Path, base: Path, other: zuoci.Corpus) -> None:
        own, started = zuoci.load(tuned), adapt(zuoci.load(base), other.text)
        for voice in (0.0, 0.25, 1.0):
            model = zuoci.load(tuned)
            set_voice(model, tuned, voice)
            for name, value in model.state_dict().items():
                expected = (1 - voice) * started.state_dict()[name] + voice * own.state_dict()[name]
                torch.testing.assert_close(value, expected)
            assert own.mixture
            assert model.mixture
            share = own.mixture.weights[..., 1] * voice
            np.testing.assert_allclose(model.mixture.weights[..., 1], share, rtol=1e-5)
            np.testing.assert_allclose(model.mixture.weights.sum(-1), 1.0, rtol=1e-5)

    def test_texts_follow_it(self, tuned: Path) -> None:
        texts = [zuoci.Writer.load(tuned, voice=voice).write("雨").text for voice in (0.0, 1.0)]
        assert texts[0] != texts[1]
        assert texts[1] == zuoci.Writer.load(tuned).write("雨").text

    def test_what_has_no_base_has_no_voice(self, tuned: Path, base: Path) -> None:
        with pytest.raises(zuoci.SettingsError, match="started from nothing"):
            zuoci.Writer.load(base, voice=0.5)
        with pytest.raises(zuoci.SettingsError, match="voice must be from 0"):
            zuoci.Writer.load(tuned, voice=1.5)
        shutil.rmtree(base)
        with pytest.raises(zuoci.SettingsError, match=r"voice needs the model that .* started from: .* does not exist"):
            zuoci.Writer.load(tuned, voice=0.5)
        assert zuoci.Writer.load(tuned).write("雨").text


class TestSettings:
    def test_auto_takes_the_base_that_fits_the_script(self) -> None:
        of = {
            text: zuoci.resolve("auto", text=text * 50).training.base for text in ("月亮在天上\n", "the moon is up\n")
        }
        assert of == {"月亮在天上\n": "zh", "the moon is up\n": "en"}
        assert fitting_base("Луна взошла над рекой") is None
        assert fitting_base("123 ,.!") is None
        assert zuoci.resolve("auto", text="Луна взошла над рекой").training.base == "none"

    def test_who_describes_a_model_of_their_own_gets_it(self) -> None:
        text = "月亮在天上\n" * 50
        assert zuoci.resolve("auto", {"hidden_size": 64}, text=text).training.base == "none"
        assert zuoci.resolve("auto", {"base": "none"}, text=text).model.hidden_size == 256
        assert zuoci.resolve("auto", {"join_lines": True}, text=text).training.base == "none"
        for recipe in ("lesson", "fast", "lyrics"):
            assert zuoci.resolve(recipe, text=text).training.base == "none"
        assert zuoci.resolve("auto", text=text * 2000).training.base == "none"  # a long text teaches more by itself
        bundled = zuoci.load_lyrics("zh", choruses="once").text  # which the base has read
        assert zuoci.resolve("auto", text=bundled).training.base == "none"
        assert zuoci.resolve("auto", text=bundled[:-1]).training.base == "zh"

    def test_the_settings_are_those_of_the_model(self, base: Path) -> None:
        settings = zuoci.resolve("auto", {"base": str(base), "dropout": 0.1}, text="月亮")
        assert settings.model == zuoci.load(base).config.model_copy(update={"dropout": 0.1})
        assert settings.training.counts

    @pytest.mark.parametrize(
        ("recipe", "given", "message"),
        [
            ("auto", {"hidden_size": 9}, "hidden_size is that of the model to start from"),
            ("lyrics", {"cell": "rnn"}, "cell is that of the model to start from"),
            ("lesson", {}, "the recipe lesson trains a model from nothing; name no model to start from"),
            ("fast", {}, "the recipe fast trains a model from nothing"),
        ],
    )
    def test_what_does_not_go_together(self, recipe: str, given: dict[str, Any], message: str) -> None:
        with pytest.raises(zuoci.SettingsError, match=message):
            zuoci.resolve(recipe, {"base": "zh", **given}, text="月亮")

    def test_there_is_no_such_model(self, tmp_path: Path) -> None:
        with pytest.raises(zuoci.ModelFolderError, match="does not exist; name the folder of a trained model"):
            zuoci.resolve("auto", {"base": str(tmp_path / "none")}, text="月亮")

    def test_a_folder_with_the_name_of_a_base_goes_first(
        self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert model_folder("zh").name == "base-zh"
        folder.rename(tmp_path / "zh")
        assert str(model_folder("zh")) == "zh"
        assert len(zuoci.load("zh").vocabulary) < 100
        own = zuoci.resolve("lyrics", {"base": "zh"})
        assert own.training.base == str(tmp_path / "zh")
        assert own.model == zuoci.load("zh").config.model_copy(update={"dropout": own.model.dropout})

    def test_auto_takes_the_model_that_comes_with_zuoci(
        self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        text = "月亮在天上\n" * 50
        expected = zuoci.resolve("auto", text=text)
        folder.rename(tmp_path / "zh")
        monkeypatch.chdir(tmp_path)
        assert zuoci.resolve("auto", text=text) == expected
        assert zuoci.resolve("auto", {"base": str(bundled_folder("zh"))}, text=text) == expected
        model = load_base("zh", expected.model, text)
        assert len(model.vocabulary) > 5000
        set_voice(model, zuoci.save(model, tmp_path / "tuned", training={"base": "zh"}), 0.5)  # finds it too


@pytest.mark.parametrize("name", BASES)
def test_the_bases_write_at_once(name: str) -> None:
    writer = zuoci.Writer.load(name)
    opening = "夜" if name == "zh" else "the rain"
    text = writer.write(opening, zuoci.WriteConfig(length=40)).text
    assert text.startswith(opening)
    assert writer.write(opening, zuoci.WriteConfig(length=40)).text == text
    assert zuoci.load(name).mixture
