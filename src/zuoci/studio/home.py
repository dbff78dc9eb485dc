"""One studio a home: the first one holds a lock and says where it is, to its owner alone."""

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
_ADDRESS = ".studio.json"  # where the studio is, with its token
_PAGE = ".studio.html"  # leads a browser there; on its command line, others could read the token
_PATIENCE = 20.0  # seconds that another studio may take between its lock and its address


class Claim:
    """A claim to a home.

    Attributes:
        home: the folder.
        url: of the studio that has it already; "": it is ours.
    """

    def __init__(self, home: Path, url: str = "") -> None:
        self.home = home
        self.url = url

    def announce(self, url: str) -> None:
        """Writes down where the studio is, for a second one and for the browser.

        Raises:
            SettingsError: the home cannot be written to.
        """
        page = f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url={html.escape(url)}">\n'
        try:
            for name, text in ((_PAGE, page), (_ADDRESS, json.dumps({"url": url}) + "\n")):
                _write_privately(self.home / name, text)
        except OSError as error:
            raise _not_writable(self.home, error) from None

    @property
    def page(self) -> str:
        """The address of a file that leads a browser to the studio."""
        return (self.home / _PAGE).as_uri()


@contextmanager
def claim(home: Path) -> Generator[Claim]:
    """Claims a home for a studio, which keeps it to the end of the block, or to that of the process.

    Raises:
        SettingsError: the home cannot be written to, or another studio has it and does not say where it is.
    """
    lock = FileLock(home / _LOCK, timeout=0, mode=0o600)
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        yield Claim(home, _address_in(home))
        return
    except OSError as error:
        raise _not_writable(home, error) from None
    try:
        _forget_address(home)  # that of a studio that was killed
        yield Claim(home)
    finally:
        _forget_address(home)
        lock.release()


def _address_in(home: Path) -> str:
    """Where the studio is that has a home."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        try:
            found: Any = json.loads((home / _ADDRESS).read_text("utf-8"))
            return str(found["url"])
        except FileNotFoundError:  # it is about to say it
            time.sleep(0.1)
        except (OSError, ValueError, KeyError, TypeError):
            break
    raise SettingsError(f"another studio has the home {home} and does not say where it is; end it first")


def _forget_address(home: Path) -> None:
    try:
        for name in (_ADDRESS, _PAGE):
            (home / name).unlink(missing_ok=True)
    except OSError as error:
        raise _not_writable(home, error) from None


def _write_privately(file: Path, text: str) -> None:
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
    return SettingsError(f"the home {home} cannot be used: {reason}; name another folder with --models")
