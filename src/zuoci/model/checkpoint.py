"""Models on disk: a model → its folder, in the Hugging Face layout and without pickle, and back.

    config.json           the format's version, the model's settings, how it was trained
    model.safetensors     the weights
    vocabulary.json       the characters by id
    README.md             the model card
    fingerprint.safetensors  hashes of the corpus, unless the user left them out
    counts.safetensors    counts that the network is mixed with, if it is
    base-windows.safetensors  what the base has read, in a base model and those that started from one
    training/report.json  the figures of the run
    training/metrics.jsonl  the figures of each evaluation, one per line
    training/unfinished.safetensors  instead of all that: a run that can be resumed

A model is saved whole or not at all, and other files in its folder are not touched; `zuoci.text.folder` explains how.
`zuoci.training` saves models and runs; everything that writes, scores or exports loads them.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from zuoci.errors import ModelFolderError
from zuoci.model.base import model_folder
from zuoci.model.config import ModelConfig
from zuoci.model.destination import check_unchanged, or_elsewhere, refuse
from zuoci.model.lock import writing
from zuoci.model.mixture import Mixture
from zuoci.model.quantisation import decode, encode
from zuoci.model.replacing import (
    FORMAT,
    commit,
    discard,
    in_the_way,
    install,
    replace_durably,
    staging_folder,
    write_durably,
)
from zuoci.model.weights import ModelWeights, fault_of, not_finite
from zuoci.text.fingerprint import Fingerprint
from zuoci.text.folder import (
    BASE_WINDOWS,
    CARD,
    CONFIG,
    COUNTS,
    FINGERPRINT,
    METRICS,
    REPORT,
    UNFINISHED,
    VOCABULARY,
    WEIGHTS,
    is_unfinished,
    parse_json,
    read_files,
    state_of,
)
from zuoci.text.terminal import quote
from zuoci.text.vocabulary import Vocabulary
from zuoci.text.window_filter import WindowFilter

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from zuoci.model.language_model import CharLM

VERSION = 1
_MODEL = (CONFIG, WEIGHTS, VOCABULARY, COUNTS)


def save(
    model: CharLM,
    folder: str | os.PathLike[str],
    *,
    training: Mapping[str, Any] | None = None,
    report: Mapping[str, Any] | None = None,
    metrics: Sequence[Mapping[str, Any]] = (),
    card: str = "",
    fingerprint: Fingerprint | None = None,
    base_windows: WindowFilter | None = None,
    overwrite: bool = False,
    keep: bool = False,
    in_8_bits: bool = False,
) -> Path:
    """Saves a model, whole or not at all. Other files in the folder are not touched.

    Args:
        model: the model; its weights are saved in float32, or in float64 if it is in that.
        folder: must not exist, or be empty; with `overwrite` it may hold a model, which is replaced.
        training: the settings of the run.
        report: the figures of the run.
        metrics: the figures of each evaluation.
        card: the text of the model card.
        fingerprint: the fingerprint of the corpus.
        base_windows: what the base that the model started from has read.
        overwrite: replace a model in the folder.
        keep: if the model cannot be saved in the folder, save it beside that folder, or else among the temporary
            files; the error says where.
        in_8_bits: save the matrices in 8 bits, a quarter of the size, as in the base models that come with zuoci.

    Returns:
        The folder.

    Raises:
        ModelFolderError: the folder is taken or cannot be written, or a weight is not a finite number.
    """
    try:
        contents = _contents_of(model, training or {}, card, in_8_bits)
        if fingerprint is not None:
            contents[FINGERPRINT] = fingerprint.to_bytes()
        if base_windows is not None:
            contents[BASE_WINDOWS] = base_windows.to_bytes()
        if report is not None:
            contents[REPORT] = _json(report)
        if metrics:
            lines = [json.dumps(figures, ensure_ascii=False, allow_nan=False) + "\n" for figures in metrics]
            contents[METRICS] = "".join(lines).encode()
    except ValueError as error:  # a surrogate, or a number that is not finite
        raise ModelFolderError(f"{folder} cannot be saved: {error}") from None
    or_elsewhere(folder, keep, "model", lambda path: _save(path, contents, overwrite=overwrite))
    return Path(folder)


def _contents_of(model: CharLM, training: Mapping[str, Any], card: str, in_8_bits: bool) -> dict[str, bytes]:
    """The contents of the files that every model has."""
    weights = model.weights().arrays
    if broken := not_finite(weights):
        raise ModelFolderError(f"the model cannot be saved: {broken} holds values that are not finite numbers")
    if in_8_bits:
        weights = encode(weights)
    counts = {} if model.mixture is None else {COUNTS: save_arrays(model.mixture.to_arrays())}
    config = {
        "format": FORMAT,
        "version": VERSION,
        "model_type": "zuoci",
        "vocab_size": len(model.vocabulary),
        "model": model.config.model_dump(mode="json"),
        "training": dict(training),
    }
    return {
        WEIGHTS: save_arrays(weights, {"format": "pt"}),
        VOCABULARY: model.vocabulary.to_json().encode(),
        CONFIG: _json(config),
        CARD: card.encode(),
        **counts,
    }


def _save(folder: str | os.PathLike[str], contents: Mapping[str, bytes], *, overwrite: bool) -> None:
    with writing(folder) as hold:
        check_unchanged(folder, hold)
        try:
            refuse(folder, hold.path, overwrite=overwrite, among_others=hold.accepted)
            install(hold.path)
            write_folder(hold.path, contents)
            hold.existed = True
        except OSError as error:
            raise ModelFolderError(f"{folder} cannot be saved: {reason_of(error)}") from None
        finally:
            hold.state = state_of(hold.path)


def save_unfinished(folder: str | os.PathLike[str], data: bytes, *, keep: bool = False) -> Path:
    """Saves a run that can be resumed, in the folder where its model will be.

    Args:
        folder: created if it does not exist.
        data: the contents of the file; `zuoci.training.resume` makes them.
        keep: as in `save`.

    Returns:
        The file.

    Raises:
        ModelFolderError: the file cannot be written.
    """
    or_elsewhere(folder, keep, "run", lambda path: _save_unfinished(path, data))
    return Path(folder) / UNFINISHED


def _save_unfinished(folder: str | os.PathLike[str], data: bytes) -> None:
    with writing(folder) as hold:
        check_unchanged(folder, hold)
        file = hold.path / UNFINISHED
        try:
            if entry := in_the_way(hold.path, [UNFINISHED]):
                raise ModelFolderError(f"{entry} is in the way: zuoci did not write it; move it away")
            if hold.existed or hold.path.is_dir():
                file.parent.mkdir(exist_ok=True)
                replace_durably(file, data)
            else:
                write_folder(hold.path, {UNFINISHED: data})
        except OSError as error:
            raise ModelFolderError(f"{Path(folder) / UNFINISHED} cannot be saved: {reason_of(error)}") from None
        hold.existed = True


def forget_run(folder: str | os.PathLike[str]) -> None:
    """Removes the run that was stopped in a folder, and the folder if nothing else is in it.

    Raises:
        ModelFolderError: another process trains into the folder, or the run cannot be removed.
    """
    with writing(folder) as hold:
        file = hold.path / UNFINISHED
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise ModelFolderError(f"{Path(folder) / UNFINISHED} cannot be removed: {reason_of(error)}") from None
        with suppress(OSError):  # something else is in it
            file.parent.rmdir()
            hold.path.rmdir()
        hold.existed = hold.path.is_dir()


def _json(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode()


def write_folder(path: Path, contents: Mapping[str, bytes], *, check: Callable[[Path], object] | None = None) -> None:
    """Writes the files of a model into a folder, all or none.

    Args:
        path: the folder; it may be missing.
        contents: the contents by file name.
        check: is called with a folder that holds the files, before they move to `path`, and raises what is wrong.

    Raises:
        OSError: a file cannot be written.
    """
    stage = staging_folder(path)
    stage.mkdir()
    try:
        for name, data in contents.items():
            if (stage / name).parent != stage:
                (stage / name).parent.mkdir(exist_ok=True)
            write_durably(stage / name, data)
        if check:
            check(stage)
        commit(stage, path)
    except BaseException:
        discard(stage)
        raise


def load(folder: str | os.PathLike[str]) -> CharLM:
    """Loads a model on the CPU, in evaluation mode.

    Args:
        folder: the folder of a model; or `zh` or `en`, the base models that come with zuoci.

    Raises:
        ModelFolderError: the folder holds no model, a model of another version, or a damaged one.
    """
    from zuoci.model.language_model import CharLM  # torch, which `load_weights` does without

    return CharLM.of(load_weights(folder))


def load_weights(folder: str | os.PathLike[str]) -> ModelWeights:
    """Loads a model without torch.

    Raises:
        ModelFolderError: as in `load`.
    """
    path = model_folder(folder)
    return _model(path, read_files(path, _MODEL))


def load_for_writing(folder: str | os.PathLike[str]) -> tuple[ModelWeights, Fingerprint | None, WindowFilter | None]:
    """Loads a model without torch, and of its text and its base's what copies are recognised by; None if it has none.

    Raises:
        ModelFolderError: as in `load`, or one of the two is damaged.
    """
    path = model_folder(folder)
    files = read_files(path, (*_MODEL, FINGERPRINT, BASE_WINDOWS))
    model = _model(path, files)
    fingerprint = Fingerprint.parse(path / FINGERPRINT, files[FINGERPRINT]) if FINGERPRINT in files else None
    windows = WindowFilter.parse(path / BASE_WINDOWS, files[BASE_WINDOWS]) if BASE_WINDOWS in files else None
    return model, fingerprint, windows


def load_description(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads what a folder says about its model, without loading the weights.

    Returns:
        `model`: the settings of the model; `training`: those of its run; `vocabulary`: its characters in one string.

    Raises:
        ModelFolderError: as in `load`.
    """
    path = model_folder(folder)
    files = read_files(path, _MODEL)
    _check_complete(path, files)
    vocabulary = _vocabulary(path / VOCABULARY, files[VOCABULARY])
    config = _config(path / CONFIG, files[CONFIG], len(vocabulary))
    training = parse_json(path / CONFIG, files[CONFIG]).get("training")
    if not isinstance(training, dict):
        raise ModelFolderError(f"{path / CONFIG} is damaged: training must be the settings of a run")
    return {"model": config.model_dump(mode="json"), "training": training, "vocabulary": vocabulary.characters}


