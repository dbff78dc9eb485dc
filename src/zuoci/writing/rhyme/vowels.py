"""Japanese kana and Korean Hangul → the vowel that they rhyme by.

Songs in these languages rhyme by vowels, if at all. A kana counts by its vowel, ん as a vowel of its own; a small kana
belongs to the one before it, and a long mark repeats its vowel. A Korean syllable counts by its vowel without a glide
(야 as 아), and ㅐ and ㅔ, which sound alike today, are one. How kanji are read is not known here.
"""

from __future__ import annotations

import unicodedata

KANA = "ぁ-ゖァ-ヺーｦ-ﾟ\u3099\u309a"
HANGUL = "가-힣"

# Of the vowels in the order of Unicode: ㅏ ㅐ ㅑ ㅒ ㅓ ㅔ ㅕ ㅖ ㅗ ㅘ ㅙ ㅚ ㅛ ㅜ ㅝ ㅞ ㅟ ㅠ ㅡ ㅢ ㅣ
_OF_HANGUL = "a e a e eo e eo e o a e e o u eo e i u eu i i".split()  # noqa: SIM905


def vowel_of_hangul(char: str) -> str:
    """The vowel of a Korean syllable: 사 → a."""
    return _OF_HANGUL[(ord(char) - ord("가")) // 28 % 21]


def vowels_of_kana(kana: str) -> list[str]:
    """The vowels of some kana, one for each syllable: しゃしん → a, i, n."""
    vowels: list[str] = []
    for char in unicodedata.normalize("NFKC", kana):
        name = unicodedata.name(char, "")
        sound = name.rpartition(" ")[2].lower()
        if char == "ー" or (sound == "tu" and "SMALL" in name) or "LETTER" not in name:
            vowels += vowels[-1:] if char == "ー" else []
        elif "SMALL" in name and vowels:
            vowels[-1] = sound[-1]
        else:
            vowels.append(sound[-1])
    return vowels
