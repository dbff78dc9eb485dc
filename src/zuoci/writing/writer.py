"""A model and an opening → lyrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict

from zuoci.model.stepper import Stepper
from zuoci.writing.config import WriteConfig
from zuoci.writing.sampling import draw, greedy, surprise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from zuoci.model.language_model import CharLM

Ids: TypeAlias = "NDArray[np.int64]"

_BLOCK = 256  # uniform numbers drawn at once for each stream


class Lyrics(BaseModel):
    """A text that was written.

    Attributes:
        text: the opening and what follows it.
        nll: of what follows, nats a character: how unlikely the model itself thinks it.
        seed: writes the same text again.
        unknown: characters of the opening that the model has never seen and that were left out.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    nll: float
    seed: int
    unknown: str = ""


class Writer:
    """Writes with a model."""

    def __init__(self, model: CharLM) -> None:
        """Copies the weights as they are now."""
        self.vocabulary = model.vocabulary
        self.stepper = Stepper(model)

    def write(self, opening: str = "", config: WriteConfig | None = None) -> Lyrics:
        """Continues an opening.

        Characters that the model does not know are replaced by their full-width or half-width forms, or else
        left out. Without an opening, the text begins as a new line does.

        Args:
            opening: the first characters.
            config: how to draw; by default `WriteConfig()`.
        """
        return self.write_many([opening], [config or WriteConfig()])[0]

    def write_many(self, openings: Sequence[str], configs: Sequence[WriteConfig]) -> list[Lyrics]:
        """Continues many openings side by side, which is many times faster than one after another.

        Args:
            openings: the first characters of each text.
            configs: how to draw each; as many.
        """
        adapted = [self.vocabulary.adapt(opening) for opening in openings]
        prompts = [self.vocabulary.encode(known or self._line_start()).numpy() for known, _ in adapted]
        begins = np.array([len(prompt) for prompt in prompts])
        ends = begins + [config.length for config in configs]
        ids = np.zeros((len(prompts), int(ends.max(initial=0))), np.int64)
        for row, prompt in zip(ids, prompts, strict=True):
            row[: len(prompt)] = prompt
        nll = self._fill(ids, begins, configs)
        return [
            Lyrics(
                text=known + self.vocabulary.decode(row[begin:end].tolist()),
                nll=float(surprises[begin:end].mean()),
                seed=config.seed,
                unknown=unknown,
            )
            for (known, unknown), row, surprises, begin, end, config in zip(
                adapted, ids, nll, begins, ends, configs, strict=True
            )
        ]

    def _fill(self, ids: Ids, begins: Ids, configs: Sequence[WriteConfig]) -> NDArray[np.float64]:
        """Writes ids `(B, n)`, of which each row is given up to its begin; returns how surprising each was."""
        count, length = ids.shape
        nll = np.zeros((count, length))
        generators = [torch.Generator().manual_seed(config.seed) for config in configs]
        temperature = np.array([config.temperature for config in configs], np.float32)
        certain = np.array([config.greedy for config in configs])
        uniform = np.empty((count, 0))
        state = self.stepper.start(count)
        for place in range(1, length):
            logits, state = self.stepper.step(ids[:, place - 1], state)
            if (block := (place - 1) % _BLOCK) == 0 and not certain.all():
                uniform = np.stack([torch.rand(_BLOCK, dtype=torch.float64, generator=g).numpy() for g in generators])
            chosen = greedy(logits)
            if not certain.all():
                chosen = np.where(certain, chosen, draw(logits, temperature, uniform[:, block]))
            ids[:, place] = np.where(place < begins, ids[:, place], chosen)
            nll[:, place] = surprise(logits, ids[:, place])
        return nll

    def _line_start(self) -> str:
        """What stands before a line: a newline, or a space where the lesson made spaces of newlines."""
        known = self.vocabulary
        return next((char for char in "\n " if char in known), known.characters[0])
