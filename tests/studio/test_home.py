"""One studio a home: a second one leads to the first, and touches nothing of its."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from tests import processes
from tests.server.test_run import command
from tests.studio.test_runs import SETTINGS

import zuoci
from zuoci.cli import main
from zuoci.model.lock import locked
from zuoci.studio import home as module
from zuoci.studio.app import StudioSettings
from zuoci.studio.home import claim

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_home_has_one_claim_at_a_time(tmp_path: Path) -> None:
    home = tmp_path / "data" / "home"
    with claim(home) as first:
        assert first.url == ""
        first.announce("http://127.0.0.1:1/?token=a&b")
        with claim(home) as second:
            assert second.url == "http://127.0.0.1:1/?token=a&b"
            assert second.page == first.page
        assert "url=http://127.0.0.1:1/?token=a&amp;b" in (home / ".studio.html").read_text("utf-8")
        for name in (".studio.json", ".studio.html", ".studio.lock"):
            assert (home / name).stat().st_mode & 0o777 == 0o600
        assert home.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in home.iterdir()] == [".studio.lock"]
    with claim(home) as third:
        assert third.url == ""


def test_what_a_killed_studio_left_is_swept_away(tmp_path: Path) -> None:
    (tmp_path / ".studio.json").write_text('{"url": "http://127.0.0.1:1/?token=old"}')
    (tmp_path / ".studio.html").write_text("old")
    (tmp_path / ".studio.html").chmod(0o644)
    with claim(tmp_path) as one:
        assert one.url == ""
        assert not (tmp_path / ".studio.json").exists()
        one.announce("http://127.0.0.1:2/")
        assert (tmp_path / ".studio.html").stat().st_mode & 0o777 == 0o600


def test_a_studio_that_does_not_say_where_it_is_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WAIT_SECONDS", 0.2)
    with claim(tmp_path):
        for text in (None, "", "[]", "{}"):
            if text is not None:
                (tmp_path / ".studio.json").write_text(text)
            with pytest.raises(zuoci.SettingsError, match="its URL cannot be read"), claim(tmp_path):
                pass


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(30, "Read-only file system")])
def test_a_home_that_cannot_be_written_to_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: OSError
) -> None:
    (tmp_path / "file").write_text("")
    real = os.open

    def refuse(path: Any, *more: Any, **options: Any) -> int:
        if str(path).startswith(str(tmp_path / "home")):
            raise error
        return real(path, *more, **options)

    monkeypatch.setattr(os, "open", refuse)
    for home in ("home", "file", "file/home"):
        monkeypatch.setattr(sys, "argv", ["zuoci", "studio", "--no-browser", "--port", "0", "--models",
                                          str(tmp_path / home)])  # fmt: skip
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        said = capsys.readouterr().err
        assert "cannot be used" in said
        assert "--models" in said
        assert said.count("\n") == 1
    assert (tmp_path / "file").read_text() == ""


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with claim(tmp_path) as one:
        monkeypatch.setattr(module.os, "fdopen", full)
        with pytest.raises(zuoci.SettingsError, match="No space left"):
            one.announce("http://127.0.0.1:1/")
        assert [file.name for file in tmp_path.iterdir()] == [".studio.lock"]


def test_a_folder_where_the_address_belongs_is_named(tmp_path: Path) -> None:
    (tmp_path / ".studio.json").mkdir()
    with pytest.raises(zuoci.SettingsError, match=r"\.studio\.json: "), claim(tmp_path):
        pass


def test_a_second_studio_says_where_the_first_one_is(tiny: Path, tmp_path: Path) -> None:
    arguments = ["studio", str(tiny), "--models", str(tmp_path / "home"), "--port", "0", "--no-browser"]
    with command(*arguments) as (first, url):
        assert "/?token=" in url
        second = processes.run(*arguments)
        assert second.returncode == 0
        assert f"runs already, at {url};" in second.stderr
        assert second.stderr.count("\n") == 1
        place, _, token = url.partition("?token=")
        with httpx2.Client(base_url=place, trust_env=False) as client:
            assert client.get("/api/models").status_code == 401
            headers = {"authorization": f"Bearer {token}"}
            assert "tiny" in client.get("/api/models", headers=headers).text
        first.kill()  # as a crash would
        first.wait()
        with command(*arguments) as (_, other):
            assert other != url


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_browser_is_led_by_a_file_and_not_by_its_command_line(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others can read the arguments of any process."""
    script = tmp_path / "browser"
    script.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/opened\n')
    script.chmod(0o700)
    monkeypatch.setenv("BROWSER", f"{script} %s")
    arguments = ["studio", str(tiny), "--models", str(tmp_path / "home"), "--port", "0"]
    with command(*arguments) as (_, url):
        end = time.monotonic() + 120
        while not (tmp_path / "opened").exists() or not (tmp_path / "opened").read_text().endswith("\n"):
            assert time.monotonic() < end
            time.sleep(0.05)
        opened = (tmp_path / "opened").read_text().strip()
        assert opened == (tmp_path / "home" / ".studio.html").as_uri()
        assert url in (tmp_path / "home" / ".studio.html").read_text()


def test_a_run_that_another_process_works_on_is_neither_thrown_away_nor_begun_twice(
    tiny: Path, tmp_path: Path, serve: Callable[..., Any]
) -> None:
    """As after a studio was killed, whose run still saves."""
    place = tmp_path / ".runs" / "run"
    (place / "corpus").mkdir(parents=True)
    job = {"recipe": "lyrics", "settings": SETTINGS, "openings": [], "corpus": {"songs": 1, "characters": 2}}
    (place / "job.json").write_text(json.dumps(job))
    (tmp_path / "run" / "training").mkdir(parents=True)
    (tmp_path / "run" / "training" / "unfinished.safetensors").write_bytes(b"precious")
    with serve(StudioSettings([tiny], home=tmp_path)) as studio:
        with locked(tmp_path / "run"):
            for answer in (
                studio.client.delete("/api/training/run"),
                studio.client.post("/api/training/run/resume", json={}),
                studio.client.post("/api/training/run/stop", json={}),
            ):
                assert answer.status_code == 409
                assert "another zuoci" in answer.json()["error"]["message"]
            assert studio.client.get("/api/training/run").json()["state"] == "paused"
        assert (tmp_path / "run" / "training" / "unfinished.safetensors").read_bytes() == b"precious"
        assert (place / "job.json").is_file()
        assert studio.client.delete("/api/training/run").status_code == 200
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("verb", ["serve", "studio"])
@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGINT] * 2, [signal.SIGINT] * 5, [signal.SIGHUP]])
def test_signals_end_a_server_without_a_traceback(
    tiny: Path, tmp_path: Path, verb: str, signals: list[signal.Signals]
) -> None:
    arguments = [verb, str(tiny), "--port", "0"]
    arguments += ["--models", str(tmp_path), "--no-browser"] if verb == "studio" else []
    with command(*arguments) as (process, url):
        place, _, token = url.partition("?token=")
        body = {"model": "tiny", "prompt": "山", "max_tokens": 10_000, "stream": True, "max_repeats": 0, "n": 16}
        path = f"{place.removesuffix('/').removesuffix('/v1')}/v1/completions"
        headers = {"authorization": f"Bearer {token or 'none'}"}
        with httpx2.stream("POST", path, json=body, headers=headers, timeout=60, trust_env=False) as answer:
            next(answer.iter_lines())
            for number in signals:
                process.send_signal(number)
                time.sleep(0.02)
            assert process.wait() in (0, 130)
        said = process.stderr.read()
        assert "Traceback" not in said
        assert said.count("\n") <= 1
