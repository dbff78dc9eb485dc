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

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import ValidationError

LONGEST = 100  # longest value in a message, in characters


class Message(str):
    """A sentence in English, with what a program needs to say it in another language.

    Errors, notes and verdicts that the studio shows are messages; for everybody else they are strings.

    Attributes:
        code: which sentence it is.
        params: the values that stand in it, by name, for JSON.
    """

    __slots__ = ("code", "params")

    def __new__(cls, code: str, template: str, /, **params: Any) -> Message:
        """Fills a template of `str.format` with the parameters."""
        message = super().__new__(cls, template.format(**params))
        message.code, message.params = code, params
        return message

    def changed(self, change: Callable[[str], str]) -> Message:
        """The message with another text, and other texts among its parameters."""
        params = {name: change(value) if isinstance(value, str) else value for name, value in self.params.items()}
        return _restored(change(self), self.code, params)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Message:
        """The message of which `as_dict` gave this document."""
        return _restored(document["text"], document["code"], document["params"])

    def as_dict(self) -> dict[str, Any]:
        """The message as a JSON object."""
        return {"code": self.code, "params": self.params, "text": str(self)}

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles and copies the message as it is."""
        return _restored, (str(self), self.code, self.params)


def _restored(text: str, code: str, params: dict[str, Any]) -> Message:
    message = Message(code, "{text}", text=text)
    message.params = params
    return message


class ZuociError(Exception):
    """Base of every error that zuoci raises on purpose.

    Attributes:
        message: the first argument, as a `Message`; its code is "" where the error has none.
    """

    @property
    def message(self) -> Message:
        first = self.args[0] if self.args else ""
        return first if isinstance(first, Message) else Message("", "{text}", text=str(self))


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


def describe(error: ValidationError) -> Message:
    """The first problem in a ValidationError of settings, as one line for the user."""
    first = error.errors()[0]
    # If one of several values of a setting is wrong, the index of the value comes after the name of the setting.
    name = next((part for part in reversed(first["loc"]) if isinstance(part, str)), "the settings")
    return describe_problem(first, name)


def describe_problem(problem: Mapping[str, Any], name: str) -> Message:
    """One of the problems that pydantic finds in what a user gave, as one line.

    Args:
        problem: an entry of `ValidationError.errors()`.
        name: what is wrong.
    """
    limits = problem.get("ctx", {})
    if problem["type"] == "value_error":
        cause = limits.get("error")
        message = cause.args[0] if cause and cause.args else problem["msg"]
        return message if isinstance(message, Message) else Message("wrong_value", "{text}", text=str(message))
    told = re.sub(r"^\w+ should ", "must ", problem["msg"])
    told = f"{told[:1].lower()}{told[1:]}"
    limit = {_LIMITS[key]: value for key, value in limits.items() if key in _LIMITS}
    code = "too_long" if "max_length" in limits else "out_of_range" if limit else "wrong_value"
    return Message(code, "{name} {told}: got {got}", name=name, told=told, got=shown(problem["input"]), **limit)


# pydantic's names of bounds → those in a message
_LIMITS = {"le": "most", "lt": "below", "ge": "least", "gt": "above", "max_length": "most"}


def shown(value: object) -> str:
    """A value as a message shows it: in one line, shortened."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of more than 4,300 digits, lists in lists
        return "something too long to show"
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
