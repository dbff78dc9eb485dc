"""Training: minibatches and a model → a trained model.

`train` is a generator. It yields a report for every step and epoch and prints nothing; whoever runs it
renders the reports.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import cross_entropy
from torch.nn.utils import get_total_norm

from zuoci.errors import CorpusError, DivergenceError
from zuoci.model.checkpoint import save
from zuoci.model.language_model import CharLM, State
from zuoci.text.batches import Batch, ConsecutiveBatches, RandomBatches
from zuoci.text.vocabulary import Vocabulary
from zuoci.training.card import model_card
from zuoci.training.evaluation import Score, evaluate
from zuoci.training.recipe import Settings, TrainConfig, resolve
from zuoci.training.split import split

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from os import PathLike
    from pathlib import Path

    from torch import Tensor

    from zuoci.text.corpus import Corpus


@dataclass(frozen=True, slots=True)
class StepReport:
    """After one optimizer update.

    Attributes:
        step: updates so far.
        steps: updates that the whole run has, if it is not stopped early.
        epoch: the epoch of the step, from 1.
        nll: of its minibatch, nats a character.
        characters: characters trained on so far.
        seconds: since the first minibatch, evaluation included.
    """

    step: int
    steps: int
    epoch: int
    nll: float
    characters: int
    seconds: float


@dataclass(frozen=True, slots=True)
class EvalReport:
    """After one epoch.

    Attributes:
        epoch: from 1.
        train: over the epoch's characters while it was trained, as the lesson defines it.
        validation: on the held-out text; None if nothing is held out.
        best: this epoch's weights are the best so far (without a held-out text, the latest are).
        seconds: of this epoch.
        model: the model as it is now.
    """

    epoch: int
    train: Score
    validation: Score | None
    best: bool
    seconds: float
    model: CharLM


@dataclass(frozen=True, slots=True)
class EndReport:
    """At the end.

    Attributes:
        model: with the weights that were kept.
        settings: what it was trained with.
        corpus_characters: characters of the corpus, held-out ones included.
        songs: songs of the corpus.
        kept: the report of the epoch whose weights were kept.
        epochs: epochs that were trained.
        steps: optimizer updates.
        characters: characters trained on.
        train_seconds: from the first minibatch to the last, evaluation included.
    """

    model: CharLM
    settings: Settings
    corpus_characters: int
    songs: int
    kept: EvalReport
    epochs: int
    steps: int
    characters: int
    train_seconds: float

    def as_dict(self) -> dict[str, Any]:
        """The figures of the run, for JSON."""
        return {
            "characters": self.corpus_characters,
            "songs": self.songs,
            "vocab_size": len(self.model.vocabulary),
            "parameters": self.model.parameter_count,
            "epochs": self.epochs,
            "kept_epoch": self.kept.epoch,
            "steps": self.steps,
            "train_seconds": self.train_seconds,
            "characters_per_second": self.characters_per_second,
            "train": self.kept.train.as_dict(),
            "validation": self.kept.validation.as_dict() if self.kept.validation else None,
        }

    def save(self, folder: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Saves the model with its settings, its figures and a model card.

        Returns:
            The folder.

        Raises:
            ModelFolderError: the folder is taken, or cannot be written.
        """
        settings = self.settings.training.model_dump(mode="json")
        return save(
            self.model,
            folder,
            training=settings,
            report=self.as_dict(),
            card=model_card(self.as_dict(), settings),
            overwrite=overwrite,
        )

    @property
    def characters_per_second(self) -> float:
        """Characters trained on in a second."""
        return self.characters / max(self.train_seconds, 1e-9)


