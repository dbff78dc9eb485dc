"""Makes the table from traditional to simplified characters from the dictionaries of OpenCC.

    python tools/make_simplified.py DICTIONARIES [TABLE]

DICTIONARIES is the folder with `TSCharacters.txt` and `TSPhrases.txt` of https://github.com/BYVoid/OpenCC (a copy is in
the PyPI package opencc-python-reimplemented, under `opencc/dictionary/`). Their licence goes into
`src/zuoci/data/LICENSE-OpenCC`. TABLE is `src/zuoci/data/simplified.tsv.gz`, in the format that `zuoci.text.script`
describes. The same dictionaries give the same bytes.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

TABLE = Path(__file__).parent.parent / "src" / "zuoci" / "data" / "simplified.tsv.gz"

# OpenCC leaves these to its dictionaries of regions: Taiwan writes 著, 妳, 牠, 沈 for 着, 你, 它, 沉.
MORE_CHARACTERS = {"著": "着", "妳": "你", "牠": "它", "覩": "睹"}
WORDS_WITH_ZHU = (  # in these 著 is zhù and stays; 大著, 論著 and the like are left out, as in 睜大著, 談論著
    "名著 巨著 鉅著 原著 专著 專著 译著 譯著 编著 編著 遗著 遺著 拙著 新著 旧著 舊著 撰著 所著 土著 昭著 "
    "显著 顯著 卓著 知著 著書立 著书立 著作 著名 著者 著述 著录 著錄 著称 著稱"
)
WORDS_WITH_CHEN = (
    "沈重 沈醉 沈睡 沈沦 沈淪 沈溺 沈思 沈浮 沈吟 沈寂 沈静 沈靜 沈痛 沈迷 沈着 沈著 沈落 沈甸 沈闷 沈悶 沈没 "
    "深沈 下沈 沈下 沈入"
)


def main() -> None:
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python tools/make_simplified.py DICTIONARIES [TABLE]")
    folder, table = Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else TABLE
    characters = {**read(folder / "TSCharacters.txt"), **MORE_CHARACTERS}
    characters = {a: b for a, b in characters.items() if a != b and ord(b) < 0x10000}  # few programs know the others
    phrases = read(folder / "TSPhrases.txt")
    phrases |= {word: simplify(word.replace("沈", "沉"), characters) for word in WORDS_WITH_CHEN.split()}
    phrases |= {word: simplify(word, {**characters, "著": "著"}) for word in WORDS_WITH_ZHU.split()}
    phrases = {a: b for a, b in phrases.items() if simplify(a, characters) != b and len(a) == len(b)}
    phrases["著名字"] = "着名字"  # as in 寫著名字, which is not 著名
    lines = sorted({**characters, **phrases}.items(), key=lambda pair: (-len(pair[0]), pair))
    table.write_bytes(gzip.compress("".join(f"{a}\t{b}\n" for a, b in lines).encode(), 9, mtime=0))
    print(f"{len(characters):,} characters, {len(phrases):,} phrases: {table}", file=sys.stderr)


def read(path: Path) -> dict[str, str]:
    """Traditional → the first of its simplified forms."""
    pairs = (line.split("\t") for line in path.read_text("utf-8").splitlines() if line)
    return {traditional: forms.split(" ")[0] for traditional, forms in pairs}


def simplify(text: str, characters: dict[str, str]) -> str:
    return "".join(characters.get(char, char) for char in text)


if __name__ == "__main__":
    main()
