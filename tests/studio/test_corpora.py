"""Files that are dropped: whatever they are, they are read within limits, and no path is made of their names."""

from __future__ import annotations

import asyncio
import io
import json
import tracemalloc
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.coroutines import run_apart

import zuoci
from zuoci.errors import CorpusError
from zuoci.server.errors import ApiError
from zuoci.studio.app import StudioSettings
from zuoci.studio.corpora import Corpora
from zuoci.studio.locks import CorpusLocks
from zuoci.studio.stored_corpus import load_stored
from zuoci.text.corpus import Corpus, read_corpus, read_what_can_be_read
from zuoci.text.sources import TEXT_SUFFIXES
from zuoci.writing.corpus_report import CorpusReport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.conftest import Served

DOCX = (
    '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>{}</w:t>'
    "</w:r></w:p></w:body></w:document>"
)
SONG = "第一首歌\n山前一条路\n路上一个人\n\n第二首歌\n人在唱歌\n歌里有路\n" + "一路走来一路唱\n" * 30


def begin(served: Served) -> str:
    return served.client.post("/api/corpora", json={}).json()["id"]


def body_of(files: dict[str, bytes]) -> bytes:
    head = [{"name": name, "bytes": len(data)} for name, data in files.items()]
    return json.dumps(head).encode() + b"\n" + b"".join(files.values())


def upload(served: Served, corpus: str, files: dict[str, bytes]) -> dict[str, Any]:
    answer = served.client.post(f"/api/corpora/{corpus}/files", content=body_of(files))
    assert answer.status_code == 200, answer.text
    return answer.json()


def drop(served: Served, corpus: str, name: str, data: bytes) -> dict[str, Any]:
    return upload(served, corpus, {name: data})


def add(corpora: Corpora, corpus: str, *files: tuple[str, bytes], cancelled: bool = False) -> None:
    """Adds files as a request does, whose body lies in the corpus's folder."""
    arrived = corpora._corpora[corpus].folder / ".arrived"  # pyright: ignore[reportPrivateUsage]
    head = [{"name": name, "bytes": len(data)} for name, data in files]
    arrived.write_bytes(json.dumps(head).encode() + b"\n" + b"".join(data for _, data in files))
    try:
        corpora.add_files(corpus, arrived, lambda: cancelled)
    finally:
        arrived.unlink()


def folder_of(corpora: Corpora, corpus: str) -> Path:
    return corpora._corpora[corpus].folder  # pyright: ignore[reportPrivateUsage]


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def test_what_was_found_in_files_is_said(served: Served, tmp_path: Path) -> None:
    """The same as `zuoci corpus` says of the same files."""
    corpus = begin(served)
    found = drop(served, corpus, "我的歌.txt", SONG.encode("gb18030"))
    [file] = found["files"]
    assert (file["number"], file["name"], file["error"]) == (1, "我的歌.txt", None)
    [text] = file["texts"]
    assert (text["format"], text["encoding"], text["songs"]) == ("plain text", "gb18030", 2)
    assert found["examples"] == ["第一首歌", "第二首歌"]
    assert found["error"] is None
    assert found["verdict"]["code"] == "too_little"
    members = {"a.lrc": "[00:01.00]作词：林夕\n[00:02.00]山前\n".encode(), "b.jpg": b"\0", "c.txt": b"la la la"}
    found = upload(served, corpus, {"歌/more.zip": zipped(members), "歌/第三.txt": SONG.encode()})
    _, archive, third = found["files"]
    assert (archive["name"], third["name"]) == ("歌/more.zip", "歌/第三.txt")
    lyrics, plain = archive["texts"]
    assert (lyrics["name"], lyrics["format"], lyrics["dropped"]) == ("a.lrc", "LRC", {"credit lines": 1})
    assert lyrics["lines"] == [[1, "credit lines", "作词：林夕"]]
    assert [note["code"] for note in lyrics["notes"]] == ["time_stamps"]
    assert plain["name"] == "c.txt"
    assert archive["left_out"] == [{"name": "b.jpg", "why": "files that are not text", "reason": None}]
    assert found["duplicates"] == [["第一首歌", "第一首歌"]]
    for name, data in (("1.txt", SONG.encode("gb18030")), ("2.zip", zipped(members)), ("3.txt", SONG.encode())):
        (tmp_path / name).write_bytes(data)
    report = CorpusReport.of(read_corpus(tmp_path)).model_dump()
    for name in ("songs", "characters", "distinct", "lines", "sections", "common", "once"):
        assert json.dumps(found[name]) == json.dumps(report[name])
    assert found["verdict"]["text"] == report["verdict"]
    found = served.client.delete(f"/api/corpora/{corpus}/files/2").json()
    assert [file["number"] for file in found["files"]] == [1, 3]
    assert served.client.delete(f"/api/corpora/{corpus}").json() == {}
    assert served.client.get(f"/api/corpora/{corpus}").status_code == 404


