"""Runs in processes of their own, as the page begins, pauses, resumes and ends them."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from safetensors.numpy import load_file
from tests.coroutines import run_apart

import zuoci
from zuoci.server.errors import ApiError
from zuoci.studio.app import StudioSettings
from zuoci.studio.jobs import TrainingJob
from zuoci.studio.runs import TrainingRuns
from zuoci.studio.stored_corpus import read_stored
from zuoci.text.corpus import Corpus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Served

SETTINGS: dict[str, Any] = {
    "steps": 60,
    "hidden_size": 16,
    "embedding_size": 8,
    "batch_size": 2,
    "seq_len": 4,
    "threads": 1,
    "precision": "float32",
}
SONG = "".join(f"第{n}首\n山前{n}路\n路上{n}人\n人在唱{n}\n歌里有{n}\n\n" for n in "一二三四五六七八九十百千")


@pytest.fixture
def studio(tiny: Path, tmp_path: Path, serve: Callable[..., Any]) -> Iterator[Served]:
    with serve(StudioSettings([tiny], home=tmp_path / "home")) as one:
        yield one


def corpus_of(studio: Served) -> str:
    corpus = studio.client.post("/api/corpora", json={}).json()["id"]
    head = json.dumps([{"name": "歌.txt", "bytes": len(SONG.encode())}])
    studio.client.post(f"/api/corpora/{corpus}/files", content=f"{head}\n{SONG}".encode())
    return corpus


def begin(studio: Served, name: str, **more: Any) -> Any:
    body = {"corpus": corpus_of(studio), "name": name, "seconds": 0, "recipe": "lyrics", "settings": SETTINGS, **more}
    return studio.client.post("/api/training", json=body)


def wait_for(studio: Served, name: str, *states: str) -> dict[str, Any]:
    end = time.monotonic() + 300
    while (one := studio.client.get(f"/api/training/{name}").json())["state"] not in states:
        assert time.monotonic() < end, one
        time.sleep(0.05)
    return one


def order(studio: Served, name: str, what: str) -> Any:
    return studio.client.post(f"/api/training/{name}/{what}", json={})


def watched(studio: Served, name: str) -> Iterator[tuple[str, Any]]:
    with studio.client.stream("GET", f"/api/training/{name}/events") as answer:
        kind = ""
        for line in answer.iter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield kind, json.loads(line.removeprefix("data: "))


@pytest.mark.slow
def test_a_run_is_watched_paused_resumed_and_ends_as_if_never_stopped(studio: Served) -> None:
    answer = begin(studio, "我的-songs", settings={**SETTINGS, "steps": 1500}, openings=["山"])
    assert answer.status_code == 200, answer.text
    assert answer.json()["corpus"] == {"songs": 12, "characters": len(SONG)}
    seen: list[str] = []
    for kind, document in watched(studio, "我的-songs"):
        seen.append(kind)
        if kind == "training" and document["state"] == "running":  # its process begins
            assert order(studio, "我的-songs", "pause").json()["state"] == "pausing"
        if kind == "step":
            assert document["steps"] == 1500
    assert {"training", "step"} <= {*seen}
    assert seen[0] == seen[-1] == "training"
    paused = studio.client.get("/api/training/我的-songs").json()
    assert paused["state"] == "paused"
    assert 0 < paused["step"] < 1500
    assert (studio.home / "我的-songs/training/unfinished.safetensors").is_file()
    assert order(studio, "我的-songs", "pause").status_code == 409
    assert order(studio, "我的-songs", "resume").json()["state"] in ("queued", "running")
    end = wait_for(studio, "我的-songs", "finished", "failed")
    assert end["state"] == "finished"
    assert end["rounds"][-1]["step"] == 1500
    assert end["samples"][-1]["texts"][0].startswith("山")
    models = studio.client.get("/api/models").json()["models"]
    assert [model["id"] for model in models if not model["base"]] == ["tiny", "我的-songs"]
    assert studio.client.get("/api/models/我的-songs").json()["sources"] == ["歌.txt"]
    corpus = zuoci.Corpus(tuple(zuoci.Song("歌.txt", block + "\n\n") for block in SONG.strip().split("\n\n")))
    assert corpus.text.strip() == SONG.strip()
    trained = load_file(studio.home / "我的-songs/model.safetensors")
    source = studio.home.parent / "歌.txt"
    source.write_text(SONG, "utf-8")
    settings = zuoci.resolve("lyrics", {**SETTINGS, "steps": 1500})
    *_, alone = zuoci.train(zuoci.read_corpus(source), settings, device="cpu")
    assert isinstance(alone, zuoci.EndReport)
    for name, weight in alone.model.state_dict().items():
        assert (weight.numpy() == trained[name]).all()
    answer = studio.client.post("/v1/completions", json={"model": "我的-songs", "prompt": "山", "max_tokens": 5})
    assert answer.status_code == 200
    assert not list((studio.home / ".runs").iterdir())  # its lyrics are not kept


def test_a_run_is_stopped_and_others_wait_for_it(studio: Served) -> None:
    long = {**SETTINGS, "steps": 100_000}
    for name in ("first", "second", "third"):
        assert begin(studio, name, settings=long).status_code == 200
    wait_for(studio, "first", "running")
    assert [studio.client.get(f"/api/training/{name}").json()["waiting"] for name in ("second", "third")] == [1, 2]
    assert studio.client.delete("/api/training/first").status_code == 409
    assert studio.client.delete("/api/training/second").json() == {}
    assert order(studio, "first", "stop").json()["state"] == "stopping"
    end = wait_for(studio, "first", "finished", "failed")
    assert end["state"] == "finished"
    assert 0 < end["rounds"][-1]["step"] < 100_000
    assert len(zuoci.load(studio.home / "first").vocabulary) > 10
    wait_for(studio, "third", "running")
    assert [one["id"] for one in studio.client.get("/api/training").json()["training"]] == ["first", "third"]


def test_what_the_end_of_the_studio_interrupts_is_paused(tiny: Path, tmp_path: Path, serve: Callable[..., Any]) -> None:
    settings = StudioSettings([tiny], home=tmp_path / "home")
    with serve(settings) as studio:
        begin(studio, "long", settings={**SETTINGS, "steps": 100_000})
        begin(studio, "waiting")
        while studio.client.get("/api/training/long").json()["step"] < 2:
            time.sleep(0.05)
    with serve(settings) as studio:
        long = studio.client.get("/api/training/long").json()
        assert (long["state"], long["corpus"]["songs"]) == ("paused", 12)
        assert studio.client.get("/api/training/waiting").json()["state"] == "paused"
        assert order(studio, "long", "stop").json()["state"] == "stopping"
        assert wait_for(studio, "long", "finished", "failed")["state"] == "finished"
        assert order(studio, "waiting", "stop").status_code == 409  # it has learnt nothing
        assert studio.client.delete("/api/training/waiting").json() == {}


def test_what_cannot_be_trained_is_said_at_once(studio: Served) -> None:
    empty = studio.client.post("/api/corpora", json={}).json()["id"]
    (studio.home / "link").symlink_to("nowhere")
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({"name": "../x"}, 400, "name"),
        ({"name": ""}, 400, "name"),
        ({"name": "𠀀" * 61}, 400, "name has 244 bytes in UTF-8: 241 at most"),
        ({"name": "link"}, 409, "there is a model link already"),
        ({"name": "tiny"}, 409, "there is a model tiny already"),
        ({"corpus": "none"}, 404, "no corpus"),
        ({"corpus": empty}, 400, "no text in it"),
        ({"recipe": "none"}, 400, "no recipe 'none'"),
        ({"settings": {"speed": 1}}, 400, "no setting 'speed'"),
        ({"settings": {"dropout": 2}}, 400, "dropout must be"),
        ({"settings": {"dropout": []}}, 400, "dropout must be"),
        ({"settings": {"base": "../models/tiny"}}, 404, "no model '../models/tiny'"),
        ({"settings": {"base": str(studio.model)}}, 404, "no model '/"),
        ({"settings": {"base": ""}}, 404, "no model"),
        ({"settings": {"base": 1}}, 400, "base must be"),
        ({"settings": {"base": "tiny", "hidden_size": 8}}, 400, "hidden_size is that of the model to start from"),
        ({"settings": {"base": "tiny"}, "recipe": "fast"}, 400, "the recipe fast trains a model from nothing"),
        ({"name": "zh"}, 409, "there is a model zh already"),
    ]
    for more, status, words in cases:
        answer = begin(studio, **{"name": "x", **more})
        assert answer.status_code == status, answer.text
        assert words in answer.json()["error"]["message"]
    assert studio.client.get("/api/training").json() == {"training": []}
    assert sorted(file.name for file in studio.home.iterdir()) == [".uploads", "link"]


def test_a_run_goes_on_from_a_model_of_the_studio(studio: Served) -> None:
    settings = {"steps": 20, "batch_size": 2, "seq_len": 4, "threads": 1, "precision": "float32", "base": "tiny"}
    assert begin(studio, "mine", recipe="auto", settings=settings).status_code == 200
    end = wait_for(studio, "mine", "finished", "failed")
    assert end["state"] == "finished", end["error"]
    assert end["rounds"][0]["step"] == 0
    model = studio.client.get("/api/models/mine").json()
    assert model["model"]["hidden_size"] == 24
    assert model["training"]["base"] == str(studio.model)
    archive = zipfile.ZipFile(io.BytesIO(studio.client.get("/api/models/mine/export?kind=zip").content))
    assert json.loads(archive.read("mine/config.json"))["training"]["base"] == "tiny"
    assert not [name for name in archive.namelist() if str(studio.model.parent).encode() in archive.read(name)]
    assert model["figures"]["base"] == end["rounds"][0]["validation"]
    assert set(zuoci.load(studio.model).vocabulary.characters) < set(model["vocabulary"])


def test_a_run_that_fails_says_why(studio: Served) -> None:
    begin(studio, "too-small", settings={**SETTINGS, "seq_len": 5000})
    failed = wait_for(studio, "too-small", "failed", "finished")
    assert failed["state"] == "failed"
    assert "seq_len" in failed["error"]["text"] or "characters" in failed["error"]["text"]
    assert studio.client.delete("/api/training/too-small").json() == {}


def test_a_run_that_is_being_deleted_cannot_be_resumed(studio: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(studio, "fails", settings={**SETTINGS, "seq_len": 5000})
    wait_for(studio, "fails", "failed")
    within, may_go_on = threading.Event(), threading.Event()
    real = shutil.rmtree

    def slowly(*arguments: Any, **options: Any) -> None:
        within.set()
        assert may_go_on.wait(60)
        real(*arguments, **options)

    monkeypatch.setattr("zuoci.studio.runs.shutil.rmtree", slowly)
    with ThreadPoolExecutor(1) as thread:
        deleted = thread.submit(studio.client.delete, "/api/training/fails")
        assert within.wait(60)
        for answer in (
            order(studio, "fails", "resume"),
            order(studio, "fails", "stop"),
            studio.client.delete("/api/training/fails"),
        ):
            assert answer.status_code == 409
            assert "fails is deleting" in answer.json()["error"]["message"]
        may_go_on.set()
        assert deleted.result().status_code == 200
    assert studio.client.get("/api/training/fails").status_code == 404


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_what_a_run_is_trained_on_is_for_its_owner_alone(tiny: Path, tmp_path: Path, serve: Callable[..., Any]) -> None:
    home = tmp_path / "home"
    (home / ".runs").mkdir(parents=True)
    (home / ".runs").chmod(0o755)  # as an earlier zuoci made it
    before = os.umask(0)
    try:
        with serve(StudioSettings([tiny], home=home)) as studio:
            assert (home / ".runs").stat().st_mode & 0o777 == 0o700
            for name in ("first", "second"):
                begin(studio, name, settings={**SETTINGS, "steps": 100_000})
            for path in (home / ".runs").rglob("*"):
                assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
            assert len(list((home / ".runs" / "second").rglob("*"))) == 4
    finally:
        os.umask(before)


def test_the_loop_that_answers_neither_reads_nor_resolves(studio: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    loops: list[str] = []

    def watch(owner: str, name: str, real: Callable[..., Any]) -> None:
        def watched(*arguments: Any, **options: Any) -> Any:
            with suppress(RuntimeError):
                asyncio.get_running_loop()
                loops.append(name)
            called.append(name)
            return real(*arguments, **options)

        monkeypatch.setattr(f"{owner}.{name}", watched)

    called: list[str] = []
    watch("zuoci.studio.runs", "resolve", zuoci.resolve)
    watch("zuoci.studio.corpora", "read_stored", read_stored)
    text = Corpus.text
    monkeypatch.setattr(Corpus, "text", property(lambda corpus: text_of(corpus)))

    def text_of(corpus: Corpus) -> str:
        with suppress(RuntimeError):
            asyncio.get_running_loop()
            loops.append("text")
        return str(text.func(corpus))

    assert begin(studio, "one").status_code == 200
    assert sorted(called) == ["read_stored", "resolve"]
    assert loops == []


def test_a_damaged_run_with_a_long_name_can_be_thrown_away(
    tiny: Path, tmp_path: Path, serve: Callable[..., Any]
) -> None:
    name = "z" * 255
    (tmp_path / ".runs" / name).mkdir(parents=True)
    with serve(StudioSettings([tiny], home=tmp_path)) as studio:
        assert studio.client.get("/api/training").json()["training"][0]["state"] == "failed"
        answer = studio.client.delete(f"/api/training/{name}")
        assert answer.status_code == 200, answer.text
    assert list((tmp_path / ".runs").iterdir()) == []


def test_rounds_that_a_resumed_run_evaluates_again_are_not_kept_twice() -> None:
    job = TrainingJob("a", None)
    for step, nll in [(10, 3.0), (20, 2.5), (30, 2.0), (20, 2.4), (30, 1.9)]:
        job.read_event("round", {"round": {"step": step, "nll": nll}})
    assert [(one["step"], one["nll"]) for one in job.rounds] == [(10, 3.0), (20, 2.4), (30, 1.9)]


def test_a_job_whose_process_is_being_started_is_left_alone(tmp_path: Path) -> None:
    """It is no longer in the queue, and there is no process yet to be told anything."""

    async def ask() -> None:
        runs = TrainingRuns(tmp_path)
        job = runs.jobs["a"] = TrainingJob("a", None, state="queued")
        for request in (runs.pause, runs.delete):
            with pytest.raises(ApiError, match="a is queued"):
                await request(job)
        assert job.state == "queued"

    run_apart(ask())
