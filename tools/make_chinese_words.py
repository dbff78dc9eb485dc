"""Makes the list of common Chinese words from the dictionary of jieba.

    python tools/make_chinese_words.py DICTIONARY [LIST]

DICTIONARY is `jieba/dict.txt` of the PyPI package jieba: on each line a word, how often it was counted, and its part
of speech. Its licence goes into `src/zuoci/data/LICENSE-jieba`. LIST is `src/zuoci/data/chinese_words.txt.gz`, in the
format that `zuoci.writing.rhyme.words` describes. The same dictionary gives the same bytes.
"""

from __future__ import annotations

import gzip
import re
import sys
from pathlib import Path

LIST = Path(__file__).parent.parent / "src" / "zuoci" / "data" / "chinese_words.txt.gz"
LEAST = 50  # times that a word was counted
NAMES = ("nr", "nrt", "nrfg", "nt")  # of people and organisations
NO_NAMES = (  # words that the dictionary takes for names
    "阳光|光荣|光辉|叶子|安静|宝贝|宝贵|文明|明星|明白|智慧|权威|洪水|玉米|白雪|祖先|祖宗|红旗|老公|荣誉|胡同|胡子|"
    "英勇|言语|谢谢|辛勤|道德|雷达|顾客|高峰|高潮|齐全|齐声|友谊|和尚|冷笑|小姐|崇拜|卫星|凤凰|师傅|子孙|宫殿|寻思|"
    "封锁|康复|公正|古老|丘陵|令人|二人|侍卫|保健|老太太|武功|陆军|顾问|王朝|帝王|宣言|明月|花花"
)


def main() -> None:
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python tools/make_chinese_words.py DICTIONARY [LIST]")
    path = Path(sys.argv[2]) if len(sys.argv) == 3 else LIST
    entries = [line.split() for line in Path(sys.argv[1]).read_text("utf-8").splitlines()]
    no_names = NO_NAMES.split("|")
    words = {
        word: int(count)
        for word, count, part in entries
        if re.fullmatch("[一-鿿]{2,4}", word) and int(count) >= LEAST and (part not in NAMES or word in no_names)
    }
    commonest = sorted(words, key=lambda word: (-words[word], word))
    path.write_bytes(gzip.compress("".join(f"{word}\n" for word in commonest).encode(), 9, mtime=0))
    print(f"{len(words):,} words, {path.stat().st_size:,} bytes: {path}", file=sys.stderr)


if __name__ == "__main__":
    main()
