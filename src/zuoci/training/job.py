"""A training run in the folder of its model. The command line, the studio and the tests all train through a `Job`.

    with Job("my-model") as job:
        job.prepare(corpus, settings)
        for event in job:
            ...

A job locks the folder, trains a `Run`, saves it every now and then, and saves the model at the end. It saves before it
reports: if a save was due, it is done when the caller gets the report. So a caller that fails loses nothing. If
anything ends the block before the run has ended, the run is saved, and can be resumed.
"""

from __future__ import annotations

import math
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from zuoci.errors import DivergenceError, ModelFolderError, SettingsError, ZuociError
from zuoci.model.destination import check_destination
from zuoci.model.lock import locked
from zuoci.text.folder import is_unfinished
from zuoci.training.distributed import Dismissed, LostProcessError, Ranks
from zuoci.training.memory import typed_memory_errors
from zuoci.training.reports import EndReport, EvalReport, RollbackReport, StepReport
from zuoci.training.resume import StoredRun, load_run, parse_run, run_to_bytes, save_run
from zuoci.training.saving import save_trained
from zuoci.training.trainer import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from os import PathLike

    import torch

    from zuoci.model.language_model import CharLM
    from zuoci.text.corpus import Corpus
    from zuoci.training.recipe import Settings


@dataclass(frozen=True, slots=True)
class SaveFailed:
    """The run could not be saved. It continues, even if it was asked to pause, and tries again later.

    Attributes:
        error: the reason.
        retry: seconds until the next attempt.
    """

    error: ZuociError
    retry: float


@dataclass(frozen=True, slots=True)
class Paused:
    """The run was saved, and the job has ended. The run can be resumed.

    Attributes:
        step: updates so far.
    """

    step: int


Report: TypeAlias = StepReport | RollbackReport | EvalReport | EndReport
Event: TypeAlias = Report | SaveFailed | Paused


