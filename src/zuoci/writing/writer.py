"""The front door of writing: `Writer`, a model and a wish → lyrics.

The command line, the server and Python callers make a `Writer` of a model and ask it for texts.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeAlias

from zuoci.model.checkpoint import load_for_writing
from zuoci.model.stepper import Stepper
from zuoci.writing.batch import Batch
from zuoci.writing.config import WriteConfig
from zuoci.writing.inspection import Inspection, inspect
from zuoci.writing.originality import CorpusIndex, known_texts
from zuoci.writing.rules import Rules, WritingModel
from zuoci.writing.text import Lyrics as Lyrics  # the package exports it from here
from zuoci.writing.text import read_opening, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from os import PathLike

    from zuoci.model.language_model import CharLM
    from zuoci.model.weights import ModelWeights
    from zuoci.text.corpus import Corpus
    from zuoci.writing.line import Context
    from zuoci.writing.originality import Known
    from zuoci.writing.steps import Steps

Watch: TypeAlias = Callable[[], None]


class Writer:
    """Writes texts with a model.

    Attributes:
        vocabulary: the characters by id.
        model: the model, ready for writing.
        watch: is called after each step; see `watched`.
    """

    def __init__(self, model: CharLM | ModelWeights, against: Known | None = None) -> None:
        """Copies the weights; later changes of the model have no effect.

        Args:
            model: the model to write with.
            against: what the model and its base have read, which texts must not copy; None: unknown.
        """
        self.vocabulary = model.vocabulary
        self.model = WritingModel(Stepper(model), model.vocabulary, against)
        self.watch: Watch = lambda: None

    def watched(self, watch: Watch) -> Writer:
        """A writer with the same model whose work can be cancelled.

        Args:
            watch: is called after each step and before each candidate is rated; an exception that it raises ends the
                work.
        """
        other = copy.copy(self)
        other.watch = watch
        return other

    @classmethod
    def load(cls, folder: str | PathLike[str], corpus: Corpus | None = None, *, voice: float = 1.0) -> Writer:
        """A writer with a saved model.

        Args:
            folder: the folder of the model. Its fingerprint, and the windows of what its base has read, tell what must
                not be copied, as far as it has them.
            corpus: the training text, to use in place of the fingerprint.
            voice: how far texts follow the model rather than the one that it started from, from 0 to 1.

        Raises:
            ModelFolderError: the folder holds no model, or a damaged one.
            SettingsError: `voice` is less than 1, and the model did not start from one that is still there.
        """
        model, own, base = load_for_writing(folder)
        if voice != 1.0:
            model = _with_voice(model, folder, voice)
        if corpus:
            from zuoci.text.corpus import Corpus, Song

            if "\n" not in model.vocabulary:  # it was trained with spaces for newlines, and writes spaces
                songs = (Song(song.source, song.text.replace("\n", " ")) for song in corpus.songs)
                corpus = Corpus(tuple(songs))
            return cls(model, known_texts(CorpusIndex(corpus), base))
        return cls(model, known_texts(own, base))

    def write(self, opening: str = "", config: WriteConfig | None = None, *, before: Context | None = None) -> Lyrics:
        """Continues an opening.

        Characters that the model does not know are replaced by their full-width or half-width forms, or left out if
        the model does not know these either (`adapt`). Without an opening, the text begins as a new line does.

        Args:
            opening: the first characters.
            config: the wish; None: `WriteConfig()`.
            before: what comes before the opening, as `read` returns it.

        Raises:
            SettingsError: the form contradicts itself, or asks for characters that the model does not know.
            WritingError: no text was found that fulfils the wish.
        """
        config = config or WriteConfig()
        return self.run([self.steps(opening, config, before=before)], [config])[0]

    def write_many(self, openings: Sequence[str], configs: Sequence[WriteConfig]) -> list[Lyrics]:
        """Continues many openings side by side, which is many times faster than one after another.

        Each text is equal to the one that `write` returns. Memory is bounded by `MAX_ROWS`, the number of rows that are
        written at a time, and not by the number of texts.

        Args:
            openings: the first characters of each text.
            configs: the wish for each text.

        Raises:
            ZuociError: the error of the first text that fails.
        """
        rules: dict[WriteConfig, Rules] = {}  # each different wish is compiled once

        def compiled(config: WriteConfig) -> Rules:
            if config not in rules:
                rules[config] = self._compile(config)
            return rules[config]

        pairs = zip(openings, configs, strict=True)
        steps = [self._steps(opening, config, compiled) for opening, config in pairs]
        return self.run(steps, configs)

    def candidates(self, opening: str, config: WriteConfig, count: int) -> list[Lyrics]:
        """Continues an opening in several ways, the first of which is the text that `write` returns."""
        return self.write_many([opening] * count, config.variants(count))

    def stream(self, opening: str = "", config: WriteConfig | None = None) -> Iterator[str]:
        """Continues an opening and yields each piece as soon as it is final; joined, they are what `write` returns."""
        pieces: SimpleQueue[str] = SimpleQueue()
        config = config or WriteConfig()
        batch: Batch[Any] = Batch(self.model.stepper)
        batch.add(self.steps(opening, config, hand_out=pieces.put), config.sampling, config.rows)
        while len(batch):
            ended = batch.step()
            while not pieces.empty():
                if piece := pieces.get():
                    yield piece
            for _, result in ended:
                if isinstance(result, Exception):
                    raise result

    def adapt(self, opening: str, config: WriteConfig) -> tuple[str, str]:
        """An opening as the text will begin with it, and the characters that are left out, each once.

        A model that was trained without newlines (`join_lines`) reads spaces in their place. In a text without a form,
        the opening has these spaces; in one with a form it keeps its newlines, which part it into lines.
        """
        if not config.has_form:
            return self.vocabulary.adapt(opening)
        lines = [self.vocabulary.adapt(line)[0] for line in opening.split("\n")]
        return "\n".join(lines), self.vocabulary.adapt(opening.replace("\n", ""))[1]

    def read(self, text: str, before: Context | None = None) -> Context:
        """Reads a text, so that `write` can continue after it; unknown characters are treated as in `write`."""
        known, _ = self.vocabulary.adapt(text)
        return self.run([read_opening(self.model, known, before)], [WriteConfig()])[0]

    def inspect(self, text: str) -> Inspection:
        """What the model expects at each character of a text, and the activations of its hidden units there."""
        return inspect(self.model, text, watch=self.watch)

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
            config: the wish; it is compiled with the first step, and its errors are raised there.
            before: what comes before the opening.
            hand_out: is called with each piece of the text as soon as it is final.
        """
        return self._steps(opening, config, self._compile, before, hand_out)

    def _compile(self, config: WriteConfig) -> Rules:
        return Rules(self.model, config)

    def _steps(
        self,
        opening: str,
        config: WriteConfig,
        compiled: Callable[[WriteConfig], Rules],
        before: Context | None = None,
        hand_out: Callable[[str], None] = lambda _: None,
    ) -> Steps[Lyrics]:
        rules = compiled(config.model_copy(update={"seed": 0}))
        known, unknown = self.adapt(opening, config)
        return (yield from write(rules, known, config.seed, unknown, before, hand_out))

    def run(self, steps: Sequence[Steps[Any]], configs: Sequence[WriteConfig]) -> list[Any]:
        """Runs the steps of some texts side by side and returns their results.

        Raises:
            ZuociError: the error of the first text that fails.
        """
        batch: Batch[Any] = Batch(self.model.stepper)
        order: dict[int, int] = {}
        results: list[Any] = [None] * len(steps)
        for k, (one, config) in enumerate(zip(steps, configs, strict=True)):
            order[batch.add(one, config.sampling, config.rows)] = k
        while len(batch):
            for number, result in batch.step():
                results[order[number]] = result
            self.watch()
        for result in results:
            if isinstance(result, Exception):
                raise result
        return results


def _with_voice(weights: ModelWeights, folder: str | PathLike[str], voice: float) -> CharLM:
    from zuoci.model.language_model import CharLM  # torch, which writing needs for nothing else
    from zuoci.training.adapt import set_voice

    model = CharLM.of(weights)
    set_voice(model, folder, voice)
    return model
