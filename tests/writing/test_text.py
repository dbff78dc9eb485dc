from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import zuoci
from zuoci import Corpus, CorpusIndex, Fingerprint, SettingsError, Song, WriteConfig, Writer, lesson
from zuoci.errors import WritingError
from zuoci.writing.batch import Batch
from zuoci.writing.rules import Rules

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zuoci.writing.steps import StepResult, Steps
    from zuoci.writing.text import Lyrics


def test_the_same_seed_writes_the_same_text(model: zuoci.CharLM) -> None:
    writer = Writer(model)
    first, again, other = (writer.write("山", WriteConfig(length=60, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first.text != other.text
    assert first.text.startswith("山")
    assert len(first.text) == 61


def test_unknown_characters_of_the_opening_are_said_and_left_out(model: zuoci.CharLM) -> None:
    lyrics = Writer(model).write("山€前Q", WriteConfig(length=3))
    assert lyrics.text.startswith("山前")
    assert lyrics.unknown == "€Q"
    assert len(lyrics.text) == 5


@given(st.text(max_size=8))
def test_any_opening_is_written_on(opening: str) -> None:
    model = zuoci.CharLM(zuoci.ModelConfig(hidden_size=3), zuoci.Vocabulary("ab")).initialise(torch.Generator())
    assert len(Writer(model).write(opening, WriteConfig(length=4)).text) >= 4


def test_greedy_is_the_lessons_prediction() -> None:
    """The lesson's own `predict_rnn` writes what the model with its weights writes."""
    chars = sorted(set("分开不我 "))
    char_to_idx = {char: i for i, char in enumerate(chars)}
    params = lesson.get_params(len(chars), 9, "cpu", torch.Generator().manual_seed(3))
    params = [(param.detach() * 100).requires_grad_() for param in params]
    expected = lesson.predict_rnn(
        "不分开", 40, lesson.rnn, params, lesson.init_rnn_state, 9, len(chars), "cpu", chars, char_to_idx
    )
    model = zuoci.CharLM(zuoci.ModelConfig(cell="rnn", hidden_size=9), zuoci.Vocabulary(chars))
    W_xh, W_hh, b_h, W_hq, b_q = (param.detach() for param in params)
    names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0"]
    weights = {f"layers.0.{name}": value for name, value in zip(names, [W_xh.t(), W_hh.t(), b_h], strict=True)}
    model.load_state_dict(
        {**weights, "layers.0.bias_hh_l0": b_h * 0, "output.weight": W_hq.t(), "output.bias": b_q}, strict=True
    )
    assert Writer(model).write("不分开", WriteConfig(length=40, greedy=True)).text == expected


def test_the_nll_is_that_of_what_was_written(model: zuoci.CharLM) -> None:
    lyrics = Writer(model).write("山前", WriteConfig(length=20, seed=5))
    ids = model.vocabulary.encode(lyrics.text)
    logits, _ = model(ids[:-1].unsqueeze(1), model.initial_state(1))
    nll = torch.nn.functional.cross_entropy(logits[1:, 0], ids[2:])
    assert lyrics.nll == pytest.approx(nll.item(), rel=1e-4)


def test_many_texts_at_once_are_those_that_are_written_alone(model: zuoci.CharLM) -> None:
    writer = Writer(model)
    openings = ["山", "山前一路", "", "路上", "人"]
    configs = [WriteConfig(length=3 + 9 * k, seed=k, temperature=0.5 + k, greedy=k == 3) for k in range(5)]
    together = writer.write_many(openings, configs)
    alone = [writer.write(opening, config) for opening, config in zip(openings, configs, strict=True)]
    assert [lyrics.text for lyrics in together] == [lyrics.text for lyrics in alone]
    assert [lyrics.nll for lyrics in together] == pytest.approx([lyrics.nll for lyrics in alone], rel=1e-5)
    assert writer.write_many([], []) == []


def test_a_longer_text_begins_like_a_shorter_one(model: zuoci.CharLM) -> None:
    short, long = (Writer(model).write("山", WriteConfig(length=n, seed=7)).text for n in (20, 600))
    assert long.startswith(short)


# What is copied, by plain search

SMALL = "山前路上有人在唱\n"


@cache
def copyist(songs: str, characters: str = SMALL, seed: int = 1) -> Writer:
    """A writer that must not copy some songs."""
    model = zuoci.CharLM(zuoci.ModelConfig(hidden_size=6, embedding_size=4), zuoci.Vocabulary(characters))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for param in model.parameters():
            param.copy_(torch.randn(param.shape, generator=generator))
    return Writer(model.eval(), CorpusIndex(Corpus((Song("a.txt", songs),))))


def steps_of(writer: Writer, opening: str, config: WriteConfig) -> tuple[Lyrics | None, int]:
    """What is written, None if nothing can be, and how many steps it took."""
    batch: Batch[Lyrics] = Batch(writer.model.stepper, 1)
    batch.add(writer.steps(opening, config), config.sampling, config.rows)
    for count in range(100_000):
        for _, result in batch.step():
            if isinstance(result, WritingError):
                return None, count
            assert not isinstance(result, Exception)
            return result, count
    raise AssertionError("no end")


def assert_no_copy(text: str, songs: str, given: int, limit: int) -> None:
    for start in range(len(text) - limit):
        run = text[start : start + limit + 1]
        assert start + limit + 1 <= given or run not in songs, run


@settings(max_examples=100)
@given(st.text(SMALL, min_size=1, max_size=80), st.integers(1, 5), st.text(SMALL, max_size=8), st.integers(0, 2**62))
def test_nothing_is_copied_whatever_the_songs(songs: str, limit: int, opening: str, seed: int) -> None:
    lyrics, count = steps_of(copyist(songs), opening, WriteConfig(length=40, max_copy=limit, seed=seed))
    assert count <= 20 * 40 + 1010
    if lyrics:
        assert len(lyrics.text) == len(opening) + 40
        assert_no_copy(lyrics.text, songs, len(opening), limit)


def test_many_seeds_copy_nothing_but_back_up() -> None:
    songs = "山前路上有人\n人在山前唱\n路上人唱路\n有山有路有人唱\n"
    for limit in (1, 2, 3):
        for seed in range(20):
            config = WriteConfig(length=60, max_copy=limit, seed=seed, temperature=0.5)
            lyrics, _ = steps_of(copyist(songs), "山前路上有人", config)
            assert lyrics is not None
            assert_no_copy(lyrics.text, songs, 6, limit)


def test_by_a_fingerprint_nothing_longer_is_copied(model: zuoci.CharLM, corpus: Corpus) -> None:
    for limit in (7, 9):
        writer = Writer(model, Fingerprint.of(corpus))
        texts = writer.candidates("山前一路\n路上", WriteConfig(length=80, max_copy=limit, temperature=0.3), 40)
        for lyrics in texts:
            assert_no_copy(lyrics.text, corpus.text, 7, limit)
    with pytest.raises(SettingsError, match="max_copy must be at least 7"):
        Writer(model, Fingerprint.of(corpus)).write("", WriteConfig(max_copy=6))
    with pytest.raises(SettingsError, match="needs what the model was trained on"):
        Writer(model).write("", WriteConfig(max_copy=8))


def test_by_default_seven_characters_may_be_copied_and_greedy_may_copy_all(model: zuoci.CharLM, corpus: Corpus) -> None:
    known = Writer(model, Fingerprint.of(corpus)).model
    guard = Rules(known, WriteConfig()).guard
    assert guard is not None
    assert guard.limit == 7
    assert Rules(known, WriteConfig(length=3)).guard is guard  # shared by different wishes
    assert Rules(known, WriteConfig(greedy=True)).guard is None
    assert Rules(known, WriteConfig(max_copy=0)).guard is None


def test_a_dead_end_is_left_backwards() -> None:
    """After 山, 前 leads nowhere: everything that could follow it is a copy."""
    dead = "".join("前" + char for char in SMALL)
    for seed in range(30):
        lyrics, _ = steps_of(copyist(dead), "山", WriteConfig(length=20, max_copy=1, seed=seed))
        assert lyrics is not None
        assert "前" not in lyrics.text[1:-1]
        streamed = copyist(dead).stream("山", WriteConfig(length=20, max_copy=1, seed=seed))
        assert "".join(streamed) == lyrics.text
    nothing, count = steps_of(copyist(dead), "前", WriteConfig(length=20, max_copy=1))
    assert nothing is None
    assert count < 5


def test_a_text_is_the_same_however_many_characters_it_asks_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it has to take some back, where a stop string ends it, and where it would repeat itself."""
    dead = "".join("前" + char for char in SMALL)
    songs = [dead, "山前路上有人\n人在山前唱\n路上人唱路\n有山有路有人唱\n"]
    kinds: list[dict[str, Any]] = [{}, {"stop": ("山", "上有")}, {"max_copy": 0, "temperature": 0.1}, {"ban": "山\n"}]
    wishes = [WriteConfig.model_validate({"max_copy": 1, "seed": n, **kind}) for kind in kinds for n in range(5)]

    def written(most: int) -> list[Lyrics | None]:
        monkeypatch.setattr("zuoci.writing.text._PASSAGE", most)
        texts = [steps_of(copyist(each), "山", wish)[0] for each in songs for wish in wishes]
        return [*texts, steps_of(copyist(dead), "前", wishes[0])[0]]

    one_by_one = written(1)
    assert one_by_one[-1] is None
    assert {lyrics.finish for lyrics in one_by_one if lyrics} == {"length", "stop"}
    assert written(3) == written(16) == written(100) == one_by_one


def test_a_maze_without_a_way_out_is_given_up() -> None:
    """Two ways on at each of 29 characters, and none after the last: a billion ways."""
    layers = [chr(0x4E00 + 2 * n) + chr(0x4E01 + 2 * n) for n in range(30)]
    characters = "".join(layers)
    ways = {a + b for one, other in pairwise(layers) for a in one for b in other}
    songs = "\n".join(a + b for a in characters for b in characters if a + b not in ways)
    nothing, count = steps_of(copyist(songs, characters), characters[0], WriteConfig(length=40, max_copy=1))
    assert nothing is None
    assert count < 20 * 40 + 1010


@pytest.mark.parametrize("stanza", ["", "2", "1,2"])
def test_a_form_copies_nothing_either(stanza: str) -> None:
    songs = "山前路上\n\n有人\n人在山前\n\n路上人唱\n有山有路\n\n"
    given = "山前路上\n\n有人"  # may itself be a copy
    for limit in (1, 2, 3, 5):
        for seed in range(2):
            config = WriteConfig(lines=4, line_length="4", stanza=stanza, max_copy=limit, seed=seed)
            lyrics, _ = steps_of(copyist(songs), given, config)
            if lyrics is None:
                assert limit == 1  # 有人 has no way on, or two line ends in a row are a copy
                continue
            assert lyrics.text.startswith(given)
            assert_no_copy(lyrics.text, songs, len(given), limit)


def test_a_wish_completes_no_copy_that_was_begun_without_it() -> None:
    songs = "前\n山唱前\n山人人\n山路路\n山"
    written = 0
    for seed in range(40):
        config = WriteConfig(acrostic="山山山", line_length="3", max_copy=2, seed=seed)
        lyrics, _ = steps_of(copyist(songs), "", config)
        if lyrics:
            written += 1
            assert_no_copy(lyrics.text, songs, 0, 2)
    assert written > 20


# Random numbers


@pytest.mark.parametrize("form", [{}, {"lines": 2}, {"rhyme": "AAAA", "line_length": "5"}])
def test_no_random_number_is_used_twice(model: zuoci.CharLM, form: dict[str, Any]) -> None:
    """Neither by the particles of a line, nor by lines that are written anew."""
    steps = Writer(model).steps("山", WriteConfig(seed=3, **form))
    used: list[float] = []

    def recorded() -> Steps[Lyrics]:
        result: StepResult | None = None
        while True:
            try:
                request = steps.send(result)  # pyright: ignore[reportArgumentType]
            except StopIteration as end:
                return end.value
            used.extend([] if request.uniform is None else request.uniform.tolist())
            result = yield request

    batch: Batch[Lyrics] = Batch(Writer(model).model.stepper, 1)
    batch.add(recorded())
    while len(batch):
        batch.step()
    assert len(used) >= 10
    assert len(set(used)) == len(used)


# Openings, before, stop


@settings(max_examples=40)
@given(st.text("山前路€Ａ，,!", max_size=6), st.text("山前路€\n", max_size=6))
def test_unknown_characters_are_adapted_and_said(opening: str, before: str) -> None:
    writer = copyist("山", "山前路A，\n")
    known, unknown = writer.vocabulary.adapt(opening)
    context = writer.read(before)
    for config in (WriteConfig(length=4), WriteConfig(lines=2, line_length="9")):
        lyrics = writer.write(opening, config)
        assert lyrics.text.startswith(known)
        assert lyrics.unknown == unknown
        after = writer.write(opening, config, before=context)
        assert after.text.startswith(known)
        assert after.unknown == unknown
        assert config.lines or len(after.text) == len(known) + 4


def test_what_stands_before_counts_as_read() -> None:
    writer = copyist("山")
    config = WriteConfig(length=30, seed=3)
    whole = writer.write("山前路上", config)
    assert writer.write("路上", config, before=writer.read("山前")).text == whole.text[2:]
    assert "".join(writer.stream("山前路上", config)) == whole.text


@settings(max_examples=40)
@given(st.lists(st.text("山前路", min_size=0, max_size=3), max_size=3).map(tuple), st.integers(0, 9))
def test_a_text_ends_before_a_stop(stops: tuple[str, ...], seed: int) -> None:
    writer = copyist("人" * 9)
    free = writer.write("山前", WriteConfig(length=30, seed=seed))
    config = WriteConfig(length=30, seed=seed, stop=stops)
    lyrics = writer.write("山前", config)
    body = free.text[2:]
    ends = [body.index(stop) + len(stop) for stop in stops if stop and stop in body]
    if not ends:
        assert lyrics == free
        return
    stop = next(stop for stop in stops if stop and body[: min(ends)].endswith(stop))
    assert lyrics.finish == "stop"
    assert lyrics.text == "山前" + body[: min(ends) - len(stop)]
    assert "".join(writer.stream("山前", config)) == lyrics.text


@pytest.mark.parametrize("greedy", [False, True])
def test_a_ban_is_a_ban(greedy: bool) -> None:
    writer = copyist("人")
    config = WriteConfig(length=60, ban="前路上有人在唱", greedy=greedy)
    assert set(writer.write("前", config).text[1:]) <= {"山", "\n"}
    with pytest.raises(SettingsError, match="ban leaves no character to write: the model knows 9; ban fewer"):
        writer.write("", WriteConfig(ban=SMALL))


def test_loops_end_unless_they_may_go_on() -> None:
    """A model that always wants the same."""
    writer = copyist("人")
    stepper = writer.model.stepper
    stepper.output_bias, before = stepper.output_bias * 0, stepper.output_bias
    stepper.output_bias[3] = 1000.0
    try:
        wanted = writer.vocabulary.characters[3]
        assert writer.write("", WriteConfig(length=50, greedy=True)).text == wanted * 50
        text = writer.write("", WriteConfig(length=50, greedy=True, max_repeats=3)).text
        assert wanted * 12 in text
        assert wanted * 13 not in text
        assert writer.write("", WriteConfig(length=50, max_repeats=0)).text == wanted * 50
        assert wanted * 13 not in writer.write("", WriteConfig(length=50)).text
    finally:
        stepper.output_bias = before


def test_a_corpus_is_read_as_a_model_without_newlines_was_trained(tmp_path: Path) -> None:
    joined = zuoci.CharLM(zuoci.ModelConfig(hidden_size=3), zuoci.Vocabulary("山前路上 ")).initialise(torch.Generator())
    writer = Writer.load(zuoci.save(joined, tmp_path / "model"), zuoci.Corpus((zuoci.Song("s", "山前\n路上\n"),)))
    assert writer.model.against is not None
    assert zuoci.originality("山前 路上", writer.model.against, 1).longest_copied == 5


def test_a_model_without_newlines_reads_spaces_in_their_place(make_model: Callable[..., zuoci.CharLM]) -> None:
    """As a model trained with `join_lines` does."""
    writer = Writer(make_model(" 山前路上人在唱歌里有"))
    free = WriteConfig(length=8, seed=3)
    lyrics = writer.write("山前\n路", free)
    assert (lyrics.text[:4], lyrics.unknown) == ("山前 路", "")
    assert lyrics == writer.write("山前 路", free)
    assert "".join(writer.stream("山前\n路", free)) == lyrics.text
    assert writer.read("山前\n").text == "山前 "
    assert writer.inspect("山前\n路").text == "山前 路"
    form = WriteConfig(lines=2, line_length="4", seed=3)
    lines = writer.write("山前路上\n人在", form).text.split("\n")
    assert [len(line) for line in lines] == [4, 4, 4]
    assert lines[:2] == ["山前路上", "人在" + lines[1][2:]]
    after = writer.write("人在", form, before=writer.read("山前路上\n"))
    assert after.text.split("\n") == lines[1:]
