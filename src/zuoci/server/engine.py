"""Many requests, one batch: a thread that steps the texts of everybody side by side.

Whoever has a request opens `Texts` and waits for their events in asyncio. The thread takes texts in and lets them go
between two steps; what a step brought forth is handed over at once. A text holds its state and what nobody has
fetched yet, and nothing else.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from queue import SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from zuoci.errors import WritingError
from zuoci.model.threads import one_thread
from zuoci.server.errors import ApiError
from zuoci.server.job_queue import MOST_SECONDS, TOO_LONG
from zuoci.writing.batch import ROWS, Batch, StepRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from numpy.typing import NDArray

    from zuoci.model.stepper import Streams
    from zuoci.writing.batch import StepResult, Steps
    from zuoci.writing.config import WriteConfig
    from zuoci.writing.text import Lyrics
    from zuoci.writing.writer import Writer

_STEPS = 200_000  # of one text: more are an accident, or an attack
_PAUSES = (0.004, 0.05)  # seconds between two deliveries to one request, the first and, each twice as long, the
# longest: the first characters are there soon, later ones come many at once, which costs less
_QUIET = 10.0  # seconds, after which a request hears that nothing came


@dataclass(frozen=True, slots=True)
class Score:
    """How likely the model thought a character.

    Attributes:
        char: it.
        logprob: log of its probability; None for the first one of an opening, which stands for itself.
        top: the likeliest ones at its place.
    """

    char: str
    logprob: float | None
    top: Sequence[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class Piece:
    """Some characters of a text: the opening comes first, in a piece of its own, unless the text has a form.

    Attributes:
        text: they.
        scores: one for each, if that was asked for.
        state: the hidden state `(H,)` where the model now is, likewise.
    """

    text: str
    scores: Sequence[Score] = ()
    state: NDArray[Any] | None = None


@dataclass(frozen=True, slots=True)
class End:
    """The end of a text; without lyrics, of one that the server broke off."""

    lyrics: Lyrics | None


Event: TypeAlias = Piece | End | Exception


class Texts:
    """The texts of one request. All of it runs in asyncio's thread."""

    def __init__(self, engine: Engine, weights: Sequence[int]) -> None:
        self._engine = engine
        self._weights = dict(enumerate(weights))  # of those that are still written
        self._events: list[tuple[int, Event]] = []
        self._there = asyncio.Event()
        self._ended = asyncio.Event()
        self.closed = False

    def put(self, index: int, event: Event) -> None:
        """Takes an event in."""
        if self.closed:
            return
        self._events.append((index, event))
        if not isinstance(event, Piece):
            self._engine.release(self._weights.pop(index, 0))
        self._there.set()
        if not self._weights:
            self._ended.set()

    async def begun(self, seconds: float = 5.0) -> None:
        """Waits for the first event, or so long.

        Raises:
            Exception: that of a text which cannot be written at all.
        """
        try:
            async with asyncio.timeout(seconds):  # wait_for may swallow a cancellation (before Python 3.12)
                await self._there.wait()
        except TimeoutError:
            return
        for _, event in self._events:
            if isinstance(event, Exception):
                self.close()
                raise event

    async def __aiter__(self) -> AsyncIterator[list[tuple[int, Event]]]:
        """Gives what came, each time all of it, to the end of all texts; an empty list if nothing came for long."""
        pause, longest = _PAUSES
        while self._weights or self._events:
            try:
                async with asyncio.timeout(_QUIET):
                    await self._there.wait()
            except TimeoutError:
                yield []
                continue
            self._there.clear()
            events, self._events = self._events, []
            yield events
            if self._weights:
                await asyncio.sleep(pause)
                pause = min(2 * pause, longest)

    async def whole(self) -> list[tuple[int, Event]]:
        """Everything, once all texts have come to their ends."""
        await self._ended.wait()
        return self._events

    def close(self) -> None:
        """Lets go of what is still written: nobody waits for it any more."""
        self.closed = True
        self._engine.release(sum(self._weights.values()))
        self._weights = {}
        self._events = []
        self._engine.forget(self)


@dataclass(slots=True)
class _TextState:
    texts: Texts
    index: int
    writer: Writer
    number: int


