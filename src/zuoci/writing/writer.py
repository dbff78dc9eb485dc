"""A model and an opening → lyrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from pydantic import BaseModel, ConfigDict

from zuoci.writing.config import WriteConfig
from zuoci.writing.sampling import draw, greedy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zuoci.model.language_model import CharLM


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
        """Puts the model into evaluation mode."""
        self.model = model.eval()

    def write(self, opening: str = "", config: WriteConfig | None = None) -> Lyrics:
        """Continues an opening.

        Characters that the model does not know are replaced by their full-width or half-width forms, or else
        left out. Without an opening, the text begins as a new line does.

        Args:
            opening: the first characters.
            config: how to draw; by default `WriteConfig()`.
        """
        config = config or WriteConfig()
        known, unknown = self.model.vocabulary.adapt(opening)
        ids: list[int] = []
        total = 0.0
        for index, nll in self._stream(known, config):
            ids.append(index)
            total += nll
        text = known + self.model.vocabulary.decode(ids)
        return Lyrics(text=text, nll=total / len(ids), seed=config.seed, unknown=unknown)

    @torch.no_grad()
    def _stream(self, opening: str, config: WriteConfig) -> Iterator[tuple[int, float]]:
        """Yields the id and the nll of one character after another."""
        model = self.model
        generator = torch.Generator().manual_seed(config.seed)
        inputs = model.vocabulary.encode(opening or self._line_start())
        state = model.initial_state(1)
        for _ in range(config.length):
            logits, state = model(inputs.to(model.device).unsqueeze(1), state)  # (T, 1, V)
            last = logits[-1, 0]
            index = greedy(last) if config.greedy else draw(last, config.temperature, generator)
            yield index, -float(torch.log_softmax(last, dim=-1)[index])
            inputs = torch.tensor([index])

    def _line_start(self) -> str:
        """What stands before a line: a newline, or a space where the lesson made spaces of newlines."""
        known = self.model.vocabulary
        return next((char for char in "\n " if char in known), known.characters[0])
