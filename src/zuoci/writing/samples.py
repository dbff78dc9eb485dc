"""Short texts that are written during training, to see what the model has learnt.

`zuoci train` and the studio's worker write them from time to time.
"""

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

# Without it, the many characters that a model has hardly ever seen are chosen too often together, however unlikely each
# of them is.
_MIN_P = 0.05


@dataclass(frozen=True, slots=True)
class Sample:
    """A short text.

    Attributes:
        text: the whole text, opening included; "" if it could not be written.
        problem: the reason for this in one line; "" if there is a text.
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
        openings: the first characters of each sample.
    """

    def __init__(self, corpus: Corpus, openings: Sequence[str] = (), *, join_lines: bool = False) -> None:
        """Takes the fingerprint of the corpus, so that samples do not copy it.

        Args:
            corpus: the text that the model is trained on.
            openings: the first characters of each sample; empty: two that occur in the corpus.
            join_lines: whether the model is trained with spaces in place of newlines.
        """
        self.openings = list(openings) or default_openings(corpus)
        self._against = Fingerprint.of(corpus, join_lines=join_lines)

    def write(self, model: CharLM, length: int) -> list[Sample]:
        """Writes a sample of `length` characters for each opening. Never raises, so that no run ends for a sample."""
        config = WriteConfig(length=length, min_p=_MIN_P)
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
