"""A line that is written anew begins as the whole text's acrostic and openings say."""

from __future__ import annotations

import pytest

import zuoci
from zuoci.writing.candidates import rewrite
from zuoci.writing.form import count_syllables

TEXT = "山前路\n路上人\n\n人在唱\n歌里有"


@pytest.fixture
def writer(model: zuoci.CharLM) -> zuoci.Writer:
    return zuoci.Writer(model)


def test_a_rewritten_line_keeps_the_acrostic(writer: zuoci.Writer) -> None:
    config = zuoci.WriteConfig(acrostic="山路人歌")
    for number, char in enumerate("山路人歌", 1):
        found = rewrite(writer, TEXT, number, config, 3)
        assert found
        assert {candidate.text[0] for candidate in found} == {char}
        assert {count_syllables(candidate.text) for candidate in found} == {3}


def test_a_rewritten_line_begins_as_it_has_to_and_has_room_for_it(writer: zuoci.Writer) -> None:
    config = zuoci.WriteConfig(line_opening=("2=山前路上人",))
    assert all(candidate.text.startswith("山前路上人") for candidate in rewrite(writer, TEXT, 2, config, 3))
    assert not any(candidate.text.startswith("山前路上人") for candidate in rewrite(writer, TEXT, 3, config, 3))


def test_a_beginning_that_the_model_has_never_seen_is_refused(writer: zuoci.Writer) -> None:
    with pytest.raises(zuoci.SettingsError, match="Q, which the model has never seen"):
        rewrite(writer, TEXT, 1, zuoci.WriteConfig(acrostic="Q"), 3)
