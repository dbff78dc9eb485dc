"""Models on disk: a folder in the Hugging Face layout, without pickle.

    config.json           the format's version, the model's settings, how it was trained
    model.safetensors     the weights
    vocabulary.json       the characters, by id
    README.md             the model card
    fingerprint.safetensors  hashes of the corpus, unless it was asked to leave them out
    training/report.json  the figures of the run
    training/metrics.jsonl  the figures of each evaluation, one a line
    training/unfinished.safetensors  instead of all that: a run that can be resumed

A folder appears whole or not at all: it is written beside its place, flushed to the disk, and renamed. What a
killed process leaves beside it is put right, and swept away, by the next one.
"""

from __future__ import annotations

import glob
import json
import os
import secrets
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from zuoci.errors import ModelFolderError
from zuoci.model.config import ModelConfig
from zuoci.model.language_model import CharLM
from zuoci.text.fingerprint import FILE as FINGERPRINT
from zuoci.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from zuoci.text.fingerprint import Fingerprint

FORMAT = "zuoci-model"
VERSION = 1
_CONFIG, _WEIGHTS, _VOCABULARY = "config.json", "model.safetensors", "vocabulary.json"
_REPORT = "training/report.json"
METRICS = "training/metrics.jsonl"
UNFINISHED = "training/unfinished.safetensors"
FILES = (_CONFIG, _WEIGHTS, _VOCABULARY, "README.md", FINGERPRINT, _REPORT, METRICS)  # of a finished model


