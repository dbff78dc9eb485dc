from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zuoci import ModelFolderError, Vocabulary, VocabularyError
from zuoci.text.characters import clean_characters


@given(st.text(min_size=1))
def test_decode_is_the_inverse_of_encode(text: str) -> None:
    vocabulary = Vocabulary(text)
    ids = vocabulary.encode(text)
    assert ids.shape == (len(text),)
    assert vocabulary.decode(ids) == text
    assert list(vocabulary.characters) == sorted(set(text))
    assert Vocabulary.from_json(vocabulary.to_json()) == vocabulary


def test_the_order_of_the_text_has_no_influence() -> None:
    assert Vocabulary("cab") == Vocabulary("abc")
    assert hash(Vocabulary("cab")) == hash(Vocabulary("abc"))
    assert Vocabulary("ab") != "ab"
    assert repr(Vocabulary("cab")) == "Vocabulary(3 characters)"


def test_unknown_characters_are_named_each_once() -> None:
    with pytest.raises(VocabularyError, match="never seen x y; it knows 3 characters") as error:
        Vocabulary("abc").encode("axbyx")
    assert error.value.unknown == "xy"
    with pytest.raises(VocabularyError, match="and 2 more"):
        Vocabulary("a").encode("bcdefghijklm")


def test_adapt_maps_full_and_half_width_then_leaves_out() -> None:
    vocabulary = Vocabulary("A，b\u3000!")
    assert vocabulary.adapt("Ａ,b ！") == ("A，b\u3000!", "")
    assert vocabulary.adapt("Axbx€") == ("Ab", "x€")


@pytest.mark.parametrize(
    ("known", "adapted"), [("山路 ", ("山 路", "")), ("山路 \n", ("山\n路", "")), ("山路", ("山路", "\n"))]
)
def test_an_unknown_newline_becomes_a_space(known: str, adapted: tuple[str, str]) -> None:
    assert Vocabulary(known).adapt("山\n路") == adapted


@given(st.text(min_size=1), st.text())
def test_what_adapt_gives_can_be_encoded(known: str, text: str) -> None:
    vocabulary = Vocabulary(known)
    kept, unknown = vocabulary.adapt(text)
    assert vocabulary.decode(vocabulary.encode(kept)) == kept
    assert set(unknown) <= {*text, *clean_characters(text)[0]} - set(known)


def test_an_empty_text_makes_no_vocabulary() -> None:
    with pytest.raises(VocabularyError, match="the text is empty"):
        Vocabulary("")


@pytest.mark.parametrize(
    "document",
    [
        "no json",
        "[]",
        "{}",
        json.dumps({"format": "zuoci-vocabulary", "version": 1, "characters": ["a", "b", "a"]}),
        json.dumps({"format": "zuoci-vocabulary", "version": 1, "characters": ["a", "a"]}),
        json.dumps({"format": "zuoci-vocabulary", "version": 1, "characters": ["ab"]}),
        json.dumps({"format": "zuoci-vocabulary", "version": 1, "characters": []}),
        json.dumps({"format": "zuoci-vocabulary", "version": 2, "characters": ["a"]}),
        json.dumps({"format": "zuoci-vocabulary", "version": 1, "characters": 5}),
        json.dumps({"format": "zuoci-vocabulary", "version": 1, "characters": [1, 2]}),
        json.dumps({"format": "zuoci-vocabulary", "version": 1, "characters": ["a", "\ud800"]}),
        json.dumps({"format": "zuoci-vocabulary", "version": 1, "characters": {"a": 1}}),
        "[" * 100_000,
    ],
)
def test_a_damaged_document(document: str) -> None:
    with pytest.raises(ModelFolderError, match="vocabulary is damaged"):
        Vocabulary.from_json(document)


def test_a_lone_surrogate_is_no_character() -> None:
    with pytest.raises(VocabularyError, match=r"\\ud800 is no character: the text was decoded wrongly"):
        Vocabulary("a\ud800")


def test_each_character_is_looked_at_once_however_often_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time grows with the text, not with the text times the vocabulary."""
    from zuoci.text import vocabulary

    looked = 0

    def narrow(char: str) -> str:
        nonlocal looked
        looked += 1
        return char

    monkeypatch.setattr(vocabulary, "_narrow", narrow)
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 500)))
    kept, unknown = Vocabulary("ab").adapt(("a" + text) * 100)
    assert (kept, unknown) == ("a" * 100, text)
    assert looked == 501
    with pytest.raises(VocabularyError) as error:
        Vocabulary("ab").encode(text * 100)
    assert error.value.unknown == text


def test_an_extended_vocabulary_keeps_the_ids_it_had() -> None:
    vocabulary = Vocabulary("我爱你").extended("爱我的家")
    assert vocabulary.characters == "你我爱家的"
    assert vocabulary.decode(vocabulary.encode("我的爱家")) == "我的爱家"
    assert Vocabulary.from_json(vocabulary.to_json()) == vocabulary
    assert vocabulary.extended("你我").characters == vocabulary.characters


@pytest.mark.parametrize("characters", ["", "aba", "a\ud800"])
def test_ids_of_damaged_characters(characters: str) -> None:
    with pytest.raises(VocabularyError):
        Vocabulary.by_id(characters)


@given(st.text(min_size=1), st.text())
def test_an_extended_vocabulary_encodes_both_texts(first: str, second: str) -> None:
    vocabulary = Vocabulary(first).extended(second)
    assert vocabulary.characters.startswith(Vocabulary(first).characters)
    assert vocabulary.decode(vocabulary.encode(first + second)) == first + second
