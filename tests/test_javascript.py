"""The checks of the pages' JavaScript: its unit tests in tests/page, its types, and the bundled editor.

Without Node.js, or without its packages (`npm ci`), they are skipped, unless ZUOCI_REQUIRE_NODE is set.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

from zuoci.writing.form import count_syllables
from zuoci.writing.settings_document import describe_settings

ROOT = Path(__file__).parents[1]


def missing(what: str) -> NoReturn:
    if os.environ.get("ZUOCI_REQUIRE_NODE"):
        pytest.fail(f"{what} is missing")
    pytest.skip(f"{what} is missing")


def run(program: str, *arguments: str) -> str:
    path = shutil.which(program)
    if path is None:
        missing(program)
    done = subprocess.run([path, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_unit_tests_pass() -> None:
    files = sorted(str(file.relative_to(ROOT)) for file in (ROOT / "tests" / "page").glob("*.test.js"))
    assert files
    run("node", "--test", *files)


def test_they_use_the_settings_that_python_has() -> None:
    """tests/page/document.js is a copy, in part, of what `describe_settings` returns."""
    code = 'import("./tests/page/document.js").then(({ DOCUMENT }) => console.log(JSON.stringify(DOCUMENT)))'
    copied = json.loads(run("node", "--eval", code), parse_int=float)  # JavaScript has no larger integers than 2⁵³
    document = describe_settings()
    for name, setting in copied.pop("settings").items():
        expected = {**document["settings"][name], "description": ""}
        expected.pop("items", None)  # only lists have it
        assert setting == expected, name
    assert copied == {name: document[name] for name in ("start", "constants")}


def test_syllables_are_counted_as_python_counts_them() -> None:
    """Python's categories and JavaScript's script properties agree, on each kind of character and on how they mix."""
    draw = random.Random(1)
    lines = ["".join(draw.choices("山路々〇aé'’-3２ ，.한あ\u0301٣", k=9)) for _ in range(300)]
    module = "./src/zuoci/studio/page/studio/song-text.js"
    counts = f"JSON.stringify({json.dumps(lines)}.map(text.countSyllables))"
    code = f"import({json.dumps(module)}).then((text) => console.log({counts}))"
    assert json.loads(run("node", "--eval", code)) == [count_syllables(line) for line in lines]


def require(package: str) -> None:
    if not (ROOT / "node_modules" / package).is_dir():
        missing(f"node_modules/{package}")


@pytest.mark.slow
def test_the_types_are_right() -> None:
    require("typescript")
    run("npx", "--no-install", "tsc", "-p", ".")


def test_the_bundled_editor_is_what_its_packages_make(tmp_path: Path) -> None:
    require("esbuild")
    run("node", "tools/bundle_editor.js", str(tmp_path))
    committed = ROOT / "src" / "zuoci" / "studio" / "page" / "vendor"
    for file in tmp_path.iterdir():
        assert file.read_bytes() == (committed / file.name).read_bytes(), f"{file.name}: run npm run build"
    assert {"codemirror.js", "LICENSE-codemirror.txt"} == {file.name for file in tmp_path.iterdir()}