def _model(path: Path, files: Mapping[str, bytes]) -> ModelWeights:
    _check_complete(path, files)
    vocabulary = _vocabulary(path / VOCABULARY, files[VOCABULARY])
    config = _config(path / CONFIG, files[CONFIG], len(vocabulary))
    try:
        arrays = decode(load_arrays(files[WEIGHTS]))
    except (ValueError, KeyError, TypeError, SafetensorError) as error:
        raise _damaged(path / WEIGHTS, error) from None
    if fault := fault_of(arrays, config, len(vocabulary)):
        raise ModelFolderError(f"{path / WEIGHTS} is damaged: {fault}")
    if broken := not_finite(arrays):
        raise ModelFolderError(f"{path / WEIGHTS} is damaged: {broken} holds values that are not finite numbers")
    mixture = None
    if COUNTS in files:
        try:
            mixture = Mixture.from_arrays(load_arrays(files[COUNTS]), len(vocabulary))
        except (ValueError, KeyError, TypeError, SafetensorError) as error:
            raise _damaged(path / COUNTS, error) from None
    return ModelWeights(config, vocabulary, arrays, mixture)


def _check_complete(path: Path, files: Mapping[str, bytes]) -> None:
    if not {CONFIG, WEIGHTS} <= files.keys():
        if is_unfinished(path):
            command = f"zuoci train --resume --out {quote(path)}"
            raise ModelFolderError(f"{path} holds a run that was stopped; finish it: {command}")
        what = "does not exist" if not path.exists() else f"holds no model: {CONFIG} and {WEIGHTS} are missing"
        raise ModelFolderError(f"{path} {what}; name the folder of a trained model, or zh or en")
    if VOCABULARY not in files:
        raise ModelFolderError(f"{path / VOCABULARY} cannot be read: it is missing")


