"""How much text a corpus holds, and what can be made of that much.

The thresholds are round figures from docs/experiments.md: below 200,000 characters a model without a base learns its
text by heart before it learns anything else.
"""

from __future__ import annotations

from zuoci.errors import Message

# Characters from which a corpus is enough: to be trained on at all, to shift a base model, to fill it, to do without.
LEAST, SOME, GOOD, LARGE = 600, 5_000, 50_000, 200_000


def verdict(characters: int, songs: int) -> Message:
    """Whether a corpus is enough to train on."""
    size = "{characters:,} characters in {songs:,} songs: "
    if characters < LEAST:
        code, words = "too_little", "too little to train on; add lyrics, {least} characters at least, better {some:,}"
    elif characters < SOME:
        code, words = "some_words", "a base model takes on some words, no style; {some:,} characters show more"
    elif characters < GOOD:
        code = "colours"
        words = "enough to colour a base model; without one (--from none) it would be learnt by heart"
    elif characters < LARGE:
        code, words = "fills_base", "enough to make a base model sound like it; too little to do without one"
    else:
        code, words = "enough", "enough, with a base model or from nothing"
    return Message(code, size + words, characters=characters, songs=songs, least=LEAST, some=SOME)