class Job:
    """Trains a model in its folder.

    Attributes:
        folder: the folder in which the run, and at the end the model, is saved.
        stored: the stored run that is resumed; None if the run is new.
        run: the run; set by `prepare`.
        reserve: the seconds of a time budget that are left to the caller, after the model is saved.
        ranks: the processes that train together.
    """

    run: Run

    def __init__(
        self,
        folder: str | PathLike[str],
        *,
        resume: bool | None = False,
        overwrite: bool = False,
        save_every: float = 30.0,
        device: torch.device | str | None = None,
        clock: Callable[[], float] = time.perf_counter,
        since: float | None = None,
        ranks: Ranks | None = None,
    ) -> None:
        """Describes a job; entering its `with` block locks the folder.

        Args:
            folder: the folder of the model.
            resume: whether to continue the run that was stopped in the folder; None: if there is one.
            overwrite: replace the model, or the stopped run, in that folder.
            save_every: seconds between two saves of the run; 0: save after each report.
            device: default: CUDA if it is available, else the CPU.
            clock: returns seconds.
            since: the time on that clock from which a time budget counts; default: now.
            ranks: the processes that train together, of which this is the first; the others `follow`. Default: this
                one alone.

        Raises:
            SettingsError: the folder has no name of its own, or `save_every` is not a finite number.
        """
        self.folder = Path(folder)
        if self.folder.name in ("", ".."):
            raise SettingsError(f"{str(folder)!r} cannot be the folder of a model; name another one, as ./my-model")
        if not 0.0 <= save_every < math.inf:
            raise SettingsError(f"save_every must be a number of seconds, 0 or more: got {save_every}")
        self.stored: StoredRun | None = None
        self._resume, self._overwrite = resume, overwrite
        self._every, self._device, self._clock = save_every, device, clock
        self._since = clock() if since is None else since
        self.reserve = 0.0
        self.ranks = ranks or Ranks()
        self._reports: Generator[Report] | None = None
        self._pause_requested = self._stop_requested = False
        self._process_ending = False  # if so, a run that cannot be saved in the folder is saved elsewhere
        self._within_step = False  # the run computes its next report, and its state may be half updated
        self._saved_since_report = False  # whether the run was saved after its last report
        self._model_saved = False  # the run is complete, and there is nothing to resume

    def __enter__(self) -> Job:
        """Locks the folder, and reads the run that is to be resumed.

        Raises:
            ModelFolderError: another process has the lock, there is nothing to resume, or no model can be saved there.
        """
        with ExitStack() as stack:
            stack.enter_context(locked(self.folder))
            if self._resume is None:
                self._resume = is_unfinished(self.folder)
            if self._resume:
                self.stored = load_run(self.folder)
            check_destination(self.folder, overwrite=self._overwrite or bool(self._resume))
            self._lock = stack.pop_all()
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Saves the run if it has not ended, and unlocks the folder."""
        with self._lock:
            if self._reports:
                self._reports.close()
                if not self._model_saved:
                    if not self._within_step:
                        with suppress(LostProcessError):
                            self.ranks.dismiss()
                    self._rescue(error)
                    if isinstance(error, LostProcessError) and (self.stored or self._saved_step):
                        raise LostProcessError(f"{error}; resume the run that is saved in {self.folder}") from error

    def prepare(
        self,
        corpus: Corpus,
        settings: Settings | None = None,
        *,
        sources: Sequence[str] = (),
        model: CharLM | None = None,
    ) -> None:
        """Makes a new run, or restores the one that is resumed.

        Args:
            corpus: the songs.
            settings: the settings of a new run; default: those of the recipe `auto`.
            sources: where the songs come from. They are stored with the run, so that a resume can read them again;
                default: those that a stored run has.
            model: the model that a new run starts from; default: a new one. A stored run has its own.

        Raises:
            CorpusError: the corpus is too short for the settings.
            SettingsError: the run that is resumed had another text, or there is too little memory.
        """
        with typed_memory_errors():
            if self.stored:
                self.run = self.stored.resume(
                    corpus, device=self._device, clock=self._clock, since=self._since, ranks=self.ranks
                )
            else:
                self.run = Run(
                    corpus,
                    settings,
                    model=model,
                    device=self._device,
                    clock=self._clock,
                    since=self._since,
                    ranks=self.ranks,
                )
            if self.ranks.size > 1:
                self.ranks.send((corpus, run_to_bytes(self.run)))
        self._sources = sources or (self.stored.sources if self.stored else ())
        self._saved_step = self.run.progress.step
        self._saved_at = self._clock()
        self._planned = self.run.progress.steps > 0
        self._save_seconds = 0.0

    def pause(self, *, ending: bool = False) -> None:
        """Saves the run after the current step and ends the job. May be called from signal handlers.

        Args:
            ending: the process has to end. A run that cannot be saved in its folder is then saved elsewhere, and the
                error says where. If False, a run that cannot be saved continues.
        """
        self._process_ending |= ending
        self._pause_requested = True

    def stop(self) -> None:
        """Ends the run after the current step, but not before the first. May be called from other threads."""
        self._stop_requested = True

    def save(self, *, keep: bool = False) -> None:
        """Saves the run between two reports.

        Args:
            keep: if the run cannot be saved in the folder, save it elsewhere; the error says where.

        Raises:
            ZuociError: the run cannot be saved in the folder.
        """
        self._saved_at = self._clock()  # set even if the save fails: the next one may find room on the disk
        if keep:
            self._saved_step = self.run.progress.step  # set even if the save fails: there is no other place to try
        with typed_memory_errors():
            save_run(self.run, self.folder, sources=self._sources, keep=keep)
        self._saved_step = self.run.progress.step
        self._saved_since_report = True
        self._save_seconds = self._clock() - self._saved_at  # the model takes about as long

    def __iter__(self) -> Iterator[Event]:
        """Trains to the end. Saves the run every `save_every` seconds, and the model before the `EndReport`.

        Yields:
            The reports of the run; `SaveFailed` after a save that failed; `Paused` at the end of a paused job.

        Raises:
            DivergenceError: the loss was not finite for the fourth time.
            ModelFolderError: the model, or the run when the process has to end, cannot be saved in the folder. The
                message says where it is saved instead.
            SettingsError: there is too little memory.
        """
        self._reports = iter(self.run)
        while True:
            if self._stop_requested:
                self.run.stop()
            report = self._next(self._reports)
            if isinstance(report, EndReport):
                yield report
                return
            failed = self._try_to_save() if self._due() else None
            yield report
            # The caller may have asked for a pause after this report; and the folder may be gone since the last save.
            if self._pause_requested and not failed and not (self._saved_since_report and is_unfinished(self.folder)):
                failed = self._try_to_save()
            if failed:
                self._pause_requested = self._process_ending
                yield failed
            elif self._pause_requested:
                yield Paused(self.run.progress.step)
                return

    def _next(self, reports: Iterator[Report]) -> Report:
        """The next report of the run. Saves the model before the last one."""
        self._within_step, self._saved_since_report = True, False
        self.run.reserve = self._save_seconds + self.reserve
        with typed_memory_errors():
            report = next(reports)
            if isinstance(report, EndReport):
                save_trained(report, self.folder, overwrite=self._overwrite or is_unfinished(self.folder))
                self._model_saved = True
        self._within_step = False
        return report

    def _due(self) -> bool:
        """Whether to save now: for a pause, when a time budget has become steps, or because it is time."""
        planned, self._planned = self._planned, self.run.progress.steps > 0
        return self._pause_requested or planned != self._planned or self._clock() - self._saved_at >= self._every

    def _try_to_save(self) -> SaveFailed | None:
        """Saves the run. An error becomes a `SaveFailed`, unless the process has to end."""
        must_save = self._process_ending  # read once: a signal may set it meanwhile
        try:
            self.save(keep=must_save)
        except ZuociError as error:
            if must_save:
                raise
            return SaveFailed(error, self._every)
        return None

    def _rescue(self, error: BaseException | None) -> None:
        """Saves the run if it has made steps since the last save.

        Args:
            error: what ended the `with` block.
        """
        if self._within_step and isinstance(error, DivergenceError | ModelFolderError):
            return  # a resumed run would diverge again; or the model is saved elsewhere
        try:
            with typed_memory_errors():
                if self._within_step:
                    self.run.go_back()
                if self.run.progress.step > self._saved_step:
                    self.save(keep=True)
        except ZuociError as failed:
            what = f"{error}; {failed}" if isinstance(error, ZuociError) else str(failed)
            raise ModelFolderError(what) from error


def follow(ranks: Ranks, *, device: torch.device | str | None = None) -> None:
    """Takes part in the run of the `Job` in the first process, until that ends it. Reads, writes and prints nothing.

    Args:
        ranks: the processes that train together, of which this is not the first.
        device: default: CUDA if it is available, else the CPU.

    Raises:
        LostProcessError: another process has ended.
        SettingsError: there is too little memory.
    """
    with typed_memory_errors(), suppress(Dismissed):
        corpus, data = ranks.send()
        run = parse_run(Path("the run of the first process"), data).resume(corpus, device=device, ranks=ranks)
        for _ in run:
            pass
