"""Files that are dropped: whatever they are, they are read within limits, and no path is made of their names."""

from __future__ import annotations

import asyncio
import io
import tracemalloc
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import zuoci
from zuoci.errors import CorpusError
from zuoci.server.errors import ApiError
from zuoci.studio.app import StudioSettings
from zuoci.studio.corpora import Corpora
from zuoci.studio.locks import CorpusLocks
from zuoci.studio.stored_corpus import load_stored
from zuoci.text.corpus import Corpus, read_corpus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.conftest import Served

SONG = "第一首歌\n山前一条路\n路上一个人\n\n第二首歌\n人在唱歌\n歌里有路\n" + "一路走来一路唱\n" * 30


def begin(served: Served) -> str:
    return served.client.post("/api/corpora", json={}).json()["id"]


def drop(served: Served, corpus: str, name: str, data: bytes) -> dict[str, Any]:
    answer = served.client.post(f"/api/corpora/{corpus}/files", params={"name": name}, content=data)
    assert answer.status_code == 200, answer.text
    return answer.json()


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def test_what_was_found_in_files_is_said(served: Served) -> None:
    corpus = begin(served)
    found = drop(served, corpus, "我的歌.txt", SONG.encode("gb18030"))
    assert found["files"] == [
        {"number": 1, "name": "我的歌.txt", "bytes": len(SONG.encode("gb18030")), "encoding": ["gb18030"], "notes": [],
         "error": None}
    ]  # fmt: skip
    assert (found["songs"], found["lines"], found["characters"]) == (2, 36, len(SONG))
    assert found["distinct"] == len(set(SONG))
    assert found["examples"] == ["第一首歌", "第二首歌"]
    assert found["error"] is None
    more = zipped({"a.lrc": "[00:01.00]作词：我\n[00:02.00]山前\n".encode(), "b.jpg": b"\0", "c.txt": b"la la la"})
    found = drop(served, corpus, "more.zip", more)
    assert found["files"][1]["notes"][0] == "dropped the time stamps"
    assert any("left out 1 files that are not text (more.zip/b.jpg)" in note for note in found["files"][1]["notes"])
    assert found["songs"] == 3  # of several texts, each is one song
    found = served.client.delete(f"/api/corpora/{corpus}/files/2").json()
    assert [file["number"] for file in found["files"]] == [1]
    assert found["songs"] == 2
    assert served.client.delete(f"/api/corpora/{corpus}").json() == {}
    assert served.client.get(f"/api/corpora/{corpus}").status_code == 404


def test_the_bundled_lyrics_are_there_and_stay(served: Served) -> None:
    assert served.client.get("/api/corpora/en").json()["songs"] == len(zuoci.load_lyrics("en"))
    assert served.client.delete("/api/corpora/zh").status_code == 409
    assert served.client.post("/api/corpora/zh/files?name=a.txt", content=b"a").status_code == 409