def check_destination(folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Makes sure, before any work, that a model can be saved in a folder.

    Raises:
        ModelFolderError: it exists and holds something else; or it holds a model or an unfinished run, and
            `overwrite` is false.
    """
    path = Path(folder)
    recover(path)
    if is_unfinished(path) and not overwrite:
        raise ModelFolderError(
            f"{path} holds a run that was stopped; go on with --resume, ask for an overwrite, or choose another folder"
        )
    if path.is_dir() and not path.is_symlink():
        if is_model(path) or is_unfinished(path):
            if not overwrite:
                raise ModelFolderError(f"{path} holds a model already; choose another folder, or ask for an overwrite")
        elif any(path.iterdir()):
            raise ModelFolderError(f"{path} exists and holds something that is no model; choose another folder")
    elif path.exists() or path.is_symlink():
        raise ModelFolderError(f"{path} exists and is not a folder; choose another name")
    nearest = next(parent for parent in path.absolute().parents if parent.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise ModelFolderError(f"{path} cannot be made: {nearest} is not a folder that you may write to")
    return path


def is_model(folder: Path) -> bool:
    """Whether a folder looks like a saved model."""
    return (folder / _CONFIG).is_file() and (folder / _WEIGHTS).is_file()


def is_unfinished(folder: Path) -> bool:
    """Whether a folder holds a run that was stopped."""
    return (folder / UNFINISHED).is_file()


def recover(path: Path) -> None:
    """Puts right what a process that was killed while it saved left beside a folder, and removes the rest.

    Raises:
        ModelFolderError: it cannot be put right.
    """
    try:
        left = sorted(path.parent.glob(f".{glob.escape(path.name)}.*"))
        for former in (entry for entry in left if entry.suffix == ".old"):
            whole = former.with_suffix(".tmp")  # it was whole before the former one made room for it
            if not path.exists():
                (whole if whole.exists() else former).rename(path)
        for entry in left:
            if entry.suffix in {".old", ".tmp"} and entry.exists():
                shutil.rmtree(entry)
        training = path / "training"
        if training.is_dir():
            for entry in training.glob(".*.tmp"):
                entry.unlink()
            if not any(training.iterdir()):
                training.rmdir()
    except OSError as error:
        raise ModelFolderError(f"{path} cannot be put right: {error.strerror or error}") from None


def save(
    model: CharLM,
    folder: str | os.PathLike[str],
    *,
    training: Mapping[str, Any] | None = None,
    report: Mapping[str, Any] | None = None,
    metrics: Sequence[Mapping[str, Any]] = (),
    card: str = "",
    fingerprint: Fingerprint | None = None,
    overwrite: bool = False,
) -> Path:
    """Saves a model, whole or not at all.

    Args:
        model: its weights are saved in the precision that they have.
        folder: must not exist, or be empty; with `overwrite` it may hold a model, which is replaced.
        training: the settings of the run.
        report: the figures of the run.
        metrics: the figures of each evaluation.
        card: the text of the model card.
        fingerprint: of the corpus.
        overwrite: replace a model.

    Returns:
        The folder.

    Raises:
        ModelFolderError: the folder is taken or cannot be written, or a weight is not a finite number.
    """
    path = check_destination(folder, overwrite=overwrite)
    weights = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    broken = [name for name, value in weights.items() if not torch.isfinite(value).all()]
    if broken:
        raise ModelFolderError(f"the model is not worth saving: {broken[0]} holds values that are no finite numbers")
    config = {
        "format": FORMAT,
        "version": VERSION,
        "model_type": "zuoci",
        "vocab_size": len(model.vocabulary),
        "model": model.config.model_dump(mode="json"),
        "training": dict(training or {}),
    }
    contents = {
        _WEIGHTS: save_tensors(weights, {"format": "pt"}),
        _VOCABULARY: model.vocabulary.to_json().encode(),
        _CONFIG: _json(config),
        "README.md": card.encode(),
    }
    if fingerprint is not None:
        contents[FINGERPRINT] = fingerprint.to_bytes()
    if report is not None:
        contents[_REPORT] = _json(report)
    if metrics:
        lines = [json.dumps(figures, ensure_ascii=False, allow_nan=False) + "\n" for figures in metrics]
        contents[METRICS] = "".join(lines).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _replacing(path) as temporary:
            for name, data in contents.items():
                write_durably(temporary / name, data)
    except OSError as error:
        raise ModelFolderError(f"{path} cannot be saved: {error.strerror or error}") from None
    return path


def _json(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode()


def write_durably(file: Path, data: bytes) -> None:
    """Writes a file and its folder, and waits until both are on the disk.

    Raises:
        OSError: it cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    _sync_folder(file.parent)


def replace_durably(file: Path, data: bytes) -> None:
    """Writes a file, or replaces it: after a crash there is the former one or the new one, and nothing between.

    Raises:
        OSError: it cannot be written; the former one is as it was.
    """
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}.tmp")
    try:
        write_durably(temporary, data)
        temporary.replace(file)
        _sync_folder(file.parent)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder, and needs no flush to keep a rename
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _replacing(path: Path) -> Generator[Path]:
    """Gives a folder beside `path` to fill; then puts it in the place of `path`, or removes it after an error."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    temporary.mkdir()
    try:
        yield temporary
        former = None
        if path.exists():
            former = temporary.with_suffix(".old")
            path.rename(former)
        temporary.rename(path)
        _sync_folder(path.parent)
        if former:
            shutil.rmtree(former, ignore_errors=True)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def load(folder: str | os.PathLike[str]) -> CharLM:
    """Loads a model, ready to write: in evaluation mode, on the CPU.

    Raises:
        ModelFolderError: the folder holds no model, one of a later version, or a damaged one.
    """
    path = Path(folder)
    if not path.exists() and path.parent.is_dir():
        recover(path)
    if not is_model(path) and is_unfinished(path):
        raise ModelFolderError(f"{path} holds a run that was stopped; finish it: zuoci train --resume --out {path}")
    if not is_model(path):
        what = "does not exist" if not path.exists() else f"holds no model: {_CONFIG} and {_WEIGHTS} are missing"
        raise ModelFolderError(f"{path} {what}; name a folder that training has written")
    try:
        config: Any = json.loads((path / _CONFIG).read_text("utf-8"))
        if not isinstance(config, dict) or config.get("format") != FORMAT:
            raise ModelFolderError(f"{path} holds a model that zuoci did not write")
        if config["version"] != VERSION:
            raise ModelFolderError(f"{path} has version {config['version']} of the format; this zuoci reads {VERSION}")
        model_config = ModelConfig.model_validate(config["model"])
        vocabulary = Vocabulary.from_json((path / _VOCABULARY).read_text("utf-8"))
        weights = load_tensors((path / _WEIGHTS).read_bytes())
        if config["vocab_size"] != len(vocabulary):
            raise ModelFolderError(f"{path} is damaged: {_VOCABULARY} does not belong to {_CONFIG}")
        model = CharLM(model_config, vocabulary)
        model.load_state_dict(weights)
    except OSError as error:
        raise ModelFolderError(f"{error.filename or path} cannot be read: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, ValidationError, SafetensorError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(":")
        raise ModelFolderError(f"{path} is damaged: {reason}") from None
    broken = [name for name, value in weights.items() if not torch.isfinite(value).all()]
    if broken:
        raise ModelFolderError(f"{path} is damaged: {broken[0]} holds values that are no finite numbers")
    return model.eval()


def load_report(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """The figures of the run that made a model; {} if it was saved without.

    Raises:
        ModelFolderError: they are damaged.
    """
    rows = _lines(Path(folder) / _REPORT, whole=True)
    return rows[0] if rows else {}


def load_metrics(folder: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The figures of each evaluation of that run; [] if it was saved without.

    Raises:
        ModelFolderError: they are damaged.
    """
    return _lines(Path(folder) / METRICS)


def _lines(file: Path, *, whole: bool = False) -> list[dict[str, Any]]:
    if not file.exists():
        return []
    try:
        text = file.read_text("utf-8")
        return [json.loads(line) for line in ([text] if whole else text.splitlines())]
    except OSError as error:
        raise ModelFolderError(f"{file} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise ModelFolderError(f"{file} is damaged: {error}") from None
