"""What a person can wish for when a text is written: `WriteConfig`.

The command line, the HTTP API and Python callers make a `WriteConfig`. `zuoci.writing.rules` compiles it for a model;
no code below that reads it. This file does not import torch, because the command line reads it to show its options.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from zuoci.errors import Message, SettingsError
from zuoci.model.random import key_of
from zuoci.text.characters import clean_characters
from zuoci.writing.patterns import (
    MOST_LINES,
    parse_lengths,
    parse_line_openings,
    parse_numbers,
    parse_readings,
    parse_scheme,
    parse_section_forms,
    parse_structure,
    parse_words,
)
from zuoci.writing.structure import DEFAULT_LINES, Section, sections_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MOST_SYLLABLES = 40  # of a line without a given length
LONGEST_WORD = 24  # letters
# In a row without counting for the length: characters within a line, at its end, and marks on one character.
MOST_MARKS, MOST_LAST_MARKS, MOST_ON_ONE = 3, 2, 4
MAX_REPEATS = 3  # of `WriteConfig.max_repeats`, unless a wish says otherwise
# The score of a finished line (`zuoci.writing.line_score`): the exponent of its probability, and what it costs to
# repeat a pair of syllables or a syllable, in nats.
LIKELIHOOD, REPEATED_PAIR, REPEATED_UNIT, EARLIER_UNIT = 0.3, 1.0, 0.5, 0.2
LOOKED_BACK = 120  # characters of the text before a line that it should not repeat
# Lines that a text may fail to find (`zuoci.writing.text`), for each of its lines and beside them; and failures of one
# line after which one more of the lines before it is written anew.
FAILURES_PER_LINE, MORE_FAILURES, FAILURES_PER_STEP_BACK = 4, 20, 3
PARTICLES_FOR_LENGTH = 8  # of a line that is written only for its length
PAGE_PARTICLES = 24  # default of an exported page, which computes on one core and without BLAS
VOICE = (  # of a `Writer`, and so not a field of `WriteConfig`
    "how far texts follow the model rather than the base model that it started from; 0: the base; 1: the model as it "
    "was trained"
)

_Text = Annotated[str, Field(max_length=1000)]


class Sampling(NamedTuple):
    """How the next character is chosen from the logits; see `WriteConfig` for the fields."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    greedy: bool = False

    @property
    def has_filters(self) -> bool:
        """Whether only some of the characters that are allowed can be drawn."""
        return bool(self.top_k) or self.top_p < 1.0 or bool(self.min_p)


