from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zuoci.writing.repetition import characters_that_would_repeat


def loops(text: str, times: int) -> bool:
    """Whether a text ends in a loop, by the words of `characters_that_would_repeat`."""
    for period in range(1, 65):
        count = times + 1
        while period * count <= 12:
            count += 1
        if len(text) >= period * count and text.endswith(text[len(text) - period :] * count):
            return True
    return False


@given(
    st.text("ab", max_size=40) | st.text("ab", min_size=1, max_size=9).map(lambda block: block * 9), st.integers(1, 4)
)
def test_a_loop_is_what_its_definition_says(text: str, times: int) -> None:
    assert set(characters_that_would_repeat(text, times)) == {char for char in "abc" if loops(text + char, times)}


@given(st.text("啦呀 ,\n", min_size=1, max_size=70), st.integers(0, 6), st.integers(1, 5))
def test_a_loop_of_any_length_is_found(block: str, cut: int, times: int) -> None:
    text = block * (times + 14) + block[:cut]
    found = set(characters_that_would_repeat(text, times))
    assert found == {char for char in set(block) if loops(text + char, times)}
    if len(block) <= 64:
        assert text[len(text) - len(block)] in found


def test_a_chorus_is_never_forbidden() -> None:
    chorus = "我们一起走到天亮\n不要回头\n"
    verses = ["山前有路\n", "路上有人\n", "人在唱歌\n", "歌里有你\n", "你在山前\n"]
    song = "".join(verse + chorus * 2 for verse in verses)
    assert all(song[n] not in characters_that_would_repeat(song[:n], 3) for n in range(len(song)))
    assert all("啦" not in characters_that_would_repeat("啦" * n, 3) for n in range(12))
    assert "啦" in characters_that_would_repeat("啦" * 12, 3)


@given(st.text("ab", max_size=3), st.integers(1, 3))
def test_who_obeys_never_loops(opening: str, times: int) -> None:
    text = opening
    for _ in range(200):  # stubbornly goes on as before
        text += next((char for char in text[-1:] + "abc" if char not in characters_that_would_repeat(text, times)), "")
    assert not any(loops(text[:n], times) for n in range(len(opening) + 1, len(text) + 1))
