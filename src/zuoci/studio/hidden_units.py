"""Hidden units that follow something one can name: where in its line a character stands, rhyme, quotation marks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zuoci.writing.rhyme.scheme import Rhymes, scheme_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHOWN = 8
_QUOTES = {"“": "”", "‘": "’", "「": "」", "『": "』", "《": "》", '"': '"'}


def find_units(text: str, hidden: NDArray[Any]) -> dict[str, list[dict[str, Any]]]:
    """The units that follow each property most closely, by Pearson's correlation over the text.

    Args:
        text: T characters.
        hidden: the units after each, `(T, H)`.

    Returns:
        By property, units with their correlations, the strongest first; nothing where the property never changes.
    """
    properties = {"position": positions(text), "rhyme": rhyming_ends(text), "quotes": in_quotes(text)}
    return {name: _strongest(values, hidden) for name, values in properties.items()}


def positions(text: str) -> NDArray[np.float64]:
    """0 at the first character of a line, 1 at its last `(T,)`; a newline belongs to the line before it."""
    parts = [np.linspace(0.0, 1.0, len(line)) for line in text.splitlines(keepends=True)]
    return np.concatenate([np.empty(0), *parts])


def rhyming_ends(text: str) -> NDArray[np.float64]:
    """1 where a character or word ends a line that rhymes with another one `(T,)`."""
    rhymes = Rhymes()
    values = np.zeros(len(text))
    places: list[tuple[int, str]] = []
    start = 0
    for line in text.split("\n"):
        if line.strip():
            places.append((start, line))
        start += len(line) + 1
    for (begin, line), letter in zip(places, scheme_of([line for _, line in places], rhymes), strict=True):
        ending = rhymes.ending(line)
        if letter != "X" and ending:
            place = begin + line.rfind(ending)
            values[place : place + len(ending)] = 1.0
    return values


def in_quotes(text: str) -> NDArray[np.float64]:
    """1 between quotation marks `(T,)`; a line end closes them."""
    values = np.zeros(len(text))
    closing = ""
    for place, char in enumerate(text):
        if char in (closing, "\n"):
            closing = ""
        elif not closing:
            closing = _QUOTES.get(char, "")
        values[place] = bool(closing)
    return values


def _strongest(values: NDArray[np.float64], hidden: NDArray[Any]) -> list[dict[str, Any]]:
    if len(values) < 2 or np.ptp(values) == 0:
        return []
    x = values - values.mean()
    units = hidden - hidden.mean(0, dtype=np.float64)
    norms = np.sqrt((units**2).sum(0) * (x**2).sum())
    correlations = np.divide(x @ units, norms, out=np.zeros(len(norms)), where=norms > 0)
    best = np.argsort(-np.abs(correlations), kind="stable")[:_SHOWN]
    return [{"unit": int(unit), "correlation": float(correlations[unit])} for unit in best]
