"""Short texts during a run, to see what it has learnt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zuoci.text.fingerprint import Fingerprint
from zuoci.writing.config import WriteConfig
from zuoci.writing.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zuoci.model.language_model import CharLM
    from zuoci.text.corpus import Corpus

_TEMPERATURE = 0.7  # what the model is surest of shows best what it has learnt


@dataclass(frozen=True, slots=True)
class Sample:
    """A short text.

    Attributes:
        text: with its opening; "" if none could be written.
        problem: why there is none, in one line; "" if there is one.
    """

    text: str
    problem: str = ""


def default_openings(corpus: Corpus) -> list[str]:
    """分开 and 不分开 as in the lesson, if the corpus has their characters, else first words of two of its lines."""
    if set("不分开") <= set(corpus.text):
        return ["分开", "不分开"]
    lines = [line.strip() for song in corpus.songs for line in song.lines[1:2] or song.lines[:1]]
    starts = [line.split(" ")[0][:20] if line.isascii() else line[:2] for line in (lines[0], lines[-1])]
    return list(dict.fromkeys(starts))


class Samples:
    """Writes samples with a model that is being trained.

    Attributes:
        openings: what they begin with.
    """

    def __init__(self, corpus: Corpus, openings: Sequence[str] = (), *, join_lines: bool = False) -> None:
        """Remembers the corpus, which samples do not copy.

        Args:
            corpus: that the model is trained on.
            openings: by default two that suit the corpus.
            join_lines: the model is trained with spaces for newlines.
        """
        self.openings = list(openings) or default_openings(corpus)
        self._against = Fingerprint.of(corpus, join_lines=join_lines)

    def write(self, model: CharLM, length: int) -> list[Sample]:
        """One sample for each opening, of `length` characters. It raises nothing: no run ends for a sample."""
        config = WriteConfig(length=length, temperature=_TEMPERATURE)
        writer: Writer | None = None
        samples: list[Sample] = []
        for opening in self.openings:
            try:
                writer = writer or Writer(model, self._against)
                samples.append(Sample(writer.write(opening, config).text))
            except Exception as error:
                reason = next(iter(str(error).splitlines()), type(error).__name__)
                samples.append(Sample("", f"no sample that begins with {opening!r}: {reason}"))
        return samples
