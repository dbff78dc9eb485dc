"""A real browser.

Where there is no browser, its tests are skipped, unless ZUOCI_REQUIRE_BROWSER is set.
"""

from __future__ import annotations

import os
import shutil
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

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
