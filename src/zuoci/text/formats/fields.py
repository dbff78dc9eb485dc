"""What the fields of tables and JSON files are called that hold lyrics and titles, the best name first."""

from __future__ import annotations

import re

LYRICS = (
    r"(?:song[\s_-]?|plain[\s_-]?|clean(?:ed)?[\s_-]?|full[\s_-]?|original[\s_-]?|synced[\s_-]?)?lyrics?(?:[\s_-]?(?:text|body|clean|content))?|lrc|klyric|yrc",
    r"歌[词詞]|[词詞]|歌[词詞](?:内容|文本|正文)|paroles|letras?|songtext|liedtext|testo|текст|가사|歌詞",
    r"paragraphs|stanzas|verses|lines|segments",
    r"(?:song[\s_-]?)?(?:text|body)|full[\s_-]?text|content|contents|内容|正文|文本|诗文|原文|body",
    r"line|verse|sentence|句子?",
)
TITLES = (
    r"title|(?:song|track)[\s_-]?(?:name|title)?|name|rhythmic|歌名|歌曲(?:名称?)?|曲名|标题|標題|题目|名称|titre|título|titulo|titel|제목",
    r"(?:song|track)[\s_-]?id|id",
)


def is_field(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a name is one of those that the patterns describe."""
    return any(re.fullmatch(pattern, name.strip(), re.IGNORECASE) for pattern in patterns)
