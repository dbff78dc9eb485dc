"""Texts about something: `WriteConfig.about`."""

from __future__ import annotations

import numpy as np
import pytest

from zuoci import WriteConfig, Writer
from zuoci.writing.topic import Topic


@pytest.fixture(scope="module")
def base() -> Writer:
    return Writer.load("zh")


def test_close_characters_are_those_of_like_things(base: Writer) -> None:
    topic = Topic(base.model.stepper, base.vocabulary, ["妈妈"])
    closest = sorted(topic.affinities, key=topic.affinities.__getitem__, reverse=True)
    assert {"妈", "爸", "娘", "爹", "姐"} <= set(closest[:8])
    assert not {"\n", " ", "的"} & set(topic.affinities)
    assert Topic(base.model.stepper, base.vocabulary, ["€"]).affinities == {}


def test_a_topic_that_has_come_up_is_pressed_less(base: Writer) -> None:
    topic = Topic(base.model.stepper, base.vocabulary, ["雨"])
    fresh, used = topic.bias("我在门口站着"), topic.bias("雨下在雪里")
    assert fresh.max() == pytest.approx(3.0, rel=1e-3)
    np.testing.assert_allclose(used, fresh / 4)
    assert topic.closeness("雨下在雪里") > topic.closeness("我在门口站着")


@pytest.mark.parametrize("word", ["海", "妈妈"])
def test_texts_are_about_what_was_asked_for(base: Writer, word: str) -> None:
    wish = WriteConfig(lines=2, line_length="7", about=(word,), particles=32)
    about, other = (
        "".join(lyrics.text for lyrics in base.write_many([""] * 6, config.variants(6)))
        for config in (wish, wish.model_copy(update={"about": ()}))
    )
    assert sum(char in word for char in about) >= 3 + sum(char in word for char in other)
    assert base.write("", wish) == base.write("", wish)
