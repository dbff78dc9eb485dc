"""Damaged models and runs are named in one line, and the others go on."""

from __future__ import annotations

import json
import math
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.coroutines import run_apart

from zuoci.model.base import BASES
from zuoci.server.sse import to_json
from zuoci.studio.app import StudioSettings
from zuoci.studio.jobs import TrainingJob

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from tests.conftest import Served


def write(name: str, data: bytes | str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        file = folder / name
        file.write_bytes(data if isinstance(data, bytes) else data.encode())

    return damage


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def cut(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def of_other_weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        weights = load_file(folder / "model.safetensors")
        change(weights)
        save_file(weights, folder / "model.safetensors")

    return damage


def a_folder(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return damage


GBK = "作词".encode("gbk")
MODELS: dict[str, Callable[[Path], None]] = {
    "report of NaN": write("training/report.json", '{"songs": NaN, "train": {"perplexity": -Infinity}}'),
    "report not JSON": write("training/report.json", "{"),
    "report not UTF-8": write("training/report.json", GBK),
    "report a folder": a_folder("training/report.json"),
    "metrics of NaN": write("training/metrics.jsonl", '{"step": NaN}\n'),
    "metrics not UTF-8": write("training/metrics.jsonl", GBK),
    "card not UTF-8": write("README.md", GBK),
    "card a folder": a_folder("README.md"),
    "config empty": write("config.json", ""),
    "config a list": write("config.json", "[]"),
    "config of NaN": write("config.json", '{"model": {"dropout": NaN}, "training": {}}'),
    "config of words": write("config.json", '{"model": "gru", "training": "long"}'),
    "config not UTF-8": write("config.json", GBK),
    "vocabulary not UTF-8": write("vocabulary.json", GBK),
    "vocabulary of a surrogate": write("vocabulary.json", '{"format": "zuoci-vocabulary", "characters": ["\\ud800"]}'),
    "vocabulary gone": without("vocabulary.json"),
    "weights cut off": write("model.safetensors", b"\0" * 9),
    "weights without their end": cut,
    "weights without one": of_other_weights(lambda weights: weights.pop("output.weight")),
    "weights of another": of_other_weights(lambda weights: weights.update({"more": torch.zeros(1)})),
    "weights of another shape": of_other_weights(lambda weights: weights.update({"output.weight": torch.zeros(2, 3)})),
    "weights empty": write("model.safetensors", b""),
    "fingerprint damaged": write("fingerprint.safetensors", b"x"),
    "base windows damaged": write("base-windows.safetensors", b"x"),
}


@pytest.fixture(scope="module")
def studio(tiny: Path, tmp_path_factory: pytest.TempPathFactory, serve: Callable[..., Any]) -> Any:
    """A studio with a sound model, one of each kind of damage, and things that are no models at all."""
    home = tmp_path_factory.mktemp("damage")
    for name, damage in MODELS.items():
        shutil.copytree(tiny, home / name)
        damage(home / name)
    (home / "a file").write_text("x")
    (home / "a link").symlink_to("a link")
    (home / "\udcff").mkdir()
    with serve(StudioSettings([tiny], home=home)) as one:
        yield one


def test_the_others_are_listed_and_the_damaged_ones_named(studio: Served) -> None:
    answer = studio.client.get("/api/models")
    assert answer.status_code == 200
    document = json.loads(answer.text, parse_constant=pytest.fail)
    listed = {model["id"] for model in document["models"]} | {model["id"] for model in document["damaged"]}
    assert listed == {"tiny", *BASES, *MODELS}
    assert "tiny" in {model["id"] for model in document["models"]}
    for model in document["damaged"]:
        assert model["error"]
        assert "\n" not in model["error"]
    assert {"config empty", "config a list", "config of NaN", "config of words", "config not UTF-8", "report not JSON",
            "report not UTF-8"} <= {model["id"] for model in document["damaged"]}  # fmt: skip
    damaged = {model["id"] for model in document["damaged"]}
    assert {name for name in MODELS if name.startswith("weights")} <= damaged
    ids = [model["id"] for model in studio.client.get("/v1/models").json()["data"]]
    assert set(ids) == listed


@pytest.mark.parametrize("name", MODELS)
def test_whoever_asks_for_a_damaged_one_is_told_in_one_line(studio: Served, name: str) -> None:
    for path in (f"/api/models/{name}", f"/api/models/{name}/export?kind=zip", f"/api/models/{name}/export?kind=html"):
        answer = studio.client.get(path)
        assert answer.status_code in (200, 409), answer.text
        if answer.status_code == 409:
            assert "\n" not in answer.json()["error"]["message"]
        elif "export" not in path:
            json.loads(answer.text, parse_constant=pytest.fail)
    answer = studio.client.post("/v1/completions", json={"model": name, "max_tokens": 1})
    assert answer.status_code in (200, 409)
    if name in ("card not UTF-8", "vocabulary not UTF-8", "metrics not UTF-8"):
        message = studio.client.get(f"/api/models/{name}").json()["error"]["message"]
        assert name.split()[0] in message.lower() or "README.md" in message


def test_a_folder_that_does_not_let_anybody_look_hides_no_other(
    tiny: Path, tmp_path: Path, serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    real, access = Path.stat, os.access

    def stat(self: Path, **how: Any) -> os.stat_result:
        if closed in self.parents:
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, **how)

    monkeypatch.setattr(Path, "stat", stat)

    def may(path: Path, mode: int) -> bool:
        return path != closed and access(path, mode)

    monkeypatch.setattr(os, "access", may)
    with serve(StudioSettings([tiny], home=tmp_path)) as one:
        found = one.client.get("/api/models").json()
        assert {model["id"] for model in found["models"]} == {"tiny", *BASES}
        assert [model["id"] for model in found["damaged"]] == ["closed"]
        assert "cannot be read" in found["damaged"][0]["error"]


JOB = {"recipe": "lyrics", "settings": {}, "openings": [], "corpus": {"songs": 1, "characters": 2}}
JOBS: dict[str, str | bytes | None] = {
    "empty": "",
    "cut-off": json.dumps(JOB)[:-5],
    "a-list": "[]",
    "of-another-shape": '{"recipe": 1, "settings": [], "openings": {}, "corpus": null}',
    "without-settings": json.dumps({**JOB, "settings": None}),
    "not-UTF-8": GBK,
    "gone": None,
}


def test_runs_whose_files_are_damaged_do_not_keep_the_studio_from_starting(
    tiny: Path, tmp_path: Path, serve: Callable[..., Any]
) -> None:
    for name, job in {**JOBS, "of-NaN": json.dumps({**JOB, "settings": {"seconds": math.nan}})}.items():
        (tmp_path / ".runs" / name).mkdir(parents=True)
        if job is not None:
            write("job.json", job)(tmp_path / ".runs" / name)
    (tmp_path / ".runs" / "a-folder" / "job.json").mkdir(parents=True)
    (tmp_path / ".runs" / "a file").write_text("x")
    (tmp_path / ".runs" / "sound").mkdir()
    write("job.json", json.dumps(JOB))(tmp_path / ".runs" / "sound")
    with serve(StudioSettings([tiny], home=tmp_path)) as one:
        answer = one.client.get("/api/training")
        assert answer.status_code == 200
        runs = {run["id"]: run for run in json.loads(answer.text, parse_constant=pytest.fail)["training"]}
        assert set(runs) == {*JOBS, "of-NaN", "a-folder", "sound"}
        assert runs["sound"]["state"] == "paused"
        for name in (*JOBS, "a-folder"):
            assert runs[name]["state"] == "failed"
            assert f"{name}/job.json is damaged: " in runs[name]["error"]["text"]
            assert "\n" not in runs[name]["error"]["text"]
            assert one.client.post(f"/api/training/{name}/resume", json={}).status_code == 409
            assert one.client.delete(f"/api/training/{name}").status_code == 200
        assert {file.name for file in (tmp_path / ".runs").iterdir()} == {"sound", "of-NaN", "a file"}


def test_what_stands_in_the_place_of_the_runs_is_left_alone(
    tiny: Path, tmp_path: Path, serve: Callable[..., Any]
) -> None:
    (tmp_path / ".runs").write_text("mine")
    with serve(StudioSettings([tiny], home=tmp_path)) as one:
        assert one.client.get("/api/training").json() == {"training": []}
        answer = one.client.post("/api/training", json={"corpus": "zh", "name": "x"})
        assert answer.status_code == 409
        assert "cannot be written" in answer.json()["error"]["message"]
    assert (tmp_path / ".runs").read_text() == "mine"


def test_an_answer_never_holds_what_json_has_not() -> None:
    document = {"a": [math.nan, 1.5, {"b": (math.inf, -math.inf)}], "c": "\ud800"}
    assert json.loads(to_json(document), parse_constant=pytest.fail) == {
        "a": [None, 1.5, {"b": [None, None]}], "c": "\ud800"
    }  # fmt: skip


def test_what_somebody_does_not_read_is_not_kept_for_ever() -> None:
    one = TrainingJob("x", None)

    async def main() -> asyncio.Queue[tuple[str, dict[str, Any]]]:
        queue = one.watch()
        for step in range(5000):
            one.emit("step", {"step": step})
        return queue

    queue = run_apart(main())
    assert queue.qsize() <= 1000
    assert queue.get_nowait()[0] == "training"  # the whole state, in the place of what was dropped
