"""Several texts or lines to choose from, the best first, with the figures that determine this order.

    cost = nll / (1 − repetition) + fit + coverage

where nll is that of the candidate by the model's own probabilities, in nats per character; fit is the nll of the line
after it, if there is one; repetition and coverage are shares of its characters, of what repeats and of what is copied.
Repeated characters cost a model next to nothing, and texts that repeat would always come first; therefore the nats are
divided by the share that does not repeat.

The command line and the studio call `rank`, `next_lines` and `rewrite`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from zuoci.errors import SettingsError, WritingError
from zuoci.model.random import key_of
from zuoci.writing.form import LinePlan, count_syllables, line_indices
from zuoci.writing.line import WrittenLine, draw_lines, read
from zuoci.writing.originality import originality
from zuoci.writing.particles import write_line
from zuoci.writing.random import LENGTH, LINE, PICK
from zuoci.writing.repetition import repetition
from zuoci.writing.rhyme.scheme import scheme_of
from zuoci.writing.rules import Rules
from zuoci.writing.text import rhyme_constraint, with_length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zuoci.writing.batch import Steps
    from zuoci.writing.config import WriteConfig
    from zuoci.writing.line import Context
    from zuoci.writing.text import Lyrics
    from zuoci.writing.writer import Writer

_POPULATIONS = 4  # of lines, written independently
_ROUNDS = 4  # of populations, until a line is found
_LINES_PER_CANDIDATE = 4  # drawn from the populations for each that is shown


class Candidate(BaseModel):
    """A text or a line to choose.

    Attributes:
        text: the whole text, opening included; or the line.
        nll: by the model's own probabilities, in nats per character.
        fit: nll of the line after it, in nats per character; None: there is none.
        repetition: share of its runs of 3 characters that occur earlier, in it or in the text before it.
        longest_copied: length of the longest copied span, in characters, 0 if it is shorter than can be detected; None:
            the training text is unknown.
        coverage: share of its characters in copied spans of 8 characters or more; None: the training text is unknown.
        seed: the seed that writes the same text again; None for a line.
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
        """The cost that candidates are ordered by, the lowest first; see the top of this file."""
        return self.nll / max(1.0 - self.repetition, 0.05) + (self.fit or 0.0) + (self.coverage or 0.0)


def rank(writer: Writer, texts: Sequence[Lyrics]) -> list[Candidate]:
    """Sorts texts, the best first."""
    found = [_candidate(writer, lyrics.text, lyrics.nll, seed=lyrics.seed) for lyrics in texts]
    return sorted(found, key=lambda candidate: candidate.cost)


