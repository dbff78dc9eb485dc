"""A training run in the folder of its model: the one driver of the command line, the studio and the tests.

    with Job("my-model") as job:
        job.prepare(corpus, settings)
        for event in job:
            ...

The job saves first and reports after: when a report is given out, what it tells of is on the disk if it was time to
save it. So whoever shows the reports may fail, and loses nothing: whatever ends the block before the run has ended, the
run is saved, to be resumed.
"""

from __future__ import annotations

import math
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from zuoci.errors import DivergenceError, ModelFolderError, SettingsError, ZuociError
from zuoci.model.destination import check_destination
from zuoci.text.folder import is_unfinished
from zuoci.training.memory import typed_memory_errors
from zuoci.training.reports import EndReport, EvalReport, RollbackReport, StepReport
from zuoci.training.resume import StoredRun, load_run, locked, save_run
from zuoci.training.saving import save_trained
from zuoci.training.trainer import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from os import PathLike

    import torch

    from zuoci.text.corpus import Corpus
    from zuoci.training.recipe import Settings


@dataclass(frozen=True, slots=True)
class SaveFailed:
    """The run could not be saved. It goes on, also if it was to pause, and the next save is tried later.

    Attributes:
        error: why.
        retry: seconds until the next save.
    """

    error: ZuociError
    retry: float


@dataclass(frozen=True, slots=True)
class Paused:
    """The run is saved, and the job has ended; it can be resumed.

    Attributes:
        step: updates so far.
    """

    step: int


Report: TypeAlias = StepReport | RollbackReport | EvalReport | EndReport
Event: TypeAlias = Report | SaveFailed | Paused


