"""Whole texts: rules + an opening → `Lyrics`, a given number of characters or lines with a form.

`zuoci.writing.writer` and the server's engine run the steps of `write` in a `Batch`. A piece of a
text is handed out as soon as it is final: in a free text all but the last characters, which might have to be taken
back; in a text with a form, which may go back to any line, the whole.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict

from zuoci.errors import Message, WritingError
from zuoci.model.random import key_of
from zuoci.writing.config import FAILURES_PER_LINE, FAILURES_PER_STEP_BACK, MORE_FAILURES, PARTICLES_FOR_LENGTH
from zuoci.writing.form import count_syllables
from zuoci.writing.line import Context, WrittenLine, pick, read
from zuoci.writing.particles import write_line
from zuoci.writing.placement import place_words
from zuoci.writing.random import FORM, LENGTH, PICK, UniformStream
from zuoci.writing.repetition import characters_that_would_repeat
from zuoci.writing.rhyme.constraint import RhymeConstraint
from zuoci.writing.steps import PassageRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zuoci.model.stepper import Streams
    from zuoci.writing.form import LinePlan
    from zuoci.writing.rules import Rules, WritingModel
    from zuoci.writing.steps import StepResult, Steps

# A free text takes characters back where every way on would copy. At most this many, because their states are kept, and
# the text is handed out that much later; and within this many steps, so that a text that can only copy ends.
_MOST_TAKEN_BACK = 32
_STEPS_PER_CHARACTER, _MORE_STEPS = 20, 1000  # the second, so that short texts have enough
_PASSAGE = 16  # characters that a free text asks for at once


Finish: TypeAlias = Literal["length", "stop"]


class Lyrics(BaseModel):
    """A text that was written.

    Attributes:
        text: the whole text, opening included.
        nll: −log p of what was written by the model's own probabilities, in nats per character. A text with a form
            counts the line that the opening begins, whole; a text that a stop string ended counts the stop string.
        seed: the seed that writes the same text again.
        unknown: characters of the opening that the model does not know and that were left out.
        finish: why the text ends: its length or form is complete, or a stop string came.
        typed: start and end of the parts of the text that a person typed: the opening, and what the form fixes.
        sections: start and mark of each section of a structure, as (0, "Verse 1").
    """

    model_config = ConfigDict(frozen=True)

    text: str
    nll: float
    seed: int
    unknown: str = ""
    finish: Finish = "length"
    typed: tuple[tuple[int, int], ...] = ()
    sections: tuple[tuple[int, str], ...] = ()


def mark_sections(text: str, sections: Sequence[tuple[int, str]]) -> str:
    """A text with marks such as [Chorus] above its sections; the arguments are fields of `Lyrics`."""
    for start, mark in reversed(sections):
        text = f"{text[:start]}[{mark}]\n{text[start:]}"
    return text


def _empty_context(model: WritingModel) -> Context:
    """What comes before a text without an opening: the end of a line, so that the text begins as a new line does."""
    return Context("", model.alphabet.line_end_id, model.stepper.start(1))


def read_opening(model: WritingModel, opening: str, before: Context | None) -> Steps[Context]:
    """Reads an opening of known characters, after `before` if there is such a context."""
    if before is None and opening:  # nothing comes before the first character, not even a line end, as in the lesson
        before = Context(opening[0], model.alphabet.id(opening[0]), model.stepper.start(1), 1)
        opening = opening[1:]
    context, _ = yield from read(model, before or _empty_context(model), opening)
    return context


def _ignore(piece: str) -> None:
    """Hands a piece of a text to nobody."""


def write(
    rules: Rules,
    opening: str,
    seed: int,
    unknown: str = "",
    before: Context | None = None,
    hand_out: Callable[[str], None] = _ignore,
) -> Steps[Lyrics]:
    """Writes `rules.length` characters or up to a stop string; or lines, if the rules have a form.

    With a form, complete lines of the opening come before the form, and the rest begins its first line.

    Args:
        rules: the compiled wish.
        opening: the first characters, from `Writer.adapt`: all known, but for newlines between lines of a form.
        seed: of the random numbers.
        unknown: for `Lyrics.unknown`.
        before: what comes before the opening.
        hand_out: is called with each piece of the text as soon as it is final.

    Raises:
        SettingsError: the form contradicts itself, or asks for characters that the model does not know.
        WritingError: no text was found that fulfils the form, or every way to go on would copy more than is allowed.
    """
    steps = _write_form if rules.has_form else _write_free
    return (yield from steps(rules, opening, seed, before, hand_out)).model_copy(update={"unknown": unknown})


def _write_free(
    rules: Rules, opening: str, seed: int, before: Context | None, hand_out: Callable[[str], None]
) -> Steps[Lyrics]:
    """Writes a text without form."""
    hand_out(opening)
    context = yield from read_opening(rules.model, opening, before)
    draft = _FreeDraft(rules, context, key_of(seed))
    handed_out = draft.given
    # The last characters are not final: they may begin a stop string, or be taken back.
    lag = max([_MOST_TAKEN_BACK if rules.guard else 0, *(len(stop) - 1 for stop in rules.stop)])
    finish: Finish = "length"
    while len(draft.text) - draft.given < rules.length:
        if draft.take((yield draft.request())):
            finish = "stop"
            break
        if len(draft.text) - lag > handed_out:
            hand_out(draft.text[handed_out : len(draft.text) - lag])
            handed_out = len(draft.text) - lag
    hand_out(draft.text[handed_out:])
    text = draft.text[len(before.text) if before else 0 :]
    nll = sum(draft.nll) / max(len(draft.nll), 1)
    return Lyrics(text=text, nll=nll, seed=seed, finish=finish, typed=((0, len(opening)),))


class _FreeDraft:
    """A text without form that is being written.

    If every character would complete a copy, the last one is taken back, and another one is chosen in its place.

    Attributes:
        text: the text so far, with the opening and what comes before it.
        given: length of the opening and what comes before it.
        nll: of each character that was written.
    """

    def __init__(self, rules: Rules, context: Context, key: int) -> None:
        self.text = context.text
        self.given = len(context.text)
        self.nll: list[float] = []
        self._rules = rules
        self._characters = rules.model.vocabulary.characters
        self._uniforms = UniformStream(key)
        self._most_steps = _STEPS_PER_CHARACTER * rules.length + _MORE_STEPS
        self._state: Streams = context.state
        self._last = context.id
        # Before each of the last characters: a state that holds that of this text in a row, and the last id.
        self._before: list[tuple[tuple[Streams, int], int]] = []
        self._refused: dict[int, set[int]] = {}  # index in the text → ids that were taken back there
        self._look_back = rules.guard.look_back if rules.guard else 0
        # The ids of `text`, after as many −1 as the guard looks back.
        self._ids = np.full(self._look_back + self.given + rules.length, -1)
        self._ids[: self._look_back + self.given] = rules.model.recent([context.text], self._look_back + self.given)

    def request(self) -> PassageRequest:
        """The next characters; after one was taken back, only the one in its place."""
        rules, n = self._rules, len(self.text)
        refused = self._refused.get(n)
        count = 1 if refused else min(_PASSAGE, self.given + rules.length - n)
        allowed, max_repeats = rules.allowed, rules.max_repeats or 0
        if refused:
            repeating = characters_that_would_repeat(self.text, max_repeats) if max_repeats else ""
            allowed, max_repeats = rules.model.alphabet.without(repeating, allowed), 0
            allowed[list(refused)] = False
        return PassageRequest(
            np.array([self._last]),
            self._state,
            uniform=None if rules.greedy else self._uniforms.ahead(count),
            allowed=allowed,
            guard=rules.guard,
            recent=self._ids[None, n : n + self._look_back] if rules.guard else None,
            count=count,
            text=self.text,
            max_repeats=max_repeats,
            alphabet=rules.model.alphabet,
        )

    def take(self, result: StepResult) -> bool:
        """Appends the characters that were drawn, and takes the last one back if none was possible after it.

        Returns:
            Whether a stop string was among them. Then the text ends before it.

        Raises:
            WritingError: there is none to take back, or too many have been taken back.
        """
        n = self._look_back + len(self.text)
        count = len(result.ids)
        self._ids[n : n + count] = result.ids
        ids = result.ids.tolist()
        if self._rules.guard:
            before = zip(result.states, [self._last, *ids], strict=False)
            self._before = [*self._before, *before][-_MOST_TAKEN_BACK:]
        self._state, self._last = result.state, ids[-1] if ids else self._last
        self.text += "".join([self._characters[number] for number in ids])
        self.nll += result.nll.tolist()
        self._uniforms.count += count
        if self._rules.stop and self._stop(len(self.text) - count):
            return True
        if result.impossible:
            self._uniforms.count += 1
            self._take_back()
        return False

    def _take_back(self) -> None:
        n = len(self.text)
        if not self._before or self._uniforms.count > self._most_steps:
            told = "every way on from {text!r} copies more than max_copy allows; raise it, or lengthen the opening"
            raise WritingError(Message("all_copies", told, field="max_copy", text=self.text[-20:]))
        self._refused.pop(n, None)
        self._refused.setdefault(n - 1, set()).add(self._last)
        (state, row), self._last = self._before.pop()
        self._state = [layer[row : row + 1] for layer in state]
        self.text = self.text[:-1]
        self.nll.pop()

    def _stop(self, drawn: int) -> bool:
        """Ends the text before the first stop string that ends after the first `drawn` characters, if there is one."""
        for end in range(drawn + 1, len(self.text) + 1):
            for stop in self._rules.stop:
                if self.text.endswith(stop, self.given, end):
                    self.text = self.text[: end - len(stop)]
                    del self.nll[end - self.given :]
                    return True
        return False


def _write_form(
    rules: Rules, opening: str, seed: int, before: Context | None, hand_out: Callable[[str], None]
) -> Steps[Lyrics]:
    """Writes lines with a form."""
    *complete, first = opening.split("\n")
    lead = "".join(line + "\n" for line in complete)
    context = yield from read_opening(rules.model, lead.replace("\n", rules.model.alphabet.line_end), before)
    plans = rules.form.plan(first)
    rules.check(plans)
    key = key_of(seed, FORM)
    if rules.words:
        draft = yield from _write_lines(rules, context, plans, key_of(key, 0))
        plans = yield from place_words(rules, context, plans, draft)
    lines = yield from _write_lines(rules, context, plans, key_of(key, 1))
    text, typed, starts = lead, [(0, len(lead))], list[int]()
    for line, plan in zip(lines, plans, strict=True):
        start = len(text)
        starts.append(start)
        text += line.text + "\n" * (1 + plan.ends_stanza)
        # A line that is given whole is given with its end.
        typed += [(start + a, start + b if b < len(line.text) else len(text)) for a, b in plan.fixed_in(line.text)]
    text = text[: len(lead)] + text[len(lead) :].rstrip("\n")
    hand_out(text)
    nll = sum(line.nll for line in lines) / max(sum(len(line.text) + 1 for line in lines), 1)
    sections = [(starts[first], mark) for first, mark in rules.form.marks]
    return Lyrics(text=text, nll=nll, seed=seed, typed=tuple(typed), sections=tuple(sections))


def _write_lines(rules: Rules, context: Context, plans: Sequence[LinePlan], key: int) -> Steps[list[WrittenLine]]:
    """Writes one line for each plan.

    If nothing is found for a line, the line before it is written anew; the more often it fails, the more of them.
    """
    lines: list[WrittenLine] = []
    contexts = [context]  # before each line
    tries = [0] * len(plans)  # counted on when a line is written anew, so that it has new random numbers
    failures = [0] * len(plans)
    while len(lines) < len(plans):
        i = len(lines)
        if (first := plans[i].repeats) is not None:
            lines.append((yield from _again(rules, contexts[i], lines[first].text, plans[i])))
            contexts.append(lines[-1].after)
            continue
        partners = [line.text for line, plan in zip(lines, plans, strict=False) if plan.rhyme == plans[i].rhyme]
        line_key = key_of(key, i, tries[i])
        tries[i] += 1
        plan = yield from with_length(rules, contexts[i], plans[i], key_of(line_key, LENGTH), partners)
        constraint = rhyme_constraint(rules, plan, partners)
        ahead = plans[i + 1].opening if i + 1 < len(plans) else ""
        found = yield from write_line(rules, contexts[i], plan, line_key, constraint, ahead=ahead)
        if found:
            lines.append(pick(found, key_of(line_key, PICK)))
            contexts.append(lines[-1].after)
            continue
        failures[i] += 1
        if sum(failures) > FAILURES_PER_LINE * len(plans) + MORE_FAILURES or rules.greedy:
            told = "no text was found that keeps the form: line {line} fails ({plan}); loosen a wish"
            shown = _description(plan, rules.max_copy)
            raise WritingError(Message("line_fails", told, line=i + 1, plan=shown))
        kept = max(i - 1 - failures[i] // FAILURES_PER_STEP_BACK, 0)
        del lines[kept:], contexts[kept + 1 :]
    return lines


def _again(rules: Rules, before: Context, text: str, plan: LinePlan) -> Steps[WrittenLine]:
    """Writes a line that has been written before."""
    after, nll = yield from read(rules.model, before, text + rules.model.alphabet.line_end * (1 + plan.ends_stanza))
    return WrittenLine(text, nll, 0.0, after)


def with_length(rules: Rules, before: Context, plan: LinePlan, key: int, partners: Sequence[str]) -> Steps[LinePlan]:
    """Gives a line of any length that has to rhyme with others the length that a line without a rhyme has there.

    Only a line whose end is known to come next can be led to its rhyme.

    Args:
        rules: the compiled wish.
        before: the text before the line.
        plan: of the line.
        key: of the random numbers.
        partners: the lines before it with the same rhyme; not read if the line need not rhyme.
    """
    if plan.length or not plan.rhyme or not partners:
        return plan
    free = dataclasses.replace(plan, rhyme=None, ends_stanza=False)
    found = yield from write_line(rules, before, free, key, particles=PARTICLES_FOR_LENGTH)
    text = pick(found, key).text if found else partners[0]
    return dataclasses.replace(plan, length=max(count_syllables(text), plan.fixed_syllables))


def rhyme_constraint(rules: Rules, plan: LinePlan, partners: Sequence[str]) -> RhymeConstraint | None:
    """The rhyme of a line with the lines before it that have the same rhyme; None if it need not rhyme."""
    return RhymeConstraint(rules.rhyme_groups, partners, plan.rhyme_count) if plan.rhyme else None


def _description(plan: LinePlan, max_copy: int | None) -> str:
    """What a line has to be, for a message."""
    wishes = [f"{plan.length} long"] if plan.length else []
    wishes += [f"with {text!r}" for _, text in plan.fixed]
    wishes += ["rhyming"] if plan.rhyme else []
    wishes += [f"copying at most {max_copy} words or Chinese characters"] if max_copy else []
    return ", ".join(wishes) or "free"
