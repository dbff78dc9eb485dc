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