def default_device() -> torch.device:
    """CUDA where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def train(
    corpus: Corpus,
    settings: Settings | None = None,
    *,
    model: CharLM | None = None,
    device: torch.device | str | None = None,
) -> Iterator[StepReport | EvalReport | EndReport]:
    """Trains a model on a corpus.

    Args:
        corpus: the songs.
        settings: from `resolve`; by default those of the recipe `lyrics`.
        model: to start from; its characters must cover the corpus. By default a new one.
        device: by default CUDA where there is one, else the CPU.

    Yields:
        A `StepReport` after each update, an `EvalReport` after each epoch, an `EndReport` last.

    Raises:
        CorpusError: the corpus is shorter than one minibatch.
        VocabularyError: the corpus has characters that `model` does not know.
        DivergenceError: the loss is no longer finite.
    """
    settings = settings or resolve()
    config = settings.training
    parts = split(corpus, config)
    generator = torch.Generator().manual_seed(config.seed)
    if model is None:
        vocabulary = Vocabulary(parts.training + parts.validation)
        model = CharLM(settings.model, vocabulary).initialise(generator, config.initialisation)
    model.to(device or default_device())
    ids = model.vocabulary.encode(parts.training)
    batches = make_batches(ids, config, generator)
    held_out = model.vocabulary.encode(parts.validation)
    if config.validation and len(held_out) < 2:
        raise CorpusError(
            f"too little different text to hold out {config.validation:.0%} of: {len(corpus.text)} characters in "
            f"{len(corpus)} songs; add text, or set validation to 0"
        )
    updater = _Updater(model, config, config.epochs * len(batches))
    best: EvalReport | None = None
    kept: EvalReport | None = None
    best_weights: dict[str, Tensor] = {}
    epoch = 0
    while epoch < config.epochs and not (config.patience and best and epoch - best.epoch >= config.patience):
        epoch += 1
        begin = updater.seconds
        train_score = yield from _epoch(batches, updater, epoch)
        score = evaluate(model, held_out, of=parts.held_out) if len(held_out) else None
        improved = best is None or best.validation is None or (score is not None and score.nll < best.validation.nll)
        report = EvalReport(epoch, train_score, score, improved, updater.seconds - begin, model)
        if improved:
            best = report
        if improved or config.keep == "last":
            kept = report
        if improved and config.keep == "best":
            best_weights = {name: value.clone() for name, value in model.state_dict().items()}
        yield report
    assert kept is not None
    seconds = updater.seconds
    if best_weights:
        model.load_state_dict(best_weights)
    yield EndReport(
        model.eval(), settings, len(corpus.text), len(corpus), kept, epoch, updater.step, updater.characters, seconds
    )


def make_batches(ids: Tensor, config: TrainConfig, generator: torch.Generator) -> RandomBatches | ConsecutiveBatches:
    """The minibatches of a text, sampled as the settings say.

    Raises:
        CorpusError: the text is shorter than one minibatch.
    """
    if config.sampling == "random":
        return RandomBatches(ids, config.batch_size, config.seq_len, generator)
    return ConsecutiveBatches(ids, config.batch_size, config.seq_len)


def learning_rate(config: TrainConfig, step: int, steps: int) -> float:
    """The learning rate of a step, from 0: constant, or falling to a tenth of its start along half a cosine."""
    if config.schedule == "constant":
        return config.learning_rate
    return config.learning_rate * (0.55 + 0.45 * math.cos(math.pi * step / steps))


def clip_gradients(params: Sequence[Tensor], max_norm: float) -> float:
    """Takes all gradients as one vector g and shortens it in place: g ← min(θ/‖g‖, 1) · g.

    (`torch.nn.utils.clip_grad_norm_` adds 1e-6 to the norm, which the lesson does not.)

    Args:
        params: those without a gradient are passed over.
        max_norm: θ.

    Returns:
        ‖g‖, as it was.
    """
    gradients = [param.grad for param in params if param.grad is not None]
    norm = get_total_norm(gradients).item()
    if norm > max_norm:
        for gradient in gradients:
            gradient.mul_(max_norm / norm)
    return norm


class _Updater:
    """A model, its optimizer, and how far they have come."""

    def __init__(self, model: CharLM, config: TrainConfig, steps: int) -> None:
        self.model = model
        self.config = config
        self.steps = steps
        self.step = 0
        self.characters = 0
        self.begin = time.perf_counter()
        self.params = [param for param in model.parameters() if param.requires_grad]
        self.dropout = torch.Generator(model.device).manual_seed(config.seed)
        if config.optimizer == "sgd":
            self.optimizer: torch.optim.Optimizer = torch.optim.SGD(self.params, config.learning_rate)
        else:
            decayed = [param for param in self.params if param.dim() > 1]
            rest = [param for param in self.params if param.dim() == 1]
            groups = [
                {"params": decayed, "weight_decay": config.weight_decay},
                {"params": rest, "weight_decay": 0.0},
            ]
            self.optimizer = torch.optim.AdamW(groups, config.learning_rate)

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.begin

    def update(self, batch: Batch, state: State) -> tuple[float, State]:
        """Takes one step down the gradient of a minibatch.

        Returns:
            The minibatch's nll before the step, and the state after it, cut off from the graph.

        Raises:
            DivergenceError: the loss or the gradient is not finite; the weights are untouched.
        """
        device = self.model.device
        logits, state = self.model(batch.inputs.to(device), state, self.dropout)
        loss = cross_entropy(logits.flatten(0, 1), batch.targets.to(device).flatten())
        self.optimizer.zero_grad()
        loss.backward()
        nll, norm = loss.item(), clip_gradients(self.params, self.config.max_grad_norm)
        if not (math.isfinite(nll) and math.isfinite(norm)):
            raise DivergenceError(
                f"training diverged at step {self.step + 1}: the loss is {nll:g} and its gradient's norm {norm:g}; "
                f"lower learning_rate (now {self.config.learning_rate:g}) or max_grad_norm"
            )
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.config, self.step, self.steps)
        self.optimizer.step()
        self.step += 1
        self.characters += batch.targets.numel()
        return nll, tuple(part.detach() for part in state)


def _epoch(
    batches: RandomBatches | ConsecutiveBatches, updater: _Updater, epoch: int
) -> Generator[StepReport, None, Score]:
    updater.model.train()  # whoever had the last report may have written with the model
    total, before = 0.0, updater.characters
    state = updater.model.initial_state(batches.batch_size)
    for batch in batches:
        if not batches.carries_state:
            state = updater.model.initial_state(batches.batch_size)
        nll, state = updater.update(batch, state)
        total += nll * batch.targets.numel()
        yield StepReport(updater.step, updater.steps, epoch, nll, updater.characters, updater.seconds)
    characters = updater.characters - before
    return Score(
        nll=total / characters,
        characters=characters,
        protocol="the training text, over one epoch while it was trained, as the lesson counts",
    )
