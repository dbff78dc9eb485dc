"""RTF, as TextEdit and WordPad write it → its text. Fonts, pictures and other hidden groups are left out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zuoci.text.formats.plain import read_plain

if TYPE_CHECKING:
    from zuoci.text.formats.document import Document

_TOKEN = re.compile(
    rb"\\(?P<word>[a-z]{1,32})(?P<number>-?\d{1,10})? ?|\\'(?P<code>[0-9a-f]{2})|\\(?P<symbol>.)|(?P<brace>[{}])"
    rb"|[\r\n]+|(?P<plain>[^\\{}\r\n]+)",
    re.IGNORECASE | re.DOTALL,
)
_HIDDEN_GROUPS = (
    b"fonttbl colortbl stylesheet info pict object header footer headerl headerr footerl footerr footnote themedata "
    b"datastore listtable listoverridetable generator expandedcolortbl fldinst xmlnstbl rsidtbl latentstyles"
)
_HIDDEN = frozenset(_HIDDEN_GROUPS.split())
_WORDS = {
    b"par": "\n", b"line": "\n", b"sect": "\n", b"page": "\n", b"row": "\n", b"tab": " ", b"cell": " ",
    b"emdash": "—", b"endash": "–", b"bullet": "•",
    b"lquote": "‘", b"rquote": "’", b"ldblquote": "“", b"rdblquote": "”",
}  # fmt: skip
_SYMBOLS = {b"~": " ", b"_": "-", b"\n": "\n", b"\r": "\n", b"\\": "\\", b"{": "{", b"}": "}"}


def is_rtf(data: bytes) -> bool:
    """Whether the bytes of a file are RTF."""
    return data.startswith(b"{\\rtf")


def read_rtf(data: bytes) -> Document:
    """Reads the text of an RTF document."""
    codepage = re.search(rb"\\ansicpg(\d{2,5})", data[:2000])
    reader = _Reader(f"cp{codepage[1].decode()}" if codepage else "cp1252")
    for token in _TOKEN.finditer(data):
        reader.take(token)
    text = reader.finish().strip("\n")
    return read_plain(f"{text}\n" * bool(text.strip()), "RTF")


@dataclass
class _Reader:
    r"""Collects the text, token by token.

    Attributes:
        codec: the encoding of bytes.
        text: the text so far.
        raw: bytes that follow it and are not decoded yet: a character may take two tokens.
        hidden: whether the group is left out.
        outer: `hidden` and `fallback` of the groups around.
        fallback: how many characters follow a `\u` for programs that do not know it.
        skip: how many of them are still to come.
    """

    codec: str
    text: list[str] = field(default_factory=list[str])
    raw: bytearray = field(default_factory=bytearray)
    hidden: bool = False
    outer: list[tuple[bool, int]] = field(default_factory=list[tuple[bool, int]])
    fallback: int = 1
    skip: int = 0

    def take(self, token: re.Match[bytes]) -> None:
        """Takes the next token."""
        word, brace, symbol = token["word"], token["brace"], token["symbol"]
        if brace == b"{":
            self.outer.append((self.hidden, self.fallback))
        elif brace:
            self.hidden, self.fallback = self.outer.pop() if self.outer else (False, 1)
        elif symbol == b"*" or word in _HIDDEN:
            self.hidden = True
        elif self.hidden:
            return
        elif word:
            self._take_word(word, token["number"])
        elif symbol:
            self._add(_SYMBOLS.get(symbol, ""))
        else:
            self._take_bytes(token)

    def _take_word(self, word: bytes, number: bytes | None) -> None:
        if word == b"u" and number:
            self._add(chr(int(number) % 0x10000))
            self.skip = self.fallback
        elif word == b"uc":
            self.fallback = int(number or 1)
        elif word in _WORDS:
            self._add(_WORDS[word])

    def _take_bytes(self, token: re.Match[bytes]) -> None:
        plain = token["plain"] or (bytes([int(token["code"], 16)]) if token["code"] else b"")
        self.raw += plain[self.skip :]
        self.skip = max(0, self.skip - len(plain))

    def _add(self, text: str) -> None:
        try:
            self.text.append(self.raw.decode(self.codec, errors="replace"))
        except LookupError:  # a code page that Python does not know
            self.text.append(self.raw.decode("cp1252", errors="replace"))
        self.raw.clear()
        self.text.append(text)

    def finish(self) -> str:
        """The whole text. Halves of characters beyond U+FFFF, which RTF writes one by one, are joined."""
        self._add("")
        return "".join(self.text).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
