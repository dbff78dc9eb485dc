"""Writes the texts of all requests side by side, one batch for each model, in one thread.

A route calls `Engine.open` with openings and `WriteConfig`s and gets `Texts`, from which it awaits events: pieces of
text as they are written, and the end of each. The thread adds texts to a batch and removes them between two steps of
the model, and hands over after each step what the step has produced. Memory is bounded: a text holds its state and what
nobody has fetched yet.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from queue import SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, TypeAlias

from zuoci.errors import Message, WritingError
from zuoci.server.errors import ApiError, ending
from zuoci.server.job_queue import MAX_SECONDS, TOO_LONG
from zuoci.server.scoring import CharScore, Scorer
from zuoci.server.sse import KEEP_ALIVE_SECONDS
from zuoci.writing.batch import MAX_ROWS, Batch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from zuoci.writing.config import WriteConfig
    from zuoci.writing.steps import StepResult, Steps
    from zuoci.writing.text import Lyrics
    from zuoci.writing.writer import Writer

_MAX_STEPS = 200_000  # of one text: more are an accident, or an attack
# Seconds between two deliveries to a request: the first pause, then twice as long each time, up to the longest. So the
# first characters come soon, and later ones come many at once, which costs less.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.004, 0.05


@dataclass(frozen=True, slots=True)
class Piece:
    """Some characters of a text. Without a form, the opening comes first, in a piece of its own.

    Attributes:
        text: the characters.
        scores: the score of each character, if scores were asked for.
    """

    text: str
    scores: Sequence[CharScore] = ()


@dataclass(frozen=True, slots=True)
class End:
    """The end of a text.

    Attributes:
        lyrics: the whole text; None: the server broke it off.
    """

    lyrics: Lyrics | None


Event: TypeAlias = Piece | End | Exception

ROWS = 8 * MAX_ROWS  # that all texts together may take, unless the server was told otherwise


class Texts:
    """The texts of one request, as a stream of events. Everything here runs in asyncio's thread.

    Attributes:
        closed: whether nobody wants further events.
    """

    def __init__(self, engine: Engine, rows_of_texts: Sequence[int]) -> None:
        """Takes the engine, and how many of its rows each text takes."""
        self._engine = engine
        self._unfinished = dict(enumerate(rows_of_texts))  # index of a text that has not ended → its rows
        self._events: list[tuple[int, Event]] = []
        self._arrived = asyncio.Event()
        self._ended = asyncio.Event()
        self.closed = False

    def put(self, index: int, event: Event) -> None:
        """Takes an event of a text from the engine."""
        if self.closed:
            return
        self._events.append((index, event))
        if not isinstance(event, Piece):
            self._engine.release(self._unfinished.pop(index, 0))
        self._arrived.set()
        if not self._unfinished:
            self._ended.set()

    async def wait_for_first(self, seconds: float = 5.0) -> None:
        """Waits for the first event, or for some seconds, so that a text that fails at once ends its request.

        Raises:
            Exception: the error of a text that cannot be written.
        """
        try:
            async with asyncio.timeout(seconds):  # wait_for may swallow a cancellation (before Python 3.12)
                await self._arrived.wait()
        except TimeoutError:
            return
        for _, event in self._events:
            if isinstance(event, Exception):
                self.close()
                raise event

    async def __aiter__(self) -> AsyncIterator[list[tuple[int, Event]]]:
        """Yields the events since the last time, each with the index of its text, until all texts have ended.

        The list is empty if nothing has come for `KEEP_ALIVE_SECONDS`.
        """
        pause = _FIRST_PAUSE
        while self._unfinished or self._events:
            try:
                async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                    await self._arrived.wait()
            except TimeoutError:
                yield []
                continue
            self._arrived.clear()
            events, self._events = self._events, []
            yield events
            if self._unfinished:
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    async def all_events(self) -> list[tuple[int, Event]]:
        """All events at once, when all texts have ended."""
        await self._ended.wait()
        return self._events

    def close(self) -> None:
        """Ends the texts that have not ended: nobody waits for them any more."""
        self.closed = True
        self._engine.release(sum(self._unfinished.values()))
        self._unfinished = {}
        self._events = []
        self._engine.remove(self)


@dataclass(slots=True)
class _RunningText:
    """A text in a batch.

    Attributes:
        texts: the request that it belongs to.
        index: its number in the request.
        writer: its model.
        number: its number in the model's batch.
    """

    texts: Texts
    index: int
    writer: Writer
    number: int


class Engine:
    """The thread that writes, and its batches, one for each model.

    Attributes:
        max_rows: how many rows all texts together may take. A step of a model reads `batch.MAX_ROWS` at most.
        rows_taken: how many rows the texts that are being written take.
        draining: whether new texts are refused.
    """

    def __init__(self, max_rows: int = ROWS, threads: int = 0) -> None:
        """Makes an engine that does not run yet.

        Args:
            max_rows: how many rows all texts together may take. A text takes one; a text with a form takes one for each
                of its particles.
            threads: how many threads share a step of a batch; 0: one a core.
        """
        self.max_rows = max_rows
        self.rows_taken = 0
        self.draining = False
        self._threads = threads
        self._commands: SimpleQueue[Callable[[], None] | None] = SimpleQueue()  # for the thread; None ends it
        self._batches: dict[Writer, Batch[Lyrics]] = {}
        self._running: dict[tuple[Writer, int], _RunningText] = {}
        self._outbox: list[tuple[Texts, int, Event]] = []
        self._thread = threading.Thread(target=self._run, name="zuoci-engine", daemon=True)

    def start(self) -> None:
        """Starts the thread. To be called in asyncio's."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def open(
        self,
        writer: Writer,
        openings: Sequence[str],
        configs: Sequence[WriteConfig],
        *,
        top_logprobs: int | None = None,
    ) -> Texts:
        """Begins to write some texts.

        Args:
            writer: the model.
            openings: the opening of each text.
            configs: the settings of each text.
            top_logprobs: score every character, and name this many of the most likely ones beside it; None: no scores.

        Raises:
            ApiError: too many texts are being written, the request asks for too many, or the server is shutting down.
        """
        if self.draining:
            raise ending()
        rows_of_texts = [config.rows for config in configs]
        asked = sum(rows_of_texts)
        if asked > self.max_rows:
            told = (
                "one request may write {most} texts side by side (one with a form counts as its particles): got "
                "{asked}; ask for fewer"
            )
            raise ApiError(400, Message("many_texts", told, most=self.max_rows, asked=asked))
        if self.rows_taken + asked > self.max_rows:
            message = f"{self.rows_taken} texts are being written, of {self.max_rows} at most; try again"
            raise ApiError(429, message, code="busy")
        self.rows_taken += asked
        texts = Texts(self, rows_of_texts)

        def add() -> None:
            batch = self._batches.setdefault(
                writer, Batch(writer.model.stepper, self._threads, min(self.max_rows, MAX_ROWS))
            )
            for index, (opening, config) in enumerate(zip(openings, configs, strict=True)):
                steps = _steps_with_events(writer, opening, config, top_logprobs, self._emitter(texts, index))
                number = batch.add(steps, config.sampling, config.rows)
                self._running[writer, number] = _RunningText(texts, index, writer, number)

        self._commands.put(add)
        return texts

    def release(self, count: int) -> None:
        """Makes so many rows free for other texts."""
        self.rows_taken -= count

    def remove(self, texts: Texts) -> None:
        """Takes the texts of a request out of their batch before the next step."""
        self._commands.put(lambda: self._remove([text for text in self._running.values() if text.texts is texts]))

    def drain(self) -> None:
        """Breaks off all texts, with an `End`, and refuses new ones."""
        self.draining = True

        def break_off() -> None:
            running = list(self._running.values())
            self._outbox += [(text.texts, text.index, End(None)) for text in running]
            self._remove(running)

        self._commands.put(break_off)

    def stop(self) -> None:
        """Ends the thread, and waits for it."""
        self._commands.put(None)
        self._thread.join()

    def _emitter(self, texts: Texts, index: int) -> Callable[[Piece], None]:
        return lambda piece: self._outbox.append((texts, index, piece))

    def _remove(self, running: Sequence[_RunningText]) -> None:
        for text in running:
            self._batches[text.writer].remove(text.number)
            del self._running[text.writer, text.number]

    def _run(self) -> None:
        """What the thread does."""
        while True:
            while not self._batches or not self._commands.empty():
                command = self._commands.get()
                if command is None:
                    return
                command()
                self._deliver()
                self._drop_empty_batches()
            for writer, batch in self._batches.items():
                self._step(writer, batch)
            self._deliver()
            self._drop_empty_batches()

    def _step(self, writer: Writer, batch: Batch[Lyrics]) -> None:
        try:
            ended = batch.step()
        except Exception as error:  # a fault of the batch itself: all of its texts end, the thread goes on
            ended = [(text.number, error) for text in self._running.values() if text.writer is writer]
            for number, _ in ended:
                batch.remove(number)
        for number, result in ended:
            text = self._running.pop((writer, number))
            event = result if isinstance(result, Exception) else End(result)
            self._outbox.append((text.texts, text.index, event))

    def _drop_empty_batches(self) -> None:
        """A batch holds threads, which a model without texts does not need."""
        self._batches = {writer: batch for writer, batch in self._batches.items() if len(batch)}

    def _deliver(self) -> None:
        """Hands all events over to asyncio's thread."""
        if self._outbox:
            events, self._outbox = self._outbox, []
            self._loop.call_soon_threadsafe(_put_all, events)


