"""The page's own API: writing, lines to choose from, looking inside."""

from __future__ import annotations

import base64
import io
import json
import shutil
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zuoci
from zuoci import WriteConfig
from zuoci.studio.app import StudioSettings
from zuoci.text.fingerprint import WINDOW
from zuoci.text.folder import FILES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Served

TEXT = "山前一条路\n\n我说不分开\n走上那条路"


def post(served: Served, path: str, body: dict[str, Any]) -> Any:
    answer = served.client.post(f"/api/models/tiny/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def events(text: str) -> list[tuple[str, Any]]:
    frames = [frame.split("\n") for frame in text.split("\n\n") if frame and not frame.startswith(":")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in frames]


def test_a_session_says_what_a_page_needs(served: Served) -> None:
    session = served.client.get("/api/session").json()
    assert "token" not in session
    assert session["settings"].keys() == WriteConfig.model_fields.keys()
    assert session["settings"]["lines"] | {"description": ""} == {
        "type": "integer", "default": 0, "minimum": 0, "maximum": 200, "description": ""
    }  # fmt: skip
    assert session["settings"]["max_copy"]["nullable"] is True
    assert session["settings"]["word"]["maxItems"] == 16
    assert session["settings"]["word"]["items"]["maxLength"] == 200
    assert session["constants"]["copy_window"] == WINDOW
    assert session["training"]["seconds"]["default"] == 60
    assert session["limits"]["length"] == 10_000


def test_models_are_described(served: Served, tiny: Path) -> None:
    [one] = [model for model in served.client.get("/api/models").json()["models"] if model["id"] == "tiny"]
    assert one["figures"]["songs"] == 40
    assert one["model"]["hidden_size"] == 24
    assert one["originality"] is True
    details = served.client.get("/api/models/tiny").json()
    assert details["vocabulary"] == zuoci.load(tiny).vocabulary.characters
    assert details["card"].startswith("---\n")
    assert details["sources"] == ["zh.txt"]
    assert len(details["rounds"]) == 1
    assert served.client.get("/api/models/other").status_code == 404


@pytest.mark.parametrize("options", [{}, {"rhyme": "AABB", "line_length": "5"}])
def test_a_text_comes_as_it_is_written(served: Served, tiny: Path, options: dict[str, Any]) -> None:
    body = {"opening": "€山", "length": 40, "seed": 7, **options}
    answer = served.client.post("/api/models/tiny/write", json=body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    (first, begin), *pieces, (last, end) = events(answer.text)
    assert (first, last) == ("begin", "end")
    assert begin == {"opening": "山", "unknown": "€", "seed": 7}
    lyrics = zuoci.Writer.load(tiny).write("山", WriteConfig.model_validate({"length": 40, "seed": 7, **options}))
    assert begin["opening"] + "".join(piece["text"] for _, piece in pieces) == end["text"] == lyrics.text
    assert {name for name, _ in pieces} == {"piece"}
    assert (end["finish"], end["seed"], end["nll"]) == ("length", 7, pytest.approx(lyrics.nll))
    assert end["originality"]["characters"] == len(lyrics.text)
    if options:
        assert end["scheme"] in ("AABB", "AAAA")


def test_an_error_of_a_form_is_told_before_the_stream_begins(served: Served) -> None:
    answer = served.client.post("/api/models/tiny/write", json={"acrostic": "€"})
    assert answer.status_code == 400
    assert "never seen" in answer.json()["error"]["message"]


def test_candidates_keep_the_form_of_the_whole(served: Served) -> None:
    body = {"text": "山前一条路", "rhyme": "AA", "line_length": "5", "count": 3, "seed": 1}
    found = post(served, "candidates", body)["candidates"]
    assert 1 <= len(found) <= 3
    for one in found:
        checked = post(served, "check", {"text": f"山前一条路\n{one['text']}"})
        assert checked["scheme"] == "AA"
        assert checked["lines"][1]["syllables"] == 5
    assert post(served, "candidates", body)["candidates"] == found
    assert all(one["fit"] is not None for one in post(served, "candidates", {**body, "after": "人"})["candidates"])


def test_a_line_is_written_anew(served: Served) -> None:
    found = post(served, "rewrite", {"text": TEXT, "line": 3, "count": 2, "seed": 1})["candidates"]
    for one in found:
        assert post(served, "check", {"text": TEXT.replace("走上那条路", one["text"])})["scheme"] == "AXA"
    answer = served.client.post("/api/models/tiny/rewrite", json={"text": TEXT, "line": 4})
    assert answer.status_code == 400
    assert "line must be from 1 to 3" in answer.json()["error"]["message"]


def test_a_check_says_what_is_copied_and_what_rhymes(served: Served) -> None:
    copied = zuoci.load_lyrics("zh").songs[3].lines[1]
    found = post(served, "check", {"text": f"{TEXT}\n{copied}"})
    assert found["scheme"][:3] == "AXA"
    assert [line["start"] for line in found["lines"]][:3] == [0, 7, 13]
    assert found["lines"][0]["ending"] == "路"
    [span] = found["originality"]["spans"]
    assert copied in span["text"] or span["text"] in f"\n{copied}"
    assert span["song"] == 4
    assert post(served, "check", {"text": ""})["lines"] == []


def test_a_look_inside(served: Served, tiny: Path) -> None:
    text = "山前“一条路”\n我说不分开\n走上那条路"
    found = post(served, "inspect", {"text": text + "€"})
    assert (found["text"], found["unknown"]) == zuoci.load(tiny).vocabulary.adapt(text + "€")
    inside = zuoci.Writer.load(tiny).inspect(text)
    assert [one["nll"] for one in found["characters"]] == pytest.approx(inside.nll.tolist())
    assert all(len(one["most_likely"]) == 5 for one in found["characters"])
    states = np.frombuffer(base64.b64decode(found["states"]), np.int8).reshape(-1, found["hidden_size"])
    np.testing.assert_allclose(states / 127 * found["scale"], inside.hidden, atol=0.005)
    assert len(found["units"]["position"]) == len(found["units"]["rhyme"]) == 8
    assert post(served, "inspect", {"text": ""})["characters"] == []


def test_a_model_is_given_away(served: Served, tiny: Path) -> None:
    answer = served.client.get("/api/models/tiny/export?kind=zip")
    assert answer.headers["content-disposition"].startswith("attachment")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.read("tiny/model.safetensors") == (tiny / "model.safetensors").read_bytes()
    page = served.client.get("/api/models/tiny/export?kind=html&precision=float16")
    assert page.text.startswith("<!doctype html>")
    assert served.client.get("/api/models/tiny/export?kind=exe").status_code == 400


def test_a_zip_holds_what_the_format_names_and_nothing_else(
    tiny: Path, tmp_path: Path, serve: Callable[..., Any]
) -> None:
    home = tmp_path / "home"
    source = tmp_path / "private-folder" / "songs.txt"
    source.parent.mkdir()
    source.write_text(zuoci.load_lyrics("zh").text[:3000], "utf-8")
    settings = {"steps": 2, "hidden_size": 8, "precision": "float32", "threads": 1}
    *_, end = zuoci.train(zuoci.read_corpus(source), zuoci.resolve("lyrics", settings), device="cpu")
    assert isinstance(end, zuoci.EndReport)
    folder = zuoci.save_trained(end, home / "mine")
    (folder / "training" / "unfinished.safetensors").write_bytes(b"/home/me/private")
    (folder / "notes.txt").write_text("secret")
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("token")
    (folder / "songs").mkdir()
    (folder / "songs" / "song.txt").write_text("unpublished")
    (folder / "README.md").unlink()
    (folder / "README.md").symlink_to(source)
    with serve(StudioSettings([tiny], home=home)) as one:
        answer = one.client.get("/api/models/mine/export?kind=zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names = {name.removeprefix("mine/") for name in archive.namelist()}
        assert names <= set(FILES) - {"README.md"}
        assert {"config.json", "model.safetensors", "vocabulary.json", "fingerprint.safetensors"} <= names
        for member in archive.namelist():
            data = archive.read(member)
            assert b"private-folder" not in data
            assert str(tmp_path).encode() not in data


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("write", {"opening": 1}),
        ("write", {"form": 1}),
        ("write", {"length": 10_001}),
        ("write", {"word": ["x" * 201]}),
        ("write", {"particles": 257}),
        ("write", {"lines": 2, "stop": ["x"]}),
        ("write", {"watch": True}),
        ("candidates", {"count": 0}),
        ("rewrite", {"text": "a"}),
        ("check", {"text": "a", "least": 7}),
        ("check", {"text": "a", "reading": ["x"]}),
        ("inspect", {"text": "a" * 4001}),
    ],
)
def test_what_is_wrong_is_refused(served: Served, path: str, body: dict[str, Any]) -> None:
    answer = served.client.post(f"/api/models/tiny/{path}", json=body)
    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"message", "type", "param", "code", "params"}


def test_every_route_of_writing_takes_a_voice(served: Served, tuned: Path) -> None:
    shutil.copytree(tuned, served.home / "tuned", dirs_exist_ok=True)
    bodies: dict[str, dict[str, Any]] = {
        "write": {"opening": "山", "seed": 1, "lines": 2},  # in one piece
        "candidates": {"text": "山", "seed": 1, "count": 2},
        "rewrite": {"text": "山前\n路上", "line": 1, "seed": 1, "count": 2},
        "inspect": {"text": "山前路上"},
    }
    try:
        for route, body in bodies.items():
            answers = [
                served.client.post(f"/api/models/tuned/{route}", json={**body, **more}).text
                for more in ({}, {"voice": 1}, {"voice": 0.0})
            ]
            assert answers[0] == answers[1] != answers[2], route
            refused = served.client.post(f"/api/models/tiny/{route}", json={**body, "voice": 0.5})
            assert (refused.status_code, refused.json()["error"]["param"]) == (400, "voice")
    finally:
        shutil.rmtree(served.home / "tuned")
