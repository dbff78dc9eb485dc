from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zuoci.text.suffixes import SuffixArray

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEW = st.lists(st.integers(0, 2), max_size=40)


def as_symbols(numbers: list[int], kind: str) -> NDArray[Any]:
    return np.array(numbers, np.uint32 if kind == "characters" else np.uint64)


@pytest.mark.parametrize("kind", ["characters", "words"])
@given(numbers=FEW, query=FEW)
def test_against_brute_force(kind: str, numbers: list[int], query: list[int]) -> None:
    array = SuffixArray(as_symbols(numbers, kind))
    assert array.order.tolist() == sorted(range(len(numbers)), key=lambda place: numbers[place:])
    lengths, slots = array.match(as_symbols(query, kind))
    for i, (length, slot) in enumerate(zip(lengths.tolist(), slots.tolist(), strict=True)):
        stretches = [numbers[place:][: len(query)] for place in range(len(numbers))]
        assert slot == sum(numbers[place:] < query[i:] for place in range(len(numbers)))
        there = [place for place, stretch in enumerate(stretches) if stretch[:length] == query[i : i + length]]
        longer = [stretch[: length + 1] for stretch in stretches]
        assert there or not length
        assert i + length == len(query) or query[i : i + length + 1] not in longer
        if length:
            assert array.earliest(as_symbols(query[i : i + length], kind), slot) == there[0]


def test_a_long_sequence_of_one_symbol() -> None:
    array = SuffixArray(np.zeros(5000, np.uint32))
    assert array.order.tolist() == list(range(4999, -1, -1))
    lengths, slots = array.match(np.zeros(6000, np.uint32))
    assert lengths.tolist() == [5000] * 1000 + list(range(5000, 0, -1))
    assert array.earliest(np.zeros(4990, np.uint32), int(slots[1010])) == 0


def test_the_highest_code_point() -> None:
    points = np.array([0x10FFFF, 0, 0x10FFFF, 0], np.uint32)
    assert SuffixArray(points).order.tolist() == [3, 1, 2, 0]
