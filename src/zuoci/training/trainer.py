"""Training: minibatches and a model → a trained model.

A `Run` is iterated for its reports and prints nothing; whoever runs it renders them. Between two reports it can
be captured, and a run that is restored from there goes on bit by bit as if it had never stopped.
"""

from __future__ import annotations

import dataclasses
import math
import time
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch

from zuoci.errors import CorpusError, DivergenceError
from zuoci.model.language_model import CharLM, State
from zuoci.model.threads import core_count, one_thread
from zuoci.text.batches import Batch, ConsecutiveBatches, RandomBatches
from zuoci.text.vocabulary import Vocabulary
from zuoci.training.baseline import NGram
from zuoci.training.evaluation import Score, evaluate
from zuoci.training.gradients import Gradients, Workers
from zuoci.training.memory import check_memory
from zuoci.training.optimisation import clip_gradients, make_optimizer
from zuoci.training.recipe import Settings, TrainConfig, resolve
from zuoci.training.reports import EndReport, EvalReport, RollbackReport, StepReport
from zuoci.training.schedule import Schedule, learning_rate
from zuoci.training.split import Split, split

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from torch import Tensor

    from zuoci.text.corpus import Corpus

_MOST_PACES = 64  # measured times that are kept, until a time budget has become steps
_GOOD_EVERY = 64  # steps between two states to go back to after a loss that is not finite
_ROLLBACKS = 3


@dataclass
class Progress:
    """How far a run has come: all of its state that is not a tensor.

    Attributes:
        steps: updates of the whole run; 0: a time budget is not yet turned into steps.
        began_to_fall: the step at which a time budget was turned into steps.
        step: updates so far.
        epoch: the current one, from 1.
        batch: minibatches of the current epoch so far.
        characters: characters trained on so far.
        round_nll: summed over the characters of the current round.
        round_characters: their number.
        evaluated: the step of the last evaluation.
        rounds: what the evaluations gave.
        rate_scale: what the learning rate is multiplied with, after rollbacks.
        rollbacks: how often the run went back.
        seconds: of training and evaluation so far; not what whoever runs it did between two reports.
        last_rate: the learning rate of the last step.
        paces: the seconds of the latest steps, until a time budget has become steps.
        evaluations: the seconds of the latest evaluations, until then.
    """

    steps: int = 0
    began_to_fall: int = 0
    step: int = 0
    epoch: int = 1
    batch: int = 0
    characters: int = 0
    round_nll: float = 0.0
    round_characters: int = 0
    evaluated: int = 0
    rounds: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    rate_scale: float = 1.0
    rollbacks: int = 0
    seconds: float = 0.0
    last_rate: float = 0.0
    paces: list[float] = field(default_factory=list[float])
    evaluations: list[float] = field(default_factory=list[float])


# What stays when a run goes back to its last good state.
_KEPT = ("steps", "began_to_fall", "rate_scale", "rollbacks", "seconds", "paces", "evaluations")


@dataclass(frozen=True)
class Snapshot:
    """The state of a run between two steps.

    Attributes:
        progress: a copy.
        tensors: weights, optimizer, carried state, generators; by name.
    """

    progress: Progress
    tensors: dict[str, Tensor]


