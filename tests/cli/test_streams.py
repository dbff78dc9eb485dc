"""Standard streams that are closed, full or cannot print; names and arguments that are not UTF-8; long answers."""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.processes import launcher

from zuoci.cli import print_json, print_text, say
from zuoci.text.terminal import printable, quote

if TYPE_CHECKING:
    import zuoci

pytestmark = pytest.mark.skipif(os.name == "nt", reason="streams and names of Unix")


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Runs `z …`, which is zuoci, and `new …`, which is zuoci in an interpreter of its own, beside a model `model`."""
    starts = {"z": launcher("zuoci"), "new": [sys.executable, "-m", "zuoci"]}
    functions = [f'{name}() {{ {shlex.join(words)} "$@"; }}; ' for name, words in starts.items()]
    command = "".join(functions) + command
    return subprocess.run(
        ["/bin/bash", "-c", command], cwd=folder.parent, capture_output=True, check=False, timeout=600,
        env={**os.environ, "PYTHONUTF8": "0", **environment},
    )  # fmt: skip


@pytest.fixture(autouse=True)
def song(tmp_path: Path) -> Path:
    path = tmp_path / "song.txt"
    path.write_text("山前百人\n路上百歌é😀\n", "utf-8")
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("z score model song.txt >&-", 0),
        ("z score model song.txt 2>&-", 0),
        ("new score model song.txt <&- >&- 2>&-", 0),
        ("z compose model song.txt <&-", 0),
        ("z compose model song.txt <&- >&- 2>&-", 0),
        ("z original song.txt - <&-", 1),
        ("z write nowhere 2>&-", 1),
        ("z score model song.txt >/dev/full", 1),
        ("z write model --length 20000 >/dev/full", 1),
        ("z write nowhere 2>/dev/full", 1),
        ("z score model song.txt 2>/dev/full", 0),
        ("z original song.txt /dev/zero", 1),
        ("z score model song.txt --corpus $'\\xff'", 1),
        ("new write model $'\\xff' --json --length 3", 0),
        ("cp song.txt $'\\xb8\\xe8\\xff.txt'; new score model $'\\xb8\\xe8\\xff.txt' --json", 0),
        ("cp -r model $'\\xff'; new export $'\\xff' --html $'\\xfe.html'", 0),
        ("LC_ALL=C PYTHONIOENCODING=ascii new compose model song.txt <<< $'+\\n歌\\nq'", 0),
    ],
)
def test_a_stream_or_a_name_is_no_traceback(folder: Path, command: str, code: int) -> None:
    result = shell(command, folder)
    assert b"Traceback" not in result.stderr
    assert b"Exception ignored" not in result.stderr
    assert result.returncode == code, result.stderr
    assert code != 1 or result.stderr.count(b"\n") <= 1


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux")  # noqa: PTH110
@pytest.mark.parametrize(("into", "code"), [(">/dev/full", 1), (">&-", 0), ("| true", 1)])
def test_a_text_that_cannot_be_printed_is_saved(folder: Path, into: str, code: int) -> None:
    """Also where nothing can be saved in the current folder, and for a text that no pipe holds."""
    long = "山" * (22_000 if "true" in into else 50) + "\n"
    (folder.parent / "long.txt").write_text(long, "utf-8")
    before = "ln -s nowhere song-unsaved.txt; mkdir tmp; export TMPDIR=$PWD/tmp"
    result = shell(
        f"{before}; set -o pipefail; echo 路 | z compose model long.txt -n 1 {into}; code=$?; "
        f"here=$PWD; cd /proc; z compose $here/model $here/long.txt -n 1 <<< 山 {into}; exit $code", folder
    )  # fmt: skip
    assert result.returncode == code, result.stderr
    assert b"Traceback" not in result.stderr
    assert "the text is saved in song-unsaved-2.txt" in result.stderr.decode()
    assert "tmp/song-unsaved.txt" in result.stderr.decode()
    assert (folder.parent / "song-unsaved-2.txt").read_text("utf-8") == long + "路\n"
    assert (folder.parent / "tmp" / "song-unsaved.txt").read_text("utf-8") == long + "山\n"
    assert not (folder.parent / "nowhere").exists()


@pytest.mark.slow
def test_json_stays_json_where_stdout_is_ascii(folder: Path) -> None:
    result = shell(
        "new original song.txt song.txt --least 1 --json; new write model é😀", folder, PYTHONIOENCODING="ascii"
    )
    document = json.loads(result.stdout.splitlines()[0])
    assert document["spans"][0]["text"] == "山前百人\n路上百歌é😀"
    result.stdout.decode("ascii")


@pytest.mark.slow
def test_what_is_copied_whole_is_shown_short(folder: Path, corpus: zuoci.Corpus) -> None:
    (folder.parent / "songs.txt").write_text(corpus.text.strip() + "长" * 5000, "utf-8")
    shown = shell("z original songs.txt songs.txt", folder).stdout.decode()
    head, span = shown.splitlines()
    assert "100.0%" in head
    assert len(span) < 200
    assert " … " in span
    whole = json.loads(shell("z original songs.txt songs.txt --json", folder).stdout)
    assert len(whole["spans"][0]["text"]) > 5000


WORDS = [
    "plain-名",
    "two words",
    "it's",
    "a\nb\tc",
    "a\x1b[31mb",
    "\x9b31m",
    "\udcb8\udce8'\\x",
    "a\u202eb\x7f",
    "\u3000",
    "",
    "~",
]


def test_a_command_that_is_printed_works_and_shows_only_what_can_be_printed() -> None:
    printed = " ".join(map(quote, WORDS))
    assert printable(printed) == printed
    assert "\n" not in printed
    script = os.fsencode(f"printf '%s\\0' {printed}")
    assert subprocess.run(["bash", "-c", script], capture_output=True, check=True).stdout == b"".join(
        os.fsencode(word) + b"\0" for word in WORDS
    )
    assert quote(Path("-x")) == "./-x"
    assert quote(Path("-a b")) == "'./-a b'"
    assert quote("plain-名") == "plain-名"


def test_what_a_terminal_would_obey_is_escaped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = "".join(map(chr, range(32))) + "\x7f\x9b31m\u202e名👩‍👩"
    say("error:", evil)
    print_json({"name": evil})
    print_text(evil)
    out, err = capsys.readouterr()
    document, data = out.split("\n", 1)
    assert json.loads(document) == {"name": evil}
    assert data == evil + "\n"
    assert err == f"error: {printable(evil)}\n"
    monkeypatch.setattr(sys, "stdout", terminal := io.StringIO())
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    print_text(evil)
    for shown in (document, err, terminal.getvalue()):
        assert not {"\x1b", "\r", "\x7f", "\x9b", "\u202e"} & set(shown)
        assert "名👩‍👩" in shown
    assert "\\x1b" in err
