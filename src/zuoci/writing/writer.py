"""A model and a wish → lyrics."""

from __future__ import annotations

import copy
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeAlias

from zuoci.model.checkpoint import load, load_with_fingerprint
from zuoci.model.stepper import Stepper
from zuoci.model.threads import one_thread
from zuoci.text.corpus import Corpus, Song
from zuoci.writing.batch import Batch
from zuoci.writing.config import WriteConfig
from zuoci.writing.inspection import Inspection, inspect
from zuoci.writing.originality import CorpusIndex
from zuoci.writing.rules import Desk
from zuoci.writing.sampling import key_of
from zuoci.writing.text import Lyrics, begin, write_form, write_free

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from os import PathLike

    from zuoci.model.language_model import CharLM
    from zuoci.writing.batch import Steps
    from zuoci.writing.line import Context
    from zuoci.writing.originality import Known

Watch: TypeAlias = Callable[[], None]


class Writer:
    """Writes with a model.

    Attributes:
        vocabulary: the characters that it knows.
        desk: what its texts share.
        watch: see `watched`.
    """

    def __init__(self, model: CharLM, against: Known | None = None) -> None:
        """Copies the weights as they are now.

        Args:
            model: what to write with.
            against: what the model was trained on, or the fingerprint of that: what texts must not copy.
        """
        self.vocabulary = model.vocabulary
        self.desk = Desk(Stepper(model), model.vocabulary, against)
        self.watch: Watch = lambda: None

    def watched(self, watch: Watch) -> Writer:
        """The same writer, whose work can be broken off.

        Args:
            watch: is called at each step; what it raises ends the work.
        """
        other = copy.copy(self)
        other.watch = watch
        return other

    @classmethod
    def load(cls, folder: str | PathLike[str], corpus: Corpus | None = None) -> Writer:
        """A writer with a saved model, which knows what not to copy by its fingerprint, or by the corpus itself.

        Raises:
            ModelFolderError: the folder holds no model, or a damaged one.
        """
        if corpus:
            model = load(folder)
            if "\n" not in model.vocabulary:  # it was trained with spaces for newlines, and writes spaces
                songs = (Song(song.source, song.text.replace("\n", " ")) for song in corpus.songs)
                corpus = Corpus(tuple(songs))
            return cls(model, CorpusIndex(corpus))
        return cls(*load_with_fingerprint(folder))

    def write(self, opening: str = "", config: WriteConfig | None = None, *, before: Context | None = None) -> Lyrics:
        """Continues an opening.

        Characters that the model does not know are replaced by their full-width or half-width forms, or else
        left out. Without an opening, the text begins as a new line does.

        Args:
            opening: the first characters.
            config: how to draw, and in which form; by default `WriteConfig()`.
            before: what stands before the opening, from `read`.

        Raises:
            SettingsError: the form contradicts itself, or asks for characters that the model does not know.
            WritingError: nothing was found that keeps all wishes.
        """
        return self.run([self.steps(opening, config or WriteConfig(), before=before)], [config or WriteConfig()])[0]

    def write_many(self, openings: Sequence[str], configs: Sequence[WriteConfig]) -> list[Lyrics]:
        """Continues many openings side by side, which is many times faster than one after another.

        Each text is the one that `write` gives. However many they are, they take no more memory than the `ROWS` that
        are written at a time.

        Args:
            openings: the first characters of each text.
            configs: how to draw each; as many.

        Raises:
            ZuociError: that of the first text that has one.
        """
        steps = [self.steps(opening, config) for opening, config in zip(openings, configs, strict=True)]
        return self.run(steps, configs)

    def candidates(self, opening: str, config: WriteConfig, count: int) -> list[Lyrics]:
        """Continues an opening in several ways, of which the first is the one that `write` gives."""
        configs = [config] + [config.model_copy(update={"seed": key_of(config.seed, k) >> 1}) for k in range(1, count)]
        return self.write_many([opening] * count, configs)

    def stream(self, opening: str = "", config: WriteConfig | None = None) -> Iterator[str]:
        """Continues an opening, and gives each piece as soon as it is final; together they are what `write` gives."""
        pieces: SimpleQueue[str] = SimpleQueue()
        config = config or WriteConfig()
        batch: Batch[Any] = Batch(self.desk.stepper)
        batch.add(self.steps(opening, config, hand_out=pieces.put), config)
        while len(batch):
            with one_thread():
                ended = batch.step()
            while not pieces.empty():
                if piece := pieces.get():
                    yield piece
            for _, result in ended:
                if isinstance(result, Exception):
                    raise result

    def read(self, text: str, before: Context | None = None) -> Context:
        """Reads a text, to write after it; unknown characters as in `write`."""
        known, _ = self.vocabulary.adapt(text)
        return self.run([begin(self.desk, known, before)], [WriteConfig()])[0]

    def inspect(self, text: str) -> Inspection:
        """What the model expects at each place of a text, and what its units do there."""
        return inspect(self.desk, text, watch=self.watch)

    def steps(
        self,
        opening: str,
        config: WriteConfig,
        *,
        before: Context | None = None,
        hand_out: Callable[[str], None] = lambda _: None,
    ) -> Steps[Lyrics]:
        """The steps of a text, for a `Batch`.

        Args:
            opening: the first characters.
            config: how to draw, and in which form.
            before: what stands before the opening.
            hand_out: is called with each piece of the text as soon as it is final.
        """
        known, unknown = self.vocabulary.adapt(opening)
        write = write_form if config.has_form else write_free
        return write(self.desk, known, config, unknown, before, hand_out)

    def run(self, steps: Sequence[Steps[Any]], configs: Sequence[WriteConfig]) -> list[Any]:
        """Does the steps of some texts side by side; gives what each returns.

        Raises:
            ZuociError: that of the first text that has one.
        """
        batch: Batch[Any] = Batch(self.desk.stepper)
        order: dict[int, int] = {}
        results: list[Any] = [None] * len(steps)
        for k, (one, config) in enumerate(zip(steps, configs, strict=True)):
            order[batch.add(one, config)] = k
        with one_thread():
            while len(batch):
                for number, result in batch.step():
                    results[order[number]] = result
                self.watch()
        for result in results:
            if isinstance(result, Exception):
                raise result
        return results
