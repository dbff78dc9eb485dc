"""A tiny corpus and a tiny real model, shared by the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import hypothesis
import pytest
import torch

import zuoci
from zuoci.text.corpus import Song

if TYPE_CHECKING:
    from pathlib import Path

hypothesis.settings.register_profile("zuoci", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("zuoci")

LINES = "山前{n}路\n路上{n}人\n人在唱{n}\n歌里有{n}\n"


@pytest.fixture
def corpus() -> zuoci.Corpus:
    """Twelve songs that differ, of 25 characters each."""
    return zuoci.Corpus(tuple(Song("songs.txt", f"第{n}首\n{LINES.format(n=n)}\n") for n in "一二三四五六七八九十百千"))


@pytest.fixture
def settings() -> zuoci.Settings:
    """A run of a second or less."""
    return zuoci.resolve("lyrics", {"epochs": 3, "hidden_size": 16, "embedding_size": 8, "batch_size": 4, "seq_len": 8})


@pytest.fixture
def model(corpus: zuoci.Corpus) -> zuoci.CharLM:
    """An untrained model that knows the corpus's characters."""
    config = zuoci.ModelConfig(hidden_size=12, embedding_size=5)
    return zuoci.CharLM(config, zuoci.Vocabulary(corpus.text)).initialise(torch.Generator().manual_seed(1)).eval()


@pytest.fixture
def folder(model: zuoci.CharLM, tmp_path: Path) -> Path:
    """That model, saved."""
    return zuoci.save(model, tmp_path / "model")