class Engine:
    """The thread and its batches, one a model."""

    def __init__(self, rows: int = ROWS, threads: int = 0) -> None:
        """Begins idle.

        Args:
            rows: that are written side by side, at most, and that a step of a model reads.
            threads: of each batch; 0: one a core.
        """
        self.rows = rows
        self.threads = threads
        self.taken = 0
        self.ending = False
        self._orders: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._batches: dict[Writer, Batch[Lyrics]] = {}
        self._places: dict[tuple[Writer, int], _TextState] = {}
        self._out: list[tuple[Texts, int, Event]] = []
        self._thread = threading.Thread(target=self._run, name="zuoci-engine", daemon=True)

    def start(self) -> None:
        """Starts the thread, from within asyncio's."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def open(
        self,
        writer: Writer,
        openings: Sequence[str],
        configs: Sequence[WriteConfig],
        *,
        top: int | None = None,
        watch: bool = False,
    ) -> Texts:
        """Begins to write some texts.

        Args:
            writer: the model.
            openings: of each.
            configs: of each.
            top: score every character, and name so many likeliest ones beside it.
            watch: add the hidden state to each piece.

        Raises:
            ApiError: there is no room for them now, or never.
        """
        if self.ending:
            raise ApiError(503, "the server is about to end", code="ending")
        weights = [config.rows for config in configs]
        if sum(weights) > self.rows:
            raise ApiError(
                400, f"one request may write {self.rows} texts side by side: got {sum(weights)}; ask for less"
            )
        if self.taken + sum(weights) > self.rows:
            raise ApiError(429, f"{self.taken} texts are being written, and {self.rows} may be; try again", code="busy")
        self.taken += sum(weights)
        texts = Texts(self, weights)

        def join() -> None:
            batch = self._batches.setdefault(writer, Batch(writer.model.stepper, self.threads, self.rows))
            for index, (opening, config) in enumerate(zip(openings, configs, strict=True)):
                steps = _followed(writer, opening, config, top, watch, self._emitter(texts, index))
                number = batch.add(steps, config.sampling, config.rows)
                self._places[writer, number] = _TextState(texts, index, writer, number)

        self._orders.put(join)
        return texts

    def release(self, weight: int) -> None:
        """Makes room."""
        self.taken -= weight

    def forget(self, texts: Texts) -> None:
        """Takes some texts out before the next step."""
        self._orders.put(lambda: self._remove([place for place in self._places.values() if place.texts is texts]))

    def drain(self) -> None:
        """Breaks all texts off, with an `End`, and takes no others."""
        self.ending = True

        def cut() -> None:
            places = list(self._places.values())
            self._out += [(place.texts, place.index, End(None)) for place in places]
            self._remove(places)

        self._orders.put(cut)

    def stop(self) -> None:
        """Ends the thread."""
        self._orders.put(None)
        self._thread.join()

    def _emitter(self, texts: Texts, index: int) -> Callable[[Piece], None]:
        return lambda piece: self._out.append((texts, index, piece))

    def _remove(self, places: Sequence[_TextState]) -> None:
        for place in places:
            self._batches[place.writer].remove(place.number)
            del self._places[place.writer, place.number]

    @one_thread()
    def _run(self) -> None:
        while True:
            while not self._batches or not self._orders.empty():
                order = self._orders.get()
                if order is None:
                    return
                order()
                self._deliver()
                self._sweep()
            for writer, batch in self._batches.items():
                self._step(writer, batch)
            self._deliver()
            self._sweep()

    def _step(self, writer: Writer, batch: Batch[Lyrics]) -> None:
        try:
            ended = batch.step()
        except Exception as error:  # of the batch itself: all of its texts end, the thread goes on
            ended = [(place.number, error) for place in self._places.values() if place.writer is writer]
            for number, _ in ended:
                batch.remove(number)
        for number, result in ended:
            place = self._places.pop((writer, number))
            event = result if isinstance(result, Exception) else End(result)
            self._out.append((place.texts, place.index, event))

    def _sweep(self) -> None:
        """Without texts, a model's batch and its threads are not kept."""
        self._batches = {writer: batch for writer, batch in self._batches.items() if len(batch)}

    def _deliver(self) -> None:
        if self._out:
            events, self._out = self._out, []
            self._loop.call_soon_threadsafe(_hand_over, events)


def _hand_over(events: Sequence[tuple[Texts, int, Event]]) -> None:
    for texts, index, event in events:
        texts.put(index, event)


def _followed(
    writer: Writer, opening: str, config: WriteConfig, top: int | None, watch: bool, emit: Callable[[Piece], None]
) -> Steps[Lyrics]:
    """The steps of a text, which emits its pieces on the way."""
    pieces: list[str] = []
    inner = writer.steps(opening, config, hand_out=pieces.append)
    scorer = None if top is None else _Scorer(writer, opening, config, top)
    answer: StepResult | None = None
    state: NDArray[Any] | None = None
    deadline = monotonic() + MOST_SECONDS
    for _ in range(_STEPS):
        lyrics, ask = None, None
        try:
            ask = inner.send(answer)  # pyright: ignore[reportArgumentType]  # None begins
        except StopIteration as end:
            lyrics = end.value
        if pieces:
            text = "".join(pieces)
            pieces.clear()
            scores = (yield from scorer.read(text)) if scorer else ()
            emit(Piece(text, scores, state))
            deadline = monotonic() + MOST_SECONDS  # what goes on from left to right comes to its end, however slowly
        if ask is None:
            assert lyrics
            return lyrics
        if monotonic() > deadline:
            raise WritingError(TOO_LONG)
        answer = yield ask
        if watch:
            state = writer.model.stepper.top(answer.state)[0]
    raise WritingError(f"no end was found in {_STEPS:,} steps; loosen the form, or ask for less")


class _Scorer:
    """Reads what was written once more, for its probabilities: a text with a form is not written from left to right."""

    def __init__(self, writer: Writer, opening: str, config: WriteConfig, top: int) -> None:
        self._model = writer.model
        self._top = top
        known, _ = writer.vocabulary.adapt(opening)
        # As `begin` does: the first character of an opening stands for itself, else the text begins as a new line.
        given = known[: known.rfind("\n") + 1] if config.has_form else known
        self._last = -1 if given else self._id("\n")
        self._state: Streams = self._model.stepper.start(1)

    def _id(self, char: str) -> int:
        return self._model.alphabet.id(char if char in self._model.vocabulary else self._model.alphabet.line_end)

    def read(self, text: str) -> Steps[list[Score]]:
        scores: list[Score] = []
        for char in text:
            number = self._id(char)
            if self._last < 0:
                scores.append(Score(char, None, ()))
            else:
                answer = yield StepRequest(np.array([self._last]), self._state, forced=np.array([number]))
                self._state = answer.state
                scores.append(Score(char, -float(answer.nll[0]), self._likeliest(answer.logits[0])))
            self._last = number
        return scores

    def _likeliest(self, logits: NDArray[Any]) -> list[tuple[str, float]]:
        best = np.argsort(-logits, kind="stable")[: self._top]
        highest = logits.max()
        total = highest + np.log(np.exp(logits - highest).sum(dtype=np.float64))
        return [(self._model.vocabulary.characters[i], float(logits[i] - total)) for i in best]
