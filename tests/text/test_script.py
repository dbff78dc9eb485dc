from __future__ import annotations

import gzip
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import zuoci
from zuoci.text.script import to_simplified

TOOL = Path(__file__).parents[2] / "tools" / "make_simplified.py"


@pytest.mark.parametrize(
    ("traditional", "simplified"),
    [
        ("睡不著", "睡不着"),
        ("雨還在下著", "雨还在下着"),
        ("睜大著眼", "睁大着眼"),
        ("寫著名字", "写着名字"),
        ("看著書", "看着书"),
        ("顯著的名著", "显著的名著"),
        ("頭髮與發現", "头发与发现"),
        ("乾杯", "干杯"),
        ("顛倒乾坤", "颠倒乾坤"),
        ("皇后在後面", "皇后在后面"),
        ("裏面與裡面", "里面与里面"),
        ("什麼", "什么"),
        ("沈默", "沉默"),
        ("沈從文", "沈从文"),
        ("妳的牠", "你的它"),
        ("聽說 愛過　……", "听说 爱过　……"),
        ("一目瞭然", "一目了然"),
        ("瞭望", "瞭望"),
        ("歡樂", "欢乐"),
        ("", ""),
        ("I love you", "I love you"),
        ("さくら 한국", "さくら 한국"),
    ],
)
def test_traditional_characters_become_simplified_ones(traditional: str, simplified: str) -> None:
    assert to_simplified(traditional) == simplified


def test_simplified_lyrics_stay_as_they_are() -> None:
    text = zuoci.load_lyrics("zh").text
    assert to_simplified(text) == text


@given(st.text(st.sampled_from("著名字書顯乾坤隆沈默瞭解一目然後a 了着")))
def test_every_character_keeps_its_place_and_a_second_pass_changes_nothing(text: str) -> None:
    once = to_simplified(text)
    assert len(once) == len(text)
    assert [char == "a" for char in text] == [char == "a" for char in once]
    assert to_simplified(once) == once


def test_the_table_is_made_from_the_dictionaries(tmp_path: Path) -> None:
    (tmp_path / "TSCharacters.txt").write_text("乾\t干 乾\n㑮\t𫝈\n後\t后\n只\t只\n", "utf-8")
    (tmp_path / "TSPhrases.txt").write_text("乾坤\t乾坤\n前後\t前后\n", "utf-8")
    made = [tmp_path / "one.gz", tmp_path / "two.gz"]
    for path in made:
        subprocess.run([sys.executable, TOOL, tmp_path, path], check=True, capture_output=True)
    assert made[0].read_bytes() == made[1].read_bytes()
    lines = gzip.decompress(made[0].read_bytes()).decode().splitlines()
    assert {"乾\t干", "後\t后", "乾坤\t乾坤", "著\t着", "著名字\t着名字"} <= set(lines)
    assert not {line for line in lines if line[0] in "㑮只前"}


def test_the_table_is_small_and_has_its_licence() -> None:
    data = files("zuoci") / "data"
    assert len((data / "simplified.tsv.gz").read_bytes()) < 20_000
    assert "Apache License" in (data / "LICENSE-OpenCC").read_text("utf-8")
