"""One studio for each folder of models: the first takes a lock, and writes down its URL for a second one.

`zuoci studio` claims the folder before it starts a server. The URL holds the token, so only the owner can read it.
"""

from __future__ import annotations

import html
import json
import os
import secrets
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from zuoci.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_LOCK = ".studio.lock"
_ADDRESS = ".studio.json"  # holds the studio's URL, with its token
_PAGE = ".studio.html"  # redirects a browser to it; other users could read a URL in the browser's command line
_WAIT_SECONDS = 20.0  # that another studio may take from its lock to its address


class Claim:
    """The result of claiming a folder of models.

    Attributes:
        home: the folder.
        url: the URL of the studio that has it already; "": this process has it now.
    """

    def __init__(self, home: Path, url: str = "") -> None:
        """Takes the folder and the URL."""
        self.home = home
        self.url = url

    def announce(self, url: str) -> None:
        """Writes down the URL of this process's studio, for a second one and for the browser.

        Raises:
            SettingsError: the folder cannot be written to.
        """
        page = f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url={html.escape(url)}">\n'
        try:
            for name, text in ((_PAGE, page), (_ADDRESS, json.dumps({"url": url}) + "\n")):
                _write_privately(self.home / name, text)
        except OSError as error:
            raise _not_writable(self.home, error) from None

    @property
    def page(self) -> str:
        """The URL of a file that redirects a browser to the studio."""
        return (self.home / _PAGE).as_uri()


@contextmanager
def claim(home: Path) -> Generator[Claim]:
    """Claims a folder of models for a studio, to the end of the block or of the process.

    Raises:
        SettingsError: the folder cannot be written to, or another studio has it and does not write down its URL.
    """
    lock = FileLock(home / _LOCK, timeout=0, mode=0o600)
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        yield Claim(home, _read_url(home))
        return
    except OSError as error:
        raise _not_writable(home, error) from None
    try:
        _remove_url(home)  # that of a killed studio
        yield Claim(home)
    finally:
        _remove_url(home)
        lock.release()


def _read_url(home: Path) -> str:
    """The URL of the studio that has claimed a folder."""
    end = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < end:
        try:
            found: Any = json.loads((home / _ADDRESS).read_text("utf-8"))
            return str(found["url"])
        except FileNotFoundError:  # it has not written it yet
            time.sleep(0.1)
        except (OSError, ValueError, KeyError, TypeError):
            break
    raise SettingsError(f"another studio uses the models folder {home} and its URL cannot be read; end it first")


def _remove_url(home: Path) -> None:
    try:
        for name in (_ADDRESS, _PAGE):
            (home / name).unlink(missing_ok=True)
    except OSError as error:
        raise _not_writable(home, error) from None


def _write_privately(file: Path, text: str) -> None:
    """Writes a file at once, which only its owner can read."""
    temporary = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        temporary.replace(file)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _not_writable(home: Path, error: OSError) -> SettingsError:
    reason = f"{error.filename}: {error.strerror}" if error.filename and error.strerror else error.strerror or error
    return SettingsError(f"the models folder {home} cannot be used: {reason}; name another folder with --models")
