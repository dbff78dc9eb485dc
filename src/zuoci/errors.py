"""What can go wrong with a user's input, files or settings.

    ZuociError               anything below; the command line prints it in one line
    ├── CorpusError          a source cannot be found, read or decoded, or is too short
    ├── VocabularyError      a character that the model has never seen
    ├── SettingsError        a setting is unknown, out of bounds, or conflicts with another
    ├── ModelFolderError     a model folder is missing, damaged, foreign or already taken
    ├── DivergenceError      the loss stopped being a finite number
    └── WritingError         no text was found that keeps all wishes

A message names what was seen, what is allowed and what to do, in one line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError

LONGEST = 100  # longest value in a message, in characters


class ZuociError(Exception):
    """Base of every error that zuoci raises on purpose."""


class CorpusError(ZuociError):
    """A source cannot be found, read or decoded, or holds too little text."""


class VocabularyError(ZuociError):
    """A text holds characters that the vocabulary does not.

    Attributes:
        unknown: the characters, each once, in the order of their appearance.
    """

    def __init__(self, message: str, unknown: str) -> None:
        super().__init__(message)
        self.unknown = unknown


class SettingsError(ZuociError):
    """A setting is unknown, out of bounds, or conflicts with another one."""


class ModelFolderError(ZuociError):
    """A model folder is missing, damaged, not zuoci's, or already taken."""


class DivergenceError(ZuociError):
    """The training loss stopped being a finite number."""


class WritingError(ZuociError):
    """No text was found that keeps all wishes."""


def describe(error: ValidationError) -> str:
    """The first problem in a ValidationError of settings, as one line for the user."""
    first = error.errors()[0]
    if first["type"] == "value_error":
        return first["msg"].removeprefix("Value error, ")
    # If one of several values of a setting is wrong, the index of the value comes after the name of the setting.
    name = next((part for part in reversed(first["loc"]) if isinstance(part, str)), "the settings")
    message = first["msg"]
    if message.startswith("Input should be "):
        message = "must be " + message.removeprefix("Input should be ")
    return f"{name} {message[:1].lower()}{message[1:]}: got {shown(first['input'])}"


def shown(value: object) -> str:
    """A value as a message shows it: in one line, shortened."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of more than 4,300 digits, lists in lists
        return "something too long to show"
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
