"""The settings of writing. No torch here: the command line reads this file to show its options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from zuoci.errors import SettingsError
from zuoci.writing.form import MOST_LINES, line_count, parse_line_openings, parse_numbers, parse_words
from zuoci.writing.rhyme.scheme import parse_readings, parse_scheme

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_WORD = 24  # letters
_Text = Annotated[str, Field(max_length=1000)]


class WriteConfig(BaseModel):
    """How a text is drawn from a model, and what form it has."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    length: int = Field(
        default=50, ge=1, le=1_000_000, description="characters to write after the opening, where no form is given"
    )
    temperature: float = Field(
        default=1.0, gt=0.0, le=100.0, description="above 1 bolder, below 1 safer; 1 draws as the model believes"
    )
    top_k: int = Field(
        default=0, ge=0, le=1_000_000, description="draw from the so many likeliest characters; 0: from all"
    )
    top_p: float = Field(
        default=1.0, gt=0.0, le=1.0, description="draw from the likeliest characters that together hold this share"
    )
    min_p: float = Field(
        default=0.0,
        ge=0.0,
        le=1.0,
        description="draw from characters at least so many times as likely as the likeliest; 0: from all",
    )
    greedy: bool = Field(default=False, description="always take the most probable character")
    seed: int = Field(default=0, ge=0, lt=2**63, description="the same seed gives the same text")
    max_repeats: int | None = Field(
        default=None,
        ge=0,
        le=1000,
        description="so many times a block may follow itself; 0: any; by default 3, and any if greedy",
    )
    max_copy: int | None = Field(
        default=None,
        ge=0,
        le=1000,
        description="never write more than so many characters in a row that stand in the training text; 0: any; "
        "by default 7 where that text or its fingerprint is at hand, and any if greedy",
    )
    ban: str = Field(default="", max_length=10_000, description="characters that must not be written")
    stop: tuple[_Text, ...] = Field(
        default=(), max_length=16, description="end before this text; may be given several times"
    )
    lines: int = Field(default=0, ge=0, le=MOST_LINES, description="write so many lines; 0: no form")
    line_length: str = Field(
        default="",
        max_length=1000,
        description="length of the lines, one number or a pattern like 7,5,7,5; a Chinese character or a word of "
        "letters counts 1; 0: any",
    )
    stanza: str = Field(
        default="", max_length=1000, description="lines in a stanza, one number or a pattern; an empty line parts them"
    )
    acrostic: str = Field(default="", max_length=1000, description="characters that begin the lines, one each")
    word: tuple[_Text, ...] = Field(
        default=(), max_length=100, description="a word that must appear; may be given several times"
    )
    line_opening: tuple[_Text, ...] = Field(
        default=(), max_length=1000, description="how a line begins, as 3=我说; may be given several times"
    )
    rhyme: str = Field(default="", max_length=1000, description="rhyme scheme, as AABB, ABAB or XAXA; X: free")
    rhyme_standard: Literal["shisanzhe", "xinyun", "tongyun"] = Field(
        default="shisanzhe", description="what rhymes in Chinese: 十三辙, 中华新韵 or 中华通韵"
    )
    reading: tuple[_Text, ...] = Field(
        default=(), max_length=1000, description="how a phrase is read, as 长大=zhang3 da4; may be given several times"
    )
    draws: int = Field(
        default=4, ge=1, le=256, description="ends of a rhymed line that are drawn side by side, to keep one"
    )

    @field_validator("line_length", "stanza", "rhyme", "line_opening", "reading", "word")
    @classmethod
    def _readable(cls, value: str | tuple[str, ...], info: object) -> str | tuple[str, ...]:
        parse = {
            "line_length": parse_numbers,
            "stanza": parse_numbers,
            "rhyme": parse_scheme,
            "line_opening": parse_line_openings,
            "reading": parse_readings,
            "word": parse_words,
        }[info.field_name]  # pyright: ignore
        if value:
            try:
                parse(value)  # pyright: ignore
            except SettingsError as error:
                raise ValueError(str(error)) from None
        return value

    @model_validator(mode="after")
    def _consistent(self) -> WriteConfig:
        if self.stop and self.has_form:
            raise ValueError("stop ends a free text, and a form ends by itself: give one of them")
        if (count := line_count(self)) > MOST_LINES:
            raise ValueError(f"a form has {MOST_LINES} lines at most: got {count}; ask for fewer")
        return self

    @property
    def has_form(self) -> bool:
        """Whether the text is made of lines by some form, rather than of `length` characters."""
        return bool(
            self.lines
            or self.line_length
            or self.stanza
            or self.acrostic
            or self.word
            or self.line_opening
            or self.rhyme
        )

    @property
    def repeats(self) -> int:
        """How often a block may follow itself; 0: any."""
        return (0 if self.greedy else 3) if self.max_repeats is None else self.max_repeats

    @property
    def rows(self) -> int:
        """How many streams are followed for the text, most of the time; a line that fails is tried with more."""
        return self.draws if self.rhyme else 1


# What the form of a page begins with, for somebody who has chosen nothing yet.
FORM_START = {"lines": 8, "rhyme": "AABB", "stanza": "4", "temperature": 0.8}


def describe_settings(largest: Mapping[str, int] | None = None) -> dict[str, Any]:
    """The settings of writing as JSON, for the scripts of the pages, so that no bound or default is copied by hand.

    Args:
        largest: a smaller maximum for some fields, as a server has it.

    Returns:
        `settings`: of each field of `WriteConfig` its JSON schema, which is `default`, `type`, `description`, bounds,
        and `nullable` where null is allowed; `start`: what a page's form begins with; `constants`: numbers that the
        writing code and the scripts share.
    """
    from zuoci.text.fingerprint import WINDOW  # which imports numpy

    settings = describe_fields(WriteConfig)
    for name, maximum in (largest or {}).items():
        settings[name]["maximum"] = min(maximum, settings[name].get("maximum", maximum))
    constants = {"copy_window": WINDOW, "max_word_letters": LONGEST_WORD, "max_lines": MOST_LINES}
    return {"settings": settings, "start": dict(FORM_START), "constants": constants}


def describe_fields(config: type[BaseModel]) -> dict[str, dict[str, Any]]:
    """The JSON schema of each field of some settings, without names and unions: `X | None` is `X` and `nullable`."""
    fields: dict[str, dict[str, Any]] = {}
    for name, schema in config.model_json_schema()["properties"].items():
        field = {key: value for key, value in schema.items() if key not in ("title", "anyOf")}
        kinds = schema.get("anyOf", [])
        if any(kind["type"] == "null" for kind in kinds):
            field |= {"nullable": True, **next(kind for kind in kinds if kind["type"] != "null")}
        fields[name] = field
    return fields
