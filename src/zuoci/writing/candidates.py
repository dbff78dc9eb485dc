"""Several texts or lines to choose from, the best first, with the figures that determine this order.

    cost of a line = −score − 0.3 log p(line after it | line) + 5 coverage
    cost of a text = mean cost of its lines

in nats, where the score is that of `zuoci.writing.line_score` (how much it looks like a person's line, how likely it
is, how little it repeats), and coverage the share of its characters that are copied. A text without lines counts as one
line. The first of several candidates is the one with the lowest cost. Each further one has the lowest cost plus
what it has in common with those before it, so that ten lines are not ten of a kind:

    3 · largest share of its syllables and pairs of syllables that also stand in one of them

The command line and the studio call `rank`, `next_lines` and `rewrite`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from zuoci.errors import Message, SettingsError, WritingError
from zuoci.model.random import key_of
from zuoci.writing.config import LIKELIHOOD
from zuoci.writing.form import LinePlan, count_syllables, length_of, line_indices, units
from zuoci.writing.line import WrittenLine, draw_lines, read
from zuoci.writing.line_score import line_scores, repeats
from zuoci.writing.originality import originality
from zuoci.writing.particles import write_line
from zuoci.writing.patterns import Pattern
from zuoci.writing.random import LENGTH, LINE, PICK
from zuoci.writing.repetition import repetition
from zuoci.writing.rhyme.scheme import scheme_of
from zuoci.writing.rules import Rules
from zuoci.writing.text import rhyme_constraint, with_length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zuoci.writing.config import WriteConfig
    from zuoci.writing.line import Context
    from zuoci.writing.steps import Steps
    from zuoci.writing.text import Lyrics
    from zuoci.writing.writer import Writer

_POPULATIONS = 4  # of lines, written independently
_ROUNDS = 4  # of populations, until a line is found
_LINES_PER_CANDIDATE = 8  # drawn from the populations for each that is shown
_COPIED, _ALIKE = 5.0, 3.0  # nats; see the top of this file


class Candidate(BaseModel):
    """A text or a line to choose.

    Attributes:
        text: the whole text, opening included; or the line.
        nll: by the model's own probabilities, in nats per character.
        fit: nll of the line after it, in nats per character; None: there is none.
        person: log odds that a person wrote it rather than the base model, of a text the mean of its lines; None: the
            model has no judge of that.
        repetition: share of its runs of 3 characters that occur earlier, in it or in the text before it.
        longest_copied: length of the longest copied span, in characters, 0 if it is shorter than can be detected; None:
            the training text is unknown. What a person typed, the opening and what the form fixes, is not copied.
        copied_words: the most whole words of a copied span, as `max_copy` counts them: a Chinese character is one.
        coverage: share of its characters in copied spans of 8 characters or more; None: the training text is unknown.
        seed: the seed that writes the same text again; None for a line.
        cost: what candidates are ordered by, in nats; see the top of this file.
        sections: start and mark of each section of a structure, as in `Lyrics`.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    nll: float
    fit: float | None = None
    person: float | None = None
    repetition: float = 0.0
    longest_copied: int | None = None
    copied_words: int | None = None
    coverage: float | None = None
    seed: int | None = None
    cost: float = 0.0
    sections: tuple[tuple[int, str], ...] = ()


def rank(writer: Writer, texts: Sequence[Lyrics]) -> list[Candidate]:
    """Sorts texts, the best first."""
    found = [_text_candidate(writer, lyrics) for lyrics in texts]
    return in_order(found, len(found))


def in_order(candidates: Sequence[Candidate], count: int) -> list[Candidate]:
    """The best of some candidates, at most `count`, in the order that the top of this file defines."""
    parts = [_parts(candidate.text) for candidate in candidates]
    left = list(range(len(candidates)))
    alike = [0.0] * len(candidates)  # the largest share that each has in common with one that was taken
    found: list[Candidate] = []
    while left and len(found) < count:
        best = min(left, key=lambda i: candidates[i].cost + _ALIKE * alike[i])
        left.remove(best)
        found.append(candidates[best])
        for i in left:
            alike[i] = max(alike[i], len(parts[i] & parts[best]) / max(len(parts[i]), 1))
    return found


