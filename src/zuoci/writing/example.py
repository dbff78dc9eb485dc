"""The form of an example: a song → the settings of a `WriteConfig` for new words to it (填词).

`zuoci write --like` takes them.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from zuoci.errors import SettingsError
from zuoci.writing.form import length_of
from zuoci.writing.rhyme.scheme import Rhymes, scheme_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zuoci.text.corpus import Song
    from zuoci.text.songbook import Section

# The letters of `zuoci.writing.patterns.SECTIONS`; a section of another kind is a verse.
_LETTERS = {
    "chorus": "C", "refrain": "H", "hook": "H", "pre-chorus": "P", "bridge": "B", "intro": "I", "outro": "O",
}  # fmt: skip


def form_of(song: Song, rhymes: Rhymes | None = None) -> dict[str, Any]:
    """The settings that describe the form of an example: lengths of lines, gaps, stanzas or sections, and rhymes.

    Args:
        song: the example. A space within a line of Chinese characters is a gap. If its sections are marked, the
            settings are `structure` and `section`, else `lines`, `line_length`, `stanza` and `rhyme`.
        rhymes: determines which lines rhyme; None: the default standard.

    Raises:
        SettingsError: the example has no line.
    """
    rhymes = rhymes or Rhymes()
    if any(section.lines for section in song.sections):
        return _structure([section for section in song.sections if section.lines], rhymes)
    stanzas = _stanzas(song.text)
    lines = [line for stanza in stanzas for line in stanza]
    if not lines:
        raise SettingsError("the example has no line to take the form from")
    lengths, scheme = _lengths_and_scheme(lines, rhymes)
    stanza = ",".join(str(len(stanza)) for stanza in stanzas)
    form = {"lines": len(lines), "line_length": lengths, "stanza": stanza}
    return {**form, "rhyme": scheme} if scheme else form


def _structure(sections: Sequence[Section], rhymes: Rhymes) -> dict[str, Any]:
    """The settings `structure` and `section`: each section that does not return gets a form of its own."""
    letters, seen, forms = "", Counter[str](), list[str]()
    for section in sections:
        letter = _LETTERS.get(section.name.split(" ")[0], "V")
        letters += letter
        seen[letter] += 1
        returns = seen[letter] > 1 and letter in "CH" and section.is_return
        if not returns:
            lengths, scheme = _lengths_and_scheme(section.lines, rhymes)
            scheme = scheme or "X" * (len(section.lines) == 1)  # a length alone would be that of four lines
            forms.append(f"{letter}{seen[letter]}={lengths} {scheme}".rstrip())
    return {"structure": " ".join(letters), "section": tuple(forms)}


def _lengths_and_scheme(lines: Sequence[str], rhymes: Rhymes) -> tuple[str, str]:
    """The lengths of some lines, and their rhyme scheme; "" if none of them rhyme."""
    scheme = scheme_of(lines, rhymes)
    return ",".join(map(length_of, lines)), "" if set(scheme) <= {"X"} else scheme


def _stanzas(text: str) -> list[list[str]]:
    """The lines of a text, grouped at empty lines."""
    stanzas: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip():
            stanzas[-1].append(line)
        elif stanzas[-1]:
            stanzas.append([])
    return [stanza for stanza in stanzas if stanza]
