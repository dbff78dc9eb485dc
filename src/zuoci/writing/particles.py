"""Lines by sequential Monte Carlo: rules + the text before a line + the plan of the line → weighted lines.

A line that must fulfil a plan is a sample from p(line | the plan is fulfilled), where p is the model at the wish's
temperature. A population of P lines, the particles, approximates this distribution. All grow character by character.
Where the plan, the rhyme and the copy guard allow the characters A_t, a particle draws its next one from p(c) / p(A_t)
in place of p(c), and its weight is multiplied by what the restriction took away:

    w ← w · p(A_t)

The end of the line is one of these characters: a particle that has its length, and at whose place a line hardly ever
ends, loses nearly all of its weight. So do particles from which a rhyme, a required word, the empty line after a stanza
or the beginning of the next line hardly follow. When all particles have one more syllable, and the effective sample
size (Σ w)² / Σ w² is below P / 2, P particles are drawn anew in proportion to their weights (systematic resampling) and
weigh the same again. At the end, the weighted particles are samples of the lines that fulfil the plan: their share of
every line converges to p(line | plan) as P grows. Finished lines are weighed once more, by how good they are as a whole
(`zuoci.writing.line_score`).

Sources: the bootstrap filter of Gordon, Salmond and Smith (1993); Del Moral, Doucet and Jasra (2006); systematic
resampling by Carpenter, Clifford and Fearnhead (1999); the same for language models, Lew et al. (2023).

Particles with the same history are computed once, and draw with stratified random numbers.
`zuoci.writing.text` and `zuoci.writing.candidates` write their lines with `write_line`.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from zuoci.writing.line import Context, WrittenLine
from zuoci.writing.line_score import line_scores
from zuoci.writing.line_state import LineState
from zuoci.writing.random import UniformStream
from zuoci.writing.repetition import characters_that_would_repeat
from zuoci.writing.steps import StepRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from zuoci.model.stepper import Streams
    from zuoci.writing.form import LinePlan
    from zuoci.writing.rhyme.constraint import RhymeConstraint
    from zuoci.writing.rules import Rules
    from zuoci.writing.steps import StepResult, Steps

    Weights = NDArray[np.float64]


class _Particle:
    """A line that is being written.

    Attributes:
        row: of the population's state, which has read all but the last character.
        id: the last character.
        text: the whole text so far.
        given: how many of its last characters were given and not sampled.
        line: how far the line has come.
        nll: of the line so far by the model's own probabilities, in nats, summed.
        log_weight: log w.
        misread: last characters that were tried and have another reading in this line, which does not rhyme.
        written: the finished line; None: it goes on.
    """

    __slots__ = ("given", "id", "line", "log_weight", "misread", "nll", "row", "text", "written")

    def __init__(self, before: Context, line: LineState) -> None:
        self.row, self.id, self.text, self.given = 0, before.id, before.text, before.given
        self.line = line
        self.nll = self.log_weight = 0.0
        self.misread = ""
        self.written: WrittenLine | None = None

    def copy(self) -> _Particle:
        """A copy that goes on independently."""
        other = object.__new__(_Particle)
        other.row, other.id, other.text, other.given = self.row, self.id, self.text, self.given
        other.nll, other.log_weight, other.misread, other.written = (
            self.nll,
            self.log_weight,
            self.misread,
            self.written,
        )
        other.line = self.line.copy()
        return other

    @property
    def history(self) -> tuple[int, int, str]:
        """Equal for particles whose next character has the same probabilities."""
        return self.row, self.id, self.misread


def write_line(
    rules: Rules,
    before: Context,
    plan: LinePlan,
    key: int,
    constraint: RhymeConstraint | None = None,
    *,
    ahead: str = "",
    particles: int = 0,
) -> Steps[list[WrittenLine]]:
    """Writes a line.

    Args:
        rules: the compiled wish.
        before: the text before the line. It ends with the end of the previous line, unless the text only begins.
        plan: what the line has to be.
        key: of the random numbers.
        constraint: the rhyme; None: the line need not rhyme.
        ahead: what the next line begins with, known characters: lines from which it follows are preferred.
        particles: P; 0: as many as the rules say.

    Returns:
        The lines that fulfil the plan, with their weights; none if none was found. `WrittenLine.after` includes the
        empty line that ends a stanza.
    """
    count = 1 if rules.greedy else particles or rules.particles
    population = _Population(rules, before, plan, key, constraint, count)
    while not population.is_finished:
        if rows := population.unfinished_at_level():
            population.take(rows, (yield population.request(rows)))
        else:
            population.level += 1
            population.resample()
    lines = population.lines()
    if (rules.selection or rules.topic) and len(lines) > 1:
        scores = line_scores(rules, before.text, lines)
        lines = [
            dataclasses.replace(line, log_weight=line.log_weight + float(score))
            for line, score in zip(lines, scores, strict=True)
        ]
    if plan.ends_stanza and lines:
        lines = yield from _read_ahead(rules, lines, rules.model.alphabet.line_end, is_text=True)
    if ahead and lines and not rules.greedy:
        lines = yield from _read_ahead(rules, lines, ahead, is_text=False)
    return lines


class _Population:
    """The particles of one line.

    Attributes:
        particles: those with a weight above 0, equal histories side by side.
        level: syllables that every particle has, or is about to get.
    """

    def __init__(
        self, rules: Rules, before: Context, plan: LinePlan, key: int, constraint: RhymeConstraint | None, count: int
    ) -> None:
        self.particles = [_Particle(before, LineState(rules.model.alphabet, plan)) for _ in range(count)]
        self.level = 0
        self._rules = rules
        self._constraint = constraint
        self._count = count
        self._state: Streams = before.state
        self._uniforms = UniformStream(key)

    @property
    def is_finished(self) -> bool:
        """Whether all lines have ended, or none is left."""
        return all(particle.written for particle in self.particles)

    def unfinished_at_level(self) -> list[list[_Particle]]:
        """The particles that still need their next syllable, those with equal histories in one list."""
        groups: dict[tuple[int, int, str], list[_Particle]] = {}
        for particle in self.particles:
            if not particle.written and particle.line.syllables <= self.level:
                groups.setdefault(particle.history, []).append(particle)
        return list(groups.values())

    def request(self, rows: Sequence[Sequence[_Particle]]) -> StepRequest:
        """The step that draws the next character of some particles.

        Args:
            rows: the particles of each row of the step.
        """
        rules, firsts = self._rules, [row[0] for row in rows]
        forced = [particle.line.forced() for particle in firsts]
        numbers = [particle.row for particle in firsts]
        guard = rules.guard
        recent: NDArray[np.int64] | None = None
        given: NDArray[np.int64] | None = None
        if guard:
            recent = rules.model.recent([particle.text for particle in firsts], guard.look_back)
            # A character that was asked for may complete a copy if all characters before it were given as well.
            given = np.array([particle.given if char else 0 for particle, char in zip(firsts, forced, strict=True)])
        return StepRequest(
            ids=np.array([particle.id for particle in firsts]),
            state=[layer[numbers] for layer in self._state],
            draws=np.array([len(row) for row in rows]),
            uniform=None if rules.greedy else self._stratified([len(row) for row in rows]),
            bias=np.stack([rules.topic.bias(particle.text) for particle in firsts]) if rules.topic else None,
            allowed=np.stack([self._allowed(particle, char) for particle, char in zip(firsts, forced, strict=True)]),
            guard=guard,
            recent=recent,
            given=given,
            weigh=not rules.greedy,
        )

    def _stratified(self, counts: Sequence[int]) -> Weights:
        """For each row as many uniform numbers as it has particles, one from each of as many equal parts of [0, 1)."""
        start = self._uniforms.take(len(counts))
        parts = [(u + np.arange(count)) / count for u, count in zip(start, counts, strict=True)]
        return np.minimum(np.concatenate(parts), np.nextafter(1.0, 0.0))

    def _allowed(self, particle: _Particle, forced: str) -> NDArray[np.bool_]:
        """The mask `(V,)` of the characters that may come next in a line."""
        rules, alphabet = self._rules, self._rules.model.alphabet
        if forced:
            return alphabet.mask(forced)
        allowed = particle.line.allowed()
        if rules.allowed_in_line is not None:
            allowed = allowed & rules.allowed_in_line
        if self._constraint:
            allowed = self._constraint.narrow(allowed, particle.line)
        banned = particle.misread
        if rules.max_repeats:
            banned += characters_that_would_repeat(particle.text, rules.max_repeats)
        return allowed & ~alphabet.mask(banned) if banned else allowed

    def take(self, rows: Sequence[Sequence[_Particle]], result: StepResult) -> None:
        """Appends the characters that a step has drawn; removes the particles for which nothing was allowed."""
        moved = {id(particle) for row in rows for particle in row}
        waiting = [p for p in self.particles if not p.written and id(p) not in moved]
        numbers = sorted({particle.row for particle in waiting} | {row[0].row for row in rows})
        new_number = {number: len(rows) + i for i, number in enumerate(numbers)}
        for particle in self.particles:
            particle.row = new_number.get(particle.row, 0)
        dead: set[int] = set()
        n = 0
        for number, row in enumerate(rows):
            for particle in row:
                if result.share[number] == -np.inf or not self._append(particle, number, result, n):
                    dead.add(id(particle))
                n += 1
        # The old rows are kept for those that wait, and for those that draw their last character again.
        needed = any(p.row >= len(rows) for p in self.particles if not p.written)
        self._state = (
            [np.concatenate([new, old[numbers]]) for new, old in zip(result.state, self._state, strict=True)]
            if needed
            else result.state
        )
        if dead:
            self.particles = [particle for particle in self.particles if id(particle) not in dead]

    def _append(self, particle: _Particle, row: int, result: StepResult, n: int) -> bool:
        """Appends the character of draw `n`, which belongs to a row of a step; False: it cannot lead to a line."""
        rules, line = self._rules, particle.line
        alphabet = rules.model.alphabet
        forced = line.forced()
        number = int(result.ids[n])
        if line.needs_gap and not forced and number == alphabet.line_end_id:
            number = alphabet.id(" ")  # the phrase ends, and the line goes on
        char = rules.model.vocabulary.characters[number]
        ends = number == alphabet.line_end_id and not forced
        if not ends:
            is_last = self._constraint is not None and line.left == 1
            advanced = line.copy() if is_last else line
            advanced.advance(char)
            if self._constraint and is_last and advanced.is_full and not self._constraint.fits(advanced.text):
                particle.misread += char
                return not forced
            particle.line = advanced
            particle.misread = ""
        particle.nll += result.nll[n]
        particle.log_weight += result.share[row]
        particle.given = particle.given + 1 if forced else 0
        particle.text += char
        particle.id, particle.row = number, row
        if ends:
            state = [layer[row : row + 1] for layer in result.state]
            after = Context(particle.text, particle.id, state, particle.given)
            particle.written = WrittenLine(line.text, particle.nll, 0.0, after)
        return True

    def resample(self) -> None:
        """Draws the population anew in proportion to the weights, if these have become unequal."""
        if len(self.particles) <= 1 and self._count == 1:
            return
        weights = weights_of([particle.log_weight for particle in self.particles])
        if not len(weights) or 1.0 / np.square(weights).sum() >= self._count / 2:
            return
        bounds = weights.cumsum()
        wanted = (self._uniforms.take(1) + np.arange(self._count)) / self._count * bounds[-1]
        chosen = np.minimum(np.searchsorted(bounds, wanted, "right"), len(weights) - 1)
        self.particles = [self.particles[i].copy() for i in chosen]
        for particle in self.particles:
            particle.log_weight = 0.0

    def lines(self) -> list[WrittenLine]:
        """The finished lines, equal ones once."""
        weights = weights_of([particle.log_weight for particle in self.particles])
        found: dict[str, WrittenLine] = {}
        total: dict[str, float] = {}
        for particle, weight in zip(self.particles, weights, strict=True):
            if particle.written:
                found.setdefault(particle.written.text, particle.written)
                total[particle.written.text] = total.get(particle.written.text, 0.0) + weight
        with np.errstate(divide="ignore"):
            return [
                dataclasses.replace(line, log_weight=float(np.log(total[text])))
                for text, line in found.items()
                if total[text] > 0
            ]


def weights_of(log_weights: Sequence[float]) -> Weights:
    """exp(log_weights) / Σ exp(log_weights), `(P,)`."""
    if not log_weights:
        return np.empty(0)
    weights = np.exp(np.array(log_weights) - max(log_weights))
    return weights / weights.sum()


def _read_ahead(rules: Rules, lines: Sequence[WrittenLine], text: str, *, is_text: bool) -> Steps[list[WrittenLine]]:
    """Multiplies the weight of each line by the probability of what comes after it.

    Args:
        rules: the compiled wish.
        lines: the lines.
        text: what comes after them.
        is_text: whether it belongs to the text: then it is added to the lines' contexts, and what would copy is left
            out.
    """
    model, guard = rules.model, rules.guard
    ids = np.array([line.after.id for line in lines])
    state: Streams = [np.concatenate(layers) for layers in zip(*(line.after.state for line in lines), strict=True)]
    log_weights = np.array([line.log_weight for line in lines])
    for k, char in enumerate(text):
        number = model.alphabet.id(char)
        result = yield StepRequest(
            ids,
            state,
            forced=np.full(len(lines), number),
            guard=guard if is_text else None,
            recent=model.recent([line.after.text + text[:k] for line in lines], guard.look_back)
            if guard and is_text
            else None,
        )
        log_weights = log_weights - result.nll
        log_weights[result.share == -np.inf] = -np.inf
        ids, state = np.full(len(lines), number), result.state
    found: list[WrittenLine] = []
    for k, line in enumerate(lines):
        if log_weights[k] == -np.inf:
            continue
        after = line.after
        if is_text:
            after = Context(after.text + text, int(ids[k]), [layer[k : k + 1] for layer in state])
        found.append(dataclasses.replace(line, log_weight=float(log_weights[k]), after=after))
    return found
