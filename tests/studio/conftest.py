"""A real browser. Where there is none, its tests are skipped, unless ZUOCI_REQUIRE_BROWSER is set."""

from __future__ import annotations

import os
import shutil
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest
import torch
from playwright.sync_api import Browser, Page, Route, sync_playwright

import zuoci

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
