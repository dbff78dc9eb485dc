"""`zuoci lesson`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from zuoci.errors import SettingsError


def command(
    corpus: Annotated[
        Path | None,
        typer.Option(help="The course's jaychou_lyrics.txt.zip, a zip with one text, or a text file.", metavar="PATH"),
    ] = None,
    sampling: Annotated[Literal["random", "consecutive"], typer.Option(help="How minibatches are sampled.")] = "random",
    cell: Annotated[Literal["rnn", "gru", "lstm"], typer.Option(help="The recurrent cell, from scratch.")] = "rnn",
    epochs: Annotated[int, typer.Option(help="Passes through the text.")] = 250,
    seed: Annotated[int, typer.Option(help="The same seed gives the same figures and texts.")] = 0,
    prefix: Annotated[
        list[str] | None, typer.Option(help="An opening to continue; may be given several times.", show_default=False)
    ] = None,
) -> None:
    """Prints the perplexity, the seconds of an epoch, and sample texts, five times during the run."""
    import torch  # imported after the help

    from zuoci import lesson
    from zuoci.errors import CorpusError
    from zuoci.model.threads import one_thread
    from zuoci.training.recipe import resolve
    from zuoci.training.trainer import make_batches

    config = resolve("lesson", {"sampling": sampling, "epochs": epochs, "seed": seed}).training

    corpus_indices, char_to_idx, idx_to_char, vocab_size = lesson.load_data_jay_lyrics(corpus)
    generator = torch.Generator().manual_seed(config.seed)
    if not corpus_indices:
        raise CorpusError(f"{corpus} is empty: it holds no characters to train on")
    make_batches(torch.tensor(corpus_indices), config, generator)  # raises if the text is too short
    prefixes = _prefixes(prefix or [], "".join(idx_to_char[i] for i in corpus_indices))
    cells = {
        "rnn": (lesson.rnn, lesson.get_params, lesson.init_rnn_state),
        "gru": (lesson.gru, lesson.get_gru_params, lesson.init_gru_state),
        "lstm": (lesson.lstm, lesson.get_lstm_params, lesson.init_lstm_state),
    }
    network, get_params, init_state = cells[cell]
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
            is_random_iter=sampling == "random",
            num_epochs=epochs,
            num_steps=config.seq_len,
            lr=config.learning_rate,
            clipping_theta=config.max_grad_norm,
            batch_size=config.batch_size,
            pred_period=max(1, epochs // 5),
            pred_len=50,
            prefixes=prefixes,
            generator=generator,
        )


def _prefixes(prefixes: list[str], text: str) -> list[str]:
    """The openings to continue: those of the user, else those of the lesson, else the first characters of the text."""
    from zuoci.cli import say

    if not prefixes and not set("不分开") <= set(text):
        prefixes = [text[:2], text[:3]]
        say(f"note: the text has no 分开; continuing its own first characters, {prefixes[0]!r} and {prefixes[1]!r}")
    for opening in prefixes:
        unknown = "".join(dict.fromkeys(char for char in opening if char not in text))
        if unknown or not opening:
            reason = f"{unknown} is not in the text" if unknown else "it is empty"
            raise SettingsError(f"the prefix {opening!r} cannot be continued: {reason}; choose characters of the text")
    return prefixes or ["分开", "不分开"]
