"""The commands, as processes: how they begin, and that a signal ends them properly."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from tests.processes import Process

import zuoci
from zuoci.cli import main
from zuoci.server.run import listen

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from tests.conftest import Served


@contextmanager
def command(*arguments: str) -> Generator[tuple[Process, str]]:
    """A server, and where it says that it is."""
    with Process(*arguments) as process:
        said = process.stderr.readline()
        found = re.search(r"http://[^ ;]*", said)
        assert found, said
        yield process, found[0]


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_signal_ends_streams_properly_and_then_the_server(tiny: Path) -> None:
    body = {"model": "tiny", "prompt": "山", "max_tokens": 10_000, "stream": True, "max_repeats": 0, "n": 16}
    lines: list[str] = []
    with command("serve", str(tiny), "--port", "0") as (process, url):
        with httpx2.stream("POST", f"{url}/completions", json=body, timeout=60, trust_env=False) as answer:
            for line in answer.iter_lines():
                lines += [line] if line else []
                if line and len(lines) == 20:  # once: a second signal would end the server without waiting
                    process.send_signal(signal.SIGTERM)
        assert process.wait() in (0, -signal.SIGTERM)
    *chunks, done = lines
    assert done == "data: [DONE]"
    choices: list[Any] = [json.loads(chunk.removeprefix("data: "))["choices"][0] for chunk in chunks]
    ends = [choice for choice in choices if choice["finish_reason"]]
    assert sorted(choice["index"] for choice in ends) == list(range(16))
    assert {choice["finish_reason"] for choice in ends} == {"length"}
    assert 0 < sum(len(choice["text"]) for choice in choices) < 16 * 10_000


def test_the_studio_shows_its_page(tiny: Path, tmp_path: Path) -> None:
    arguments = ["studio", str(tiny), "--models", str(tmp_path / "home"), "--port", "0", "--no-browser"]
    with command(*arguments, "--key", "sesame") as (_, url), httpx2.Client(trust_env=False, timeout=60) as client:
        assert url.endswith("/?token=sesame")
        url = url.removesuffix("?token=sesame")
        style = client.get(f"{url}shared/style.css")
        assert style.headers["content-type"] == "text/css; charset=utf-8"
        assert client.get(f"{url}api/session").status_code == 401
        session = client.get(f"{url}api/session", headers={"authorization": "Bearer sesame"})
        assert session.json()["version"] == zuoci.__version__


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--host", "0.0.0.0"], 2, "host 0.0.0.0 can be reached by others: give a key"),
        (["--host", "no.such.host.test", "--key", "k"], 2, "cannot listen on host"),
        (
            ["--host", "a..b", "--key", "k"],
            2,
            "cannot listen on host a..b, port 0: not a host name; choose another one",
        ),
        (["--host", "a" * 70, "--key", "k"], 2, "cannot listen on host"),
        (["--host", "\udcff", "--key", "k"], 2, "cannot listen on host"),
        (["--key", "\udcff"], 2, "the key is not UTF-8"),
        ([], 1, "nowhere does not exist"),
    ],
)
def test_wrong_use_is_said_in_one_line(
    arguments: list[str], code: int, words: str, tiny: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder = str(tiny) if arguments else "nowhere"
    monkeypatch.setattr(sys, "argv", ["zuoci", "serve", folder, "--port", "0", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_without_the_extra_one_is_told_what_to_install(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    for verb in ("serve", "studio"):
        monkeypatch.setattr(sys, "argv", ["zuoci", verb, str(tiny)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        assert "pip install 'zuoci[studio]'" in capsys.readouterr().err


def test_serve_prints_the_names_of_the_api(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tiny, target_is_directory=True)
    zuoci.save(zuoci.load(tiny), tmp_path / "else" / "tiny")
    folders = [str(folder) for folder in (tmp_path / "link", tiny, tmp_path / "else" / "tiny", "zh")]
    with Process("serve", *folders, "--port", "0") as process:
        said = process.stderr.readline()
        url = re.search(r"http://\S*", said)
        assert url, said
        answer = httpx2.get(f"{url[0].rstrip(';')}/models", trust_env=False)
    names = ", ".join(model["id"] for model in answer.json()["data"])
    assert said.startswith(f"serving {names} at ")
    assert names == "link, tiny, tiny-2, zh"


@pytest.mark.parametrize("range_", ["bytes=abc", "bytes=999999999-", "bytes=1-0,x"])
def test_the_files_of_the_page_are_whole(served: Served, range_: str) -> None:
    answer = served.client.get("/shared/style.css", headers={"range": range_})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert int(served.client.head("/shared/style.css").headers["content-length"]) == len(answer.content)


@pytest.mark.parametrize("kind", ["completion", "chat"])
def test_the_llm_command_writes(served: Served, tiny: Path, tmp_path: Path, kind: str) -> None:
    model = f"- model_id: lyrics\n  model_name: tiny\n  api_base: {served.url}/v1\n  api_key_name: zuoci\n"
    (tmp_path / "extra-openai-models.yaml").write_text(model + "  completion: true\n" * (kind == "completion"))
    options = ["-o", "max_tokens", "30", "-o", "seed", "5", "-o", "temperature", "0.8", "--no-log"]
    options += [f"--key={served.token}"]
    for stream in ([], ["--no-stream"]):
        written = subprocess.run(
            [sys.executable, "-m", "llm", "-m", "lyrics", "山", *options, *stream],
            capture_output=True, text=True, check=False, encoding="utf-8",
            env={**os.environ, "LLM_USER_PATH": str(tmp_path), "NO_PROXY": "*", "PYTHONUTF8": "1"},
        )  # fmt: skip
        assert written.returncode == 0, written.stderr
        lyrics = zuoci.Writer.load(tiny).write("山", zuoci.WriteConfig(length=30, seed=5, temperature=0.8))
        assert "山" + written.stdout.removesuffix("\n") == lyrics.text


class _Web(BaseHTTPRequestHandler):
    server_version, sys_version = "Somebody/1.0", ""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (it is the base's)
        del format, args


def test_who_has_a_port_is_said_and_another_offered(served: Served) -> None:
    port = int(served.url.rpartition(":")[2])
    with pytest.raises(
        zuoci.SettingsError, match=f"port {port} of host 127.0.0.1 is taken by another zuoci: .*--port 0"
    ):
        listen("127.0.0.1", port)
    with HTTPServer(("127.0.0.1", 0), _Web) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        with pytest.raises(zuoci.SettingsError, match=r"taken by a web server \(Somebody/1.0\)"):
            listen("127.0.0.1", web.server_port)
        web.shutdown()
        thread.join()
    with socket.create_server(("127.0.0.1", 0)) as mute:
        closing = threading.Thread(target=lambda: mute.accept()[0].close())
        closing.start()
        with pytest.raises(zuoci.SettingsError, match="taken by another program"):
            listen("127.0.0.1", mute.getsockname()[1])
        closing.join()
