"""Traditional Chinese characters → simplified ones.

The table comes from the dictionaries of OpenCC (Apache-2.0; `tools/make_simplified.py` writes it, `zuoci/data/
LICENSE-OpenCC` is its licence), with some forms that only Taiwan uses. It is a gzipped text of one line per entry,
`乾坤<TAB>乾坤`: a character or a phrase, and its simplified form of the same length. Phrases come first, longer ones
before shorter ones; they stand for characters that are simplified in more than one way.
"""

from __future__ import annotations

import gzip
import re
from functools import cache
from importlib.resources import files


def to_simplified(text: str) -> str:
    """A text in simplified characters: 睡不著 → 睡不着, 乾杯 → 干杯, 乾坤 → 乾坤.

    The result has the length of the text, and each of its characters stands for the one in the same place. Text in
    simplified characters or in another script is left as it is. Different traditional characters may become the same
    one (發 and 髮 → 发), so there is no way back.
    """
    characters, phrases, pattern = _table()
    parts: list[str] = []
    end = 0
    for match in pattern.finditer(text):
        parts += text[end : match.start()].translate(characters), phrases[match[0]]
        end = match.end()
    return "".join(parts) + text[end:].translate(characters)


def forms_of(character: str) -> frozenset[str]:
    """All characters that `to_simplified` can give for one: 著 → 着, 著; 天 → 天."""
    return _forms().get(character) or frozenset({character})


@cache
def _forms() -> dict[str, frozenset[str]]:
    characters, phrases, _ = _table()
    forms = {chr(code): {form} for code, form in characters.items()}
    for phrase, simplified in phrases.items():
        for traditional, form in zip(phrase, simplified, strict=True):
            forms.setdefault(traditional, {characters.get(ord(traditional), traditional)}).add(form)
    return {traditional: frozenset(each) for traditional, each in forms.items()}


@cache
def _table() -> tuple[dict[int, str], dict[str, str], re.Pattern[str]]:
    """The characters, the phrases, and a pattern that finds the longest phrase first."""
    packed = (files("zuoci") / "data" / "simplified.tsv.gz").read_bytes()
    pairs = [line.split("\t") for line in gzip.decompress(packed).decode().splitlines()]
    phrases = {traditional: simplified for traditional, simplified in pairs if len(traditional) > 1}
    characters = {ord(traditional): simplified for traditional, simplified in pairs if len(traditional) == 1}
    return characters, phrases, re.compile("|".join(phrases))
