"""Characters ↔ ids. Training encodes a corpus with a vocabulary; writing decodes what a model draws."""

from __future__ import annotations

import json
import re
import unicodedata
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from zuoci.errors import ModelFolderError, VocabularyError
from zuoci.text.characters import clean_characters, distinct
from zuoci.text.positions import code_points

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch
    from numpy.typing import NDArray
    from torch import Tensor

_FORMAT = "zuoci-vocabulary"
_PIECE = 1 << 20  # characters that are looked up at once


class Vocabulary:
    """The characters that a model knows, sorted by code point, so that ids are the same in every run.

    Only `extended` gives another order: it appends characters, so that those known before keep their ids.

    Attributes:
        characters: the characters by id.
    """

    def __init__(self, text: Iterable[str]) -> None:
        """Collects the characters of a text.

        Raises:
            VocabularyError: the text is empty, or holds lone surrogates, which are not characters and cannot be saved.
        """
        self.characters = "".join(sorted(distinct(text) if isinstance(text, str) else set(text)))
        self._check()

    @classmethod
    def by_id(cls, characters: str) -> Vocabulary:
        """A vocabulary with these ids: the position of each character in the string.

        Raises:
            VocabularyError: as in the constructor, or a character comes twice.
        """
        vocabulary = cls.__new__(cls)
        vocabulary.characters = characters
        vocabulary._check()
        return vocabulary

    def extended(self, text: str) -> Vocabulary:
        """This vocabulary with the unknown characters of a text appended, sorted by code point.

        Raises:
            VocabularyError: as in the constructor.
        """
        return Vocabulary.by_id(self.characters + "".join(sorted(distinct(text) - set(self.characters))))

    def _check(self) -> None:
        if not self.characters:
            raise VocabularyError("a vocabulary needs at least one character: the text is empty", "")
        surrogates = "".join(re.findall("[\ud800-\udfff]", self.characters))
        if surrogates:
            raise VocabularyError(f"{_shown(surrogates)} is no character: the text was decoded wrongly", surrogates)
        if len(set(self.characters)) < len(self.characters):
            raise VocabularyError("a vocabulary needs different characters: one comes twice", "")

    def __len__(self) -> int:
        return len(self.characters)

    def __contains__(self, char: object) -> bool:
        return char in self._known

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.characters == other.characters

    def __hash__(self) -> int:
        return hash(self.characters)

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} characters)"

    @cached_property
    def _known(self) -> frozenset[object]:
        return frozenset(self.characters)

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        """The ids, sorted by the code points of their characters."""
        return np.argsort(code_points(self.characters))

    @cached_property
    def _sorted(self) -> NDArray[np.uint32]:
        return code_points(self.characters)[self._order]

    def ids_of(self, points: NDArray[Any]) -> NDArray[np.int64]:
        """Looks up the ids of code points, elementwise; −1 for those of unknown characters."""
        found = np.searchsorted(self._sorted, points).clip(max=len(self) - 1)
        return np.where(self._sorted[found] == points, self._order[found], -1)

    def encode(self, text: str, dtype: torch.dtype | None = None) -> Tensor:
        """Looks up the ids of a text: `look_up` as a tensor.

        Args:
            text: a text whose characters are all in the vocabulary.
            dtype: the type of the ids; None: int64. int32 takes half the memory.

        Returns:
            The ids `(len(text),)`.

        Raises:
            VocabularyError: the text holds unknown characters; `adapt` replaces or drops them.
        """
        import torch  # here, because writing does without it

        ids = torch.empty(len(text), dtype=dtype or torch.int64)
        self._look_up(text, ids.numpy())
        return ids

    def look_up(self, text: str) -> NDArray[np.int64]:
        """Looks up the ids of a text, `(len(text),)`.

        Raises:
            VocabularyError: as in `encode`.
        """
        ids = np.empty(len(text), np.int64)
        self._look_up(text, ids)
        return ids

    def _look_up(self, text: str, ids: NDArray[Any]) -> None:
        """Writes the ids of a text into an array."""
        for start in range(0, len(text), _PIECE):
            piece = text[start : start + _PIECE]
            found = self.ids_of(code_points(piece))
            if (found < 0).any():
                unknown = "".join(char for char in dict.fromkeys(text) if char not in self)
                raise VocabularyError(
                    f"the model has never seen {_shown(unknown)}; it knows {len(self)} characters", unknown
                )
            ids[start : start + len(piece)] = found

    def decode(self, ids: Tensor | Iterable[int]) -> str:
        """Turns ids into text: the inverse of `encode`."""
        return "".join(self.characters[int(i)] for i in ids)

    def adapt(self, text: str) -> tuple[str, str]:
        """Replaces or drops the unknown characters of a text.

        Letters and their accents are composed (NFC) and invisible characters dropped, as in a text that is trained on.
        An unknown character is replaced by its full-width or half-width form if that is known (`，` and `,`, `Ａ` and
        `A`), and dropped otherwise. An unknown newline becomes a space: the model was trained with spaces for newlines
        (`join_lines`).

        Returns:
            A text that `encode` accepts, and the characters that were dropped, each once.
        """
        if not distinct(text) <= self._known:
            text = clean_characters(text)[0]
        forms: dict[int, str | None] = {}  # of each character, once: a text is long, and has few different ones
        for char in dict.fromkeys(text):
            known = (form for form in (char, _narrow(char), _wide(char)) if form in self)
            forms[ord(char)] = next(known, " " if char == "\n" and " " in self else None)
        return text.translate(forms), "".join(chr(point) for point, form in forms.items() if form is None)

    def to_json(self) -> str:
        """The vocabulary as a JSON document."""
        document = {"format": _FORMAT, "version": 1, "characters": list(self.characters)}
        return json.dumps(document, ensure_ascii=False, indent=0) + "\n"

    @classmethod
    def from_json(cls, document: str) -> Vocabulary:
        """Reads a JSON document that `to_json` wrote.

        Raises:
            ModelFolderError: the document is not a vocabulary that zuoci wrote.
        """
        try:
            data: Any = json.loads(document)
            characters: list[str] = data["characters"]
            sound = (data["format"], data["version"]) == (_FORMAT, 1)
            sound = sound and isinstance(data["characters"], list) and all(len(char) == 1 for char in characters)
            if sound:
                return cls.by_id("".join(characters))
        except VocabularyError as error:
            raise ModelFolderError(f"the vocabulary is damaged: {error}") from None
        except (ValueError, KeyError, TypeError, RecursionError):
            pass
        raise ModelFolderError("the vocabulary is damaged: expected a list of different characters")


def _narrow(char: str) -> str:
    return unicodedata.normalize("NFKC", char)


def _wide(char: str) -> str:
    return "\u3000" if char == " " else chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char


def _shown(characters: str, limit: int = 10) -> str:
    shown = " ".join(repr(char)[1:-1] for char in characters[:limit])
    return shown + (f" and {len(characters) - limit} more" if len(characters) > limit else "")
