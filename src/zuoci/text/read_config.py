"""How sources are read: `ReadConfig`. The command line makes its options of it, so this file imports nothing heavy."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ReadConfig(BaseModel):
    """Settings for reading lyrics, and the limits within which archives are unpacked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoding: str = Field(
        default="",
        max_length=100,
        description="encoding of the files that have no byte-order mark and are not UTF-8, as Python names it (big5, "
        "cp1251, …); default: guessed for each file",
    )
    skip_unreadable: bool = Field(
        default=False, description="go on without the files that cannot be read; they are named in a note"
    )
    translations: Literal["first", "all"] = Field(
        default="first",
        description="of the lines of an LRC file that share a time stamp because they are translations, keep the first "
        "language, or all; default: first",
    )
    column: str = Field(
        default="",
        max_length=200,
        description="column of a table, or field of a JSON file, that holds the lyrics; default: found by its name",
    )
    max_unpacked_mb: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="megabytes to which the texts in an archive may unpack; 0: 50 times their packed size, at least 8",
    )
    max_members: int = Field(
        default=20_000, ge=1, le=10_000_000, description="files that an archive may hold; default: 20000"
    )