def _parts(text: str) -> set[str | tuple[str, str]]:
    """The syllables of a text, and the pairs of neighbouring ones."""
    found = units(text)
    return {*found, *pairwise(found)}


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
    _refuse_structure(config)
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
    _refuse_structure(config)
    rows = text.split("\n")
    indices = line_indices(rows)
    if not 1 <= number <= len(indices):
        told = "line must be from 1 to {most}, which the text has: got {line}"
        raise SettingsError(Message("no_such_line", told, field="line", most=len(indices), line=number))
    rules = Rules(writer.model, config)
    row = indices[number - 1]
    partners = [] if rules.form.scheme[:1] == (None,) else _partners(rules, [rows[i] for i in indices], number - 1)
    start = rules.form.line_start(number - 1)
    pattern = Pattern.of(config.line_length or length_of(rows[row]), "")
    length = pattern.length(0)
    if length:
        length = max(length, count_syllables(start))
    rhyme = (0, "A") if partners else None
    plan = LinePlan(length, ((0, start),) if start else (), rhyme, len(partners) + 1, gaps=pattern.gaps(0))
    rules.check([plan])
    before = "".join(line + "\n" for line in rows[:row])
    following = next((i for i in indices if i > row), row)
    after = "\n".join(rows[row + 1 : following + 1])  # with the empty lines between two stanzas
    found = _Lines(writer, rules, config, before, after, partners).write(plan, count + 1)
    found = [candidate for candidate in found if candidate.text != rows[row]][:count]
    if not found:
        told = "no other line was found in the place of {text!r}; try another seed or length"
        raise WritingError(Message("no_other_line", told, text=rows[row]))
    return found


def _refuse_structure(config: WriteConfig) -> None:
    if config.structure:
        told = "structure is that of a whole text; leave it out to write a single line"
        raise SettingsError(Message("structure_for_line", told, field="structure"))


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
            told = "no line was found that keeps the form; loosen its length, its rhyme or what it must not copy"
            raise WritingError(Message("no_line_found", told))
        lines = draw_lines(lines, key_of(self.config.seed, PICK), _LINES_PER_CANDIDATE * count)
        fits = self._fits(lines)
        scores = line_scores(self.rules, self.before, lines)
        judge = self.rules.model.judge
        persons = judge.log_odds(self.before, [line.text for line in lines]).tolist() if judge else [None] * len(lines)
        found = [
            _candidate(
                self.writer,
                line.text,
                line.nll / (len(line.text) + 1),
                -float(score) + LIKELIHOOD * (fit or 0.0) * len(self.after),
                before=self.before,
                fit=fit,
                person=person,
                typed=plan.fixed_in(line.text),
            )
            for line, fit, person, score in zip(lines, fits, persons, scores, strict=True)
        ]
        return in_order(found, count)

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


def _text_candidate(writer: Writer, lyrics: Lyrics) -> Candidate:
    """A whole text as a candidate."""
    rows = [row for row in lyrics.text.split("\n") if row.strip()] or [lyrics.text]
    repeated = sum(repeats("\n".join(rows[:i]), row) for i, row in enumerate(rows))
    cost = (LIKELIHOOD * lyrics.nll * len(lyrics.text) + repeated) / len(rows)
    before = ["", *rows[:-1]]
    judge = writer.model.judge
    person = None
    if judge:
        person = sum(float(judge.log_odds(last, [row])[0]) for last, row in zip(before, rows, strict=True)) / len(rows)
        cost -= person
    found = _candidate(writer, lyrics.text, lyrics.nll, cost, seed=lyrics.seed, person=person, typed=lyrics.typed)
    return found.model_copy(update={"sections": lyrics.sections})


def _candidate(
    writer: Writer,
    text: str,
    nll: float,
    cost: float,
    *,
    before: str = "",
    fit: float | None = None,
    seed: int | None = None,
    person: float | None = None,
    typed: Sequence[tuple[int, int]] = (),
) -> Candidate:
    """A candidate with its figures; `cost` is that without what is copied."""
    writer.watch()
    against = writer.model.against
    copied = originality(text, against, typed=typed) if against else None
    return Candidate(
        text=text,
        nll=nll,
        fit=fit,
        person=person,
        repetition=repetition(text, before),
        longest_copied=copied.longest_copied if copied else None,
        copied_words=copied.copied_words if copied else None,
        coverage=copied.coverage if copied else None,
        seed=seed,
        cost=cost + _COPIED * (copied.coverage if copied else 0.0),
    )
