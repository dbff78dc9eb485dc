"""The settings of writing and the constants around them as JSON, for the scripts of the pages.

`zuoci.server.options` and `zuoci.export.html` put `describe_settings` into the pages that they make.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zuoci.text.fingerprint import WINDOW
from zuoci.writing.config import (
    EARLIER_UNIT,
    FAILURES_PER_LINE,
    FAILURES_PER_STEP_BACK,
    LIKELIHOOD,
    LONGEST_WORD,
    LOOKED_BACK,
    MAX_REPEATS,
    MORE_FAILURES,
    MOST_LAST_MARKS,
    MOST_MARKS,
    MOST_ON_ONE,
    MOST_SYLLABLES,
    PAGE_PARTICLES,
    PARTICLES_FOR_LENGTH,
    REPEATED_PAIR,
    REPEATED_UNIT,
    WriteConfig,
)
from zuoci.writing.patterns import MOST_LINES
from zuoci.writing.repetition import FREE, LONGEST_BLOCK, SUFFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

# What the form of a page begins with, for somebody who has chosen nothing yet.
FORM_START = {"lines": 8, "rhyme": "AABB", "stanza": "4"}


def describe_settings(largest: Mapping[str, int] | None = None) -> dict[str, Any]:
    """The settings of writing as JSON, for the scripts of the pages, so that no bound or default is copied by hand.

    Args:
        largest: a smaller maximum for some fields, as a server has it.

    Returns:
        `settings`: of each field of `WriteConfig` its JSON schema, which is `default`, `type`, `description`, bounds,
        and `nullable` where null is allowed; `start`: what a page's form begins with; `constants`: numbers that the
        writing code and the scripts share.
    """
    settings = describe_fields(WriteConfig)
    for name, maximum in (largest or {}).items():
        settings[name]["maximum"] = min(maximum, settings[name].get("maximum", maximum))
    constants = {
        "copy_window": WINDOW,
        "max_word_letters": LONGEST_WORD,
        "max_lines": MOST_LINES,
        "most_syllables": MOST_SYLLABLES,
        "most_marks": MOST_MARKS,
        "most_last_marks": MOST_LAST_MARKS,
        "most_on_one": MOST_ON_ONE,
        "max_repeats": MAX_REPEATS,
        "loop_block": LONGEST_BLOCK,
        "loop_free": FREE,
        "loop_suffix": SUFFIX,
        "likelihood": LIKELIHOOD,
        "repeated_pair": REPEATED_PAIR,
        "repeated_unit": REPEATED_UNIT,
        "earlier_unit": EARLIER_UNIT,
        "looked_back": LOOKED_BACK,
        "failures_per_line": FAILURES_PER_LINE,
        "more_failures": MORE_FAILURES,
        "failures_per_step_back": FAILURES_PER_STEP_BACK,
        "particles_for_length": PARTICLES_FOR_LENGTH,
        "particles": PAGE_PARTICLES,
    }
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