class Job:
    """Trains a model, in its folder.

    Attributes:
        folder: where the run and then the model are saved.
        stored: the run that is resumed; None: a new one.
        run: it, once it is prepared.
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
    ) -> None:
        """Describes a job; entering its `with` block begins it.

        Args:
            folder: of the model.
            resume: go on with the run that was stopped there; None: if there is one.
            overwrite: replace the model, or the run, in that folder.
            save_every: seconds between two saves; 0: after each report.
            device: by default CUDA where there is one, else the CPU.
            clock: gives seconds.

        Raises:
            SettingsError: the folder has no name of its own, or `save_every` is not a finite number.
        """
        self.folder = Path(folder)
        if self.folder.name in ("", ".."):
            raise SettingsError(f"{str(folder)!r} is no name for a model's folder; name a new one, as ./my-model")
        if not 0.0 <= save_every < math.inf:
            raise SettingsError(f"save_every must be a number of seconds, 0 or more: got {save_every}")
        self.stored: StoredRun | None = None
        self._resume, self._overwrite = resume, overwrite
        self._every, self._device, self._clock = save_every, device, clock
        self._reports: Generator[Report] | None = None
        self._pausing = self._ending = self._stopping = self._ended = False
        self._inside = False  # a report is being made: the state of the run may be that of half a step
        self._saved = False  # since the last report

    def __enter__(self) -> Job:
        """Takes the folder.

        Raises:
            ModelFolderError: another process has it; there is nothing to resume; or no model can be saved there.
        """
        with ExitStack() as stack:
            stack.enter_context(locked(self.folder))
            if self._resume is None:
                self._resume = is_unfinished(self.folder)
            if self._resume:
                self.stored = load_run(self.folder)
            check_destination(self.folder, overwrite=self._overwrite or bool(self._resume))
            self._held = stack.pop_all()
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Saves a run that has not ended, and gives the folder back."""
        with self._held:
            if self._reports:
                self._reports.close()
                if not self._ended:
                    self._rescue(error)

    def prepare(self, corpus: Corpus, settings: Settings | None = None, *, sources: Sequence[str] = ()) -> None:
        """Makes the run, or restores the one that is resumed.

        Args:
            corpus: the songs.
            settings: of a new run; by default those of the recipe `auto`.
            sources: where the songs come from, for whoever resumes the run.

        Raises:
            CorpusError: the corpus is too short for the settings.
            SettingsError: a run that is resumed had another text, or there is too little memory.
        """
        with typed_memory_errors():
            if self.stored:
                self.run = self.stored.resume(corpus, device=self._device)
            else:
                self.run = Run(corpus, settings, device=self._device)
        self._sources = sources
        self._saved_step = self.run.progress.step
        self._saved_at = self._clock()
        self._planned = self.run.progress.steps > 0

    def pause(self, *, ending: bool = False) -> None:
        """Saves the run after the current step, and ends the job. Signal handlers may call it.

        Args:
            ending: the process has to end: if the run cannot be saved in its folder, save it elsewhere, and raise
                the error that says where. Else the run goes on if it cannot be saved.
        """
        self._ending |= ending
        self._pausing = True

    def stop(self) -> None:
        """Ends the run after the current step (the first, at least) with what it has learnt. Threads may call it."""
        self._stopping = True

    def save(self, *, keep: bool = False) -> None:
        """Saves the run as it is, between two reports.

        Args:
            keep: if it cannot be saved in the folder, save it elsewhere; the error says where.

        Raises:
            ZuociError: it cannot be saved.
        """
        self._saved_at = self._clock()  # also if it fails: the disk may have room again next time
        if keep:
            self._saved_step = self.run.progress.step  # also if it fails: no other place is left to try
        with typed_memory_errors():
            save_run(self.run, self.folder, sources=self._sources, keep=keep)
        self._saved_step = self.run.progress.step
        self._saved = True

    def __iter__(self) -> Iterator[Event]:
        """Trains to the end, and saves: the run every so often, the model before the `EndReport`.

        Yields:
            The reports of the run, and what became of saves.

        Raises:
            DivergenceError: the loss was not finite, again and again.
            ModelFolderError: the model, or the run when the process has to end, cannot be saved in the folder; the
                message says where it is instead.
            SettingsError: there is too little memory.
        """
        self._reports = iter(self.run)
        while True:
            if self._stopping:
                self.run.stop()
            report = self._next(self._reports)
            if isinstance(report, EndReport):
                yield report
                return
            failed = self._try_to_save() if self._due() else None
            yield report
            if self._pausing and not self._saved and not failed:  # it was asked for while the report was shown
                failed = self._try_to_save()
            if failed:
                self._pausing = self._ending
                yield failed
            elif self._pausing:
                yield Paused(self.run.progress.step)
                return

    def _next(self, reports: Iterator[Report]) -> Report:
        self._inside, self._saved = True, False
        with typed_memory_errors():
            report = next(reports)
            if isinstance(report, EndReport):
                save_trained(report, self.folder, overwrite=self._overwrite or is_unfinished(self.folder))
                self._ended = True
        self._inside = False
        return report

    def _due(self) -> bool:
        planned, self._planned = self._planned, self.run.progress.steps > 0
        return self._pausing or planned != self._planned or self._clock() - self._saved_at >= self._every

    def _try_to_save(self) -> SaveFailed | None:
        ending = self._ending
        try:
            self.save(keep=ending)
        except ZuociError as error:
            if ending:
                raise
            return SaveFailed(error, self._every)
        return None

    def _rescue(self, error: BaseException | None) -> None:
        """Saves what the run has learnt since the last save, whatever ended it."""
        if self._inside and isinstance(error, DivergenceError | ModelFolderError):
            return  # to go on would end the same; or the model is beside the folder
        try:
            with typed_memory_errors():
                if self._inside:
                    self.run.go_back()
                if self.run.progress.step > self._saved_step:
                    self.save(keep=True)
        except ZuociError as failed:
            what = f"{error}; {failed}" if isinstance(error, ZuociError) else str(failed)
            raise ModelFolderError(what) from error
