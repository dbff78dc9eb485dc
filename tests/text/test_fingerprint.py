from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from zuoci import Corpus, Fingerprint, ModelFolderError, Song, load_lyrics, originality
from zuoci.text.fingerprint import FILE, hash_windows
from zuoci.text.positions import code_points

if TYPE_CHECKING:
    from pathlib import Path


def splitmix(value: int) -> int:
    """The finalizer, in plain integers."""
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    value = (value ^ value >> 27) * 0x94D049BB133111EB % 2**64
    return value ^ value >> 31


def test_a_window_is_hashed_as_the_docs_say() -> None:
    def number(value: int) -> int:
        return splitmix((value + 0x9E3779B97F4A7C15) % 2**64)

    text = "山前一路人在唱歌"
    multipliers = [number(2**21 + k) | 1 for k in range(7)]
    h = splitmix(sum(m * number(ord(char)) for m, char in zip(multipliers, text, strict=False)) % 2**64)
    expected = h >> 24 << 24 | ((h ^ ord(text[7])) & (2**21 - 1)) << 3
    assert hash_windows(code_points(text)).tolist() == [expected]


def test_pieces_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    points = code_points(load_lyrics("zh").text[:300])
    whole = hash_windows(points)
    monkeypatch.setattr("zuoci.text.fingerprint._PIECE", 100)
    assert (hash_windows(points) == whole).all()
    assert len(whole) == 293
    assert not len(hash_windows(points[:7]))


@given(st.lists(st.text(alphabet="ab\n", max_size=30), max_size=5), st.booleans())
def test_saved_and_loaded_it_is_the_same(texts: list[str], join_lines: bool) -> None:
    corpus = Corpus(tuple(Song(f"/home/me/{k % 2}.txt", text) for k, text in enumerate(texts)))
    fingerprint = Fingerprint.of(corpus, join_lines=join_lines)
    data = fingerprint.to_bytes()
    again = Fingerprint.from_bytes(data)
    assert again.to_bytes() == data == Fingerprint.of(corpus, join_lines=join_lines).to_bytes()
    assert len(again) == len(corpus.text)
    place = 0
    for number, song in enumerate(corpus.songs):
        for k in range(len(song.text)):
            assert again.line_index.find(place + k) == (number, 1 + song.text[:k].count("\n"))
        place += len(song.text)
        assert again.source(number) == f"{number % 2}.txt"


def test_its_size_and_that_no_text_is_in_it() -> None:
    corpus = Corpus(load_lyrics("zh").songs[:100])
    data = Fingerprint.of(corpus).to_bytes()
    assert len(data) < 8.5 * len(corpus.text)
    texts = [data.decode(encoding, errors="replace") for encoding in ("utf-8", "utf-16-le", "utf-32-le", "gb18030")]
    for song in corpus.songs:
        assert not any(line in text for line in song.lines for text in texts)


def test_joined_lines_are_found_as_a_model_writes_them() -> None:
    corpus = Corpus((Song("a", "前一首歌\n\n"), Song("a", "山前一路\n路上百人\n")))
    found = originality("路 路上百人 X", Fingerprint.of(corpus, join_lines=True)).spans
    assert not found
    (span,) = originality("一路 路上百人 X", Fingerprint.of(corpus, join_lines=True)).spans
    assert (span.text, span.song, span.line) == ("一路 路上百人 ", 2, 1)
    assert not originality("一路\n路上百人\n", Fingerprint.of(corpus, join_lines=True)).spans


def damaged(data: bytes, **changes: Any) -> bytes:
    """The file with other arrays, or another description."""
    header: Any = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    about = json.loads(header["__metadata__"]["zuoci"])
    arrays = load_arrays(data)
    arrays |= {name: value for name, value in changes.items() if name in arrays}
    about |= {name: value for name, value in changes.items() if name not in arrays}
    return save_arrays(arrays, {"zuoci": json.dumps(about)})


def test_a_damaged_file_is_a_clear_error(tmp_path: Path, corpus: Corpus) -> None:
    data = Fingerprint.of(corpus).to_bytes()
    assert damaged(data) == data
    for bad in (
        b"",
        data[:-1],
        data[:100],
        save_arrays({"windows": np.zeros(3, np.uint64)}),
        damaged(data, version=2),
        damaged(data, format="song"),
        damaged(data, sources=[]),
        damaged(data, sources=[1]),
        damaged(data, windows=np.zeros((3, 3), np.uint64)),
        damaged(data, windows=np.zeros(3, np.int64)),
        damaged(data, windows=np.zeros(3, np.uint64)),
        damaged(data, songs=np.zeros(3, np.uint32)),
        damaged(data, songs=np.zeros((0, 2), np.uint32)),
        damaged(data, songs=np.array([[1, 0]], np.uint32)),
        damaged(data, songs=np.array([[0, 0], [9, 0], [8, 0]], np.uint32)),
    ):
        (tmp_path / FILE).write_bytes(bad)
        with pytest.raises(ModelFolderError, match=r"fingerprint\.safetensors is damaged: .*name the corpus") as error:
            Fingerprint.load(tmp_path)
        assert "\n" not in str(error.value)
    (tmp_path / FILE).unlink()
    with pytest.raises(ModelFolderError, match="was saved without; name the corpus instead"):
        Fingerprint.load(tmp_path)
