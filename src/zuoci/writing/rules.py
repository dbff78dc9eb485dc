"""A wish compiled for a model: `WritingModel` + `WriteConfig` → `Rules`.

`zuoci.writing.writer` and `zuoci.writing.candidates` compile each wish once. The code that writes texts, lines and
characters reads `Rules`, and never a `WriteConfig`.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from zuoci.errors import Message, SettingsError
from zuoci.text.fingerprint import NO_CHARACTER, WINDOW
from zuoci.text.positions import code_points
from zuoci.writing.alphabet import Alphabet
from zuoci.writing.config import MAX_REPEATS
from zuoci.writing.form import Form
from zuoci.writing.guards import guard_of
from zuoci.writing.line_judge import LineJudge
from zuoci.writing.originality import parts_of
from zuoci.writing.patterns import parse_readings
from zuoci.writing.rhyme.chinese import last_syllables
from zuoci.writing.rhyme.constraint import RhymeGroups
from zuoci.writing.rhyme.scheme import Rhymes, Standard
from zuoci.writing.topic import Topic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from zuoci.model.stepper import Stepper
    from zuoci.text.vocabulary import Vocabulary
    from zuoci.writing.config import WriteConfig
    from zuoci.writing.form import LinePlan
    from zuoci.writing.guards import Guard
    from zuoci.writing.originality import Known

_CACHED = 8  # copy guards, and rhyme groups, that are kept for the next wish


class WritingModel:
    """A model with everything that texts need from it, whatever their wishes.

    Attributes:
        stepper: computes logits, one character after another.
        vocabulary: the characters by id.
        alphabet: the characters by their kind.
        against: what the model and its base have read; None: unknown.
        judge: tells people's lines from those of the base that the model started from; None: there is none.
    """

    def __init__(self, stepper: Stepper, vocabulary: Vocabulary, against: Known | None) -> None:
        self.stepper = stepper
        self.vocabulary = vocabulary
        self.alphabet = alphabet = Alphabet(vocabulary)
        self.against = against
        base = parts_of(against)[1] if against is not None else None
        self.judge = LineJudge.of_base(base.about.name) if base is not None else None

        # Both take long to build and depend on little, so that different wishes share them. Neither function refers
        # to `self`: a model that is dropped is freed at once.
        @lru_cache(_CACHED)
        def copy_guard(known: Known, limit: int) -> Guard:
            return guard_of(known, limit, vocabulary)

        @lru_cache(_CACHED)
        def rhyme_groups(standard: Standard, readings: tuple[str, ...], count: int, near: bool) -> RhymeGroups:
            return RhymeGroups(Rhymes(standard, parse_readings(readings), count=count, near=near), alphabet)

        self._copy_guard = copy_guard
        self._rhyme_groups = rhyme_groups

    def copy_guard(self, limit: int) -> Guard:
        """Forbids copies of more than `limit` words of the training text; a Chinese character is a word of its own.

        Of what a base model has read, only copies that its filter recognises are forbidden: of 13 characters or more
        for `zh`, of 32 or more for `en`.

        Raises:
            SettingsError: the training text is not known, or the limit is too low for its fingerprint.
        """
        if self.against is None:
            told = (
                "max_copy {limit} needs what the model was trained on: its folder has no fingerprint; name the corpus"
            )
            raise SettingsError(Message("no_fingerprint", told, field="max_copy", limit=limit))
        return self._copy_guard(self.against, limit)

    def rhyme_groups(self, standard: Standard, readings: tuple[str, ...], count: int, near: bool) -> RhymeGroups:
        """The rhyme groups of a standard with the user's own readings; the arguments are those of `Rhymes`."""
        return self._rhyme_groups(standard, readings, count, near)

    def recent(self, texts: Sequence[str], count: int) -> NDArray[np.int64]:
        """The ids of the last `count` characters of each text, −1 before its beginning, `(R, count)`."""
        ends = [text[-count:] if count else "" for text in texts]
        last = np.full((len(texts), count), NO_CHARACTER, np.uint32)
        last[np.arange(-count, 0) >= -np.array([[len(end)] for end in ends])] = code_points("".join(ends))
        return self.vocabulary.ids_of(last)

    def homophones(self, char: str, most: int = 5) -> list[str]:
        """Characters of the model that have a reading in common with an unknown one."""
        readings = last_syllables(char)
        return [other for other in self.vocabulary.characters if readings & last_syllables(other)][:most]


