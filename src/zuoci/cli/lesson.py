"""`zuoci lesson`: trains with the functions of `zuoci.lesson`, which print figures and texts to stdout."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from zuoci.cli import say
from zuoci.errors import CorpusError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from zuoci.training.recipe import TrainConfig


def command(
    corpus: Annotated[
        Path | None,
        typer.Option(
            help="The course's jaychou_lyrics.txt.zip, another zip file with one text, or a text file.", metavar="PATH"
        ),
    ] = None,
    sampling: Annotated[
        Literal["random", "consecutive"],
        typer.Option(help="Whether minibatches are in random order, or continue one another."),
    ] = "random",
    cell: Annotated[Literal["rnn", "gru", "lstm"], typer.Option(help="Recurrent cell.")] = "rnn",
    epochs: Annotated[int, typer.Option(help="Passes through the text.")] = 250,
    seed: Annotated[int, typer.Option(help="Random seed; the same seed gives the same figures and texts.")] = 0,
    prefix: Annotated[
        list[str] | None,
        typer.Option(help="Opening of a text to write; may be given several times.", show_default=False),
    ] = None,
) -> None:
    """Prints perplexity, seconds per epoch and texts, five times over the run."""
    from zuoci.training.recipe import resolve

    config = resolve("lesson", {"sampling": sampling, "epochs": epochs, "seed": seed}).training
    import torch  # torch and the modules that need it are imported here, after wrong options are reported

    from zuoci import lesson
    from zuoci.training.minibatches import make_batches

    data = lesson.load_data_jay_lyrics(corpus)
    corpus_indices, char_to_idx, idx_to_char, _ = data
    generator = torch.Generator().manual_seed(config.seed)
    if not corpus_indices:
        raise CorpusError(f"{corpus} is empty: it holds no characters to train on")
    make_batches(torch.tensor(corpus_indices), config, generator)  # raises an error if the text is too short
    prefixes = prefix or _default_prefixes("".join(idx_to_char[i] for i in corpus_indices), char_to_idx)
    _check_prefixes(prefixes, char_to_idx)
    _train(data, cell, config, prefixes, generator)


def _train(
    data: tuple[list[int], dict[str, int], list[str], int],
    cell: str,
    config: TrainConfig,
    prefixes: list[str],
    generator: torch.Generator,
) -> None:
    from zuoci import lesson
    from zuoci.model.threads import one_thread

    corpus_indices, char_to_idx, idx_to_char, vocab_size = data
    network, get_params, init_state = {
        "rnn": (lesson.rnn, lesson.get_params, lesson.init_rnn_state),
        "gru": (lesson.gru, lesson.get_gru_params, lesson.init_gru_state),
        "lstm": (lesson.lstm, lesson.get_lstm_params, lesson.init_lstm_state),
    }[cell]
    with one_thread():
        lesson.train_and_predict_rnn(
            network,
            partial(get_params, vocab_size, lesson.num_hiddens, lesson.device, generator),
            init_state,
            lesson.num_hiddens,
            vocab_size,
            lesson.device,
            corpus_indices,
            idx_to_char,
            char_to_idx,
            is_random_iter=config.sampling == "random",
            num_epochs=config.epochs,
            num_steps=config.seq_len,
            lr=config.learning_rate,
            clipping_theta=config.max_grad_norm,
            batch_size=config.batch_size,
            pred_period=max(1, config.epochs // 5),
            pred_len=50,
            prefixes=prefixes,
            generator=generator,
        )


def _default_prefixes(text: str, char_to_idx: Mapping[str, int]) -> list[str]:
    """The openings of the lesson, or the first characters of a text that does not have theirs."""
    if set("不分开") <= char_to_idx.keys():
        return ["分开", "不分开"]
    say(f"note: the text does not contain 分开; using its first characters, {text[:2]!r} and {text[:3]!r}")
    return [text[:2], text[:3]]


def _check_prefixes(prefixes: list[str], char_to_idx: Mapping[str, int]) -> None:
    for opening in prefixes:
        unknown = "".join(dict.fromkeys(char for char in opening if char not in char_to_idx))
        if unknown or not opening:
            reason = f"{unknown} is not in the text" if unknown else "it is empty"
            raise SettingsError(f"the prefix {opening!r} cannot be continued: {reason}; choose characters of the text")
