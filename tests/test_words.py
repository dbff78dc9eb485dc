"""One word for one thing: words that the project has given up stay out of its code, help and documents."""

from __future__ import annotations

import re
from pathlib import Path

import zuoci

ROOT = Path(__file__).parent.parent
GIVEN_UP = {
    r"\bDesk\b": "Rules, or writing_routes",
    r"\bVerse\b(?!\]|\"| \d)": "WrittenLine",  # but for the mark of a section
    r"\bPlace\b": "LineState",
    r"\bclass (Ask|Answer)\b": "StepRequest, StepResult",
    r"\b(Errands|Orders)\b": "JobQueue, Commands",
    r"(?<![.\w])tell\(": "emit",
    r"\bsurprise\b": "nll",
    "begins_repeat": "characters_that_would_repeat",
    r"\bfailures\.of\b": "to_api_error",
    "likeliest": "most likely",
    r"so many likel": "the k most likely",
    r"^ +\w+: (them|it)\.$": "what it is",
    r"zuoci\[english\]": "nothing: the table of rhymes is bundled",
}


def test_words_that_were_given_up_are_gone() -> None:
    package = Path(zuoci.__file__).parent
    files = [path for path in package.rglob("*") if path.suffix in {".py", ".js", ".ts", ".html", ".css"}]
    files += [*ROOT.glob("README*.md"), *(path for path in (ROOT / "docs").glob("*.md") if path.name != "songbook.md")]
    assert len(files) > 100
    found = [
        f"{path.relative_to(ROOT if path.is_relative_to(ROOT) else package)}: {match[0]!r}; better {better}"
        for path in files
        for word, better in GIVEN_UP.items()
        for match in re.finditer(word, path.read_text("utf-8"), re.MULTILINE)
    ]
    assert found == []
