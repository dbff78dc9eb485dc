"""The training loop: a corpus and settings → reports, and at the end a trained model.

A `Run` is iterated for its reports. It prints nothing and writes no file; `zuoci.training.job` does both for the
command line and the studio. Between two reports the whole state of a run can be captured, and a run that is restored
from it continues bit for bit as if it had never stopped.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import torch

from zuoci.errors import CorpusError, DivergenceError, Message
from zuoci.model.base import NO_BASE
from zuoci.model.language_model import CharLM
from zuoci.model.quantisation import decode, encode
from zuoci.model.threads import one_thread
from zuoci.text.vocabulary import Vocabulary
from zuoci.training.adapt import load_base, mix_with_counts
from zuoci.training.baseline import score_by_counting
from zuoci.training.distributed import Ranks
from zuoci.training.evaluation import Score, evaluate
from zuoci.training.gradients import Gradients, Workers
from zuoci.training.machine import default_device, settings_for
from zuoci.training.minibatches import CarriedState, Minibatches
from zuoci.training.optimisation import OptimizerState, clip_gradients, make_optimizer
from zuoci.training.recipe import Settings, resolve
from zuoci.training.reports import EndReport, EvalReport, RollbackReport, StepReport
from zuoci.training.schedule import Schedule, learning_rate
from zuoci.training.snapshot import Progress, Snapshot, Stateful
from zuoci.training.split import Split, split

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from torch import Tensor

    from zuoci.text.batches import Batch
    from zuoci.text.corpus import Corpus

_GOOD_EVERY = 64  # steps between two states to go back to if the loss is no longer finite
_LAST_SCORE = 2.5  # evaluations that the score of the finished model takes: it is in float32, or mixed with counts
_ROLLBACKS = 3  # a run that would roll back once more gives up


class Run:
    """A training run.

    Attributes:
        corpus: the songs.
        settings: the settings, with precision, products and threads as they are on this machine.
        pace: how fast this machine computes a step in the ways that the settings left open; None: they left none.
        split: the training text and the held-out text.
        model: the model in its current state.
        progress: how far the run has come.
        good: the state to go back to if the loss is not finite.
        best: the best weights so far, if the settings keep them; else {}.
        reserve: the seconds of a time budget that are left to the caller at the end, for saving.
    """

    def __init__(
        self,
        corpus: Corpus,
        settings: Settings | None = None,
        *,
        model: CharLM | None = None,
        device: torch.device | str | None = None,
        clock: Callable[[], float] = time.perf_counter,
        since: float | None = None,
        ranks: Ranks | None = None,
    ) -> None:
        """Prepares a run.

        Args:
            corpus: the songs.
            settings: from `resolve`; default: those of the recipe `auto`.
            model: the model to start from, whose vocabulary must cover the corpus; default: a new one.
            device: default: CUDA if it is available, else the CPU.
            clock: returns seconds.
            since: the time on that clock from which a time budget counts; default: now.
            ranks: the processes that train together, each with a run of its own; default: this one alone.

        Raises:
            CorpusError: the corpus is shorter than one minibatch, or too small to hold out a part of it.
            SettingsError: the settings need more memory than is free.
            VocabularyError: the corpus has characters that `model` does not know.
        """
        self._clock, self._began = clock, 0.0
        self._last = clock() if since is None else since
        self.reserve = 0.0
        settings = settings or resolve(text=corpus.text)
        device = torch.device(device or default_device())
        self.corpus, config = corpus, settings.training
        self.ranks = ranks or Ranks()
        self.split = split(corpus, config)
        if model is None and config.base != NO_BASE:
            model = load_base(config.base, settings.model, self.split.training + self.split.validation)
        vocabulary = model.vocabulary if model else _vocabulary(self.split)
        generator = torch.Generator().manual_seed(config.seed)
        self._training = vocabulary.encode(self.split.training, torch.int32)
        config, self.pace = settings_for(
            model.config if model else settings.model, config, len(vocabulary), device, self.ranks
        )
        self.config, self.settings = config, settings.model_copy(update={"training": config})
        self.workers = Workers(config.threads, self.ranks)
        columns = self.workers.columns(config.batch_size)
        self.batches = Minibatches(self._training, config, generator, columns)
        self.held_out = _encode_held_out(vocabulary, self.split, corpus, config.validation)
        if model is None:
            with one_thread():
                model = CharLM(settings.model, vocabulary).initialise(generator, config.initialisation)
        self.model = model.to(device)
        model.path, model.products = config.path, config.products  # pyright: ignore[reportAttributeAccessIssue]
        self.batches.begin_epoch()  # the generator that drew the weights goes on to draw the order of minibatches
        self.schedule = Schedule(config, len(self.batches), len(self.held_out))
        self.progress = Progress()
        self.schedule.plan(self.progress)
        dtype = torch.bfloat16 if config.precision == "bfloat16" else model.output.weight.dtype
        self.gradients = Gradients(model, self.workers, dtype, config.seed)
        self.optimizer = make_optimizer(model, config)
        zeros = self.gradients.initial_state(config.batch_size)
        self.state = CarriedState(zeros, carries=self.batches.carries_state)
        self._parts: dict[str, Stateful] = {
            "model": self.model,
            "optimizer": OptimizerState(self.optimizer),
            "state": self.state,
            "dropout": self.gradients,
            "sampling": self.batches,
        }
        self.best: dict[str, Tensor] = {}  # replaced, never changed in place
        self.good = self.capture()

    def __iter__(self) -> Generator[StepReport | RollbackReport | EvalReport | EndReport]:
        """Trains to the end.

        Yields:
            A `StepReport` after each update, an `EvalReport` after each round, an `EndReport` last; and a
            `RollbackReport` where a loss that is not finite made the run go back.

        Raises:
            DivergenceError: the loss was not finite for the fourth time.
        """
        # With a time budget first, so that it is known how long it takes.
        baseline = self._baseline() if self.config.seconds and self.ranks.first else None
        with self.workers:
            batches = self.batches.rest_of_epoch(self.progress.batch)
            while not self._finished():
                self._began = self._clock()  # what the caller does between two reports does not count
                if self._evaluation_due():
                    report = self._evaluate()
                elif (batch := next(batches, None)) is not None:
                    report = self._step(batch)
                else:
                    self._begin_epoch()
                    batches = self.batches.rest_of_epoch(0)
                    continue
                if isinstance(report, RollbackReport):
                    batches = self.batches.rest_of_epoch(self.progress.batch)
                yield report
            yield self._end(baseline or (self._baseline() if self.ranks.first else None))

    def stop(self) -> None:
        """Ends the run after a last evaluation, with what it has learnt. Before the first step it does nothing."""
        if self.progress.step:
            self.progress.steps = self.progress.step

    def capture(self) -> Snapshot:
        """Copies the current state."""
        return Snapshot.of(self.progress, self._parts)

    def restore(self, snapshot: Snapshot) -> None:
        """Goes back to a state."""
        self.progress = snapshot.restore(self._parts)

    def go_back(self) -> None:
        """Goes back to the last good state; also allowed after a step was interrupted halfway."""
        self.restore(Snapshot(self.progress.rolled_back_to(self.good.progress), self.good.tensors))

    def _begin_epoch(self) -> None:
        self.progress.epoch += 1
        self.progress.batch = 0
        self.batches.begin_epoch()
        self.state.reset()

    def _step(self, batch: Batch) -> StepReport | RollbackReport:
        """One update of the weights."""
        progress, config = self.progress, self.config
        nll, state = self.gradients.compute(batch, self.state.value)
        norm = clip_gradients(self.gradients.params, config.max_grad_norm)
        if not (math.isfinite(nll) and math.isfinite(norm)):
            return self._roll_back(f"the loss is {nll:g} and the norm of its gradient {norm:g}")
        rate = learning_rate(config, progress.step, progress) * progress.rate_scale
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["scale"]
        self.optimizer.step()
        self.state.update(state)
        progress.count_step(nll, config.batch_size * config.seq_len, rate)
        if progress.step % _GOOD_EVERY == 0 and _finite(self.model):
            self.good = self.capture()
        self._measure()
        self._plan()
        return StepReport(progress.step, progress.steps, progress.epoch, nll, progress.characters, progress.seconds)

    def _roll_back(self, reason: str) -> RollbackReport:
        """Goes back to the last good state, to go on with half the learning rate."""
        progress = self.progress
        rate = self.config.learning_rate * progress.rate_scale
        if progress.rollbacks == _ROLLBACKS:
            told = (
                "training diverged at step {step}, for the {times}th time: {reason}; lower learning_rate (now "
                "{rate:g}) or max_grad_norm"
            )
            values = {"step": progress.step + 1, "times": _ROLLBACKS + 1, "reason": reason, "rate": rate}
            raise DivergenceError(Message("diverged", told, **values))
        progress.rollbacks += 1
        progress.rate_scale /= 2
        self.go_back()
        return RollbackReport(self.progress.step, rate / 2, reason)

    def _measure(self, *, of_evaluation: bool = False) -> None:
        """Counts the time since the last report."""
        now = self._clock()
        self.progress.count_time(now - self._began, now - self._last, of_evaluation=of_evaluation)
        self._last = now

    def _plan(self) -> None:
        """Adapts the plan to the time that is left."""
        scores = 0.0 if self._end_is_known else _LAST_SCORE
        self.schedule.plan(self.progress, evaluations=1.0 + scores, reserve=self.reserve)

    @property
    def _end_is_known(self) -> bool:
        """Whether the score of the finished model is that of the round whose weights are kept."""
        config = self.config
        as_it_is = config.precision == "float32" or config.base != NO_BASE  # see `_reader`
        return as_it_is and not (config.in_8_bits or config.counts)

    def _evaluation_due(self) -> bool:
        progress = self.progress
        if self._takes_on_a_model and not progress.rounds:
            return True
        return self.schedule.evaluation_due(progress) and progress.step != progress.last_evaluation_step

    @property
    def _takes_on_a_model(self) -> bool:
        """Whether the run starts from a trained model whose held-out loss can be measured before the first step."""
        return self.config.base != NO_BASE and len(self.held_out) > 0

    def _evaluate(self) -> EvalReport | RollbackReport:
        """Scores the model on the held-out text, and keeps its weights if they are the best so far."""
        if not _finite(self.model):
            return self._roll_back("some weights are not finite numbers")
        progress = self.progress
        train = self._score_of_round()
        score = self._score(self._reader())
        self._measure(of_evaluation=True)
        if not self.schedule.is_last(progress):
            self._plan()
        best = progress.best_round
        better = best is None or not best.validation or (score is not None and score.nll < best.validation.nll)
        report = EvalReport(
            step=progress.step,
            epoch=progress.step / len(self.batches),
            train=train,
            validation=score,
            best=better,
            learning_rate=progress.last_rate,
            characters=progress.characters,
            seconds=progress.seconds,
        )
        if better and self.config.keep == "best":
            self.best = {name: value.clone() for name, value in self.model.state_dict().items()}
        progress.finish_round(report)
        self.good = self.capture()
        return report

    def _reader(self) -> CharLM:
        """The model as it is evaluated: in the precision of the computation, which is faster.

        A model that was taken on changes so little that rounding to bfloat16 would hide much of it. It is evaluated
        with the counts of the model that it started from, as that model writes.
        """
        return self.model if self.config.base != NO_BASE else self.gradients.reader()

    def _score_of_round(self) -> Score:
        """The score on the training text.

        A run that takes on a model scores it before the first step, and so it can only be scored as it is: on as much
        of the training text as there is held-out text, and without dropout. It is then scored like that in all rounds,
        so that its figures can be compared. Other runs count what was trained on since the last round, as the lesson
        does.
        """
        progress = self.progress
        if self._takes_on_a_model:
            part = self._training[: len(self.held_out)].long()
            return evaluate(self._reader(), part, of="the beginning of the training text", workers=self.workers)
        protocol = "the training text, while it was trained"
        if progress.batch == len(self.batches):
            protocol += ", over one epoch, as the lesson counts"
        return Score(
            nll=progress.round_nll / progress.round_characters, characters=progress.round_characters, protocol=protocol
        )

    def _score(self, model: CharLM) -> Score | None:
        """The score on the held-out text; None if nothing is held out."""
        if not len(self.held_out):
            return None
        return evaluate(model, self.held_out, of=self.split.held_out, workers=self.workers)

    def _finished(self) -> bool:
        """Whether the last step is done and evaluated, or training has to stop earlier.

        The first process decides, by its own time, and where its caller stops the run: the others take its progress.
        """
        progress = self.progress = self.ranks.send(self.progress)
        config = self.config
        if progress.last_evaluation_step != progress.step or not progress.rounds:
            return False
        if self.schedule.is_last(progress):
            return True
        if progress.rounds[-1].train.perplexity <= config.until_perplexity:
            return True
        return bool(config.patience) and progress.rounds_since_best >= config.patience

    def _end(self, baseline: Score | None) -> EndReport:
        """Loads the weights that are kept, as they are saved, mixes them with counts, and scores them.

        Only the first process counts, since counts of a large text need much memory. The others read their share.
        """
        progress = self.progress
        kept = (self.config.keep == "best" and progress.best_round) or progress.rounds[-1]
        if self.best:
            self.model.load_state_dict(self.best)
        if self.config.in_8_bits:
            self.model.load_arrays(decode(encode(self.model.weights().arrays)))
        if self.config.counts and self.ranks.first:
            of = self.split.held_out
            validation = mix_with_counts(self.model, self._training, self.held_out, self.workers, of=of)
        else:
            validation = kept.validation if self._end_is_known else self._score(self.model)
        return EndReport(
            model=self.model.eval(),
            settings=self.settings,
            corpus=self.corpus,
            rounds=progress.rounds,
            kept=kept,
            validation=validation,
            baseline=baseline,
            epochs=progress.step / len(self.batches),
            steps=progress.step,
            characters=progress.characters,
            train_seconds=progress.rounds[-1].seconds,
        )

    def _baseline(self) -> Score | None:
        """The score of an n-gram on the held-out text; None if nothing is held out."""
        if not len(self.held_out):
            return None
        parts = self.split  # the characters of the text alone: a base model knows thousands that it does not have
        own = _vocabulary(parts)
        training, held_out = own.encode(parts.training), own.encode(parts.validation)
        return score_by_counting(training, len(own), held_out, of=parts.held_out)


def train(
    corpus: Corpus,
    settings: Settings | None = None,
    *,
    model: CharLM | None = None,
    device: torch.device | str | None = None,
) -> Iterator[StepReport | RollbackReport | EvalReport | EndReport]:
    """Trains a model on a corpus and yields the reports, an `EndReport` last. See `Run` for arguments and errors."""
    return iter(Run(corpus, settings, model=model, device=device))


def _vocabulary(parts: Split) -> Vocabulary:
    """The vocabulary of both parts of a corpus."""
    characters = "".join(set(parts.training + parts.validation))
    if any("\ud800" <= char <= "\udfff" for char in characters):
        raise CorpusError("the corpus has halves of characters (surrogates), which cannot be saved; clean the text")
    return Vocabulary(characters)


def _encode_held_out(vocabulary: Vocabulary, parts: Split, corpus: Corpus, share: float) -> Tensor:
    """The ids of the held-out text; none if nothing is to be held out."""
    ids = vocabulary.encode(parts.validation)
    if share and len(ids) < 2:
        told = (
            "too little different text to hold out {share:.0%} of: {characters} characters in {songs} songs; add text, "
            "or set validation to 0"
        )
        counts = {"characters": len(corpus.text), "songs": len(corpus)}
        raise CorpusError(Message("too_little_to_hold_out", told, share=share, **counts))
    return ids


def _finite(model: CharLM) -> bool:
    """Whether all weights are finite numbers."""
    norms = torch._foreach_norm(list(model.parameters()))  # pyright: ignore
    return bool(torch.stack(norms).isfinite().all())
