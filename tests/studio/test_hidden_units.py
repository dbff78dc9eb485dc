from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from zuoci.studio.hidden_units import find_units, in_quotes, positions, rhyming_ends

TEXT = "山前路\n他说“走”\n人在路"


def test_the_position_in_the_line() -> None:
    np.testing.assert_allclose(positions("ab\nabc"), [0, 0.5, 1, 0, 0.5, 1])


def test_where_rhyming_lines_end() -> None:
    assert np.flatnonzero(rhyming_ends(TEXT)).tolist() == [2, 12]


def test_between_quotation_marks() -> None:
    assert np.flatnonzero(in_quotes(TEXT)).tolist() == [6, 7]
    assert np.flatnonzero(in_quotes("「ab\n")).tolist() == [0, 1, 2]


def test_a_unit_that_follows_something_is_found() -> None:
    hidden = np.random.default_rng(0).normal(size=(len(TEXT), 6))
    hidden[:, 4] = -3 * in_quotes(TEXT) + 1
    best = find_units(TEXT, hidden)["quotes"][0]
    assert best["unit"] == 4
    np.testing.assert_allclose(best["correlation"], -1.0)


@given(st.text(alphabet="山路a \n“”'", max_size=30))
def test_any_text_has_a_value_at_each_character(text: str) -> None:
    for values in (positions(text), rhyming_ends(text), in_quotes(text)):
        assert values.shape == (len(text),)
        assert ((values >= 0) & (values <= 1)).all()
    find_units(text, np.zeros((len(text), 3)))
