from __future__ import annotations

import dataclasses
import json
import math
import os
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pytest
import torch
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

import zuoci
from zuoci.model.checkpoint import load
from zuoci.text.corpus import Song
from zuoci.training import evaluation, recipe
from zuoci.training.gradients import Workers
from zuoci.training.optimisation import clip_gradients
from zuoci.training.recipe import RECIPES, choose, read_settings_file
from zuoci.training.schedule import learning_rate
from zuoci.training.snapshot import Progress
from zuoci.training.split import split

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def run(corpus: zuoci.Corpus, settings: zuoci.Settings) -> tuple[list[zuoci.EvalReport], zuoci.EndReport]:
    *reports, end = zuoci.train(corpus, settings, device="cpu")
    assert isinstance(end, zuoci.EndReport)
    return [report for report in reports if isinstance(report, zuoci.EvalReport)], end


def test_a_run_reports_every_step_and_epoch_and_learns(corpus: zuoci.Corpus) -> None:
    settings = zuoci.resolve(
        "lyrics",
        {"epochs": 12, "hidden_size": 32, "embedding_size": 8, "batch_size": 4, "seq_len": 8, "dropout": 0.0},
    )
    reports = list(zuoci.train(corpus, settings, device="cpu"))
    steps = [report for report in reports if isinstance(report, zuoci.StepReport)]
    epochs = [report for report in reports if isinstance(report, zuoci.EvalReport)]
    end = reports[-1]
    assert isinstance(end, zuoci.EndReport)
    assert [report.step for report in steps] == list(range(1, len(steps) + 1))
    assert all(report.steps == len(steps) for report in steps)
    assert [report.epoch for report in epochs] == list(range(1, 13))
    assert epochs[-1].train.nll < epochs[0].train.nll - 1.0
    assert end.characters == steps[-1].characters == sum(report.train.characters for report in epochs)
    assert end.corpus is corpus


def test_an_epochs_figure_is_the_mean_over_its_characters(corpus: zuoci.Corpus, settings: zuoci.Settings) -> None:
    *reports, _ = zuoci.train(corpus, settings, device="cpu")
    first = [report.nll for report in reports if isinstance(report, zuoci.StepReport) and report.epoch == 1]
    evaluated = next(report for report in reports if isinstance(report, zuoci.EvalReport))
    assert evaluated.train.nll == pytest.approx(sum(first) / len(first))
    assert evaluated.train.perplexity == pytest.approx(math.exp(evaluated.train.nll))
    assert evaluated.train.bits_per_char == pytest.approx(evaluated.train.nll / math.log(2))


