"""Keys of random streams: a seed, a purpose and an index → a 64-bit key.

A stream is never seeded with the seed of another one plus a small number, because that may be the stream of something
else, or overlap it. Each stream has a key of its own: `key_of(seed, "dropout", worker)`. Training seeds generators of
torch with such keys; writing draws its numbers directly from them (SplitMix64: Steele, Lea and Flood 2014).
"""

from __future__ import annotations

import hashlib

GOLDEN = 0x9E3779B97F4A7C15  # 2⁶⁴ / φ, the increment of SplitMix64
MASK = 2**64 - 1


def key_of(*parts: int | str) -> int:
    """A 64-bit key that depends on all parts and their order.

    Args:
        parts: numbers, of which the lowest 64 bits count, and words.
    """
    key = 0
    for part in parts:
        number = part if isinstance(part, int) else _number_of(part)
        key = mix((key ^ (number & MASK)) + GOLDEN & MASK)
    return key


def mix(z: int) -> int:
    """The output function of SplitMix64: a bijection of 64-bit numbers whose results look random."""
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


def _number_of(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
