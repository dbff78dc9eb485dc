"""Hidden units that follow a property of the text: the position in the line, rhyme, quotation marks.

The page's `inspect` route calls `find_units` with a text and the hidden states that the model had on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zuoci.writing.form import lines_with_starts
from zuoci.writing.rhyme.scheme import Rhymes, scheme_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAX_UNITS = 8  # for each property
_QUOTES = {"“": "”", "‘": "’", "「": "」", "『": "』", "《": "》", '"': '"'}


def find_units(text: str, hidden: NDArray[Any]) -> dict[str, list[dict[str, Any]]]:
    """The hidden units that follow each property most closely, by the absolute value of Pearson's correlation.

    Args:
        text: T characters.
        hidden: the hidden state after each character, `(T, H)`.

    Returns:
        For each property the units with their correlations, the closest first; none where the property is constant.
    """
    properties = {"position": positions(text), "rhyme": rhyming_ends(text), "quotes": in_quotes(text)}
    return {name: _most_correlated(values, hidden) for name, values in properties.items()}


def positions(text: str) -> NDArray[np.float64]:
    """The position of each character in its line `(T,)`: 0 for the first, 1 for the last, which is the newline."""
    parts = [np.linspace(0.0, 1.0, len(line)) for line in text.splitlines(keepends=True)]
    return np.concatenate([np.empty(0), *parts])


def rhyming_ends(text: str) -> NDArray[np.float64]:
    """1 for the characters of a last word that rhymes with that of another line, else 0 `(T,)`."""
    rhymes = Rhymes()
    values = np.zeros(len(text))
    lines = lines_with_starts(text)
    for (start, line), letter in zip(lines, scheme_of([line for _, line in lines], rhymes), strict=True):
        ending = rhymes.ending(line)
        if letter != "X" and ending:
            place = start + line.rfind(ending)
            values[place : place + len(ending)] = 1.0
    return values


def in_quotes(text: str) -> NDArray[np.float64]:
    """1 between quotation marks, else 0 `(T,)`; the end of a line closes them."""
    values = np.zeros(len(text))
    closing = ""
    for place, char in enumerate(text):
        if char in (closing, "\n"):
            closing = ""
        elif not closing:
            closing = _QUOTES.get(char, "")
        values[place] = bool(closing)
    return values


def _most_correlated(values: NDArray[np.float64], hidden: NDArray[Any]) -> list[dict[str, Any]]:
    """r = Σ x u / √(Σ x² Σ u²) for each unit, with x and u less their means."""
    if len(values) < 2 or np.ptp(values) == 0:
        return []
    x = values - values.mean()
    units = hidden - hidden.mean(0, dtype=np.float64)
    norms = np.sqrt((units**2).sum(0) * (x**2).sum())
    correlations = np.divide(x @ units, norms, out=np.zeros(len(norms)), where=norms > 0)
    best = np.argsort(-np.abs(correlations), kind="stable")[:_MAX_UNITS]
    return [{"unit": int(unit), "correlation": float(correlations[unit])} for unit in best]