@pytest.mark.parametrize("sampling", ["random", "consecutive"])
def test_the_same_seed_gives_the_same_bytes(corpus: zuoci.Corpus, sampling: str, tmp_path: Path) -> None:
    overrides = {"epochs": 2, "hidden_size": 8, "embedding_size": 4, "batch_size": 2, "seq_len": 5, "dropout": 0.3}
    first, second, other = (
        zuoci.save_trained(
            run(corpus, zuoci.resolve("lyrics", {**overrides, "sampling": sampling, "seed": seed}))[1], tmp_path / name
        )
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    weights = [(folder / "model.safetensors").read_bytes() for folder in (first, second, other)]
    assert weights[0] == weights[1] != weights[2]


def test_the_best_held_out_weights_are_kept_and_patience_ends_a_run(corpus: zuoci.Corpus) -> None:
    overrides = {"epochs": 60, "hidden_size": 48, "embedding_size": 8, "batch_size": 4, "seq_len": 8, "patience": 3}
    settings = zuoci.resolve("lyrics", {**overrides, "learning_rate": 0.03, "schedule": "constant", "keep": "best"})
    epochs, end = run(corpus, settings)
    scores = [report.validation.nll for report in epochs if report.validation]
    assert len(scores) == len(epochs) < 60
    assert end.kept.epoch == len(scores) - 3
    assert min(scores) == scores[int(end.kept.epoch) - 1]
    parts = split(corpus, settings.training)
    held_out = end.model.vocabulary.encode(parts.validation)
    assert end.validation is not None
    assert zuoci.evaluate(end.model, held_out).nll == pytest.approx(end.validation.nll)
    assert end.validation.nll == pytest.approx(min(scores), rel=1e-2)  # that was in the precision of training


def test_the_last_weights_are_kept_unless_the_best_are_asked_for(corpus: zuoci.Corpus) -> None:
    settings = zuoci.resolve("lyrics", {"epochs": 5, "hidden_size": 8, "batch_size": 4, "seq_len": 8})
    epochs, end = run(corpus, settings)
    assert end.kept == epochs[-1]
    assert end.kept.epoch == end.epochs == 5


def test_a_diverging_run_stops_before_the_weights_are_touched(corpus: zuoci.Corpus) -> None:
    overrides = {"cell": "rnn_relu", "learning_rate": 1e30, "max_grad_norm": 1e30, "batch_size": 2, "seq_len": 5}
    vocabulary = zuoci.Vocabulary(corpus.text + " ")
    model = zuoci.CharLM(zuoci.ModelConfig(cell="rnn_relu", hidden_size=8), vocabulary)
    model.initialise(torch.Generator().manual_seed(0))
    with pytest.raises(zuoci.DivergenceError, match=r"training diverged at step .* lower learning_rate"):
        list(zuoci.train(corpus, zuoci.resolve("lesson", overrides), model=model, device="cpu"))
    assert all(torch.isfinite(param).all() for param in model.parameters())


def test_a_saved_run_carries_its_settings_figures_and_card(
    corpus: zuoci.Corpus, settings: zuoci.Settings, tmp_path: Path
) -> None:
    _, end = run(corpus, settings)
    folder = zuoci.save_trained(end, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    used = zuoci.TrainConfig.model_validate(config["training"])
    assert used.precision != "auto"
    assert used.threads >= 1
    left_open = {"precision": "auto", "products": "auto", "threads": 0}
    assert used.model_copy(update=left_open) == settings.training
    report = json.loads((folder / "training" / "report.json").read_text("utf-8"))
    assert report["validation"]["nll"] == end.validation.nll  # pyright: ignore[reportOptionalMemberAccess]
    metrics = [json.loads(line) for line in (folder / "training" / "metrics.jsonl").read_text("utf-8").splitlines()]
    assert metrics == [each.as_dict() for each in end.rounds]
    card = (folder / "README.md").read_text("utf-8")
    assert f"{report['validation']['perplexity']:.3f}" in card
    assert "of 12 songs, held out whole, state carried through" in card
    assert load(folder).parameter_count == report["parameters"]


def test_a_corpus_shorter_than_one_minibatch(corpus: zuoci.Corpus) -> None:
    with pytest.raises(zuoci.CorpusError, match=r"has \d+ characters, and batch_size 900 with seq_len 32 needs"):
        run(corpus, zuoci.resolve("lyrics", {"batch_size": 900}))
    with pytest.raises(zuoci.CorpusError, match="the corpus is empty"):
        run(zuoci.Corpus(()), zuoci.resolve("lyrics"))


def test_a_single_character_is_too_little(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("歌", "utf-8")
    with pytest.raises(zuoci.CorpusError, match=r"shorter than one minibatch|too little text"):
        run(zuoci.read_corpus(tmp_path / "one.txt"), zuoci.resolve("lyrics"))


@limits(max_examples=30)
@given(st.integers(2, 700), st.sampled_from(["rnn", "gru", "lstm"]))
def test_a_score_is_the_mean_over_every_character_after_the_first(n: int, cell: str) -> None:
    model = zuoci.CharLM(zuoci.ModelConfig.model_validate({"cell": cell, "hidden_size": 4}), zuoci.Vocabulary("abc"))
    model.initialise(torch.Generator().manual_seed(0))
    ids = torch.randint(3, (n,), generator=torch.Generator().manual_seed(n))
    logits, _ = model(ids[:-1].unsqueeze(1), model.initial_state(1))
    score = zuoci.evaluate(model, ids)
    assert score.characters == n - 1
    assert score.nll == pytest.approx(cross_entropy(logits[:, 0], ids[1:]).item(), rel=1e-5)
    assert model.training


@pytest.mark.parametrize("threads", [0, 2])
def test_a_long_text_is_scored_in_lanes_and_none_of_it_is_lost(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    model = zuoci.CharLM(zuoci.ModelConfig(hidden_size=4), zuoci.Vocabulary("abc"))
    model.initialise(torch.Generator().manual_seed(0))
    ids = torch.randint(3, (107,), generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(evaluation, "_LANE", 40)
    monkeypatch.setattr(evaluation, "_EARLY", 7)
    monkeypatch.setattr(evaluation, "_SIDE_BY_SIDE", 1)
    if threads:
        with Workers(threads) as workers:
            score = zuoci.evaluate(model, ids, of="a text", workers=workers)
    else:
        score = zuoci.evaluate(model, ids, of="a text")
    total = 0.0
    for early, start, end in ((0, 0, 53), (46, 53, 106)):
        logits, _ = model(ids[early:end].unsqueeze(1), model.initial_state(1))
        total += cross_entropy(logits[start - early :, 0], ids[start + 1 : end + 1], reduction="sum").item()
    assert score.nll == pytest.approx(total / 106, rel=1e-5)
    assert score.protocol == "a text, state carried through (2 lanes, 7 characters read ahead)"


@given(st.integers(2, 50), st.integers(1, 60))
def test_with_a_window_every_piece_starts_from_nothing(n: int, window: int) -> None:
    model = zuoci.CharLM(zuoci.ModelConfig(hidden_size=4), zuoci.Vocabulary("abc"))
    model.initialise(torch.Generator().manual_seed(0))
    ids = torch.randint(3, (n,), generator=torch.Generator().manual_seed(n))
    total = 0.0
    for start in range(0, n - 1, window):
        end = min(start + window, n - 1)
        logits, _ = model(ids[start:end].unsqueeze(1), model.initial_state(1))
        total += cross_entropy(logits[:, 0], ids[start + 1 : end + 1], reduction="sum").item()
    score = zuoci.evaluate(model, ids, window=window)
    assert score.nll == pytest.approx(total / (n - 1), rel=1e-5)
    assert score.protocol == f"the text, the state reset every {window} characters"


def test_too_short_to_be_scored() -> None:
    model = zuoci.CharLM(zuoci.ModelConfig(hidden_size=4), zuoci.Vocabulary("abc"))
    with pytest.raises(zuoci.CorpusError, match="too short to be scored"):
        zuoci.evaluate(model, torch.tensor([1]))


def test_perplexity_that_overflows_is_infinite_and_null_in_json() -> None:
    score = zuoci.Score(nll=800.0, characters=1, protocol="")
    assert score.perplexity == math.inf
    assert score.as_dict()["perplexity"] is None


class TestSplit:
    def test_whole_songs_are_held_out_and_nothing_is_lost(self, corpus: zuoci.Corpus) -> None:
        parts = split(corpus, zuoci.TrainConfig(validation=0.25))
        held_out = [song.text for song in corpus.songs if song.text in parts.validation]
        assert "".join(held_out) == parts.validation
        assert len(parts.training) + len(parts.validation) == len(corpus.text)
        assert 0.15 < len(parts.validation) / len(corpus.text) < 0.35
        assert parts.held_out == f"{len(held_out)} of 12 songs, held out whole"

    def test_a_song_that_is_also_trained_on_is_not_held_out(self) -> None:
        songs = [Song("x", f"{n}\n{n}一\n{n}二\n{n}三\n\n") for n in "甲乙丙丁戊己庚辛壬癸"]
        doubled = zuoci.Corpus(tuple(songs + [Song("x", song.text.replace("三", "四")) for song in songs]))
        for seed in range(20):
            parts = split(doubled, zuoci.TrainConfig(validation=0.3, seed=seed))
            lines = set(parts.training.split("\n"))
            for song in doubled.songs:
                if song.text in parts.validation:
                    assert len(set(song.lines) & lines) <= 2

    def test_the_tail_in_one_piece(self, corpus: zuoci.Corpus) -> None:
        parts = split(corpus, zuoci.TrainConfig(validation=0.1, validation_split="tail"))
        assert parts.training + parts.validation == corpus.text
        assert len(parts.validation) == round(len(corpus.text) * 0.1)
        assert parts.held_out == "the last 10% of the text"

    def test_nothing_held_out(self, corpus: zuoci.Corpus) -> None:
        assert split(corpus, zuoci.TrainConfig(validation=0.0)).training == corpus.text

    def test_the_lessons_treatment_of_its_text(self, corpus: zuoci.Corpus) -> None:
        parts = split(corpus, zuoci.resolve("lesson", {"max_characters": 50}).training)
        assert parts.training == corpus.text.replace("\n", " ")[:50]

    def test_songs_held_apart_are_the_held_out_ones_whatever_the_share(self, corpus: zuoci.Corpus) -> None:
        marked = zuoci.Corpus(
            tuple(dataclasses.replace(song, held_apart=i in (3, 7)) for i, song in enumerate(corpus.songs))
        )
        apart = corpus.songs[3].text + corpus.songs[7].text
        others = "".join(song.text for i, song in enumerate(corpus.songs) if i not in (3, 7))
        for share in (0.05, 0.1, 0.5):
            for how in ("auto", "songs"):
                parts = split(marked, zuoci.TrainConfig(validation=share, validation_split=how))  # pyright: ignore[reportArgumentType]
                assert (parts.training, parts.validation) == (others, apart)
                assert parts.held_out == "the 2 of 12 songs held apart"

    def test_songs_held_apart_are_never_trained_on(self, corpus: zuoci.Corpus) -> None:
        apart, others = zuoci.Corpus(corpus.songs[:2]), zuoci.Corpus(corpus.songs[2:])
        marked = zuoci.Corpus((*(dataclasses.replace(song, held_apart=True) for song in apart.songs), *others.songs))
        for config in (
            zuoci.TrainConfig(validation=0.0),
            zuoci.TrainConfig(validation=0.2, validation_split="tail"),
            zuoci.resolve("lesson", {"max_characters": 50}).training,
        ):
            mine, plain = split(marked, config), split(others, config)
            assert (mine.training, mine.validation, mine.held_out) == (
                plain.training,
                plain.validation,
                plain.held_out,
            )
            assert mine.digest != plain.digest
        with pytest.raises(zuoci.CorpusError, match="no characters to train on"):
            split(zuoci.Corpus(marked.songs[:2]), zuoci.TrainConfig())

    @pytest.mark.parametrize("language", ["zh", "en"])
    def test_the_bundled_lyrics_are_judged_by_exactly_their_songs_held_apart(
        self, language: Literal["zh", "en"]
    ) -> None:
        corpus = zuoci.load_lyrics(language, choruses="once")
        parts = split(corpus, zuoci.resolve(text=corpus.text).training)
        apart = [song.text for song in corpus.songs if song.held_apart]
        assert parts.validation == "".join(apart)
        assert parts.training == "".join(song.text for song in corpus.songs if not song.held_apart)
        assert parts.held_out == f"the {len(apart)} of {len(corpus)} songs held apart"

    def test_whole_songs_of_a_changed_text(self, corpus: zuoci.Corpus) -> None:
        config = zuoci.TrainConfig(validation=0.1, validation_split="songs", join_lines=True)
        with pytest.raises(zuoci.CorpusError, match="whole songs cannot be held out"):
            split(corpus, config)


class TestSettings:
    def test_the_lesson_recipe_is_the_lesson(self) -> None:
        settings = zuoci.resolve("lesson")
        assert (settings.model.cell, settings.model.hidden_size, settings.model.embedding_size) == ("rnn", 256, 0)
        training = settings.training
        assert (training.epochs, training.seq_len, training.batch_size) == (250, 35, 32)
        assert (training.learning_rate, training.max_grad_norm, training.optimizer) == (100.0, 0.01, "sgd")

    @pytest.mark.parametrize("name", RECIPES)
    def test_every_recipe_resolves(self, name: str) -> None:
        assert zuoci.resolve(name, text="词").training.recipe == name

    @pytest.mark.parametrize(
        ("recipe", "overrides", "message"),
        [
            ("best", {}, "there is no recipe 'best'; there are auto, lyrics, fast, lesson"),
            ("lyrics", {"layers": 2}, "there is no setting 'layers'; there are"),
            ("lyrics", {"epochs": -1}, "epochs must be greater than or equal to 0: got -1"),
            ("lyrics", {"batch_size": -1}, "batch_size must be greater than or equal to 1: got -1"),
            ("lyrics", {"cell": "cnn"}, "cell must be 'rnn', 'rnn_relu', 'gru' or 'lstm': got 'cnn'"),
            ("lyrics", {"epochs": 0}, "epochs must be positive, unless steps or seconds is given: got 0"),
            ("auto", {}, "the recipe auto chooses by the size of the text"),
            ("lyrics", {"epochs": "many"}, "epochs must be .*integer.*: got 'many'"),
        ],
    )
    def test_what_is_wrong_is_said_in_one_line(self, recipe: str, overrides: dict[str, object], message: str) -> None:
        with pytest.raises(zuoci.SettingsError, match=message):
            zuoci.resolve(recipe, overrides)

    def test_a_toml_file(self, tmp_path: Path) -> None:
        file = tmp_path / "run.toml"
        file.write_text('cell = "lstm"\nepochs = 3\n', "utf-8")
        assert read_settings_file(file) == {"cell": "lstm", "epochs": 3}
        file.write_text("cell = ", "utf-8")
        with pytest.raises(zuoci.SettingsError, match="is not a TOML file"):
            read_settings_file(file)
        with pytest.raises(zuoci.SettingsError, match="cannot be read: No such file"):
            read_settings_file(tmp_path / "nowhere.toml")

    @pytest.mark.skipif(os.name == "nt", reason="pipes and devices of Unix")
    def test_a_toml_file_that_does_not_end(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.toml")
        with (tmp_path / "large.toml").open("wb") as file:
            file.truncate(2**20 + 1)
        for name in (tmp_path / "pipe.toml", tmp_path / "large.toml", tmp_path, "/dev/zero"):
            with pytest.raises(zuoci.SettingsError, match="name a TOML file"):
                read_settings_file(name)
        reader, writer = os.pipe()
        os.write(writer, b"epochs = 3")
        os.close(writer)
        assert read_settings_file(f"/dev/fd/{reader}") == {"epochs": 3}
        os.close(reader)

    def test_a_large_text_is_looked_through_once_and_a_piece_at_a_time(self) -> None:
        class Text(str):
            __slots__ = ()
            pieces: ClassVar[list[int]] = []

            def __getitem__(self, part: Any) -> str:
                piece = super().__getitem__(part)
                self.pieces.append(len(piece))
                return piece

            def __iter__(self) -> Iterator[str]:
                raise AssertionError("all of it is looked at in one call")

        text = Text("山前" * 400_000)
        assert choose(text, 60.0, lambda *_: 1e5)["hidden_size"] == 384  # pyright: ignore
        assert max(text.pieces) <= 2**16
        assert sum(text.pieces) == len(text)


def test_a_run_stops_after_the_epoch_that_meets_a_perplexity(corpus: zuoci.Corpus) -> None:
    overrides = {"hidden_size": 32, "batch_size": 4, "seq_len": 8, "validation": 0.0, "until_perplexity": 3.0}
    epochs, end = run(corpus, zuoci.resolve("fast", overrides))
    reached = [report.train.perplexity for report in epochs]
    assert reached[-1] <= 3.0 < min(reached[:-1])
    assert end.kept == epochs[-1]
    assert end.epochs == len(epochs) < 30


def test_a_run_of_few_steps_on_a_long_text_is_judged_four_times(corpus: zuoci.Corpus) -> None:
    overrides = {"hidden_size": 8, "batch_size": 2, "seq_len": 8, "steps": 9}
    reports, end = run(corpus, zuoci.resolve("lyrics", overrides))
    assert [report.step for report in reports] == [3, 6, 9]
    assert end.steps == 9
    assert end.epochs < 1


def test_the_verdict_says_whether_the_text_was_enough(corpus: zuoci.Corpus, settings: zuoci.Settings) -> None:
    _, end = run(corpus, settings)
    assert end.verdict.startswith("300 characters: too little for this model: counting alone predicts new text better")
    score = zuoci.Score(nll=1.0, characters=5, protocol="")

    def said(characters: int, nll: float, counted: float = 3.0) -> str:
        text = zuoci.Corpus((Song("a.txt", "啊" * characters),))
        scores = {
            "validation": score.model_copy(update={"nll": nll}),
            "baseline": score.model_copy(update={"nll": counted}),
        }
        kept = dataclasses.replace(end.kept, train=score)
        return dataclasses.replace(end, corpus=text, kept=kept, **scores).verdict

    assert said(300_000, 1.5).startswith("300,000 characters: enough to generalise; held-out perplexity")
    assert "enough to imitate, too little to generalise" in said(300_000, 2.0)
    assert "trained too briefly" in said(300_000, 3.5)
    for nll in (1.0, 1.5, 2.0):  # however short the run was, and so however near the two figures
        assert "enough to imitate, too little to generalise" in said(150_000, nll)
    assert "no text was held out" in dataclasses.replace(end, validation=None).verdict


@pytest.fixture
def usual_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that multiplies 3e11 numbers a second."""

    def speed(hidden_size: int, _: int, vocab_size: int) -> float:
        return 3e11 / (6 * hidden_size * (3 * hidden_size + 3 * 128 + vocab_size))

    monkeypatch.setattr(recipe, "_speed_of", lambda *_: speed)  # pyright: ignore


@pytest.mark.usefixtures("usual_pace")
def test_auto_chooses_by_size_and_time() -> None:
    small, large = "词" * 50_000, "词" * 1_000_000
    of = {
        (name, seconds): zuoci.resolve("auto", {"seconds": seconds} if seconds else {}, text=text)
        for name, text in (("small", small), ("large", large))
        for seconds in (0, 60, 600)
    }
    assert of["small", 0].model.dropout > of["large", 0].model.dropout
    assert of["large", 60].model.hidden_size < of["large", 600].model.hidden_size
    assert of["large", 60].model.dropout < of["large", 600].model.dropout
    assert of["large", 60].training.epochs == 0 < of["large", 0].training.epochs
    assert all(settings.training.keep == "best" for settings in of.values())
    own = zuoci.resolve("auto", {"hidden_size": 7, "epochs": 3, "cell": "rnn"}, text=large)
    assert (own.model.hidden_size, own.model.cell, own.training.epochs) == (7, "rnn", 3)


@pytest.mark.usefixtures("usual_pace")
def test_auto_takes_under_a_minute_for_a_writers_folder_or_the_bundled_lyrics() -> None:
    folder = "".join(map(chr, range(0x4E00, 0x4E00 + 3000))) * 90
    for text in (folder, zuoci.load_lyrics("zh", choruses="once").text):
        settings = zuoci.resolve("auto", {"base": "none"}, text=text)
        assert settings.model.hidden_size == 256
        assert settings.training.epochs * len(text) <= 2_200_000
        assert zuoci.resolve("auto", {"base": "none", "seconds": 300}, text=text).model.hidden_size > 256


def test_the_rate_warms_up_and_falls_where_the_plan_begins() -> None:
    config = zuoci.TrainConfig(learning_rate=1.0, warmup_steps=4, final_rate=0.0)
    plan = Progress(steps=100)
    assert [learning_rate(config, step, plan) for step in range(5)] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])
    assert learning_rate(config, 100, plan) == pytest.approx(0.0)
    assert [learning_rate(config, step, Progress()) for step in (10, 50)] == [1.0, 1.0]  # not planned yet
    plan = Progress(steps=100, decay_start=20)
    assert [learning_rate(config, step, plan) for step in (10, 20, 60)] == pytest.approx([1.0, 1.0, 0.5])


def test_the_cosine_falls_to_a_tenth() -> None:
    config = zuoci.TrainConfig(learning_rate=2.0)
    rates = [learning_rate(config, step, Progress(steps=100)) for step in range(101)]
    assert rates[0] == pytest.approx(2.0)
    assert rates[50] == pytest.approx(1.1)
    assert rates[100] == pytest.approx(0.2)
    assert rates == sorted(rates, reverse=True)


def test_clipping_is_the_lessons() -> None:
    param = torch.zeros(2, requires_grad=True)
    param.grad = torch.tensor([3.0, 4.0])
    assert clip_gradients([param], 10.0) == 5.0
    assert param.grad.tolist() == [3.0, 4.0]
    assert clip_gradients([param], 1.0) == 5.0
    torch.testing.assert_close(param.grad, torch.tensor([0.6, 0.8]))


def test_a_saved_model_knows_the_whole_corpus_as_it_writes_it(corpus: zuoci.Corpus, tmp_path: Path) -> None:
    overrides = {"epochs": 1, "hidden_size": 4, "batch_size": 2, "seq_len": 8, "max_characters": 150, "validation": 0.0}
    for join_lines in (False, True):
        settings = zuoci.resolve("lyrics", {**overrides, "join_lines": join_lines})
        *_, end = zuoci.train(corpus, settings, device="cpu")
        assert isinstance(end, zuoci.EndReport)
        folder = zuoci.save_trained(end, tmp_path / str(join_lines))
        assert zuoci.load(folder)
        known = zuoci.Fingerprint.load(folder)
        text = corpus.text.replace("\n", " ") if join_lines else corpus.text
        assert zuoci.originality(text, known).longest_copied == len(text)
        assert "`zuoci original FOLDER TEXT` shows" in (folder / "README.md").read_text("utf-8")
        left_out = dataclasses.replace(
            end,
            settings=settings.model_copy(
                update={"training": settings.training.model_copy(update={"fingerprint": False})}
            ),
        )
        with pytest.raises(zuoci.ModelFolderError, match="name the corpus instead"):
            zuoci.Fingerprint.load(zuoci.save_trained(left_out, folder, overwrite=True))
