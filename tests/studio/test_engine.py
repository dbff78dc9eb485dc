"""The JavaScript that writes is the library, number for number."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import zuoci
from zuoci.export.html import page_document
from zuoci.export.quantisation import Precision, quantise
from zuoci.model.mixture import Mixture
from zuoci.model.ngram import NGram
from zuoci.model.stepper import Stepper
from zuoci.text.fingerprint import WINDOW
from zuoci.writing.sampling import keep_min_p, keep_top_k, keep_top_p

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

LOAD = """
const names = ["model", "mixture", "vocabulary", "writer", "sampling", "originality", "elementary"];
const [{ Model, decodeWeights, fromBase64 }, { decodeMixture }, { Vocabulary }, { Writer }, ...others] =
  await Promise.all(names.map((name) => import(`/give/${name}.js`)));
const [sampling, originality, { exp, log }] = others;
const { CopyGuard, Fingerprint } = originality;
const guardOf = ({ fingerprint, constants, characters }) => {
  const known = new Fingerprint(fromBase64(fingerprint), constants.copy_window);
  return new CopyGuard(known, new Vocabulary(characters));
};
const open = (data, more) => {
  const mixture = data.mixture && decodeMixture(data.mixture.arrays, fromBase64(data.mixture.data));
  const model = new Model(data.config, decodeWeights(data.tensors, fromBase64(data.weights)), mixture);
  return new Writer(model, new Vocabulary(data.characters), data, data.rhymes ?? {}, more);
};
const end = (steps) => {
  let next = steps.next();
  while (!next.done) next = steps.next();
  return next.value;
};
"""
CELLS = ["rnn", "rnn_relu", "gru", "lstm"]
RHYMES = {"山": "an", "前": "an", "上": "ang", "唱": "ang", "路": "u", "人": "en", "歌": "e", "在": "ai", "有": "ou"}


def run(page: Page, code: str, argument: Any = None) -> Any:
    return page.evaluate(f"async (given) => {{{LOAD}{code}}}", argument)


def data(model: zuoci.CharLM, precision: Precision = "float16", **more: Any) -> dict[str, Any]:
    return page_document(model, precision=precision, **more)


def mixture(vocab_size: int, orders: tuple[int, ...], *texts: list[int]) -> Mixture | None:
    """The counts of a random text, and of some more; a mixture in which they matter. No orders: none."""
    generator = np.random.default_rng(3)
    text = np.concatenate([generator.integers(0, vocab_size, 300), *texts])
    ngrams = [NGram.of(text[100 * number :], vocab_size, order) for number, order in enumerate(orders)]
    held_out = np.concatenate([text[150:], generator.integers(0, vocab_size, 300)])
    network = generator.uniform(0.02, 0.2, len(held_out) - 1)
    return Mixture.fit(ngrams, held_out, network) if ngrams else None


@pytest.mark.parametrize("orders", [(), (3,), (2, 4)])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("embedding", [{}, {"embedding_size": 5}, {"embedding_size": 5, "tie_embedding": True}])
@pytest.mark.parametrize("cell", CELLS)
def test_steps_are_the_librarys(
    modules: Page,
    make_model: Callable[..., zuoci.CharLM],
    cell: str,
    embedding: dict[str, Any],
    layers: int,
    orders: tuple[int, ...],
) -> None:
    model = make_model(cell=cell, num_layers=layers, **embedding)
    ids = [[3, 5], [0, 7], [11, 1], [2, 2], [1, 9]]
    model.mixture = mixture(len(model.vocabulary), orders, [first for first, _ in ids])  # one text was counted
    stepper = Stepper(quantise(model, "float16").model)
    state = stepper.start(2)
    expected: list[list[float]] = []
    for pair in ids:
        logits, state = stepper.step(np.array(pair), state)
        expected.append(logits.ravel().tolist())
    got = run(
        modules,
        """const { model } = open(given.data);
        const state = model.start(2);
        return given.ids.map((pair) => Array.from(model.step(pair, state).logits));""",
        {"data": data(model), "ids": ids},
    )
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


@cache
def trained(corpus: zuoci.Corpus, cell: str) -> zuoci.CharLM:
    small = {"hidden_size": 24, "batch_size": 4, "seq_len": 8, "learning_rate": 0.004, "validation": 0.0}
    *_, end = zuoci.train(corpus, zuoci.resolve("fast", {**small, "cell": cell, "epochs": 30, "embedding_size": 6}))
    assert isinstance(end, zuoci.EndReport)
    return end.model


@pytest.mark.parametrize("orders", [(), (3,)])
@pytest.mark.parametrize("cell", CELLS)
def test_greedy_writes_the_librarys_text(
    modules: Page, corpus: zuoci.Corpus, cell: str, orders: tuple[int, ...]
) -> None:
    model = trained(corpus, cell)
    model.mixture = mixture(len(model.vocabulary), orders, model.vocabulary.encode(corpus.text).tolist())
    written = run(modules, 'return end(open(given).write("山前？", { greedy: true, length: 200 }))', data(model))
    writer = zuoci.Writer(quantise(model, "float16").model)
    expected = writer.write("山前？", zuoci.WriteConfig(greedy=True, length=200))
    assert "山前" + written["text"] == expected.text
    assert written["nll"] == pytest.approx(expected.nll, rel=1e-4, abs=1e-4)
    assert len(set(expected.text)) > 6


@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_weights_come_out_as_they_were_measured(
    modules: Page, make_model: Callable[..., zuoci.CharLM], precision: Precision
) -> None:
    model = make_model(embedding_size=5)
    got = run(
        modules,
        """return Object.fromEntries([...decodeWeights(given.tensors, fromBase64(given.weights))]
          .map(([name, values]) => [name, Array.from(values)]))""",
        data(model, precision),
    )
    expected = quantise(model, precision).model.state_dict()
    assert got == {name: value.flatten().tolist() for name, value in expected.items()}


def test_exp_is_exact_enough_everywhere(modules: Page) -> None:
    x = [*np.linspace(-745, 715, 2001), 0.0, -0.0, 1e-300]
    got = np.array(run(modules, "return given.map((x) => String(exp(x)))", x), float)
    with np.errstate(over="ignore"):
        expected = np.exp(np.array(x))
    expected[expected < 1e-300] = got[expected < 1e-300]  # nothing down there can be told from 0
    np.testing.assert_allclose(got, np.where(np.array(x) > 709, np.inf, expected), rtol=1e-11)


def test_log_is_exact_enough_everywhere(modules: Page) -> None:
    x = [*np.logspace(-300, 300, 2001), *np.linspace(0.5, 2, 2001), 5e-324]
    got = run(modules, "return given.map(log)", x)
    np.testing.assert_allclose(got, np.log(np.array(x)), rtol=1e-13)


def test_the_same_seed_writes_the_same_text(modules: Page, make_model: Callable[..., zuoci.CharLM]) -> None:
    first, again, other, large = run(
        modules,
        """const writer = open(given);
        return [1, 1, 2, 2 ** 33 + 1].map((seed) => end(writer.write("", { seed, length: 60 })).text)""",
        data(make_model()),
    )
    assert first == again
    assert len({first, other, large}) == 3
    assert len(first) == 60


def test_uniform_numbers_are_uniform(modules: Page) -> None:
    numbers = np.array(
        run(modules, "return Array.from({ length: 20000 }, (_, i) => sampling.uniform(i % 7, i % 3, i))")
    )
    counts, _ = np.histogram(numbers, 20, (0.0, 1.0))
    assert numbers.min() >= 0.0
    assert numbers.max() < 1.0
    assert len(set(numbers.tolist())) == len(numbers)
    assert ((counts - 1000) ** 2 / 1000).sum() < 43.8  # χ², 19 degrees of freedom, p = 0.001


def reference(logits: list[float], top_k: int, top_p: float, min_p: float) -> list[int]:
    """The ids that the Python implementation can still draw."""
    left = keep_top_k(np.array([logits], np.float32), np.array([top_k]))
    left = keep_min_p(keep_top_p(left, np.array([top_p])), np.array([min_p]))
    return np.flatnonzero(left[0] > -np.inf).tolist()


@settings(max_examples=40)
@given(
    logits=st.lists(st.integers(-40, 40).map(lambda n: n / 8), min_size=1, max_size=12),
    temperature=st.sampled_from([0.3, 1.0, 2.0]),
    top_k=st.integers(0, 14),
    top_p=st.sampled_from([0.31, 0.77, 1.0]),
    min_p=st.sampled_from([0.0, 0.013, 0.4]),
)
def test_only_what_may_be_drawn_is_drawn(
    modules: Page, logits: list[float], temperature: float, top_k: int, top_p: float, min_p: float
) -> None:
    drawn = run(
        modules,
        """const logits = Float32Array.from(given.logits);
        return Array.from({ length: 4001 }, (_, i) => sampling.choose(logits, given, i / 4001))""",
        {"logits": logits, "temperature": temperature, "topK": top_k, "topP": top_p, "minP": min_p, "greedy": False},
    )
    allowed = reference(logits, top_k, top_p, min_p)
    weights = np.exp((np.array(logits)[allowed] - max(logits)) / temperature)
    shares = np.bincount(drawn, minlength=len(logits)) / 4001
    assert set(drawn) <= set(allowed)
    np.testing.assert_allclose(shares[allowed], weights / weights.sum(), atol=1e-3)


@settings(max_examples=30)
@given(st.lists(st.text(st.sampled_from("ab,，!！ \u3000Ａﾊハ①1山€𝒂é\n")), max_size=8), st.text(min_size=1, max_size=4))
def test_an_opening_is_adapted_as_in_the_library(modules: Page, texts: list[str], more: str) -> None:
    vocabulary = zuoci.Vocabulary("a,！ \u3000ハ1山" + more)
    got = run(
        modules,
        """const vocabulary = new Vocabulary(given.characters);
        return given.texts.map((text) => { const { text: known, unknown } = vocabulary.adapt(text);
          return [known, unknown]; })""",
        {"characters": vocabulary.characters, "texts": texts},
    )
    assert got == [list(vocabulary.adapt(text)) for text in texts]


def lines(page: Page, model: zuoci.CharLM, wish: dict[str, Any], opening: str = "") -> tuple[list[str], int]:
    written = run(
        page,
        "return end(open(given.data).write(given.opening, given.wish))",
        {"data": data(model, rhymes=RHYMES), "opening": opening, "wish": wish},
    )
    return (opening + written["text"]).split("\n"), written["broken"]


def test_lines_have_the_lengths_and_begin_and_rhyme_as_asked(
    modules: Page, make_model: Callable[..., zuoci.CharLM]
) -> None:
    more = "\n ，山前路上人在唱歌里有" + "泛安" + "昂长"
    rhymes = {**RHYMES, "泛": "an", "安": "an", "昂": "ang", "长": "ang"}
    wish = {"lines": 8, "lengths": [[5], [3]], "acrostic": "山里有歌", "rhyme": "AAB-", "temperature": 2}
    for seed in range(5):
        written = run(
            modules,
            "return end(open(given.data).write('', given.wish))",
            {"data": data(make_model(more), rhymes=rhymes), "wish": {**wish, "seed": seed}},
        )
        text = written["text"].split("\n")
        assert [len(line.replace(" ", "").replace("，", "")) for line in text] == [5, 3] * 4
        assert [line.strip(" ，")[0] for line in text[:4]] == list("山里有歌")
        ends = [line.rstrip(" ，")[-1] for line in text]
        if not written["broken"]:
            for one, other in (ends[:2], ends[4:6]):  # each round of the scheme has a rhyme of its own
                assert rhymes[one] == rhymes[other]


def test_words_are_not_cut(modules: Page, make_model: Callable[..., zuoci.CharLM]) -> None:
    text, _ = lines(modules, make_model("abcdefgh' ,\n"), {"lines": 6, "lengths": [[3]], "temperature": 1.5, "seed": 4})
    assert len(text) == 6
    words = [re.findall(r"[a-h][a-h']*", line) for line in text]
    assert [len(line) for line in words] == [3] * 6


def test_the_openings_lines_count(modules: Page, make_model: Callable[..., zuoci.CharLM]) -> None:
    text, _ = lines(modules, make_model(), {"lines": 4}, opening="山前\n路")
    assert len(text) == 4
    assert text[0] == "山前"
    assert text[1].startswith("路")
    assert all(text)


def test_banned_characters_are_not_written(modules: Page, make_model: Callable[..., zuoci.CharLM]) -> None:
    written = run(
        modules,
        """const writer = open(given);
        return [end(writer.write("山", { length: 80, banned: "山前路" })).text,
          end(writer.write("山", { lines: 5, banned: "山前路" })).text]""",
        data(make_model()),
    )
    for text in written:
        assert len(text) > 4
        assert not set(text) & set("山前路")


def test_candidates_differ_and_rhyme(modules: Page, make_model: Callable[..., zuoci.CharLM]) -> None:
    model = make_model("\n ，山前路上人在唱歌里有昂长")
    rhymes = {**RHYMES, "昂": "ang", "长": "ang"}
    wish = {"lengths": [[4]], "temperature": 1, "rhyme": "A"}
    code = "return end(open(given.data).candidates('山前路上\\n', given.wish, 16, ['在唱']))"
    found = run(modules, code, {"data": data(model, rhymes=rhymes), "wish": wish})
    again = run(modules, code, {"data": data(model, rhymes=rhymes), "wish": wish})
    assert found == again
    assert 16 >= len({line["text"] for line in found}) == len(found) > 4
    assert all(len(line["text"].replace("，", "")) == 4 for line in found)
    assert {line["text"].rstrip("，")[-1] for line in found} == set("昂长")
    # Both characters that rhyme are taken: the lines need not rhyme.
    few = run(modules, code, {"data": data(make_model(), rhymes=RHYMES), "wish": wish})
    assert {line["text"].rstrip("，")[-1] for line in few} - set("上唱")


def test_no_line_copies_more_than_the_limit(modules: Page, make_model: Callable[..., zuoci.CharLM]) -> None:
    """The same seed writes what was written, unless that is copied: not a window of it comes again."""
    model = make_model()
    wish = {"lines": 6, "lengths": [[5]], "seed": 3}
    before, _ = lines(modules, model, wish)
    code = "return end(open(given.data, { guard: guardOf(given.data) }).write('', given.wish)).text"
    copied = "\n".join(before)
    document = data(model, fingerprint=of_text(copied))
    text = run(modules, code, {"data": document, "wish": wish})
    assert [len(line.replace("，", "")) for line in text.split("\n")] == [5] * 6
    assert not any(text[i : i + WINDOW] in copied for i in range(len(text) - WINDOW + 1))


def test_a_rhyme_that_cannot_be_kept_is_given_up(modules: Page, make_model: Callable[..., zuoci.CharLM]) -> None:
    document = data(make_model(), rhymes={"山": "an", "前": "an", "上": "an"})
    wish = {"lines": 4, "lengths": [[2]], "rhyme": "A", "banned": "上", "particles": 8}
    written = run(modules, "return end(open(given.data).write('', given.wish))", {"data": document, "wish": wish})
    text = written["text"].split("\n")
    assert len(text) == 4
    assert [len(line.replace("，", "").replace(" ", "")) for line in text] == [2] * 4
    assert 1 <= written["broken"] <= 4  # no rhyme has four characters


def test_each_round_of_candidates_has_streams_of_its_own(
    modules: Page, make_model: Callable[..., zuoci.CharLM]
) -> None:
    """They are not those of the next seed."""
    rounds = run(
        modules,
        """const writer = open(given);
        const texts = ([seed, round]) =>
          end(writer.candidates("山前路上\\n", { seed, lengths: [[6]] }, 8, [], round)).map((line) => line.text);
        return [[3, 0], [3, 1], [3, 1], [4, 0]].map(texts)""",
        data(make_model()),
    )
    first, second, again, of_next_seed = map(set, rounds)
    assert second == again
    assert len(second) >= 4
    assert not second & first
    assert not second & of_next_seed


def test_the_fingerprint_is_the_one_that_was_taken(modules: Page) -> None:
    corpus = "山前山后两条路，路上行人唱着歌𝒂𝒃。\n歌里有人在等我"
    text = "听山前山后两条路，路上的行人，人唱着歌𝒂𝒃。\n歌里"
    spans = run(
        modules,
        "return new originality.Fingerprint(fromBase64(given.fingerprint), given.window).copied(given.text)",
        {"fingerprint": fingerprint(corpus), "window": WINDOW, "text": text},
    )
    assert [text[span["start"] : span["end"]] for span in spans] == ["山前山后两条路，路上", "人唱着歌𝒂𝒃。\n歌里"]


def fingerprint(corpus: str) -> str:
    model = zuoci.CharLM(zuoci.ModelConfig(hidden_size=1), zuoci.Vocabulary(corpus)).initialise(torch.Generator())
    return page_document(model, fingerprint=of_text(corpus))["fingerprint"]


def test_a_document_is_json(make_model: Callable[..., zuoci.CharLM]) -> None:
    document = data(make_model())
    assert json.loads(json.dumps(document)) == document


def of_text(text: str) -> zuoci.Fingerprint:
    return zuoci.Fingerprint.of(zuoci.Corpus((zuoci.Song("songs.txt", text),)))
