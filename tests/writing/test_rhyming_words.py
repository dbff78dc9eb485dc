"""What rhymes with a word, in the order of a model; and `zuoci rhymes`, which prints it."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import zuoci
from zuoci import SettingsError
from zuoci.cli import app
from zuoci.model.stepper import Stepper
from zuoci.writing.rhyme.scheme import Rhymes
from zuoci.writing.rhyme.words import RhymingWords, by_readiness, common_words, find_rhymes, log_probabilities

if TYPE_CHECKING:
    from collections.abc import Callable

    MakeModel = Callable[..., zuoci.CharLM]

CHINESE = "\n月亮太阳星光天堂姑娘故乡方向海浪时间世人间房了不忘得逃好遥想"
CHINESE_IDS = {char: number for number, char in enumerate(sorted(set(CHINESE)))}
ENGLISH = "\n abcdefghijklmnopqrstuvwxyz'"


def found(model: zuoci.CharLM, word: str, *, count: int = 1, near: bool = False) -> RhymingWords:
    return find_rhymes(word, Rhymes(count=count, near=near), Stepper(model), model.vocabulary)


def test_characters_and_words_that_rhyme(make_model: MakeModel) -> None:
    result = found(make_model(CHINESE), "今夜的月亮")
    assert result.groups == ("zh:江阳",)
    assert set(result.characters) == set("阳光堂娘乡方向浪房忘想")
    assert {"太阳", "阳光", "姑娘", "故乡", "方向", "天堂", "海浪", "星光"} <= set(result.words)
    assert not {word for word in result.words if word[-1] == "亮"}


def test_words_rhyme_as_they_are_read(make_model: MakeModel) -> None:
    result = found(make_model(CHINESE), "好")
    assert {"了", "逃", "遥"} <= set(result.characters)
    assert "不得了" in result.words
    assert "不得了" not in found(make_model(CHINESE), "饿").words


def test_words_that_rhyme_by_two_syllables(make_model: MakeModel) -> None:
    result = found(make_model(CHINESE), "带来太阳", count=2)
    assert result.groups == ("zh:怀来 江阳",)
    assert result.characters == []
    assert result.words == ["海浪"]


def test_english_words(make_model: MakeModel) -> None:
    result = found(make_model(ENGLISH), "my Love")
    assert result.characters == []
    assert {"dove", "above", "glove"} <= set(result.words)
    assert "love" not in result.words
    assert "enough" in found(make_model(ENGLISH), "love", near=True).words
    assert {"letter", "better"} <= set(found(make_model(ENGLISH), "get her", count=2).words)
    assert "dove" not in found(make_model("\nlovegab"), "love").words  # the model knows no d


def test_what_the_model_writes_most_readily_comes_first(make_model: MakeModel) -> None:
    model = make_model(CHINESE)
    for char in "乡浪房":
        before = model.output.bias.detach().clone()
        model.output.bias.data[CHINESE_IDS[char]] += 12
        result = found(model, "亮")
        assert result.characters[0] == char
        assert char in result.words[0] or char == "房"
        model.output.bias.data.copy_(before)


def test_the_probability_of_a_word_is_that_of_a_line(make_model: MakeModel) -> None:
    model = make_model(CHINESE)
    words = ["太阳", "故乡", "海浪"]
    ids = torch.stack([model.vocabulary.encode(f"\n{word}\n") for word in words], 1)
    with torch.no_grad():
        log_p = model(ids[:-1], model.initial_state(3))[0].log_softmax(-1)
    expected = log_p.gather(-1, ids[1:, :, None])[..., 0].sum(0)
    assert np.allclose(log_probabilities(words, Stepper(model), model.vocabulary), expected, atol=1e-4)
    assert by_readiness([], Stepper(model), model.vocabulary) == []


@pytest.mark.parametrize("word", ["嗯", "", "2024", "любовь", "青い空"])
def test_a_word_without_a_rhyme_is_refused(make_model: MakeModel, word: str) -> None:
    with pytest.raises(SettingsError, match="rhymes is not known: give a word in Chinese") as said:
        found(make_model(CHINESE), word)
    assert "\n" not in str(said.value)
    with pytest.raises(SettingsError, match="give 2 syllables"):
        found(make_model(CHINESE), "光", count=2)


def test_the_list_of_words_is_common_and_small() -> None:
    words = common_words()
    assert len(words) == len(set(words)) > 30_000
    assert {"时光", "阳光", "月亮", "不得了"} <= set(words)
    data = files("zuoci") / "data"
    assert len((data / "chinese_words.txt.gz").read_bytes()) < 200_000
    assert "MIT License" in (data / "LICENSE-jieba").read_text("utf-8")


def test_the_list_is_made_from_lines_of_the_dictionary(tmp_path: Path) -> None:
    dictionary = tmp_path / "dict.txt"
    dictionary.write_text("月光 90 n\n阳光 300 nr\n李白 700 nr\n光 99 n\nT恤 99 n\n街灯 3 n\n路灯 100 n\n", "utf-8")
    made = tmp_path / "words.gz"
    tool = Path(__file__).parents[2] / "tools" / "make_chinese_words.py"
    subprocess.run([sys.executable, tool, dictionary, made], check=True, capture_output=True)
    assert gzip.decompress(made.read_bytes()).decode().split() == ["阳光", "路灯", "月光"]


def rhymes(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["rhymes", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


@pytest.fixture
def saved(make_model: MakeModel, tmp_path: Path) -> str:
    return str(zuoci.save(make_model(CHINESE), tmp_path / "model"))


def test_the_command_prints_groups_characters_and_words(saved: str) -> None:
    group, characters, words = rhymes("月亮", saved, "-n", "3").splitlines()
    assert group == "月亮: 江阳"
    assert len(characters.split(" ")) == len(words.split(" ")) == 3
    group, words = rhymes("带来太阳", saved, "--rhyme-syllables", "2").splitlines()
    assert (group, words) == ("带来太阳: 怀来 江阳", "海浪")
    assert rhymes("天", saved, "--rhyme-near").startswith("天: 言前·江阳\n")
    assert rhymes("天", saved, "--rhyme-standard", "xinyun").startswith("天: 寒\n")
    assert rhymes("天", saved, "--reading", "天=guang1").startswith("天: 江阳\n")
    assert "nothing" in rhymes("月夜", saved, "--rhyme-syllables", "2")


def test_the_command_prints_json(saved: str) -> None:
    document = json.loads(rhymes("魔爪", saved, "--json"))
    assert document["schema"] == "zuoci.rhymes/1"
    assert document["groups"] == ["zh:发花", "zh:遥条"]
    assert set(document["characters"]) == set("了逃好遥")


def test_kana_need_a_model_that_writes_them(make_model: MakeModel, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no base model writes as 'さくら' is written; name a MODEL"):
        rhymes("さくら")
    model = str(zuoci.save(make_model("\nあかさたないきし"), tmp_path / "model"))
    first, characters = rhymes("さくら", model).splitlines()
    assert first == "さくら: a"
    assert set(characters.split()) == set("あかさたな")
