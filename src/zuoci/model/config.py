"""The settings of a model.

This file does not import torch, so that the command line can show its options without waiting.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

# oneDNN of torch 2.13 divides by zero in some bfloat16 products with AMX where rows have 49,152 numbers or more.
_MOST_UNITS = 16_384


class ModelConfig(BaseModel):
    """The architecture of a model, except for its vocabulary."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    cell: Literal["rnn", "rnn_relu", "gru", "lstm"] = Field(
        default="gru", description="recurrent cell; rnn has tanh as its activation, rnn_relu has relu"
    )
    hidden_size: int = Field(default=256, ge=1, le=_MOST_UNITS, description="hidden units per layer")
    num_layers: int = Field(default=1, ge=1, le=64, description="number of recurrent layers; default: 1")
    embedding_size: int = Field(
        default=0,
        ge=0,
        le=_MOST_UNITS,
        description="dimension of the character embedding; 0: one-hot input, as in the lesson",
    )
    tie_embedding: bool = Field(
        default=False,
        description="use the character embedding as the weights of the output layer too, after a projection of the "
        "hidden state to its dimension: a large vocabulary then takes half the weights; default: off",
    )
    dropout: float = Field(
        default=0.0,
        ge=0.0,
        le=0.999,  # each dropout decision has 16 random bits
        description="dropout probability, on the embedding and on the output of each layer",
    )

    @model_validator(mode="after")
    def _has_embedding_to_tie(self) -> ModelConfig:
        if self.tie_embedding and not self.embedding_size:
            raise ValueError("tie_embedding needs an embedding: set embedding_size to more than 0")
        return self
