"""What samples of a run begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zuoci.text.corpus import Corpus


def openings_of(corpus: Corpus) -> list[str]:
    """分开 and 不分开 as in the lesson, or two first words of the corpus's own lines."""
    known = set(corpus.text)
    if set("不分开") <= known:
        return ["分开", "不分开"]
    lines = [line.strip() for song in corpus.songs for line in song.lines[1:2] or song.lines[:1]]
    starts = [line.split(" ")[0][:20] if line.isascii() else line[:2] for line in (lines[0], lines[-1])]
    return list(dict.fromkeys(starts))
