"""The settings of a model. No torch here: the command line reads this file to show its options."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ModelConfig(BaseModel):
    """What a model is made of, beside its vocabulary."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    cell: Literal["rnn", "rnn_relu", "gru", "lstm"] = Field(
        default="gru", description="recurrent cell; rnn is tanh, as in the lesson"
    )
    hidden_size: int = Field(default=256, ge=1, le=65_536, description="hidden units in each layer")
    num_layers: int = Field(default=1, ge=1, le=64, description="recurrent layers, one on top of another")
    embedding_size: int = Field(
        default=0, ge=0, le=65_536, description="length of a character's vector; 0: one-hot, as in the lesson"
    )
    dropout: float = Field(
        default=0.0,
        ge=0.0,
        le=0.999,  # a decision has 16 bits
        description="share of values dropped before each layer and the output, in training",
    )