def next_lines(writer: Writer, text: str, config: WriteConfig, count: int, after: str = "") -> list[Candidate]:
    """Writes candidates for the line after a text.

    Args:
        writer: the model.
        text: whole lines so far, or nothing. To begin a new stanza, it ends with two newlines.
        config: the wish. Its form is that of the whole text and is repeated if the text is longer.
        count: most candidates to return; equal lines are returned once.
        after: the line that follows, if it is already written.

    Raises:
        SettingsError: the form contradicts itself, or asks for characters that the model does not know.
        WritingError: no line was found that fulfils the form.
    """
    rules = Rules(writer.model, config)
    lines = [line for line in text.split("\n") if line.strip()]
    number = len(lines)
    size = len(rules.form.plan())
    plans = rules.form.plan(count=size * (number // size + 1))
    rules.check([plans[number]])
    partners = [line for line, plan in zip(lines, plans, strict=False) if plan.rhyme == plans[number].rhyme]
    before = text + "\n" * (not text.endswith("\n")) if lines else ""
    return _Lines(writer, rules, config, before, after, partners).write(plans[number], count)


def rewrite(writer: Writer, text: str, number: int, config: WriteConfig, count: int) -> list[Candidate]:
    """Writes candidates to replace a line, with its length and its rhyme unless `line_length` or `rhyme` is given.

    Args:
        writer: the model.
        text: the whole text.
        number: of the line, from 1; empty lines are not counted.
        config: the wish. `line_length` and `rhyme` are those of the new line (`X`: no rhyme; other letters: as the text
            has it); `acrostic` and
            `line_opening` are those of the whole text.
        count: most candidates to return.

    Raises:
        SettingsError: there is no such line.
        WritingError: no other line was found.
    """
    rows = text.split("\n")
    indices = line_indices(rows)
    if not 1 <= number <= len(indices):
        raise SettingsError(f"line must be from 1 to {len(indices)}, which the text has: got {number}")
    rules = Rules(writer.model, config)
    row = indices[number - 1]
    partners = [] if rules.form.scheme[:1] == (None,) else _partners(rules, [rows[i] for i in indices], number - 1)
    start = rules.form.line_start(number - 1)
    length = rules.form.lengths[0] if rules.form.lengths else count_syllables(rows[row])
    if length:
        length = max(length, count_syllables(start))
    plan = LinePlan(length, ((0, start),) if start else (), (0, "A") if partners else None, len(partners) + 1)
    rules.check([plan])
    before = "".join(line + "\n" for line in rows[:row])
    following = next((i for i in indices if i > row), row)
    after = "\n".join(rows[row + 1 : following + 1])  # with the empty lines between two stanzas
    found = _Lines(writer, rules, config, before, after, partners).write(plan, count + 1)
    found = [candidate for candidate in found if candidate.text != rows[row]][:count]
    if not found:
        raise WritingError(f"no other line was found in the place of {rows[row]!r}; try another seed or length")
    return found


def _partners(rules: Rules, lines: Sequence[str], index: int) -> list[str]:
    """The lines of a text that rhyme with one of them."""
    scheme = scheme_of(lines, rules.rhyme_groups.rhymes)
    return [line for i, line in enumerate(lines) if scheme[i] == scheme[index] != "X" and i != index]


class _Lines:
    """Candidates for one line between the text before it and the line after it."""

    def __init__(
        self, writer: Writer, rules: Rules, config: WriteConfig, before: str, after: str, partners: Sequence[str]
    ) -> None:
        self.writer = writer
        self.rules = rules
        self.config = config
        self.before = before
        self.partners = partners
        self.after = rules.model.vocabulary.adapt(after)[0]

    def write(self, plan: LinePlan, count: int) -> list[Candidate]:
        """The best of several lines that fulfil a plan, at most `count`.

        Raises:
            WritingError: no line was found.
        """
        context = self.writer.read(self.before)
        lines: list[WrittenLine] = []
        for first in range(0, _ROUNDS * _POPULATIONS, _POPULATIONS):
            keys = [key_of(self.config.seed, LINE, first + k) for k in range(_POPULATIONS)]
            steps = [self._population(context, plan, key) for key in keys]
            lines = [line for found in self.writer.run(steps, [self.config] * len(steps)) for line in found]
            if lines:
                break
        else:
            raise WritingError(
                "no line was found that keeps the form; loosen its length, its rhyme or what it must not copy"
            )
        lines = draw_lines(lines, key_of(self.config.seed, PICK), _LINES_PER_CANDIDATE * count)
        fits = self._fits(lines)
        found = [
            _candidate(self.writer, line.text, line.nll / (len(line.text) + 1), before=self.before, fit=fit)
            for line, fit in zip(lines, fits, strict=True)
        ]
        return sorted(found, key=lambda candidate: candidate.cost)[:count]

    def _population(self, context: Context, plan: LinePlan, key: int) -> Steps[list[WrittenLine]]:
        """Writes lines side by side."""
        plan = yield from with_length(self.rules, context, plan, key_of(key, LENGTH), self.partners)
        constraint = rhyme_constraint(self.rules, plan, self.partners)
        return (yield from write_line(self.rules, context, plan, key, constraint))

    def _fits(self, lines: Sequence[WrittenLine]) -> list[float | None]:
        """For each line the nll of the line after it, in nats per character; None if there is none."""
        if not self.after:
            return [None] * len(lines)
        steps = [read(self.rules.model, line.after, self.after) for line in lines]
        return [nll / len(self.after) for _, nll in self.writer.run(steps, [self.config] * len(steps))]


def _candidate(
    writer: Writer, text: str, nll: float, *, before: str = "", fit: float | None = None, seed: int | None = None
) -> Candidate:
    """A candidate with its figures."""
    writer.watch()
    against = writer.model.against
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
