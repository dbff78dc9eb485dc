r"""Escapes that programs leave in texts: `&amp;` of HTML, `\n` and `\u4e00` of JSON → what they stand for."""

from __future__ import annotations

import re
from html import unescape

from zuoci.errors import Message

_ENTITY = re.compile(r"&(?:[a-zA-Z]{2,8}|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")
_NEWLINE = re.compile(r"(?:\\r)?\\n")
_CODE = re.compile(r"(?:\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4})")
_LEAST = 2  # escapes; one backslash may be meant


def without_escapes(text: str) -> tuple[str, list[Message]]:
    """A text with characters in place of escapes, and notes on what was changed.

    Escapes of JSON count only if a text has several, and no more real line ends than written ones.
    """
    notes: list[Message] = []
    if "&" in text and _ENTITY.search(text):
        bare = _ENTITY.sub(lambda found: unescape(found[0]).replace("\xa0", " "), text)
        if bare != text:
            text = bare
            notes.append(Message("entities", "turned HTML entities into characters"))
    if "\\" not in text:
        return text, notes
    newlines, codes = len(_NEWLINE.findall(text)), len(_CODE.findall(text))
    if newlines >= _LEAST and newlines >= text.strip().count("\n"):
        text = (
            _NEWLINE.sub("\n", text.strip().removeprefix('"').removesuffix('"')).replace('\\"', '"').rstrip("\n") + "\n"
        )
        notes.append(Message("written_line_ends", "turned written line ends into line ends"))
    if codes >= _LEAST:
        text = _CODE.sub(_character, text)
        notes.append(Message("escapes", "turned escapes of JSON into characters"))
    return text, notes


def _character(found: re.Match[str]) -> str:
    points = [int(code, 16) for code in found[0].split("\\u") if code]
    if len(points) == 2:
        return chr(0x10000 + (points[0] - 0xD800 << 10) + points[1] - 0xDC00)
    return found[0] if 0xD800 <= points[0] <= 0xDFFF or not points[0] else chr(points[0])
