"""What commands import. torch takes longer to import than a text takes to write."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Runs commands one after another and prints, for each, how it ended and which of some modules are imported then.
DRIVER = """
import io, json, sys
from contextlib import redirect_stdout
from zuoci.cli import main

HEAVY = ("torch", "rich", "pypinyin", "zuoci.text.formats", "zuoci.training.recipe")
found = []
for words in json.loads(sys.argv[1]):
    sys.argv = ["zuoci", *words]
    try:
        with redirect_stdout(io.StringIO()):
            main()
    except SystemExit as end:
        found.append([end.code or 0, [name for name in HEAVY if name in sys.modules]])
print(json.dumps(found))
"""


def imported(*commands: list[str]) -> list[list[str]]:
    """Of the modules in `DRIVER`, those that are imported after each of some commands in one new process."""
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, json.dumps(commands)],
        capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    codes, names = zip(*json.loads(done.stdout), strict=True)
    assert not any(codes), done.stderr
    return list(names)


def test_writing_imports_neither_torch_nor_what_reads_songs(folder: Path) -> None:
    free, form, en, about = imported(
        ["write", str(folder), "山", "--length", "12"],
        ["write", "zh", "夜", "--lines", "2", "--line-length", "5"],
        ["write", "en", "The", "--lines", "1"],
        ["write", "zh", "夜", "--about", "海", "--greedy", "--length", "4"],
    )
    assert free == form == en == about == []


def test_rhymes_copies_and_next_lines_are_found_without_torch(tmp_path: Path) -> None:
    text = tmp_path / "song.txt"
    text.write_text("夜里的云都停了\n", "utf-8")
    rhymed, rhymes, following, copies, corpus = imported(
        ["write", "zh", "夜", "--rhyme", "AA", "--lines", "2", "--line-length", "5"],
        ["rhymes", "夜"],
        ["write", "zh", "--next", str(text)],
        ["original", "zh", str(text)],
        ["corpus", str(text)],
    )
    assert {*rhymed, *rhymes} <= {"pypinyin"}  # which characters with several readings need
    assert {*following, *copies, *corpus} == {*rhymes, "zuoci.text.formats"}


def test_a_server_of_models_imports_no_torch() -> None:
    needed = "zuoci.cli.serve, zuoci.server.app, zuoci.server.run, zuoci.writing.writer"  # by tests/test_layers.py
    code = f"import sys, {needed}; print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"