class WriteConfig(BaseModel):
    """How characters are sampled, and the form of the text."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    length: int = Field(
        default=50, ge=1, le=1_000_000, description="characters to write after the opening, if no form is given"
    )
    temperature: float = Field(
        default=0.8,  # characters then stand in words as often as a person's do: docs/experiments.md
        gt=0.0,
        le=100.0,
        description="divides the logits before sampling: above 1 more varied, below 1 more predictable; default: 0.8",
    )
    top_k: int = Field(default=0, ge=0, le=1_000_000, description="sample from the k most likely characters; 0: all")
    top_p: float = Field(
        default=1.0,
        gt=0.0,
        le=1.0,
        description="sample from the fewest most likely characters whose probabilities add up to at least p; 1: all",
    )
    min_p: float = Field(
        default=0.0,
        ge=0.0,
        le=1.0,
        description="sample from characters with at least p times the probability of the most likely one; 0: all",
    )
    greedy: bool = Field(default=False, description="always choose the most likely character")
    seed: int = Field(default=0, ge=0, lt=2**63, description="random seed; the same seed gives the same text")
    max_repeats: int | None = Field(
        default=None,
        ge=0,
        le=1000,
        description="times that a block of characters may occur in a row; 0: no limit; default: 3, or 0 with greedy",
    )
    max_copy: int | None = Field(
        default=None,
        ge=0,
        le=1000,
        description="longest run of words that may be copied from the training text, where a Chinese character counts "
        "as a word; 0: no limit; default: 7 if that text or its fingerprint is available, or 0 with greedy; of what a "
        "base model has read, runs of 13 characters or more (zh) or 32 or more (en) are recognised",
    )
    ban: str = Field(default="", max_length=10_000, description="characters that must not be written")
    stop: tuple[_Text, ...] = Field(
        default=(), max_length=16, description="stop before this text; may be given several times"
    )
    lines: int = Field(
        default=0, ge=0, le=MOST_LINES, description="lines to write; 0: as many as the other form options ask for"
    )
    line_length: str = Field(
        default="",
        max_length=1000,
        description="syllables of each line, one number or a pattern like 7,5,7,5; 4+3: seven with a gap after the "
        "fourth; a Chinese character or a word of letters counts as 1; 0: any",
    )
    stanza: str = Field(
        default="",
        max_length=1000,
        description="lines of each stanza, one number or a pattern; an empty line separates stanzas",
    )
    structure: str = Field(
        default="",
        max_length=1000,
        description="sections of a song, as V C V C B C: V verse, P pre-chorus, C chorus, H hook, B bridge, I intro, O "
        "outro; chorus and hook return word for word; line_length, rhyme and stanza (lines) are those of each section",
    )
    section: tuple[_Text, ...] = Field(
        default=(),
        max_length=100,
        description="a form of its own for a kind of section, as C=5,5,5,5 AABB, or for one, as V2=7,7 (C2 then has "
        "words of its own); may be given several times",
    )
    acrostic: str = Field(
        default="", max_length=1000, description="characters that the lines begin with, one for each line"
    )
    word: tuple[_Text, ...] = Field(
        default=(), max_length=100, description="a word that must appear; may be given several times"
    )
    line_opening: tuple[_Text, ...] = Field(
        default=(), max_length=1000, description="what a line begins with, as 3=我说; may be given several times"
    )
    about: tuple[_Text, ...] = Field(
        default=(),
        max_length=100,
        description="what the lines are about; prefers lines with characters that are close to this word, without "
        "forcing it; may be given several times",
    )
    rhyme: str = Field(
        default="", max_length=1000, description="rhyme scheme, as AABB, ABAB or XAXA; X: a line without rhyme"
    )
    rhyme_standard: Literal["shisanzhe", "xinyun", "tongyun"] = Field(
        default="shisanzhe", description="rhyme groups for Chinese: 十三辙, 中华新韵 or 中华通韵"
    )
    rhyme_syllables: int = Field(
        default=1,
        ge=1,
        le=4,
        description="syllables at the end of lines that have to rhyme, 1 to 4 (2: 双押); default: 1",
    )
    rhyme_near: bool = Field(
        default=False,
        description="also accept near rhymes: an and ang, en and eng, in and ing; in English, consonants of a kind",
    )
    reading: tuple[_Text, ...] = Field(
        default=(), max_length=1000, description="pinyin of a phrase, as 长大=zhang3 da4; may be given several times"
    )
    particles: int = Field(
        default=64,
        ge=1,
        le=512,
        description="lines to grow side by side for each line of a form; more: more natural, and slower",
    )
    selection: float = Field(
        default=2.0,
        ge=0.0,
        le=10.0,
        description="how strongly good lines are preferred among those that grow side by side; 0: not at all",
    )

    @field_validator("stop", "acrostic", "word", "line_opening", "reading")
    @classmethod
    def _cleaned(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        """The characters as they are in a text that was trained on."""
        if isinstance(value, str):
            return clean_characters(value)[0]
        return tuple(clean_characters(one)[0] for one in value)

    @field_validator("ban")
    @classmethod
    def _composed(cls, value: str) -> str:
        """Letters with their accents, so that these are not banned apart. Invisible characters may be banned."""
        return unicodedata.normalize("NFC", value)

    @field_validator("line_length", "stanza", "rhyme", "structure", "section", "line_opening", "reading", "word")
    @classmethod
    def _readable(cls, value: str | tuple[str, ...], info: object) -> str | tuple[str, ...]:
        if value:
            try:
                _PARSERS[info.field_name](value)  # pyright: ignore
            except SettingsError as error:
                raise ValueError(error.message) from None
        return value

    @model_validator(mode="after")
    def _consistent(self) -> WriteConfig:
        if self.stop and self.has_form:
            told = "stop cannot be used with a form, because a form ends by itself; give one of them"
            raise ValueError(Message("stop_with_form", told, field="stop"))
        if self.section and not self.structure:
            told = "section gives the form of a section of structure; give structure too"
            raise ValueError(Message("section_alone", told, field="section"))
        if self.structure and self.lines:
            told = "structure determines the number of lines; leave out lines"
            raise ValueError(Message("structure_with_lines", told, field="lines"))
        if (count := self.line_count) > MOST_LINES:
            told = "a form has {most} lines at most: got {count}; ask for fewer"
            raise ValueError(Message("many_form_lines", told, field="lines", most=MOST_LINES, count=count))
        return self

    @property
    def has_form(self) -> bool:
        """Whether the text consists of lines with a given form, rather than of `length` characters."""
        return bool(
            self.lines
            or self.line_length
            or self.stanza
            or self.structure
            or self.acrostic
            or self.word
            or self.about
            or self.line_opening
            or self.rhyme
        )

    def variants(self, count: int) -> list[WriteConfig]:
        """The wish for each of several texts: the first has this seed, each other one a seed derived from it."""
        seeds = [self.seed, *(key_of(self.seed, k) >> 1 for k in range(1, count))]
        return [self.model_copy(update={"seed": seed}) for seed in seeds]

    @property
    def sampling(self) -> Sampling:
        """How the next character is chosen, as plain values."""
        return Sampling(self.temperature, self.top_k, self.top_p, self.min_p, self.greedy)

    @property
    def rows(self) -> int:
        """The rows of a batch that the text takes at most."""
        return self.particles if self.has_form and not self.greedy else 1

    @property
    def sections(self) -> tuple[Section, ...]:
        """The sections of the structure; without one, a single section without a mark."""
        return sections_of(
            self.structure, self.section, line_length=self.line_length, rhyme=self.rhyme, stanza=self.stanza
        )

    @property
    def line_count(self) -> int:
        """The number of lines of the form.

        This is `lines`, or that of the structure, or else the largest number that acrostic, rhyme scheme, line
        openings, a pattern of lengths or the stanzas ask for, or 4 if none of them does. An acrostic or a line opening
        beyond `lines` or the structure counts as well, and `Form.plan` then raises an error.
        """
        acrostic = sum(not char.isspace() for char in self.acrostic)
        least = max(acrostic, max(parse_line_openings(self.line_opening), default=0))
        return max(self.lines or sum(section.lines for section in self.sections), least) or DEFAULT_LINES

    @property
    def most_syllables(self) -> int:
        """The largest number of syllables that a text with this form can have."""
        if self.structure:
            lengths = [section.pattern.length(line) for section in self.sections for line in range(section.lines)]
        else:
            lengths = map(self.sections[0].pattern.length, range(self.line_count))
        return sum(length or MOST_SYLLABLES for length in lengths)


def refuse_greedy_temperature(given: Mapping[str, Any]) -> None:
    """Checks the settings that a user gave, None for those that were not given.

    Raises:
        SettingsError: they ask for greedy decoding and for a temperature.
    """
    if given.get("greedy") and given.get("temperature") is not None:
        told = "greedy and temperature exclude each other: greedy draws nothing; give one of them"
        raise SettingsError(Message("greedy_temperature", told, field="temperature"))


_PARSERS: dict[str, Callable[[Any], object]] = {
    "line_length": parse_lengths,
    "stanza": parse_numbers,
    "rhyme": parse_scheme,
    "structure": parse_structure,
    "section": parse_section_forms,
    "line_opening": parse_line_openings,
    "reading": parse_readings,
    "word": parse_words,
}
