"""A real browser, and a real server on this machine.

Where there is no browser, its tests are skipped, unless ZUOCI_REQUIRE_BROWSER is set.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
import torch
from playwright.sync_api import Browser, Page, Route, sync_playwright

import zuoci
from zuoci.studio.app import ServerSettings, listen, make_app, make_server

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from zuoci.server.engine import Engine

PAGE = files("zuoci.studio").joinpath("page")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        reason = "no Chromium here: install the package chromium"
        if os.environ.get("ZUOCI_REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def modules(browser: Browser) -> Iterator[Page]:
    """An empty page from which `import("/model.js")` and the others work; nothing leaves the machine."""
    page = browser.new_page()

    def answer(route: Route) -> None:
        name = route.request.url.rsplit("/", 1)[1]
        if name.endswith(".js"):
            route.fulfill(body=PAGE.joinpath(name).read_text("utf-8"), content_type="text/javascript")
        else:
            route.fulfill(body="<!doctype html>", content_type="text/html")

    page.route("**/*", answer)
    page.goto("http://zuoci.test/")
    yield page
    page.close()


@pytest.fixture
def make_model() -> Callable[..., zuoci.CharLM]:
    """Makes a model with weights large enough that every character matters."""

    def make(characters: str = "\n 山前路上人在唱歌里有", **settings: Any) -> zuoci.CharLM:
        config = zuoci.ModelConfig.model_validate({"hidden_size": 13, **settings})
        model = zuoci.CharLM(config, zuoci.Vocabulary(characters))
        model.initialise(torch.Generator().manual_seed(7))
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if "bias" in name and ("bias_hh" not in name or config.cell == "gru"):
                    weight.uniform_(-0.5, 0.5, generator=torch.Generator().manual_seed(len(name)))
                else:
                    weight *= 2.5
        return model.eval()

    return make


@dataclass(frozen=True)
class Served:
    """A server that runs.

    Attributes:
        url: without a slash at its end.
        token: that requests carry; "": none.
        engine: its own.
        model: the folder of the one that it serves, `tiny`.
        home: where its others are.
        client: one that may write.
    """

    url: str
    token: str
    engine: Engine
    model: Path
    home: Path
    client: httpx2.Client


@contextmanager
def running(settings: ServerSettings) -> Generator[Served]:
    """Runs a server in a thread, then ends it as a signal would."""
    app = make_app(settings)
    server = make_server(app)
    socket = listen(settings.host, settings.port)
    thread = threading.Thread(target=server.run, args=([socket],))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    url = f"http://127.0.0.1:{socket.getsockname()[1]}"
    token = app.state.key
    headers = {b"authorization": f"Bearer {token}".encode()} if token else {}
    try:
        with httpx2.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
            yield Served(url, token, app.state.engine, settings.models[0], settings.home or settings.models[0], client)
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model of the bundled lyrics, saved with all that training saves."""
    corpus = zuoci.Corpus(zuoci.load_lyrics("zh").songs[:40])
    sizes = {"epochs": 1, "hidden_size": 24, "embedding_size": 12, "precision": "float32", "threads": 1}
    *_, end = zuoci.train(corpus, zuoci.resolve("lyrics", sizes), device="cpu")
    assert isinstance(end, zuoci.EndReport)
    return zuoci.save_trained(end, tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def serve() -> Callable[[ServerSettings], Any]:
    """`running`, for tests that want a server of their own."""
    return running


@pytest.fixture(scope="session")
def served(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The studio, with room for 40 texts side by side."""
    with running(ServerSettings([tiny], home=tmp_path_factory.mktemp("studio") / "home", rows=40)) as one:
        yield one
