"""The checks of the pages' JavaScript: its unit tests in tests/page, and its types.

Without Node.js, or without TypeScript (`npm ci`), they are skipped, unless ZUOCI_REQUIRE_NODE is set.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).parents[1]


def missing(what: str) -> NoReturn:
    if os.environ.get("ZUOCI_REQUIRE_NODE"):
        pytest.fail(f"{what} is missing")
    pytest.skip(f"{what} is missing")


def run(program: str, *arguments: str) -> None:
    path = shutil.which(program)
    if path is None:
        missing(program)
    done = subprocess.run([path, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_unit_tests_pass() -> None:
    files = sorted(str(file.relative_to(ROOT)) for file in (ROOT / "tests" / "page").glob("*.test.js"))
    assert files
    run("node", "--test", *files)


def test_the_types_are_right() -> None:
    if not (ROOT / "node_modules" / "typescript").is_dir():
        missing("node_modules/typescript")
    run("npx", "--no-install", "tsc", "-p", ".")
