"""The log probability of each character of a text that the engine writes, for the `logprobs` of the OpenAI API.

The text is read once more for this, since a text with a form is not written from left to right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zuoci.writing.steps import StepRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from zuoci.model.stepper import Streams
    from zuoci.writing.config import WriteConfig
    from zuoci.writing.steps import Steps
    from zuoci.writing.writer import Writer


@dataclass(frozen=True, slots=True)
class CharScore:
    """How likely the model considers a character of a text.

    Attributes:
        char: the character.
        logprob: the natural logarithm of its probability, given the characters before it; None: it is the first
            character of an opening, for which there is none.
        top: the most likely characters at its place, with their log probabilities.
    """

    char: str
    logprob: float | None
    top: Sequence[tuple[str, float]]


class Scorer:
    """Reads a text piece by piece, in the rows of the batch that writes it."""

    def __init__(self, writer: Writer, opening: str, config: WriteConfig, top: int) -> None:
        """Begins before the text.

        Args:
            writer: the model.
            opening: the opening of the text.
            config: its settings.
            top: how many of the most likely characters to name at each place.
        """
        self._model = writer.model
        self._top = top
        known, _ = writer.adapt(opening, config)
        # As in `text.read_opening`: nothing comes before an opening; a text without one follows the end of a line.
        given = known[: known.rfind("\n") + 1] if config.has_form else known
        self._last = -1 if given else self._id("\n")
        self._state: Streams = self._model.stepper.start(1)

    def _id(self, char: str) -> int:
        return self._model.alphabet.id(char if char in self._model.vocabulary else self._model.alphabet.line_end)

    def read(self, text: str) -> Steps[list[CharScore]]:
        """The steps that read the next piece of the text; they return a score for each of its characters."""
        scores: list[CharScore] = []
        for char in text:
            number = self._id(char)
            if self._last < 0:
                scores.append(CharScore(char, None, ()))
            else:
                result = yield StepRequest(np.array([self._last]), self._state, forced=np.array([number]))
                self._state = result.state
                scores.append(CharScore(char, -float(result.nll[0]), self._most_likely(result.logits[0])))
            self._last = number
        return scores

    def _most_likely(self, logits: NDArray[Any]) -> list[tuple[str, float]]:
        """The characters with the highest logits `(V,)`, and their log softmax."""
        best = np.argsort(-logits, kind="stable")[: self._top]
        highest = logits.max()
        total = highest + np.log(np.exp(logits - highest).sum(dtype=np.float64))
        return [(self._model.vocabulary.characters[i], float(logits[i] - total)) for i in best]
