"""A real browser, whoever visits the studio with it, and what they do in the view "Write".

Where there is no browser, its tests are skipped, unless ZUOCI_REQUIRE_BROWSER is set.
"""

from __future__ import annotations

import os
import re
import shutil
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright
from tests.processes import launcher

from zuoci.studio import runs
from zuoci.studio.app import StudioSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from tests.conftest import Served

    from zuoci.server.app import ServerSettings

PAGE = files("zuoci.studio").joinpath("page")
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
_MILLISECONDS = 180_000  # a busy machine is no failure
expect.set_options(timeout=_MILLISECONDS)


def song(page: Page) -> list[str]:
    """The lines of the song that is open."""
    found = """async () => {
        const { EditorView } = await import("/vendor/codemirror.js");
        return EditorView.findFromDOM(document.querySelector("#editor")).state.doc.toString();
    }"""
    return page.evaluate(found).split("\n")


def new_song(page: Page) -> None:
    """Opens a song without lines; the cursor stands in it."""
    expect(page.locator("#title")).not_to_have_value("")
    page.click("#songs")
    page.click("#new-song")
    expect(page.locator("#songs-dialog")).to_be_hidden()
    expect(page.locator(".cm-content")).to_be_focused()
    assert song(page) == [""]


def write(page: Page, button: str = "#write") -> list[str]:
    """Lets the model write, and returns the lines that are not empty."""
    page.click(button)
    expect(page.locator("#status")).not_to_have_text(re.compile("正在"))
    expect(page.locator("#write")).to_be_visible()
    expect(page.locator("#status")).to_contain_text("行")
    return [line for line in song(page) if line]


def saved(page: Page) -> None:
    """Waits until the song is on disk."""
    expect(page.locator("#save-state")).to_have_text("已保存")


def serious(page: Page) -> list[tuple[str, list[str]]]:
    """What axe finds on a page that keeps somebody from using it: the rule, and the elements."""
    page.evaluate(AXE.read_text("utf-8"))
    run = "async () => (await axe.run()).violations.filter(({impact}) => ['serious', 'critical'].includes(impact))"
    return [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in page.evaluate(run)]


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


@pytest.fixture(scope="session", autouse=True)
def workers() -> Iterator[None]:
    """The studio's workers begin at once; `test_worker.py` starts some as the studio does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "worker_command", lambda *folders: launcher("zuoci.studio.worker", *folders))  # pyright: ignore
        yield


class Visitor:
    """Opens pages; what they ask for and complain about is kept."""

    def __init__(self, browser: Browser, url: str, token: str) -> None:
        self.browser = browser
        self.url = url
        self.token = quote(token, safe="")
        self.asked: list[str] = []
        self.complaints: list[str] = []

    def __call__(self, view: str = "", **settings: object) -> Page:
        context = self.browser.new_context(**{"locale": "zh-CN", "accept_downloads": True, **settings})  # pyright: ignore
        context.on("request", lambda request: self.asked.append(request.url))
        context.on("console", lambda message: self.complaints.append(message.text))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        page = context.new_page()
        page.set_default_timeout(_MILLISECONDS)
        page.goto(f"{self.url}/?token={self.token}" + (f"#{view}" if view else ""))
        expect(page.locator("#model")).to_be_visible()
        return page

    def check(self) -> None:
        """Nothing but the server was asked, and nothing was complained about."""
        assert {url for url in self.asked if not url.startswith((self.url, "data:", "blob:"))} == set()
        assert self.complaints == []


@pytest.fixture(scope="session")
def modules(browser: Browser) -> Iterator[Page]:
    """An empty page from which `import("/give/model.js")` and the others work; nothing leaves the machine."""
    page = browser.new_page()

    def answer(route: Route) -> None:
        name = route.request.url.removeprefix("http://zuoci.test/")
        if name.endswith(".js"):
            route.fulfill(body=PAGE.joinpath(name).read_text("utf-8"), content_type="text/javascript")
        else:
            route.fulfill(body="<!doctype html>", content_type="text/html")

    page.route("**/*", answer)
    page.goto("http://zuoci.test/")
    yield page
    page.close()


@contextmanager
def visiting(browser: Browser, url: str, token: str) -> Generator[Visitor]:
    """A visitor of a server, whose pages are closed at the end, and who had nothing to complain about."""
    visitor = Visitor(browser, url, token)
    before = len(browser.contexts)
    yield visitor
    for context in browser.contexts[before:]:
        context.close()
    visitor.check()


@pytest.fixture
def visit(browser: Browser, served: Served) -> Iterator[Visitor]:
    with visiting(browser, served.url, served.token) as visitor:
        yield visitor


@pytest.fixture
def fresh(browser: Browser, serve: Callable[[ServerSettings], Any], tmp_path: Path) -> Iterator[Visitor]:
    """A visitor of a studio without any model but those that come with zuoci."""
    with (
        serve(StudioSettings((), home=tmp_path / "home")) as served,
        visiting(browser, served.url, served.token) as visitor,
    ):
        yield visitor
