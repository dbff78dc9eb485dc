"""What a page uploads: any number of files in one request, and the files of a corpus as they are stored.

The body of such a request is one line of JSON, `[{"name": "a.txt", "bytes": 1234}, …]`, and then the contents of the
files, one after another.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from zuoci.errors import CorpusError, Message
from zuoci.server.errors import ApiError
from zuoci.text.sources import TEXT_SUFFIXES, LeftOut, find_texts, is_archive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_FILES = 5000  # of a corpus
MAX_HEAD_BYTES = 2 * 2**20  # of the line of JSON
_MAX_NAME = 200  # characters of a name that are kept
_PIECE = 2**20
_MAX_ZIP_MEMBERS = 20_000


class _Head(BaseModel):
    """A file in the line of JSON."""

    model_config = ConfigDict(strict=True)

    name: str = Field(max_length=2000)
    bytes: int = Field(ge=0)


_HEADS = TypeAdapter(Annotated[list[_Head], Field(min_length=1, max_length=MAX_FILES)])


@dataclass
class UploadedFile:
    """A file of a corpus.

    Attributes:
        number: its number in the corpus.
        name: its name on the user's machine, with the folders that were dropped with it.
        bytes: its size.
        stored: where it is stored.
        text_bytes: the bytes of its texts, unpacked.
        line_breaks: the line breaks in its texts.
        error: why it cannot be used; None: it can.
    """

    number: int
    name: str
    bytes: int
    stored: Path
    text_bytes: int = 0
    line_breaks: int = 0
    error: Message | None = None

    def discard(self, error: Message) -> None:
        """Deletes the stored file, and keeps the reason."""
        self.stored.unlink(missing_ok=True)
        self.text_bytes = self.line_breaks = 0
        self.error = error.changed(lambda text: text.replace(str(self.stored), self.name))


def split(arrived: Path, folder: Path, first: int) -> Iterator[UploadedFile]:
    """Splits the body of a request into its files, and stores them in a folder under numbers.

    Args:
        arrived: the body.
        folder: the folder.
        first: the number of the first file.

    Raises:
        ApiError: the body does not have the form that this module describes.
    """
    with arrived.open("rb") as body:
        try:
            heads = _HEADS.validate_json(body.readline(MAX_HEAD_BYTES))
        except ValidationError:
            raise _malformed() from None
        if sum(head.bytes for head in heads) != arrived.stat().st_size - body.tell():
            raise _malformed()
        for number, head in enumerate(heads, first):
            stored = folder / f"{number:06}"
            with stored.open("wb") as file:
                left = head.bytes
                while left and (piece := body.read(min(left, _PIECE))):
                    file.write(piece)
                    left -= len(piece)
            name = _readable_name(head.name) or f"{number}"
            yield UploadedFile(number, name, head.bytes, stored.rename(f"{stored}{_suffix(name, stored)}"))


def _malformed() -> ApiError:
    told = (
        'the body must be one line of JSON, [{{"name": "a.txt", "bytes": 12}}, …] with {most:,} files at most, and '
        "then the contents of these files"
    )
    return ApiError(400, Message("bad_upload", told, most=MAX_FILES))


def _readable_name(name: str) -> str:
    parts = [part for part in PureWindowsPath(re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", " ", name)).parts if part.strip()]
    return "/".join(part.strip("/\\ ") for part in parts)[-_MAX_NAME:].strip("/ ")


def _suffix(name: str, stored: Path) -> str:
    """The suffix under which a file is stored, by which a folder's reader knows that it is a text."""
    suffix = PureWindowsPath(name).suffix.lower()
    if suffix != ".docx" and zipfile.is_zipfile(stored):
        try:
            return ".zip" if is_archive(stored) else ".docx"
        except CorpusError:  # it has too many members, as `measure` says
            return ".zip"
    return suffix if suffix in TEXT_SUFFIXES | {".zip"} else ".txt"


def measure(file: UploadedFile, most_bytes: int) -> None:
    """Counts the bytes and the line breaks of the texts in a file, before any of them is decoded.

    Raises:
        CorpusError: the file is a damaged zip, or one that unpacks to more.
    """
    if file.stored.suffix == ".zip":
        size, members = _unpacked_size(file.stored)  # no more than what is declared will be read
        if size > most_bytes or members > _MAX_ZIP_MEMBERS:
            told = "{name} unpacks to {bytes:,} bytes in {members:,} files: {most:,} in {most_members:,} at most"
            counts = {"bytes": size, "members": members, "most": most_bytes, "most_members": _MAX_ZIP_MEMBERS}
            raise CorpusError(Message("large_zip", told, name=str(file.stored), **counts))
    for _, data in find_texts(file.stored, LeftOut()):
        file.text_bytes += len(data)
        file.line_breaks += data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")


def _unpacked_size(file: Path) -> tuple[int, int]:
    """The bytes that a zip file unpacks to by its own account, and the number of its members.

    Raises:
        CorpusError: the file is damaged.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        told = "{name} is a damaged zip file: {error}"
        raise CorpusError(Message("damaged_zip", told, name=str(file), error=str(error))) from None
    return sum(member.file_size for member in members), len(members)
