"""JSON and JSON lines → songs: objects with a field of lyrics, wherever they stand; or a list of texts or of lines.

The value of such a field may be a text in any format (players keep LRC in JSON), a list of lines, or one of stanzas.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zuoci.errors import CorpusError, Message
from zuoci.text.formats.document import Document, NoLyricsError
from zuoci.text.formats.fields import LYRICS, TITLES, is_field
from zuoci.text.formats.plain import as_one_song

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DEEPEST = 50  # lists and objects in one another
_NOT_ORIGINAL = re.compile(r"t_?lyric|trans|roma|ytlrc|yromalrc|tlyric|pinyin|phonetic", re.IGNORECASE)
_PART = re.compile(r"lyrics?|text|line|content|words|tx|sentence|lyric_?text|paragraphs|lines|value", re.IGNORECASE)


def parse(text: str) -> tuple[Any, str] | None:
    """The value of a JSON file, or the list of those of JSON lines, and which of both it is; None: neither."""
    body = text.strip()
    if body[:1] not in ("{", "["):
        return None
    try:
        return json.loads(body), "JSON"
    except ValueError:
        pass
    lines = [line for line in body.split("\n") if line.strip()]
    if not lines[0].rstrip().endswith(("}", "]", "},")) or len(lines) < 1:
        return None
    values: list[Any] = []
    for number, line in enumerate(lines):
        try:
            values.append(json.loads(line.strip().rstrip(",")))
        except ValueError:
            if number < max(1, len(lines) - 1):  # the last may be cut
                return None
    return values, "JSON lines"


def read_json(value: Any, kind: str, field: str, name: str, read_text: Callable[[str], Document]) -> Document:
    """Reads the songs in a value of JSON.

    Args:
        value: what `parse` returned.
        kind: the name of the format.
        field: the name of the field with the lyrics; "": it is found.
        name: the name of the file, for errors.
        read_text: reads the lyrics in a field, whatever format they have.

    Raises:
        NoLyricsError: there is no such field.
        CorpusError: lists and objects are nested too deeply.
    """
    document = Document(kind, separate=True)
    used: dict[str, None] = {}
    for title, key, lyrics in _songs(value, field, "", 0, name):
        used[key] = None
        found = read_text(lyrics)
        document.dropped += found.dropped
        document.notes += [note for note in found.notes if note not in document.notes]
        if found.text.strip():
            song = as_one_song(found)
            document.songs.append(replace(song, title=title or song.title))
    if not used:
        fields = ", ".join(repr(key) for key in _keys(value))
        wanted = f"no field {field!r}" if field else "no field of lyrics"
        shown = f"it has {fields}; " if fields else ""
        told = "{name} has {wanted}: {shown}name the field with --column"
        raise NoLyricsError(Message("no_field", told, name=name, wanted=wanted, shown=shown, fields=fields))
    shown = ", ".join(repr(key) for key in used if key)
    document.notes.append(
        Message("field", "took the lyrics from the field {field}", field=shown)
        if shown
        else Message("list", "took each text of the list for a song")
    )
    return document


def _keys(value: Any) -> list[str]:
    """The names of the fields of the first object, for an error."""
    while isinstance(value, list) and value:
        value = value[0]
    return [str(key)[:40] for key in list(value)[:12]] if isinstance(value, dict) else []


def _songs(value: Any, field: str, title: str, depth: int, name: str) -> Iterator[tuple[str, str, str]]:
    """The title, the name of the field, and the lyrics of every song in a value."""
    if depth > _DEEPEST:
        told = "{name} nests lists and objects more than {most} deep; flatten it"
        raise CorpusError(Message("nested", told, name=name, most=_DEEPEST))
    if isinstance(value, list):
        if value and all(isinstance(each, str) for each in value):
            texts = [value] if not any("\n" in each.strip() for each in value) else [[each] for each in value]
            yield from (("", "", "\n".join(lines)) for lines in texts) if not field else ()
        else:
            for each in value:
                yield from _songs(each, field, title, depth + 1, name)
    elif isinstance(value, dict):
        own = next((v for k, v in value.items() if is_field(str(k), TITLES[:1]) and isinstance(v, str)), "")
        key = _field_of(value, field)
        if key and (lyrics := _text_of(value[key])).strip():
            yield own or title, key, lyrics
            return
        for k, each in value.items():
            words = isinstance(each, list) and all(isinstance(item, str) for item in each)
            if isinstance(each, dict | list) and not words and not _NOT_ORIGINAL.search(str(k)):
                yield from _songs(each, field, own or title, depth + 1, name)
        if not depth and not field and value and all(isinstance(v, str) and "\n" in v for v in value.values()):
            yield from ((str(k), "", v) for k, v in value.items())  # titles and their lyrics


def _field_of(value: dict[Any, Any], field: str) -> str:
    """The name of the field with the lyrics of an object; "" if it has none."""
    if field:
        return next((k for k in value if str(k).casefold() == field.casefold()), "")
    for pattern in LYRICS:
        for key, each in value.items():
            named = re.fullmatch(pattern, str(key), re.IGNORECASE) and not _NOT_ORIGINAL.search(str(key))
            if named and _text_of(each).strip():
                return key
    return ""


def _text_of(value: Any) -> str:
    """The text of a value: a text itself, a list of lines, or a list of stanzas or of objects with a text in them."""
    if isinstance(value, str):
        return value.replace("\\n", "\n") if "\n" not in value else value
    if isinstance(value, dict):
        return next(
            (_text_of(v) for k, v in value.items() if _PART.fullmatch(str(k)) and isinstance(v, str | list)), ""
        )
    if not isinstance(value, list):
        return ""
    if all(isinstance(each, str) for each in value):
        return "\n".join(value)
    parts = [_text_of(each) for each in value if isinstance(each, str | list | dict)]
    stanzas = any(isinstance(each, list) for each in value)
    return ("\n\n" if stanzas else "\n").join(part.strip("\n") for part in parts if part.strip())
