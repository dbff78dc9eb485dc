"""The script in which a line is written, to tell a line from its translation."""

from __future__ import annotations

import re
from collections import Counter

_SCRIPTS = {
    "kana": re.compile("[\u3040-\u30ff]"),
    "han": re.compile("[\u3400-\u9fff\uf900-\ufaff]"),
    "hangul": re.compile("[\u1100-\u11ff\uac00-\ud7af]"),
    "latin": re.compile("[A-Za-zÀ-ɏ]"),
    "cyrillic": re.compile("[\u0400-\u04ff]"),
    "thai": re.compile("[\u0e00-\u0e7f]"),
    "arabic": re.compile("[\u0600-\u06ff]"),
    "hebrew": re.compile("[\u0590-\u05ff]"),
    "greek": re.compile("[\u0370-\u03ff]"),
    "devanagari": re.compile("[\u0900-\u097f]"),
}


def script_of(text: str) -> str:
    """The script of most letters of a text; Japanese is `kana` as soon as it holds some; "" without letters."""
    found = Counter({name: len(letters.findall(text)) for name, letters in _SCRIPTS.items()})
    if found["kana"] and found["kana"] + found["han"] >= found["latin"]:
        return "kana"
    name, count = found.most_common(1)[0]
    return name if count else ""