@pytest.mark.parametrize(
    ("name", "data", "error"),
    [
        ("a.txt", b"\x00\x01", "a.txt is not a text file: it has a zero byte"),
        ("a.txt", b"\xff\xff\xff\xc3", "is not UTF-8 from byte 0 on, and its encoding is in doubt"),
        ("a.txt", b"", "holds no text"),
        ("a.zip", b"PK\x03\x04 nothing more", "damaged zip"),
        ("a.zip", zipped({"a.jpg": b"x"}), "holds no text"),
        ("a.jpg", b"\xff\xd8\xff\xe0\x00\x10", "is not a text file"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(served: Served, name: str, data: bytes, error: str) -> None:
    corpus = begin(served)
    found = drop(served, corpus, name, data)
    assert error in found["files"][0]["error"]
    assert "/tmp" not in found["files"][0]["error"]
    assert found["error"] == "there is no text in it yet"
    served.client.delete(f"/api/corpora/{corpus}")


def test_a_zip_that_unpacks_to_a_flood_is_not_unpacked(served: Served) -> None:
    flood = zipped({f"{k}.txt": b"la la " * 10_000_000 for k in range(5)})
    assert len(flood) < 1_000_000
    corpus = begin(served)
    found = drop(served, corpus, "bomb.zip", flood)
    assert "bomb.zip unpacks to 300,000,000 bytes" in found["files"][0]["error"]
    many = zipped({f"{k}.txt": b"" for k in range(20_001)})
    assert "in 20,001 files" in drop(served, corpus, "many.zip", many)["files"][1]["error"]
    served.client.delete(f"/api/corpora/{corpus}")


def test_a_file_that_is_too_large_is_refused_while_it_arrives(served: Served) -> None:
    corpus = begin(served)
    pieces = (b"x" * 2**20 for _ in range(70))
    answer = served.client.post(f"/api/corpora/{corpus}/files?name=a.txt", content=pieces)
    assert answer.status_code == 413
    assert served.client.get(f"/api/corpora/{corpus}").json()["files"] == []
    served.client.delete(f"/api/corpora/{corpus}")


TEXTS = st.lists(
    st.tuples(
        st.sampled_from(["a.txt", "b.lrc", "c.zip", "d.zip"]),
        st.lists(st.text(st.sampled_from("山路a \u3000\n\n"), max_size=12), min_size=1, max_size=3),
    ),
    max_size=5,
)


@settings(max_examples=60)
@given(TEXTS, st.data())
def test_what_is_said_of_a_corpus_is_what_reading_it_gives(
    tmp_path_factory: pytest.TempPathFactory, files: list[tuple[str, list[str]]], data: st.DataObject
) -> None:
    """Each file is read once, when it comes; the figures are those of the corpus as a whole all the same."""
    corpora = Corpora(tmp_path_factory.mktemp("corpora"))
    name = corpora.create()
    for title, texts in files:
        arrived = corpora.writable_folder(name) / ".arrived"
        members = {f"{k}.txt": text.encode() for k, text in enumerate(texts)}
        arrived.write_bytes(zipped(members) if title.endswith(".zip") else texts[0].encode())
        corpora.add_file(name, title, arrived)
    for number in data.draw(st.sets(st.integers(1, len(files)))) if files else ():
        corpora.remove_file(name, number)
    found = corpora.describe(name)
    try:
        corpus = corpora.read(name)
    except CorpusError:
        corpus = Corpus(())
    assert found["songs"] == len(corpus)
    assert found["lines"] == sum(len(song.lines) for song in corpus.songs)
    assert found["characters"] == len(corpus.text)
    assert found["distinct"] == len(set(corpus.text))
    assert found["examples"] == [song.title for song in corpus.songs[:5]]


def test_a_file_is_read_once_and_not_by_the_loop_that_answers(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many files there are: what 30 uploads read is 30 files, each in a thread of its own work."""
    read: list[str] = []
    loops: list[bool] = []
    real = read_corpus

    def counted(source: Any) -> Corpus:
        read.append(Path(source).name)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            loops.append(False)
        else:
            loops.append(True)
        return real(source)

    monkeypatch.setattr("zuoci.studio.corpora.read_corpus", counted)
    corpus = begin(served)
    found: dict[str, Any] = {}
    for k in range(30):
        found = drop(served, corpus, f"{k}.txt", f"第{k}首\n{SONG}".encode())
    assert found["songs"] == 30
    assert read == [f"{k:06}.txt" for k in range(1, 31)]
    assert not any(loops)
    served.client.delete(f"/api/corpora/{corpus}")


def test_a_full_disk_is_said_in_one_line(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    corpus = begin(served)
    monkeypatch.setattr(Corpora, "add_file", full)
    answer = served.client.post(f"/api/corpora/{corpus}/files?name=a.txt", content=b"la")
    assert answer.status_code == 500
    assert "No space left on device" in answer.json()["error"]["message"]
    assert not [record for record in caplog.records if record.exc_info]
    served.client.delete(f"/api/corpora/{corpus}")


def test_so_many_files_arrive_at_a_time(tmp_path: Path) -> None:
    async def main() -> None:
        corpora = Corpora(tmp_path)
        name = corpora.create()
        may_end = asyncio.Event()

        async def slowly() -> AsyncIterator[bytes]:
            yield b"la"
            await may_end.wait()

        async def arrive() -> None:
            async with corpora.receive(name, slowly()):
                pass

        tasks = [asyncio.create_task(arrive()) for _ in range(8)]
        await asyncio.sleep(0.01)
        with pytest.raises(ApiError, match="8 files are arriving already"):
            await arrive()
        may_end.set()
        await asyncio.gather(*tasks)
        await arrive()
        assert list(corpora.writable_folder(name).iterdir()) == []

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, main()).result()


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"bundled": null, "names": 1}', None])
def test_what_was_kept_and_is_damaged_is_an_error_in_one_line(tmp_path: Path, damage: str | None) -> None:
    if damage is not None:
        (tmp_path / ".names.json").write_text(damage)
    with pytest.raises(CorpusError, match="missing or damaged"):
        load_stored(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60)
@given(
    st.text(max_size=300)
    | st.sampled_from(["../../etc/passwd", "..\\..\\a.txt", "/a/b.txt", "C:\\a.txt", ".", "..", "a\0b.txt", "CON.txt"])
)
def test_no_path_is_made_of_a_name(tmp_path: Path, name: str) -> None:
    corpora = Corpora(tmp_path / "inside")
    corpus = corpora.create()
    arrived = corpora.writable_folder(corpus) / ".arrived"
    arrived.write_text(SONG, "utf-8")
    corpora.add_file(corpus, name, arrived)
    [file] = corpora.writable_folder(corpus).iterdir()
    assert file.stem == "000001"
    assert file.suffix in (".txt", ".lrc", ".md", ".text", ".zip")
    assert [path.name for path in tmp_path.iterdir()] == ["inside"]
    [shown] = corpora.describe(corpus)["files"]
    assert not set(shown["name"]) & set("/\\\0")
    corpora.delete(corpus)


def test_what_is_kept_for_a_run_is_the_same_corpus(tmp_path: Path) -> None:
    corpora = Corpora(tmp_path / "inside")
    corpus = corpora.create()
    for name in ("乙.txt", "甲.txt"):
        arrived = corpora.writable_folder(corpus) / ".arrived"
        arrived.write_text(SONG + name, "utf-8")
        corpora.add_file(corpus, name, arrived)
    corpora.copy_to(corpus, tmp_path / "kept")
    kept = load_stored(tmp_path / "kept")
    assert kept == corpora.read(corpus)
    assert [song.source for song in kept.songs] == ["乙.txt", "甲.txt"]  # in the order in which they came
    assert kept.text == read_corpus(tmp_path / "kept").text
    corpora.copy_to("en", tmp_path / "english")
    assert len(load_stored(tmp_path / "english")) == len(zuoci.load_lyrics("en"))


def test_what_a_corpus_holds_is_counted_unpacked(tmp_path: Path) -> None:
    corpora = Corpora(tmp_path / "inside")
    corpus = corpora.create()
    half = zipped({"a.txt": b"la la la\n" * (33 * 2**20 // 9)}, zipfile.ZIP_STORED)
    for title, data in (
        ("a.zip", half),
        ("b.zip", half),
        ("c.txt", b"la\n" * 1000),
        ("d.zip", zipped({"a.txt": b"\n" * 4_000_001})),
    ):
        arrived = corpora.writable_folder(corpus) / ".arrived"
        arrived.write_bytes(data)
        corpora.add_file(corpus, title, arrived)
    errors = [file["error"] for file in corpora.describe(corpus)["files"]]
    assert errors[0] is None
    assert "b.zip has 34,603,002 bytes of text, with 34,603,002 in other files: 67,108,864 at most" in errors[1]
    assert errors[2] is None
    assert "d.zip has 4,000,001 lines, with" in errors[3]
    assert corpora.bytes_left(corpus) == 64 * 2**20 - 34_603_002 - 3000


def test_reading_a_file_takes_a_few_times_the_memory_of_its_text(tmp_path: Path) -> None:
    corpora = Corpora(tmp_path / "inside")
    corpus = corpora.create()
    text = "a b c\n" * 1_000_000 + "😀"  # 4 bytes in memory for each character
    arrived = corpora.writable_folder(corpus) / ".arrived"
    arrived.write_text(text, "utf-8")
    tracemalloc.start()
    try:
        corpora.add_file(corpus, "a.txt", arrived)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * 4 * len(text)
    assert corpora.describe(corpus)["lines"] == 1_000_001


def test_one_corpus_does_not_wait_for_another_and_the_end_ends_all_waiting() -> None:
    async def never() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def main() -> None:
        locks, may_end, gone = CorpusLocks(), asyncio.Event(), asyncio.Event()

        async def leaves() -> dict[str, Any]:
            await gone.wait()
            return {"type": "http.disconnect"}

        done: list[str] = []

        async def work(name: str, wait: bool = False) -> None:
            if wait:
                await may_end.wait()
            done.append(name)

        first = asyncio.create_task(locks.run(never, "a", lambda: work("first", True)))
        await asyncio.sleep(0)
        second = asyncio.create_task(locks.run(leaves, "a", lambda: work("second")))
        await locks.run(never, "b", lambda: work("other"))
        await locks.run(never, None, lambda: work("bundled"))
        gone.set()
        with pytest.raises(ApiError, match="the client closed the connection"):
            await second
        third = asyncio.create_task(locks.run(never, "a", lambda: work("third")))
        await asyncio.sleep(0.01)
        locks.drain()
        for waiting in (first, third):
            with pytest.raises(ApiError, match="the server is shutting down") as refused:
                await waiting
            assert refused.value.status == 503
        may_end.set()
        await asyncio.sleep(0.01)
        assert done == ["other", "bundled", "first"]  # what has begun goes on to its end; the others never begin

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, main()).result()


def test_an_upload_that_arrives_slowly_ends_with_the_server(tmp_path: Path) -> None:
    async def main() -> None:
        corpora = Corpora(tmp_path)
        name = corpora.create()

        async def slowly() -> AsyncIterator[bytes]:
            yield b"la"
            corpora.locks.drain()
            await asyncio.Event().wait()

        with pytest.raises(ApiError, match="the server is shutting down"):
            async with corpora.receive(name, slowly()):
                pass
        assert list(corpora.writable_folder(name).iterdir()) == []

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, main()).result()


def test_what_a_killed_studio_left_of_uploads_is_thrown_away_and_nothing_else(
    tiny: Path, tmp_path: Path, serve: Callable[..., Any]
) -> None:
    left = tmp_path / ".uploads" / "0123456789abcdef"
    left.mkdir(parents=True)
    (left / "000001.txt").write_text("private")
    (tmp_path / ".uploads" / "notes.txt").write_text("somebody's")
    with serve(StudioSettings([tiny], home=tmp_path)) as studio:
        assert not left.exists()
        corpus = begin(studio)
        assert (tmp_path / ".uploads").stat().st_mode & 0o777 == 0o700
        assert (tmp_path / ".uploads" / corpus).stat().st_mode & 0o777 == 0o700
    assert [file.name for file in (tmp_path / ".uploads").iterdir()] == ["notes.txt"]