def test_corpora_are_listed_and_renamed(served: Served) -> None:
    first = served.client.post("/api/corpora", json={"name": "早"}).json()["id"]
    second = served.client.post("/api/corpora", json={"name": "晚"}).json()["id"]
    drop(served, second, "a.txt", SONG.encode())
    assert served.client.post(f"/api/corpora/{first}/rename", json={"name": "早春"}).json()["name"] == "早春"
    listed = [one for one in served.client.get("/api/corpora").json()["corpora"] if one["id"] in (first, second)]
    assert [(one["name"], one["songs"]) for one in listed] == [("晚", 2), ("早春", 0)]
    assert served.client.post("/api/corpora/zh/rename", json={"name": "a"}).status_code == 409
    for corpus in (first, second):
        served.client.delete(f"/api/corpora/{corpus}")
    assert not {first, second} & {one["id"] for one in served.client.get("/api/corpora").json()["corpora"]}


@pytest.mark.parametrize(
    "body",
    [
        b"", b"la la la", b"[]\n", b'[{"name": "a", "bytes": 3}]\nla', b'[{"name": "a", "bytes": 1}]\nla',
        b'[{"name": "a", "bytes": -1}]\n', b'[{"bytes": 0}]\n', b"\xff\n",
    ],
)  # fmt: skip
def test_a_body_of_another_form_is_refused_whole(served: Served, body: bytes) -> None:
    corpus = begin(served)
    answer = served.client.post(f"/api/corpora/{corpus}/files", content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_upload")
    assert served.client.get(f"/api/corpora/{corpus}").json()["files"] == []
    served.client.delete(f"/api/corpora/{corpus}")


def test_files_that_are_not_wanted_any_more_leave_nothing(tmp_path: Path) -> None:
    corpora = Corpora(tmp_path)
    corpus = corpora.create()
    add(corpora, corpus, ("a.txt", SONG.encode()))
    before = corpora.describe(corpus)
    with pytest.raises(ApiError, match="closed the connection"):
        add(corpora, corpus, ("b.txt", SONG.encode()), ("c.txt", b"\0"), cancelled=True)
    assert corpora.describe(corpus) == before
    assert [file.name for file in folder_of(corpora, corpus).iterdir()] == ["000001.txt"]


def test_the_bundled_lyrics_are_there_and_stay(served: Served) -> None:
    assert served.client.get("/api/corpora/en").json()["songs"] == len(zuoci.load_lyrics("en"))
    assert served.client.delete("/api/corpora/zh").status_code == 409
    assert served.client.post("/api/corpora/zh/files", content=body_of({"a.txt": b"a"})).status_code == 409


@pytest.mark.parametrize(
    ("name", "data", "code", "error"),
    [
        ("a.txt", b"\x00\x01", "zero_byte", "a.txt is not a text file: it has a zero byte"),
        (
            "a.txt",
            b"\xff\xff\xff\xc3",
            "doubtful_encoding",
            "a.txt is not UTF-8 from byte 0 on, and its encoding is in",
        ),
        ("a.txt", b"", "no_text", "a.txt holds no text"),
        ("a.zip", b"PK\x03\x04 nothing more", "damaged_zip", "a.zip is a damaged zip"),
        ("a.zip", zipped({"a.jpg": b"x"}), "no_text", "holds no text"),
        ("a.jpg", b"\xff\xd8\xff\xe0\x00\x10", "is_picture", "is not a text file"),
        ("a.csv", b"1,2\n3,4\n", "no_lyrics_column", "without a column of lyrics"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(served: Served, name: str, data: bytes, code: str, error: str) -> None:
    corpus = begin(served)
    [file] = drop(served, corpus, name, data)["files"]
    assert file["error"]["code"] == code
    assert error in file["error"]["text"]
    assert "/tmp" not in json.dumps(file)
    found = drop(served, corpus, "good.txt", SONG.encode())
    assert found["files"][0] == file  # also when the files are read again
    assert found["error"] is None
    served.client.delete(f"/api/corpora/{corpus}")


def test_a_document_is_read_whatever_it_is_called(served: Served) -> None:
    document = zipped({"word/document.xml": DOCX.format("山前一条路").encode(), "[Content_Types].xml": b"<Types/>"})
    corpus = begin(served)
    found = upload(served, corpus, {"a.docx": document, "b.doc": document, "c.bin": zipped({"d.txt": b"la la"})})
    assert [text["format"] for file in found["files"] for text in file["texts"]] == ["DOCX", "DOCX", "plain text"]
    served.client.delete(f"/api/corpora/{corpus}")


def test_a_zip_that_unpacks_to_a_flood_is_not_unpacked(served: Served) -> None:
    flood = zipped({f"{k}.txt": b"la la " * 10_000_000 for k in range(5)})
    assert len(flood) < 1_000_000
    corpus = begin(served)
    found = drop(served, corpus, "bomb.zip", flood)
    assert "bomb.zip unpacks to 300,000,000 bytes" in found["files"][0]["error"]["text"]
    many = zipped({f"{k}.txt": b"" for k in range(20_001)})
    assert "in 20,001 files" in drop(served, corpus, "many.zip", many)["files"][1]["error"]["text"]
    served.client.delete(f"/api/corpora/{corpus}")


def test_a_file_that_is_too_large_is_refused_while_it_arrives(served: Served) -> None:
    corpus = begin(served)
    pieces = (b"x" * 2**20 for _ in range(70))
    answer = served.client.post(f"/api/corpora/{corpus}/files", content=pieces)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
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
    """Also if some of its files cannot be used, and after some were removed."""
    corpora = Corpora(tmp_path_factory.mktemp("corpora"))
    name = corpora.create()
    if files:
        contents = [
            zipped({f"{k}.txt": text.encode() for k, text in enumerate(texts)}) if title.endswith(".zip") else
            texts[0].encode() for title, texts in files
        ]  # fmt: skip
        add(corpora, name, *zip([title for title, _ in files], contents, strict=True))
    for number in data.draw(st.sets(st.integers(1, len(files)))) if files else ():
        corpora.remove_file(name, number)
    found = corpora.describe(name)
    try:
        corpus = corpora.read(name)
    except CorpusError:
        corpus = Corpus(())
    assert found["songs"] == len(corpus)
    assert found["lines"]["count"] == sum(len(song.lines) for song in corpus.songs)
    assert found["characters"] == len(corpus.text)
    assert found["distinct"] == len(set(corpus.text))
    assert found["examples"] == [song.title for song in corpus.songs[:5]]
    assert sum(text["songs"] for file in found["files"] for text in file["texts"]) >= min(len(corpus), 1)


def test_many_files_are_read_once_and_not_by_the_loop_that_answers(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[bool] = []
    real = read_what_can_be_read

    def counted(source: Any) -> Corpus:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            reads.append(False)
        else:
            reads.append(True)
        return real(source)

    corpus = begin(served)
    monkeypatch.setattr("zuoci.studio.corpora.read_what_can_be_read", counted)
    found = upload(served, corpus, {f"songs/{k}.txt": f"第{k}首\n{SONG}".encode() for k in range(30)})
    assert found["songs"] == 30
    assert found["files"][29]["name"] == "songs/29.txt"
    assert served.client.get(f"/api/corpora/{corpus}").json() == found
    assert reads == [False]
    served.client.delete(f"/api/corpora/{corpus}")


def test_a_full_disk_is_said_in_one_line(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    corpus = begin(served)
    monkeypatch.setattr(Corpora, "add_files", full)
    answer = served.client.post(f"/api/corpora/{corpus}/files", content=b"la")
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
        with pytest.raises(ApiError, match="8 requests with files are arriving already"):
            await arrive()
        may_end.set()
        await asyncio.gather(*tasks)
        await arrive()
        assert list(folder_of(corpora, name).iterdir()) == []

    run_apart(main())


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
    add(corpora, corpus, (name, SONG.encode()))
    [file] = folder_of(corpora, corpus).iterdir()
    assert file.stem == "000001"
    assert file.suffix in {*TEXT_SUFFIXES, ".zip"}
    assert [path.name for path in tmp_path.iterdir()] == ["inside"]
    [shown] = corpora.describe(corpus)["files"]
    assert not set(shown["name"]) & set("\\\0")
    corpora.delete(corpus)


def test_what_is_kept_for_a_run_is_the_same_corpus(tmp_path: Path) -> None:
    corpora = Corpora(tmp_path / "inside")
    corpus = corpora.create()
    add(corpora, corpus, ("乙.txt", f"{SONG}乙".encode()), ("坏.txt", b"\0"), ("甲.txt", f"{SONG}甲".encode()))
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
        add(corpora, corpus, (title, data))
    errors = [file["error"] and file["error"]["text"] for file in corpora.describe(corpus)["files"]]
    assert errors[0] is None
    assert "b.zip has 34,603,002 bytes of text, with 34,603,002 in other files: 67,108,864 at most" in errors[1]
    assert errors[2] is None
    assert "d.zip has 4,000,001 lines, with" in errors[3]


def test_reading_a_file_takes_a_few_times_the_memory_of_its_text(tmp_path: Path) -> None:
    corpora = Corpora(tmp_path / "inside")
    corpus = corpora.create()
    text = "a b c\n" * 1_000_000 + "😀"  # 4 bytes in memory for each character
    data = text.encode()
    tracemalloc.start()
    try:
        add(corpora, corpus, ("a.txt", data))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * 4 * len(text)
    assert corpora.describe(corpus)["lines"]["count"] == 1_000_001


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

    run_apart(main())


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
        assert list(folder_of(corpora, name).iterdir()) == []

    run_apart(main())


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