class Run:
    """A training run.

    Attributes:
        corpus: the songs.
        settings: with precision and threads as they really are.
        parts: the text to train on, and the held-out one.
        model: as it is now.
        progress: how far it has come.
        good: where a loss that is not finite would send it back to.
        best: the best weights so far, if those are to be kept.
    """

    def __init__(
        self,
        corpus: Corpus,
        settings: Settings | None = None,
        *,
        model: CharLM | None = None,
        device: torch.device | str | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Prepares a run.

        Args:
            corpus: the songs.
            settings: from `resolve`; by default those of the recipe `auto`.
            model: to start from; its characters must cover the corpus. By default a new one.
            device: by default CUDA where there is one, else the CPU.
            clock: gives seconds.

        Raises:
            CorpusError: the corpus is shorter than one minibatch, or too small to hold out a part of.
            SettingsError: the settings need more memory than there is.
            VocabularyError: the corpus has characters that `model` does not know.
        """
        settings = settings or resolve(text=corpus.text)
        self.corpus = corpus
        self.parts = split(corpus, settings.training)
        device = torch.device(device or default_device())
        config = self.config = _concrete(settings.training, device)
        self.settings = settings.model_copy(update={"training": config})
        self.progress = Progress()
        self.sampling = torch.Generator().manual_seed(config.seed)
        vocabulary = model.vocabulary if model else _vocabulary(self.parts)
        ids = vocabulary.encode(self.parts.training, torch.int32)
        self.batches = make_batches(ids, config, self.sampling)
        self.held_out = vocabulary.encode(self.parts.validation)
        if config.validation and len(self.held_out) < 2:
            raise CorpusError(
                f"too little different text to hold out {config.validation:.0%} of: {len(corpus.text)} characters in "
                f"{len(corpus)} songs; add text, or set validation to 0"
            )
        check_memory(model.config if model else settings.model, config, len(vocabulary), device)
        if model is None:
            with one_thread():
                model = CharLM(settings.model, vocabulary).initialise(self.sampling, config.initialisation)
        self.model = model.to(device)
        model.path = config.path
        self.schedule = Schedule(config, len(self.batches), len(self.held_out))
        if not config.seconds:
            self.progress.steps = self.schedule.limit
        self.workers = Workers(config.threads)
        dtype = torch.bfloat16 if config.precision == "bfloat16" else model.output.weight.dtype
        self.gradients = Gradients(model, self.workers, dtype, config.seed)
        self.optimizer = make_optimizer(model, config)
        self.state: State = self.gradients.initial_state(config.batch_size)
        self.best: dict[str, Tensor] = {}  # replaced, never changed
        self._epoch_start = self.sampling.get_state()
        self._clock = clock
        self.good = self.capture()

    @property
    def digest(self) -> str:
        """Identifies the text."""
        return self.parts.digest

    def stop(self) -> None:
        """Ends the run with what it has learnt: what is left is to evaluate. Before the first step it does nothing."""
        if self.progress.step:
            self.progress.steps = self.progress.step

    def __iter__(self) -> Generator[StepReport | RollbackReport | EvalReport | EndReport]:
        """Trains to the end.

        Yields:
            A `StepReport` after each update, an `EvalReport` after each round, an `EndReport` last.

        Raises:
            DivergenceError: the loss was not finite, again and again.
        """
        with self.workers:
            batches: Iterator[Batch] | None = None
            while not self._finished():
                begin = self._clock() - self.progress.seconds  # what happens between two reports does not count
                report: StepReport | RollbackReport | EvalReport | None
                if self._evaluation_due():
                    report = self._evaluate(begin)
                else:
                    batches = batches or self._rest_of_epoch()
                    batch = next(batches, None)
                    report = self._step(batch, begin) if batch is not None else self._next_epoch()
                if not isinstance(report, StepReport | EvalReport):
                    batches = None
                if report:
                    yield report
            yield self._end()

    def _rest_of_epoch(self) -> Iterator[Batch]:
        self.sampling.set_state(self._epoch_start)
        return islice(self.batches, self.progress.batch, None)

    def _next_epoch(self) -> None:
        self.progress.epoch += 1
        self.progress.batch = 0
        self._epoch_start = self.sampling.get_state()
        self.state = self.gradients.initial_state(self.config.batch_size)

    def _step(self, batch: Batch, begin: float) -> StepReport | RollbackReport:
        progress, config = self.progress, self.config
        state = self.state if self.batches.carries_state else self.gradients.initial_state(config.batch_size)
        nll, state = self.gradients.compute(batch, state)
        norm = clip_gradients(self.gradients.params, config.max_grad_norm)
        if not (math.isfinite(nll) and math.isfinite(norm)):
            return self._roll_back(f"the loss is {nll:g} and its gradient's norm {norm:g}")
        rate = learning_rate(config, progress.step, progress.steps, progress.began_to_fall) * progress.rate_scale
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["scale"]
        self.optimizer.step()
        self.state = state
        characters = batch.targets.numel()
        progress.step += 1
        progress.batch += 1
        progress.characters += characters
        progress.round_nll += nll * characters
        progress.round_characters += characters
        progress.last_rate = rate
        if progress.step % _GOOD_EVERY == 0:
            snapshot = self.capture()
            if _finite(self.model):
                self.good = snapshot
        self._plan(pace=self._measure(begin))
        return StepReport(progress.step, progress.steps, progress.epoch, nll, progress.characters, progress.seconds)

    def _roll_back(self, reason: str) -> RollbackReport:
        progress = self.progress
        rate = self.config.learning_rate * progress.rate_scale
        if progress.rollbacks == _ROLLBACKS:
            raise DivergenceError(
                f"training diverged at step {progress.step + 1}, for the {_ROLLBACKS + 1}th time: {reason}; "
                f"lower learning_rate (now {rate:g}) or max_grad_norm"
            )
        progress.rollbacks += 1
        progress.rate_scale /= 2
        self.go_back()
        return RollbackReport(self.progress.step, rate / 2, reason)

    def go_back(self) -> None:
        """Restores the last good state, also in the middle of a step that was interrupted."""
        kept = {name: getattr(self.progress, name) for name in _KEPT}
        self.restore(Snapshot(dataclasses.replace(self.good.progress, **kept), self.good.tensors))

    def _measure(self, begin: float) -> float:
        """Counts the time since the last report, and gives it."""
        before, self.progress.seconds = self.progress.seconds, self._clock() - begin
        return self.progress.seconds - before

    def _plan(self, *, pace: float | None = None, evaluation: float | None = None) -> None:
        """Turns a time budget into steps, once, when the pace is known."""
        progress = self.progress
        if progress.steps or not self.config.seconds:
            return
        if pace is not None:
            progress.paces = [*progress.paces, pace][-_MOST_PACES:]
        if evaluation is not None:
            progress.evaluations = [*progress.evaluations, evaluation][-_MOST_PACES:]
        progress.steps = self.schedule.total(progress.step, progress.seconds, progress.paces, progress.evaluations)
        progress.began_to_fall = progress.step if progress.steps else 0

    def _evaluation_due(self) -> bool:
        progress = self.progress
        due = self.schedule.evaluation_due(progress.step, progress.batch, progress.steps)
        return due and progress.step != progress.evaluated

    def _evaluate(self, begin: float) -> EvalReport | RollbackReport:
        progress = self.progress
        if not _finite(self.model):
            return self._roll_back("there are weights that are no finite numbers")
        nll = progress.round_nll / progress.round_characters
        of = "the training text, while it was trained"
        of += ", over one epoch, as the lesson counts" if progress.batch == len(self.batches) else ""
        train = Score(nll=nll, characters=progress.round_characters, protocol=of)
        score = None
        if len(self.held_out):
            model = self.gradients.reader()
            score = evaluate(model, self.held_out, of=self.parts.held_out, workers=self.workers)
        self._plan(evaluation=self._measure(begin))
        best = self._best_round()
        better = best is None or not best.validation or (score is not None and score.nll < best.validation.nll)
        report = EvalReport(
            progress.step,
            progress.step / len(self.batches),
            train,
            score,
            better,
            progress.last_rate,
            progress.characters,
            progress.seconds,
            self.model,
        )
        if better and self.config.keep == "best":
            self.best = {name: value.clone() for name, value in self.model.state_dict().items()}
        progress.round_nll, progress.round_characters, progress.evaluated = 0.0, 0, progress.step
        progress.rounds = [*progress.rounds, report.as_dict()]
        self.good = self.capture()
        return report

    def _round(self, figures: dict[str, Any]) -> EvalReport:
        return EvalReport.from_dict(figures, self.model)

    def _best_round(self) -> EvalReport | None:
        return next((self._round(figures) for figures in reversed(self.progress.rounds) if figures["best"]), None)

    def _finished(self) -> bool:
        progress, config = self.progress, self.config
        if progress.evaluated != progress.step or not progress.rounds:
            return False
        if self.schedule.is_last(progress.step, progress.steps):
            return True
        if self._round(progress.rounds[-1]).train.perplexity <= config.until_perplexity:
            return True
        since_best = next(k for k, figures in enumerate(reversed(progress.rounds)) if figures["best"])
        return bool(config.patience) and since_best >= config.patience

    def _end(self) -> EndReport:
        rounds = [self._round(figures) for figures in self.progress.rounds]
        kept = (self.config.keep == "best" and self._best_round()) or rounds[-1]
        if self.best:
            self.model.load_state_dict(self.best)
        score = baseline = None
        if len(self.held_out):
            score = evaluate(self.model, self.held_out, of=self.parts.held_out, workers=self.workers)
            vocabulary = self.model.vocabulary
            ngram = NGram(vocabulary.encode(self.parts.training), len(vocabulary))
            baseline = ngram.score(self.held_out, of=self.parts.held_out)
        return EndReport(
            self.model.eval(),
            self.settings,
            self.corpus,
            rounds,
            kept,
            score,
            baseline,
            self.progress.step / len(self.batches),
            self.progress.step,
            self.progress.characters,
            rounds[-1].seconds,
        )

    def capture(self) -> Snapshot:
        """The state as it is now."""
        tensors = {f"model.{name}": value.clone() for name, value in self.model.state_dict().items()}
        for index, values in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{key}": value.clone() for key, value in values.items() if value is not None}
        tensors |= {f"state.{k}": value.clone() for k, value in enumerate(self.state)}
        tensors |= {f"dropout.{k}": value.get_state() for k, value in enumerate(self.gradients.generators)}
        tensors["sampling"] = self._epoch_start.clone()
        return Snapshot(dataclasses.replace(self.progress), tensors)

    def restore(self, snapshot: Snapshot) -> None:
        """Goes back to a state."""
        tensors = snapshot.tensors
        self.progress = dataclasses.replace(snapshot.progress)
        self.model.load_state_dict({name: tensors[f"model.{name}"] for name in self.model.state_dict()})
        states: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            if name.startswith("optimizer."):
                _, index, key = name.split(".")
                states.setdefault(int(index), {})[key] = value.clone()
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": states})
        # A copy, since tensors read from a file are not aligned as torch aligns its own.
        self.state = tuple(tensors[f"state.{k}"].to(self.model.device, copy=True) for k in range(len(self.state)))
        for k, generator in enumerate(self.gradients.generators):
            generator.set_state(tensors[f"dropout.{k}"])
        self._epoch_start = tensors["sampling"].clone()


def _vocabulary(parts: Split) -> Vocabulary:
    characters = "".join(set(parts.training + parts.validation))
    if any("\ud800" <= char <= "\udfff" for char in characters):
        raise CorpusError("the corpus has halves of characters (surrogates), which cannot be saved; clean the text")
    return Vocabulary(characters)


def train(
    corpus: Corpus,
    settings: Settings | None = None,
    *,
    model: CharLM | None = None,
    device: torch.device | str | None = None,
) -> Iterator[StepReport | RollbackReport | EvalReport | EndReport]:
    """Trains a model on a corpus: iterates a `Run`, whose arguments, reports and errors these are."""
    return iter(Run(corpus, settings, model=model, device=device))


def default_device() -> torch.device:
    """CUDA where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def make_batches(ids: Tensor, config: TrainConfig, generator: torch.Generator) -> RandomBatches | ConsecutiveBatches:
    """The minibatches of a text, sampled as the settings say.

    Raises:
        CorpusError: the text is shorter than one minibatch.
    """
    if config.sampling == "random":
        return RandomBatches(ids, config.batch_size, config.seq_len, generator)
    return ConsecutiveBatches(ids, config.batch_size, config.seq_len)


def _concrete(config: TrainConfig, device: torch.device) -> TrainConfig:
    """The settings with nothing left to this machine."""
    threads = 1 if device.type != "cpu" else min(config.threads or core_count(), config.batch_size)
    precision = config.precision
    if precision == "auto":
        precision = "bfloat16" if _has_bfloat16(device) else "float32"
    return config.model_copy(update={"threads": threads, "precision": precision})


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    supports = (getattr(torch.cpu, name, bool) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(support() for support in supports)


def _finite(model: CharLM) -> bool:
    norms = torch._foreach_norm(list(model.parameters()))  # pyright: ignore
    return bool(torch.stack(norms).isfinite().all())
