"""A model → one HTML file that writes with the model in any browser, offline.

`zuoci.export.formats` calls `export_html`. The page is made of the files in `zuoci/studio/page`: its JavaScript modules
become one script, each module a function; weights, counts, vocabulary and figures become a block of JSON. The page's
content-security policy lets it load nothing.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import posixpath
import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from zuoci.export.quantisation import Precision, pack_weights, quantise
from zuoci.model.output import check_output, write_output
from zuoci.text.fingerprint import WINDOW
from zuoci.training.evaluation import evaluate
from zuoci.writing.line_judge import DILATIONS, LONGEST_BEFORE
from zuoci.writing.rhyme.scheme import Rhymes
from zuoci.writing.settings_document import describe_settings

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from zuoci.model.language_model import CharLM
    from zuoci.text.fingerprint import Fingerprint
    from zuoci.writing.line_judge import LineJudge

# Below `zuoci/studio/page`:
_PAGE = "give/give.html"
_SCRIPT = "give/give.js"
_STYLES = ("shared/style.css", "give/sheet.css")


def export_html(
    model: CharLM,
    file: str | os.PathLike[str],
    *,
    precision: Precision = "int8",
    title: str = "",
    report: Mapping[str, Any] | None = None,
    text: str = "",
    rhymes: Mapping[str, str] | None = None,
    fingerprint: Fingerprint | None = None,
    judge: LineJudge | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Writes a web page that writes with a model in any browser and never uses a network.

    Args:
        model: the model.
        file: the file to write.
        precision: the type of the weights in the page.
        title: the title of the page.
        report: the figures of the training run, as `load_report` gives them.
        text: a text that the model was not trained on, to measure what the precision costs; "": not measured.
        rhymes: character → the name of its rhyme, as `rhyme_table` gives it; None: the page has no rhyme schemes.
        fingerprint: the fingerprint of the training text; None: the page cannot tell what is copied.
        judge: what tells people's lines from those of the base that the model started from; None: lines are chosen
            without it.
        overwrite: replace a file that exists.

    Returns:
        `precision`; `bytes`, the size of the file; `loss`, the scores on `text` `before` and `after` the weights were
        written in this precision, or None.

    Raises:
        SettingsError: the file exists or cannot be written, or the precision cannot hold the weights.
        CorpusError: the text has fewer than two characters that the model knows.
    """
    check_output(file, overwrite=overwrite)
    document = page_document(
        model,
        precision=precision,
        title=title,
        report=report,
        text=text,
        rhymes=rhymes,
        fingerprint=fingerprint,
        judge=judge,
    )
    page = render(document).encode()
    write_output(file, page, overwrite=overwrite)
    return {"precision": precision, "bytes": len(page), "loss": document["loss"]}


def page_document(
    model: CharLM,
    *,
    precision: Precision = "int8",
    title: str = "",
    report: Mapping[str, Any] | None = None,
    text: str = "",
    rhymes: Mapping[str, str] | None = None,
    fingerprint: Fingerprint | None = None,
    judge: LineJudge | None = None,
) -> dict[str, Any]:
    """The block of JSON in a page. The arguments are those of `export_html`.

    Raises:
        SettingsError: the precision cannot hold the weights.
        CorpusError: the text has fewer than two characters that the model knows.
    """
    weights = quantise(model, precision)
    loss = None
    if text:
        ids = model.vocabulary.encode(model.vocabulary.adapt(text)[0])
        before, after = (evaluate(each, ids, of="the given text") for each in (model, weights.model))
        loss = {"before": before.as_dict(), "after": after.as_dict()}
    document: dict[str, Any] = {
        "title": title,
        "config": model.config.model_dump(mode="json"),
        "characters": model.vocabulary.characters,
        "parameters": model.parameter_count,
        "precision": precision,
        "loss": loss,
        "report": dict(report or {}),
        "rhymes": {char: rhymes[char] for char in model.vocabulary.characters if char in rhymes} if rhymes else None,
        "fingerprint": None if fingerprint is None else _base64(pack_hashes(window_hashes(fingerprint))),
        "tensors": weights.tensors,
        "weights": _base64(weights.data),
        "mixture": None if model.mixture is None else pack_arrays(model.mixture.to_arrays()),
        "judge": None if judge is None else _pack_judge(judge, model.vocabulary.characters),
        **describe_settings(),
    }
    identity = hashlib.sha256(_json(document).encode()).hexdigest()[:16]
    return {**document, "identity": identity}  # under which a browser stores the page's text