def _put_all(events: Sequence[tuple[Texts, int, Event]]) -> None:
    for texts, index, event in events:
        texts.put(index, event)


def _steps_with_events(
    writer: Writer, opening: str, config: WriteConfig, top_logprobs: int | None, emit: Callable[[Piece], None]
) -> Steps[Lyrics]:
    """The steps of a text for a `Batch`. Emits what is written as soon as it is final.

    Raises:
        WritingError: the text takes too many steps or too long.
    """
    written: list[str] = []
    steps = writer.steps(opening, config, hand_out=written.append)
    scorer = None if top_logprobs is None else Scorer(writer, opening, config, top_logprobs)
    result: StepResult | None = None
    deadline = monotonic() + MAX_SECONDS
    for _ in range(_MAX_STEPS):
        lyrics, request = None, None
        try:
            request = steps.send(result)  # pyright: ignore[reportArgumentType]  # None starts the generator
        except StopIteration as end:
            lyrics = end.value
        if written:
            text = "".join(written)
            written.clear()
            emit(Piece(text, (yield from scorer.read(text)) if scorer else ()))
            deadline = monotonic() + MAX_SECONDS  # a text that makes progress comes to its end, however slowly
        if request is None:
            assert lyrics
            return lyrics
        if monotonic() > deadline:
            raise WritingError(TOO_LONG)
        result = yield request
    raise WritingError(f"no end was found in {_MAX_STEPS:,} steps; loosen the form, or ask for less")
