"""Songs on disk, through the studio's routes."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zuoci.server.errors import ApiError
from zuoci.studio.app import StudioSettings
from zuoci.studio.lrc import read_lrc, write_lrc
from zuoci.studio.songs import Songs, clean_title

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Served

LRC = "[ti:夜路]\n[ar:我]\n[00:20.50]走上山\n[00:10.00][00:30.00]夜里的路\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "songs"


@pytest.fixture
def studio(serve: Callable[..., Any], folder: Path, tmp_path: Path) -> Iterator[Served]:
    with serve(StudioSettings((), home=tmp_path / "home", songs=folder)) as served:
        yield served


def lines(count: int, **first: object) -> list[dict[str, object]]:
    return [{"id": i, **(first if i == 0 else {})} for i in range(count)]


def put(studio: Served, name: str, **body: object) -> Any:
    return studio.client.put(f"/api/songs/{quote(name)}", json=body)


def test_a_song_is_a_text_file_with_its_title(studio: Served, folder: Path) -> None:
    assert studio.client.get("/api/songs").json() == {"songs": [], "folder": str(folder)}
    assert not folder.exists()
    song = studio.client.post("/api/songs", json={"title": "夜路"}).json()
    by = [{"model": "zh", "seed": 7, "settings": {"temperature": 0.8, "word": ["山"]}}]
    text = "[Verse]\n夜里的路"
    saved = put(studio, "夜路", text=text, version=song["version"], lines=lines(2, locked=True, by=0), authors=by)
    assert (folder / "夜路.txt").read_text("utf-8") == "[Verse]\n夜里的路\n"
    read = studio.client.get("/api/songs/夜路").json()
    assert read["version"] == saved.json()["version"] != song["version"]
    assert (read["text"], read["authors"]) == (text, by)
    assert [(line["locked"], line["by"]) for line in read["lines"]] == [(True, 0), (False, None)]
    [listed] = studio.client.get("/api/songs").json()["songs"]
    assert (listed["id"], listed["first_line"]) == ("夜路", "夜里的路")


def test_two_writers_never_overwrite_each_other(studio: Served, folder: Path) -> None:
    song = studio.client.post("/api/songs", json={"title": "夜"}).json()
    body = {"version": song["version"], "lines": lines(1)}
    assert put(studio, "夜", text="一", **body).status_code == 200
    answer = put(studio, "夜", text="二", **body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "song_changed")
    assert (folder / "夜.txt").read_text("utf-8") == "一\n"


def test_another_program_may_change_the_text(studio: Served, folder: Path) -> None:
    song = studio.client.post("/api/songs", json={"title": "夜"}).json()
    details = [{"id": 5, "locked": True}, {"id": 6}, {"id": 7, "locked": True}]
    saved = put(
        studio, "夜", text="夜里的风吹过来\n二\n今天的雨下得很大", version=song["version"], lines=details
    ).json()
    (folder / "夜.txt").write_bytes("我在门口等着你\r\n夜里的风吹过来\r\n今天的雨下得很大\r\n".encode("gb18030"))
    read = studio.client.get("/api/songs/夜").json()
    assert read["text"] == "我在门口等着你\n夜里的风吹过来\n今天的雨下得很大"
    assert [line["id"] for line in read["lines"]] == [8, 5, 7]
    (folder / "夜.txt").write_text("我在门口等着你\n壹\n今天的雨下得很大")
    assert [line["id"] for line in studio.client.get("/api/songs/夜").json()["lines"]][1:] == [6, 7]
    assert put(studio, "夜", text="二", version=saved["version"], lines=lines(1)).status_code == 409
    (folder / ".zuoci" / "夜.json").write_text("{")
    assert len(studio.client.get("/api/songs/夜").json()["lines"]) == 3


def test_former_versions_are_kept_with_their_writers(studio: Served) -> None:
    version = studio.client.post("/api/songs", json={"title": "夜"}).json()["version"]
    by = [{"model": "zh", "seed": 1, "settings": {}}]
    for text, keep in (("一", True), ("一二", False), ("一二三", True), ("一二三", True)):
        body = {"text": text, "version": version, "lines": lines(1, by=0), "authors": by, "keep": keep}
        version = put(studio, "夜", **body).json()["version"]
    versions = studio.client.get("/api/songs/夜/versions").json()["versions"]
    assert [[line["text"] for line in one["lines"]] for one in versions] == [["一二三"], ["一"]]
    assert versions[0]["lines"][0] == {"id": 0, "text": "一二三", "by": by[0]}


def test_old_versions_thin_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zuoci.studio.songs._MAX_VERSIONS", 8)
    songs = Songs(folder)
    song = songs.create("夜")
    for k in range(30):
        details = songs._read("夜")[1]  # pyright: ignore[reportPrivateUsage]
        song["version"] = songs.write("夜", str(k), details, song["version"], keep=True)
    texts = [version["lines"][0]["text"] for version in songs.versions("夜")]
    assert len(texts) <= 8
    assert texts[:3] == ["29", "28", "27"]


def test_songs_are_renamed_and_deleted_without_loss(studio: Served, folder: Path) -> None:
    for _ in range(2):
        studio.client.post("/api/songs", json={"title": "夜"})
    assert {file.name for file in folder.glob("*.txt")} == {"夜.txt", "夜 2.txt"}
    taken = studio.client.post("/api/songs/夜/rename", json={"title": "夜 2"})
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "song_exists")
    assert studio.client.post("/api/songs/夜/rename", json={"title": "昼/../x"}).json() == {"id": "昼 .. x"}
    assert studio.client.get("/api/songs/昼 .. x").json()["text"] == ""
    assert studio.client.delete("/api/songs/夜 2").status_code == 200
    assert studio.client.get("/api/songs/夜 2").status_code == 404
    assert len([*(folder / ".zuoci" / "deleted").glob("夜 2 *.txt")]) == 1


def test_lrc_comes_and_goes_with_its_times(studio: Served) -> None:
    answer = studio.client.post("/api/songs/import?name=a.lrc", content=LRC.encode("gb18030"))
    song = answer.json()
    assert (song["id"], song["text"]) == ("夜路", "夜里的路\n走上山\n夜里的路")
    body = {"version": song["version"], "lines": song["lines"], "text": "夜里的路\n走下山\n夜里的路"}
    assert put(studio, "夜路", **body).status_code == 200
    lrc = studio.client.get("/api/songs/夜路/lrc").text
    assert lrc == "[ti:夜路]\n[ar:我]\n[00:10.00]夜里的路\n[00:20.50]走下山\n[00:30.00]夜里的路\n"
    assert studio.client.post("/api/songs/import?name=b.txt", content=b"one\r\n\r\ntwo").json()["text"] == "one\n\ntwo"


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 59), st.text("山路 ab", max_size=4)), max_size=8))
def test_lrc_is_read_as_it_was_written(entries: list[tuple[int, int, str]]) -> None:
    entries.sort(key=lambda entry: entry[:2])
    rows = [text.strip() for *_, text in entries]
    times = [f"{minutes:02}:{seconds:02}.00" for minutes, seconds, _ in entries]
    read = read_lrc(write_lrc(rows, times, ["ar:x"]))
    assert (list(read.lines), list(read.times), read.tags) == (rows, times, ("ar:x",))


@pytest.mark.parametrize("name", ["..", "../x", ".zuoci", "a\x00b", "x" * 290, "nothing"])
def test_only_songs_in_the_folder_are_found(folder: Path, name: str) -> None:
    (folder.parent / "x.txt").write_text("secret")
    with pytest.raises(ApiError, match="there is no song"):
        Songs(folder).read(name)


@given(st.text(max_size=100))
def test_a_title_becomes_a_name_of_a_file(title: str) -> None:
    try:
        name = clean_title(title)
    except ApiError:
        assert not any(char.isalnum() for char in title)
        return
    assert not set(name) & set("/\\:\x00\n")
    assert not name.startswith(".")
    assert clean_title(name) == name


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"lines": lines(2)}, "invalid_value"),
        ({"lines": lines(1, by=0)}, "invalid_value"),
        ({"text": "x" * 20_001, "lines": lines(1)}, "too_long"),
        ({"lines": [{"id": 0, "time": "soon"}]}, "wrong_value"),
        ({"lines": lines(1), "form": 1}, "unknown_parameter"),
    ],
)
def test_what_does_not_fit_is_refused(studio: Served, body: dict[str, object], code: str) -> None:
    song = studio.client.post("/api/songs", json={"title": "夜"}).json()
    answer = put(studio, "夜", **{"text": "", "version": song["version"], **body})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_a_file_that_is_no_song_is_said(studio: Served, folder: Path) -> None:
    folder.mkdir()
    (folder / "long.txt").write_text("x\n" * 6000)
    (folder / "picture.txt").write_bytes(bytes(range(256)) * 4)
    for name, code in (("long", "song_too_long"), ("picture", "not_text")):
        answer = studio.client.get(f"/api/songs/{name}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, code)
    assert len(studio.client.get("/api/songs").json()["songs"]) == 2


WRITER = """
import sys
from pathlib import Path
from zuoci.studio.songs import SongDetails, Songs
songs = Songs(Path(sys.argv[1]))
song = songs.read("夜") if Path(sys.argv[1], "夜.txt").exists() else songs.create("夜")
text = song["text"]
while True:
    text += "路"
    details = SongDetails(lines=[{"id": 0, "locked": True}])
    song["version"] = songs.write("夜", text, details, song["version"], keep=len(text) % 3 == 0)
    print(len(text), flush=True)
"""


@pytest.mark.slow
def test_a_kill_loses_nothing_that_was_acknowledged(folder: Path) -> None:
    draw = random.Random(3)
    for _ in range(8):
        arguments = [sys.executable, "-c", WRITER, str(folder)]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout
            saved = int(writer.stdout.readline())
            time.sleep(draw.random() * 0.2)
            writer.kill()
            saved = max([saved, *map(int, writer.stdout.read().split())])
        song = Songs(folder).read("夜")
        assert song["text"] == "路" * len(song["text"])
        assert saved <= len(song["text"]) <= saved + 1
        assert [line["id"] for line in song["lines"]] == [0]
        assert all(set(version["lines"][0]["text"]) == {"路"} for version in Songs(folder).versions("夜"))