def render(document: Mapping[str, Any]) -> str:
    """The whole page with a document in it: style, script, and a policy that lets it load nothing else."""
    page, script = _read(_PAGE), bundle(_SCRIPT, _read)
    style = "".join(map(_read, _STYLES))
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    values = {
        "title": html.escape(document["title"] or "作词 · zuoci"),
        "policy": policy,
        "style": f"<style>{style}</style>",
        "script": f'<script type="module">{script}</script>',
        "data": f'<script type="application/json" id="model">{_json(document)}</script>',
    }
    return re.sub(r"<!--\{(\w+)\}-->|\{\{(\w+)\}\}", lambda found: values[found[1] or found[2]], page)


def _read(path: str) -> str:
    """A file of the page."""
    return files("zuoci").joinpath("studio", "page", path).read_text("utf-8")


def bundle(main: str, read: Callable[[str], str]) -> str:
    """Puts ES modules into one script: each imported module, once and before its importers, in a function of its own.

    Args:
        main: the path of the first module.
        read: returns the source of the module at a path. Imports are relative to the importing module's folder.
    """
    modules: dict[str, str] = {}

    def inline(path: str) -> str:
        def use(found: re.Match[str]) -> str:
            names = found[1].replace(" as ", ": ")
            name = posixpath.normpath(posixpath.join(posixpath.dirname(path), found[2]))
            if name not in modules:
                body = inline(name)
                exported = re.findall(r"^export (?:(?:async )?function\*?|class|const) (\w+)", body, re.MULTILINE)
                body = re.sub(r"^export ", "", body, flags=re.MULTILINE)
                modules[name] = f"{body}return {{ {', '.join(exported)} }};"
            return f"const {{{names}}} = {_variable(name)};"

        return re.sub(r'^import \{([^}]*)\} from "(\.[\w./]+)";$', use, read(path), flags=re.MULTILINE)

    last = inline(main)
    parts = [f"const {_variable(name)} = (() => {{\n{body}\n}})();\n" for name, body in modules.items()]
    script = "".join([*parts, last])
    assert not re.search(r"</script|<!--|^(import|export)\b", script, re.IGNORECASE | re.MULTILINE)
    return script


def _variable(name: str) -> str:
    return "$" + name.removesuffix(".js").replace("/", "_")


def _json(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")  # which would let a text end the block


def _hash(text: str) -> str:
    return f"'sha256-{_base64(hashlib.sha256(text.encode()).digest())}'"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def pack_arrays(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Arrays by name as `data`, base64 of their little-endian values, and where each stands there: `arrays`."""
    entries: list[dict[str, Any]] = []
    data = bytearray()
    for name, values in arrays.items():
        entries.append({"name": name, "shape": list(values.shape), "type": values.dtype.name, "at": len(data)})
        data += values.astype(values.dtype.newbyteorder("<")).tobytes()
    return {"arrays": entries, "data": _base64(bytes(data))}


def _pack_judge(judge: LineJudge, characters: str) -> dict[str, Any]:
    """A judge of lines in 8 bits, as line_judge.js reads it."""
    tensors, data, _ = pack_weights(judge.weights_for(characters), "int8")
    return {
        "tensors": tensors,
        "weights": _base64(data),
        "dilations": list(DILATIONS),
        "longest_before": LONGEST_BEFORE,
    }


def rhyme_table(characters: str) -> dict[str, str]:
    """Chinese character → the name of its rhyme in 十三辙, each character read by itself, as the page reads them."""
    rhymes = Rhymes()
    return {char: key.removeprefix("zh:") for char in characters if (key := rhymes.group(char)) and key[:2] == "zh"}


def window_hashes(fingerprint: Fingerprint) -> NDArray[np.uint64]:
    """The hashes of the windows of a training text in 40 bits, sorted, without repetitions; see `originality.js`."""
    words = fingerprint.words[: max(0, len(fingerprint) - WINDOW + 1)]  # the last ones reach beyond the end
    seven, eighth = words >> np.uint64(24), words >> np.uint64(3) & np.uint64(0x1FFFFF)
    return np.unique(seven ^ eighth << np.uint64(19))


def pack_hashes(hashes: NDArray[np.uint64]) -> bytes:
    """Hashes of 40 bits as 5 bytes each, little-endian."""
    return hashes.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :5].tobytes()
