from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from zuoci import ModelFolderError, load_lyrics
from zuoci.text.folder import BASE_WINDOWS
from zuoci.text.window_filter import WindowFilter

if TYPE_CHECKING:
    from pathlib import Path

ZH = load_lyrics("zh").text[:60_000]


def make(text: str, *, window: int = 6, bits: int = 2, known_from: int = 13) -> WindowFilter:
    return WindowFilter.of(text, name="zh", window=window, bits=bits, known_from=known_from)


def folded(text: str) -> str:
    return "".join(char.lower() if char.isalnum() else " " for char in text)


@given(
    st.text(alphabet="abAB山\n ,", max_size=300),
    st.integers(2, 9),
    st.sampled_from([1, 2, 4, 8]),
    st.integers(0, 9),
)
def test_every_window_is_found(text: str, window: int, bits: int, more: int) -> None:
    windows = make(text, window=window, bits=bits, known_from=window + more)
    assert windows.contains(windows.hashes(text)).all()
    assert len(windows.hashes(text)) == max(len(text) - window + 1, 0)
    assert windows.about.count == len({folded(text)[i : i + window] for i in range(len(text) - window + 1)})


@given(st.text(alphabet="ab山\n", max_size=60), st.text(alphabet="ab山\n", max_size=200), st.integers(2, 4))
def test_spans_are_those_that_the_windows_make(text: str, read: str, window: int) -> None:
    """Against brute force with the filter's own windows: no two of k successive ones are alike in a span."""
    windows = make(read, window=window, bits=8, known_from=window + 3)
    known = windows.contains(windows.hashes(text))

    def copied(start: int) -> bool:
        inside = [folded(text)[i : i + window] for i in range(start, start + 4)]
        return bool(known[start : start + 4].all()) and len(set(inside)) == 4

    starts = [i for i in range(len(text) - window - 2) if copied(i)]
    covered = {(i, i + window + 3) for i in starts}
    found = {(i, i + window + 3) for a, n in windows.spans(text) for i in range(a, a + n - window - 2)}
    assert found == covered
    assert all(a - 1 not in starts and a + n - window - 2 not in starts for a, n in windows.spans(text))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_other_windows_are_taken_for_known_ones_as_rarely_as_stated(bits: int) -> None:
    windows = make(ZH, bits=bits)
    others = np.random.default_rng(0).integers(0, 2**64, 400_000, np.uint64)
    rate = 2.0**-bits
    assert abs(windows.contains(others).mean() - rate) < 5 * (rate / len(others)) ** 0.5
    assert windows.cells.nbytes < 1.2 * windows.about.count * bits / 8 + 1000


def test_copied_spans_are_found_whatever_their_layout() -> None:
    windows, draw = make(ZH), random.Random(0)
    for _ in range(300):
        start = draw.randrange(len(ZH) - 40)
        copy = ZH[start : start + draw.randrange(13, 40)]
        if (windows.distances(windows.hashes(copy)) < windows.successive).any():  # it repeats itself
            continue
        for shown in (copy, copy.replace("\n", " "), copy.replace("\n", "，").upper()):
            assert any(a <= 3 and a + n >= 3 + len(copy) for a, n in windows.spans(f"甲乙丙{shown}丁戊己"))


def test_new_text_is_hardly_ever_taken_for_a_copy() -> None:
    windows = make(ZH)
    draw = random.Random(0)
    characters = sorted(set(ZH))
    text = "".join(draw.choice(characters) for _ in range(100_000))
    assert len(windows.spans(text)) <= 5  # 100,000 · 0.75 · 4⁻⁸ = 1.1 are expected


def test_what_repeats_itself_is_no_copy() -> None:
    """Its windows are few, so that one that is mistaken would make a long copy."""
    windows = make(ZH + "啦啦啦啦啦啦啦啦啦啦啦啦啦啦啦", bits=1)
    for char in "啦睁匙歌山水":
        assert not windows.spans(char * 40)
    assert not windows.spans("一去" * 30)


def test_the_same_text_gives_the_same_bytes() -> None:
    data = make(ZH[:5000]).to_bytes()
    assert make(ZH[:5000]).to_bytes() == data
    again = WindowFilter.from_bytes(data)
    assert again.to_bytes() == data
    assert again.spans(ZH[100:200]) == make(ZH[:5000]).spans(ZH[100:200])
    for line in ZH[:5000].split("\n"):
        assert len(line) < 3 or line.encode() not in data


def test_a_text_without_windows() -> None:
    for text in ("", "山前"):
        windows = WindowFilter.from_bytes(make(text).to_bytes())
        assert not windows.spans("山前一路人在唱歌山前一路人在唱歌")


def damaged(data: bytes, **changes: Any) -> bytes:
    """The file with another table or another description."""
    header: Any = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    about = json.loads(header["__metadata__"]["zuoci"])
    cells = changes.pop("cells", load_arrays(data)["cells"])
    about["windows"] |= {name: value for name, value in changes.items() if name not in about}
    about |= {name: value for name, value in changes.items() if name in about}
    return save_arrays({"cells": cells}, {"zuoci": json.dumps(about)})


def test_a_damaged_file_is_a_clear_error(tmp_path: Path) -> None:
    data = make(ZH[:500]).to_bytes()
    cells = load_arrays(data)["cells"]
    assert damaged(data) == data
    for bad in (
        b"",
        data[:-1],
        data[:100],
        data[:-1] + bytes([data[-1] ^ 1]),
        save_arrays({"windows": cells}),
        save_arrays({"cells": cells}, {"zuoci": "[" * 5000}),
        damaged(data, version=2),
        damaged(data, format="song"),
        damaged(data, sha256="0"),
        damaged(data, windows=[]),
        damaged(data, bits=3),
        damaged(data, bits="2"),
        damaged(data, window=0),
        damaged(data, known_from=3),
        damaged(data, count=2**30),
        damaged(data, count=-1),
        damaged(data, seed=10**9),
        damaged(data, more=1),
        damaged(data, name="en"),
        damaged(data, cells=cells[:-1]),
        damaged(data, cells=cells.astype(np.int16)),
        damaged(data, cells=cells[None]),
    ):
        (tmp_path / BASE_WINDOWS).write_bytes(bad)
        with pytest.raises(ModelFolderError, match=r"base-windows\.safetensors is damaged: ") as error:
            WindowFilter.find(tmp_path)
        assert "\n" not in str(error.value)
    (tmp_path / BASE_WINDOWS).unlink()
    assert WindowFilter.find(tmp_path) is None
