"""Text for a terminal: nothing in it is obeyed as a command, and printed commands can be pasted into a shell.

`cli` prints all messages through `printable`, and `quote` writes the words of commands that messages name.
"""

from __future__ import annotations

import re
import shlex
from pathlib import PurePath

# The control characters of terminals, without newline and tab, and the marks that change the direction of writing.
CONTROLS = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"


def printable(text: str) -> str:
    """Escapes the control characters of a text that may come from a stranger."""
    return re.sub(CONTROLS, lambda found: ascii(found[0])[1:-1], text)


def quote(word: object) -> str:
    r"""Quotes a word of a printed command so that a shell reads it as one word. Letters of all languages stay bare.

    Control characters and bytes that are not text are written as `$'\x1b'`, which bash, zsh and ksh understand.

    Args:
        word: the word. A path that begins with `-` gets `./` before it, so that it is not taken for an option.
    """
    text = str(word)
    if isinstance(word, PurePath) and text.startswith("-"):
        text = f"./{text}"
    if re.fullmatch(r"[\w@%+=:,./-]+", text):
        return text
    if not re.search(f"\n|\t|{CONTROLS}|[\ud800-\udfff]", text):
        return shlex.quote(text)
    return "$'" + "".join(_in_dollar_quotes(char) for char in text) + "'"


def _in_dollar_quotes(char: str) -> str:
    if char in "\\'":
        return f"\\{char}"
    if char.isprintable():
        return char
    lone = "\udc80" <= char <= "\udcff"  # a byte of a file name that is not text
    return "".join(f"\\x{byte:02x}" for byte in char.encode(errors="surrogateescape" if lone else "surrogatepass"))
