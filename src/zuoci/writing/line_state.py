"""How far a line has come, and which characters may follow by its plan.

`zuoci.writing.line` advances a `LineState` character by character; `zuoci.writing.rhyme.constraint` reads it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zuoci.text.characters import ZERO_WIDTH_JOINER
from zuoci.writing.config import LONGEST_WORD, MOST_LAST_MARKS, MOST_MARKS, MOST_ON_ONE, MOST_SYLLABLES
from zuoci.writing.form import kind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zuoci.writing.alphabet import Alphabet
    from zuoci.writing.form import Kind, LinePlan


class LineState:
    """A line that is being written.

    Attributes:
        plan: what the line has to be.
        text: the line so far.
        syllables: its length.
        in_word: whether the last character belongs to a word of letters.
        word_letters: length of that word, in characters.
        word_closed: whether that word must not go on.
        marks: characters since the last syllable or letter, but for those that belong to the one before them.
        base: the kind of the last character that is no mark; `space` before the first.
        on_base: how many marks belong to that character.
        joined: whether the next symbol belongs to the one before it: an emoji of several parts.
        fixed_begun: how many texts of `plan.fixed` are written or being written.
        pending: what is left of the fixed text that is being written.
        after_word: whether the last syllable is a word of letters.
    """

    __slots__ = (
        "after_word",
        "alphabet",
        "base",
        "fixed_begun",
        "in_word",
        "joined",
        "marks",
        "on_base",
        "pending",
        "plan",
        "syllables",
        "text",
        "word_closed",
        "word_letters",
    )

    def __init__(self, alphabet: Alphabet, plan: LinePlan) -> None:
        self.alphabet = alphabet
        self.plan = plan
        self.text = ""
        self.syllables = 0
        self.in_word = False
        self.word_letters = 0
        self.word_closed = False
        self.marks = 0
        self.base: Kind = "space"
        self.on_base = 0
        self.joined = False
        self.fixed_begun = 0
        self.pending = ""
        self.after_word = False

    def copy(self) -> LineState:
        """A copy that can be advanced independently."""
        other = object.__new__(LineState)
        for name in self.__slots__:
            setattr(other, name, getattr(self, name))
        return other

    def forced(self) -> str:
        """The character that a fixed text requires next; "" if none does."""
        fixed = self.plan.fixed
        may_begin = not self.pending and not self.needs_gap and self.fixed_begun < len(fixed)
        if may_begin and self.syllables == fixed[self.fixed_begun][0]:
            text = fixed[self.fixed_begun][1]
            if not (self.in_word and kind(text[0]) == "letter"):  # otherwise a space must come before it
                self.pending = text
                self.fixed_begun += 1
        return self.pending[:1]

    @property
    def left(self) -> int:
        """Syllables still to come; for a line of any length, the most that may still come."""
        return (self.plan.length or MOST_SYLLABLES) - self.syllables

    @property
    def needs_gap(self) -> bool:
        """Whether the line pauses here by its form. Between words of letters there is a space anyway."""
        return self.syllables in self.plan.gaps and not self.marks and not self.in_word

    @property
    def may_pause(self) -> bool:
        """Whether a space may come next, as far as the length of the line is concerned."""
        return not self.plan.length or self.after_word

    @property
    def is_full(self) -> bool:
        """Whether a line with a given length has its last syllable, and that is not a word that could go on."""
        return bool(self.plan.length) and self.left == 0 and not self.in_word

    def allowed(self) -> NDArray[np.bool_]:
        """The mask `(V,)` of the characters that may come next by the plan. It must not be modified."""
        if self.needs_gap:
            return self.alphabet.gap
        fixed = self.plan.fixed
        waiting = self.fixed_begun < len(fixed)  # for a fixed text further on, or for the space before it
        may_begin = self.left > 0 and not (waiting and self.syllables == fixed[self.fixed_begun][0])
        may_go_on = self.in_word and not self.word_closed and self.word_letters < LONGEST_WORD
        complete = not waiting and (self.left == 0 if self.plan.length else self.syllables > 0)
        most_marks = MOST_MARKS if self.left > 0 else MOST_LAST_MARKS
        ends_in_space = self.text[-1:].isspace()
        return self.alphabet.allowed(
            syllables=may_begin,
            letters=may_go_on or (may_begin and not self.in_word),
            others=self.joined or self.marks < (most_marks if self.text else 1),
            marks=bool(self.text) and not ends_in_space and self.on_base < MOST_ON_ONE,
            # A line with a length has no pauses but between words of letters, unless its form asks for them.
            spaces=bool(self.text) and self.left > 0 and self.marks < most_marks and self.may_pause and not self.joined,
            end=complete and not ends_in_space and not self.joined,
        )

    def advance(self, char: str) -> None:
        """Appends a character, which is not the one that ends the line."""
        what, joined = kind(char), self.joined
        self.text += char
        self.on_base = self.on_base + 1 if what == "mark" else 0
        self.joined = char == ZERO_WIDTH_JOINER and self.base == "other"
        given, self.pending = bool(self.pending), self.pending[1:]
        if what == "mark" or (joined and what == "other"):
            return
        self.base = what
        if given:
            self.word_closed = not self.pending and what == "letter"
        elif what != "letter":
            self.word_closed = False
        self.syllables += what == "syllable" or (what == "letter" and not self.in_word)
        self.word_letters = self.word_letters + 1 if what in ("letter", "joiner") and self.in_word else 1
        self.in_word = what == "letter" or (what == "joiner" and self.in_word)
        self.marks = 0 if what in ("syllable", "letter") else self.marks + 1
        if what in ("syllable", "letter"):
            self.after_word = what == "letter"