def _config(file: Path, data: bytes, vocab_size: int) -> ModelConfig:
    config = parse_json(file, data)
    if not isinstance(config, dict) or config.get("format") != FORMAT:  # pyright: ignore[reportUnknownMemberType]
        raise ModelFolderError(f"{file} belongs to a model that zuoci did not write")
    missing = [name for name in ("version", "vocab_size", "model") if name not in config]
    if missing:
        raise ModelFolderError(f"{file} is damaged: {missing[0]} is missing")
    if config["version"] != VERSION:
        raise ModelFolderError(f"{file} has version {config['version']} of the format; this zuoci reads {VERSION}")
    if config["vocab_size"] != vocab_size:
        raise ModelFolderError(f"{file} is damaged: {VOCABULARY} does not belong to {CONFIG}")
    try:
        return ModelConfig.model_validate(config["model"])
    except ValidationError as error:
        raise _damaged(file, error) from None


def _vocabulary(file: Path, data: bytes) -> Vocabulary:
    try:
        return Vocabulary.from_json(data.decode())
    except UnicodeDecodeError:
        raise ModelFolderError(f"{file} is damaged: it is not UTF-8") from None
    except ModelFolderError as error:
        raise ModelFolderError(f"{file}: {error}") from None


def _damaged(file: Path, error: Exception) -> ModelFolderError:
    return ModelFolderError(f"{file} is damaged: {reason_of(error)}")


def reason_of(error: Exception) -> str:
    """The reason that an error gives, in one line."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(":")