class Rules:
    """A wish compiled for a model.

    Attributes:
        model: the model that writes.
        greedy: choose the most likely character rather than sample.
        length: characters of a text without form.
        stop: strings that end a text without form.
        max_repeats: how often a block of characters may occur in a row; 0: any number.
        max_copy: the limit for copies that was asked for; None: the default applies.
        guard: forbids what would complete a copy; None: copies are allowed.
        banned: the characters that must not be written.
        allowed: mask `(V,)` of the other characters; None: all are allowed.
        allowed_in_line: the same with the end of the line, which the plan of a line decides; None likewise.
        form: what the lines have to be.
        has_form: whether the text consists of lines with a form.
        words: words that must appear.
        particles: lines to grow side by side for each line of a form.
        topic: what the text is about; None: anything.
        selection: how strongly good lines are preferred among these; 0: not at all.
    """

    def __init__(self, model: WritingModel, config: WriteConfig) -> None:
        """Compiles a wish. The seed is not part of it: texts with different seeds can share their rules.

        Raises:
            SettingsError: the wish cannot be fulfilled with this model.
        """
        self.model = model
        self.greedy = config.greedy
        self.length = config.length
        self.stop = tuple(filter(None, config.stop))
        self.max_repeats = config.max_repeats
        if self.max_repeats is None:
            self.max_repeats = 0 if config.greedy else MAX_REPEATS
        self.max_copy = config.max_copy
        self.guard = _copy_guard(model, config)
        self.banned = config.ban
        self.allowed = _allowed(model, config.ban)
        self.allowed_in_line: NDArray[np.bool_] | None = None
        if self.allowed is not None:
            self.allowed_in_line = self.allowed | model.alphabet.mask(model.alphabet.line_end)
        self.form = Form.of(config)
        self.has_form = config.has_form
        self.words = config.word
        self.particles = config.particles
        self.selection = config.selection
        self.topic = Topic(model.stepper, model.vocabulary, config.about) if config.about else None
        self._standard: Standard = config.rhyme_standard
        self._readings = config.reading
        self._rhyme_syllables, self._rhyme_near = config.rhyme_syllables, config.rhyme_near

    @cached_property
    def rhyme_groups(self) -> RhymeGroups:
        """The rhyme groups by the standard and the readings that were asked for; built when a line has to rhyme."""
        return self.model.rhyme_groups(self._standard, self._readings, self._rhyme_syllables, self._rhyme_near)

    def check(self, plans: Sequence[LinePlan]) -> None:
        """Makes sure that the model can write what some lines ask for.

        Raises:
            SettingsError: it cannot; names the character and, if there are any, known ones with the same reading.
        """
        known = self.model.vocabulary
        asked = "".join(text for plan in plans for _, text in plan.fixed) + "".join(self.words)
        missing = [char for char in dict.fromkeys(asked) if char not in known]
        if missing:
            char = missing[0]
            alike = self.model.homophones(char)
            instead = f"; it knows {' '.join(alike)}, which sound alike" if alike else ""
            told = "the form asks for {char}, which the model has never seen{instead}; choose another character"
            raise SettingsError(Message("unseen", told, char=char, instead=instead, alike=" ".join(alike)))
        if any(plan.gaps for plan in plans) and (" " not in known or self.model.alphabet.line_end == " "):
            told = "the form asks for gaps within lines, but the model knows no space; give no 4+3"
            raise SettingsError(Message("no_gaps", told, field="line_length"))
        if not self.model.alphabet.can_fill_lines:
            told = "the model knows no character that counts for the length of a line: give no form"
            raise SettingsError(Message("no_form", told))
        banned = [char for char in asked if char in self.banned]
        if banned:
            told = "the form asks for {char}, which ban forbids; take it out of one of them"
            raise SettingsError(Message("banned", told, field="ban", char=banned[0]))
        if "\n" in self.banned and len(plans) > 1:
            told = "the form asks for {lines} lines, but ban forbids line ends; allow them"
            raise SettingsError(Message("banned_line_ends", told, field="ban", lines=len(plans)))


def _copy_guard(model: WritingModel, config: WriteConfig) -> Guard | None:
    limit = config.max_copy
    if limit is None:
        limit = 0 if config.greedy or model.against is None else WINDOW - 1
    return model.copy_guard(limit) if limit else None


def _allowed(model: WritingModel, ban: str) -> NDArray[np.bool_] | None:
    if not ban:
        return None
    allowed = ~model.alphabet.mask(ban)
    if not allowed.any():
        told = "ban leaves no character to write: the model knows {known}; ban fewer"
        raise SettingsError(Message("all_banned", told, field="ban", known=len(model.vocabulary)))
    return allowed
