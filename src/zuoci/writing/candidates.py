"""Several texts or lines to choose from, the best first, with the figures that put them in this order.

    cost = nll / (1 − repetition) + fit + coverage

in nats a character and in shares of the characters: how unlikely the model itself thinks it, how unlikely it makes
the line after it (where there is one), and how much lies in copied spans. What repeats costs a model next to nothing,
and would always come first; so the nats are spread over the characters that do not repeat what stands before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from zuoci.errors import SettingsError, WritingError
from zuoci.writing.form import MOST_LINES, Line, line_places, parse_numbers, plan, syllables
from zuoci.writing.line import WrittenLine, pick, read, write_line
from zuoci.writing.originality import originality
from zuoci.writing.rhyme.scheme import parse_scheme, scheme_of
from zuoci.writing.sampling import key_of
from zuoci.writing.text import check

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zuoci.writing.batch import Steps
    from zuoci.writing.config import WriteConfig
    from zuoci.writing.line import Context
    from zuoci.writing.rhyme.constraint import RhymeConstraint
    from zuoci.writing.text import Lyrics
    from zuoci.writing.writer import Writer

_MORE = 4  # lines drawn for each that is shown
_TRIES = 4  # for each of them, each time among more
_GRAM = 3  # characters that are a repetition where they stand again


class Candidate(BaseModel):
    """A text, or a line, to choose.

    Attributes:
        text: it.
        nll: nats a character.
        fit: of the line after it, nats a character; None: there is none.
        repetition: share of its runs of 3 characters that stand before, in it or in the text.
        longest_copied: characters, 0 if below what can be known; None: what was trained on is not at hand.
        coverage: share of its characters in copied spans of 8 or more; None likewise.
        seed: writes the same text again; None: it is a line.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    nll: float
    fit: float | None = None
    repetition: float = 0.0
    longest_copied: int | None = None
    coverage: float | None = None
    seed: int | None = None

    @property
    def cost(self) -> float:
        """What candidates are ordered by, the least first."""
        return self.nll / max(1.0 - self.repetition, 0.05) + (self.fit or 0.0) + (self.coverage or 0.0)


def rank(writer: Writer, texts: Sequence[Lyrics]) -> list[Candidate]:
    """Orders texts, the best first."""
    found = [_candidate(writer, lyrics.text, lyrics.nll, seed=lyrics.seed) for lyrics in texts]
    return sorted(found, key=lambda candidate: candidate.cost)


