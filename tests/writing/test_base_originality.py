"""Copies of what a base model has read: `originality` reports them, and guards forbid them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.writing.test_originality import write

import zuoci
from zuoci import Corpus, CorpusIndex, Fingerprint, Song, Vocabulary, WriteConfig, load_lyrics, originality
from zuoci.model.checkpoint import load_for_writing
from zuoci.text.window_filter import WindowFilter
from zuoci.writing.candidates import next_lines
from zuoci.writing.guards import JointGuard, WindowGuard, guard_of
from zuoci.writing.originality import OwnAndBase, known_texts
from zuoci.writing.writer import Writer

if TYPE_CHECKING:
    from pathlib import Path


READ = load_lyrics("zh").text[:20_000]
OWN = Corpus((Song("own.txt", "山前一路人在唱\n路上百人歌里有\n" + READ[300:318]),))
SOURCE = "the text that the base model zh has read"


def make(text: str = READ, *, window: int = 6, bits: int = 8, known_from: int = 13) -> WindowFilter:
    return WindowFilter.of(text, name="zh", window=window, bits=bits, known_from=known_from)


def test_spans_of_both_texts() -> None:
    base = make()
    text = "人在唱\n路上百人歌" + "甲乙丙" + READ[100:120] + "丁" + READ[305:318]
    both = originality(text, OwnAndBase(Fingerprint.of(OWN), base))
    assert [(span.length, span.song, span.source) for span in both.spans] == [
        (9, 1, "own.txt"),
        (20, None, SOURCE),
        (13, 1, "own.txt"),  # what stands in both has a song and a line
    ]
    assert both.spans[1].text == READ[100:120]
    assert (both.spans[1].title, both.spans[1].line) == (None, None)
    assert (both.longest_copied, both.known_from, both.least) == (20, 13, 8)
    assert both.coverage == pytest.approx(42 / len(text))
    alone = originality(text, base)
    assert [(span.length, span.source) for span in alone.spans] == [(20, SOURCE), (13, SOURCE)]
    assert [span.length for span in originality(text, base, 14).spans] == [20]
    assert originality("甲乙丙", OwnAndBase(CorpusIndex(OWN), base)).longest_copied == 0


def test_what_is_known_of_two_texts() -> None:
    own, base = Fingerprint.of(OWN), make()
    assert known_texts(None, None) is None
    assert known_texts(own, None) is own
    assert known_texts(None, base) is base
    assert isinstance(known_texts(Fingerprint.of(Corpus(())), base), OwnAndBase)


@given(
    read=st.text(alphabet="ab\n", min_size=1, max_size=80),
    size=st.tuples(st.integers(2, 5), st.integers(0, 4)),
    above=st.integers(0, 4),
    seed=st.integers(0, 2**32),
)
def test_the_guard_and_the_report_agree(read: str, size: tuple[int, int], above: int, seed: int) -> None:
    base = make(read, window=size[0], bits=2, known_from=sum(size))
    vocabulary = Vocabulary("ab\n")
    guard = WindowGuard(base, base.known_from - 1 + above, vocabulary)
    for text in write(guard, vocabulary, seed, 3, 60):
        assert originality(text, base).longest_copied <= guard.limit


@pytest.mark.parametrize("limit", [7, 13, 20])
def test_what_would_complete_a_copy_is_forbidden_and_little_else(limit: int) -> None:
    base, vocabulary = make(bits=2), Vocabulary(READ)
    guard = WindowGuard(base, limit, vocabulary)
    assert guard.limit == max(limit, 12)
    ids = vocabulary.encode(READ).numpy()
    texts = np.lib.stride_tricks.sliding_window_view(ids, guard.limit + 1)[::30]
    rows, banned = guard.banned(texts[:, :-1])
    found = set(zip(rows.tolist(), banned.tolist(), strict=True))
    for row, text in enumerate(texts):
        hashes = base.hashes(vocabulary.decode(text.tolist()))
        assert ((row, int(text[-1])) in found) == bool((base.distances(hashes) == base.successive).all())
    given = np.full(len(texts), guard.limit)
    assert not len(guard.banned(texts[:, :-1], given)[0])
    assert (guard.banned(texts[:, :-1], given - 1)[1] == banned).all()
    shuffled = np.random.default_rng(0).permuted(texts[:, :-1], axis=1)
    assert len(guard.banned(shuffled)[0]) < 0.001 * len(shuffled) * len(vocabulary)
    assert not len(guard.banned(np.full((4, guard.limit), -1))[0])


def test_the_guard_of_both_texts_forbids_what_either_does() -> None:
    base, own = make(), Fingerprint.of(OWN)
    vocabulary = Vocabulary(READ + OWN.text)
    guard = guard_of(OwnAndBase(own, base), 7, vocabulary)
    assert isinstance(guard, JointGuard)
    assert guard.limit == 12
    texts = (READ[:5] + "山前一路人在唱", READ[100:112], READ[2:14])
    recent = np.stack([vocabulary.encode(text).numpy() for text in texts])
    rows, ids = guard.banned(recent)
    found = [(row, vocabulary.characters[i]) for row, i in zip(rows.tolist(), ids.tolist(), strict=True)]
    assert {(0, "\n"), (1, READ[112]), (2, READ[14])} <= set(found)
    assert len(found) <= 3 + 3 * len(vocabulary) // 64
    assert not [row for row in guard.banned(recent, np.array([7, 0, 0]))[0].tolist() if row == 0]


def longest(text: str, known: WindowFilter) -> int:
    return originality(text, known).longest_copied


@pytest.mark.parametrize("form", [{"length": 80}, {"lines": 8, "line_length": "7"}])
def test_a_model_does_not_copy_what_its_base_has_read(
    model: zuoci.CharLM, corpus: Corpus, form: dict[str, Any]
) -> None:
    """What it writes without a guard is taken for the text that its base has read."""
    config = WriteConfig.model_validate({"temperature": 0.7, "seed": 5, "selection": 0.0, **form})
    written = Writer(model).write("", config).text
    base = make(written, window=3, known_from=6)
    assert longest(written, base) > 20
    for known in (base, OwnAndBase(Fingerprint.of(corpus), base)):
        writer = Writer(model, known)
        assert longest(writer.write("", config).text, base) <= 7  # the default
        assert longest(writer.write("", config.model_copy(update={"max_copy": 9})).text, base) <= 9
        assert writer.write("", config.model_copy(update={"max_copy": 0})).text == written
    low = Writer(model, base).write("", config.model_copy(update={"max_copy": 1})).text
    assert longest(low, base) <= 5  # shorter copies cannot be recognised
    (candidate, *_) = next_lines(Writer(model, base), "", WriteConfig(line_length="7"), 1)
    assert candidate.longest_copied is not None


def test_a_line_that_was_asked_for_may_be_a_copy(model: zuoci.CharLM) -> None:
    line = "山前一路路上一人人在唱一"
    known = OwnAndBase(Fingerprint.of(Corpus((Song("own.txt", line),))), make(line, window=3, known_from=11))
    text = Writer(model, known).write("", WriteConfig(lines=2, line_opening=(f"1={line}",))).text
    assert text.startswith(line)


def test_a_model_keeps_what_its_base_has_read(
    model: zuoci.CharLM, corpus: Corpus, settings: zuoci.Settings, tmp_path: Path
) -> None:
    folder = zuoci.save(model, tmp_path / "base", base_windows=make())
    found = Writer.load(folder)
    assert isinstance(found.model.against, WindowFilter)
    training = {"epochs": 1, "base": str(folder), "batch_size": 4, "seq_len": 8}
    *_, end = zuoci.train(corpus, zuoci.resolve("lyrics", training), device="cpu")
    assert isinstance(end, zuoci.EndReport)
    tuned = zuoci.save_trained(end, tmp_path / "tuned")
    _, own, base = load_for_writing(tuned)
    assert own is not None
    assert base is not None
    assert base.to_bytes() == make().to_bytes()
    for against in (Writer.load(tuned).model.against, Writer.load(tuned, corpus).model.against):
        assert isinstance(against, OwnAndBase)
        assert originality(READ[100:120], against).spans[0].source == SOURCE
    (folder / "base-windows.safetensors").write_bytes(b"x")
    with pytest.raises(zuoci.ModelFolderError, match=r"base-windows\.safetensors is damaged"):
        Writer.load(folder)
    assert load_for_writing(zuoci.save_trained(end, tmp_path / "again"))[2] is None  # a model is not lost for it
