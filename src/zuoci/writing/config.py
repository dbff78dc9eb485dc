"""The settings of writing. No torch here: the command line reads this file to show its options."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class WriteConfig(BaseModel):
    """How a text is drawn from a model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    length: int = Field(default=50, ge=1, le=1_000_000, description="characters to write after the opening")
    temperature: float = Field(
        default=0.6, gt=0.0, le=100.0, description="above 1 bolder, below 1 safer; 1 draws as the model believes"
    )
    greedy: bool = Field(default=False, description="always take the most probable character")
    seed: int = Field(default=0, ge=0, lt=2**63, description="the same seed gives the same text")