def next_lines(writer: Writer, text: str, config: WriteConfig, count: int, after: str = "") -> list[Candidate]:
    """Lines to go on with.

    Args:
        writer: the model.
        text: whole lines so far, or nothing; an empty line at its end has a line end of its own.
        config: how to draw; its form is that of the whole text, and goes on where the text stands.
        count: how many, at most: lines that come twice are shown once.
        after: the line that follows, if it stands already.

    Raises:
        SettingsError: the form contradicts itself, or asks for characters that the model does not know.
        WritingError: no line was found that keeps the form.
    """
    lines = [line for line in text.split("\n") if line.strip()]
    number = len(lines)
    size = len(plan(config))
    wished = plan(config.model_copy(update={"lines": size * (number // size + 1)}))  # over and over, where it is longer
    line = wished[number]
    partners = [other for other, wish in zip(lines, wished, strict=False) if wish.rhyme == line.rhyme]
    check(writer.desk, [line], config)
    ending = writer.desk.ending(config, partners, line.rhymes) if line.rhyme else None
    if partners and line.rhyme and not line.length:
        length = max(syllables(partners[0]), sum(syllables(start) for _, start in line.fixed))
        line = Line(length, line.fixed, line.rhyme, line.rhymes, line.last)
    before = text + "\n" * (not text.endswith("\n")) if lines else ""
    return _lines(writer, before, line, config, count, ending, after)


def rewrite(writer: Writer, text: str, number: int, config: WriteConfig, count: int) -> list[Candidate]:
    """Other lines in the place of one: as long, and in the same rhyme, unless `line_length` or `rhyme` say otherwise.

    `acrostic` and `line_opening` are those of the whole text.

    Args:
        writer: the model.
        text: the whole.
        number: of the line, from 1, empty ones not counted.
        config: how to draw; `line_length` and `rhyme` are those of the new line, `X` for no rhyme.
        count: how many, at most.

    Raises:
        SettingsError: there is no such line.
        WritingError: no other line was found.
    """
    rows = text.split("\n")
    places = line_places(rows)
    if not 1 <= number <= len(places):
        raise SettingsError(f"line must be from 1 to {len(places)}, which the text has: got {number}")
    place = places[number - 1]
    lines = [rows[i] for i in places]
    length = parse_numbers(config.line_length)[0] if config.line_length else syllables(rows[place])
    scheme = scheme_of(lines, writer.desk.groups(config).rhymes)
    letter = scheme[number - 1]
    free = bool(config.rhyme) and parse_scheme(config.rhyme)[0] is None
    partners = [] if letter == "X" or free else [
        line for k, line in enumerate(lines) if scheme[k] == letter and k != number - 1
    ]  # fmt: skip
    ending = writer.desk.ending(config, partners, len(partners) + 1) if partners else None
    before = "".join(row + "\n" for row in rows[:place])
    after = next((rows[i] for i in places if i > place), "")
    whole = {"lines": max(number, MOST_LINES), "line_length": "", "stanza": "", "rhyme": "", "word": ()}
    begun = config.model_copy(update=whole)
    fixed = plan(begun)[number - 1].fixed
    if length:
        length = max(length, *(syllables(start) for _, start in fixed), 0)
    new = Line(length, fixed, (0, letter) if partners else None, len(partners) + 1)
    check(writer.desk, [new], config)
    found = _lines(writer, before, new, config, count + 1, ending, after)
    found = [candidate for candidate in found if candidate.text != rows[place]][:count]
    if not found:
        raise WritingError(f"no other line was found in the place of {rows[place]!r}; ask with another seed or length")
    return found


def _lines(
    writer: Writer, before: str, line: Line, config: WriteConfig, count: int, ending: RhymeConstraint | None, after: str
) -> list[Candidate]:
    desk = writer.desk
    context = writer.read(before.replace("\n", desk.alphabet.end))
    following, _ = desk.vocabulary.adapt(after)
    steps = [
        _line(writer, context, line, config, key_of(config.seed, 2, k), ending, following) for k in range(_MORE * count)
    ]
    found: dict[str, Candidate] = {}
    for result in writer.run(steps, [config] * len(steps)):
        if result:
            verse, fit = result
            nll = verse.nll / (len(verse.text) + 1)
            found.setdefault(verse.text, _candidate(writer, verse.text, nll, before=before, fit=fit))
    if not found:
        raise WritingError(
            "no line was found that keeps the form; loosen its length, its rhyme or what it must not copy"
        )
    return sorted(found.values(), key=lambda candidate: candidate.cost)[:count]


def _line(
    writer: Writer,
    context: Context,
    line: Line,
    config: WriteConfig,
    key: int,
    ending: RhymeConstraint | None,
    after: str,
) -> Steps[tuple[WrittenLine, float | None] | None]:
    for k in range(_TRIES):
        draws = config.draws * 2**k if k else 0
        verses = yield from write_line(writer.desk, context, line, config, key_of(key, k), ending, draws)
        if verses:
            verse = pick(verses, key_of(key, k, 1))
            if not after:
                return verse, None
            _, nll = yield from read(verse.after, writer.desk, after)
            return verse, nll / len(after)
    return None


def _candidate(
    writer: Writer, text: str, nll: float, *, before: str = "", fit: float | None = None, seed: int | None = None
) -> Candidate:
    writer.watch()
    against = writer.desk.against
    copied = originality(text, against) if against else None
    return Candidate(
        text=text,
        nll=nll,
        fit=fit,
        repetition=repetition(text, before),
        longest_copied=copied.longest_copied if copied else None,
        coverage=copied.coverage if copied else None,
        seed=seed,
    )


def repetition(text: str, before: str = "") -> float:
    """The share of a text's runs of 3 characters that stand before, in it or in what precedes it."""
    whole = before + text
    seen = {whole[i : i + _GRAM] for i in range(len(before) - _GRAM + 1)}
    again = 0
    count = max(len(text) - _GRAM + 1, 0)
    for i in range(len(before), len(before) + count):
        gram = whole[i : i + _GRAM]
        again += gram in seen
        seen.add(gram)
    return again / max(count, 1)
