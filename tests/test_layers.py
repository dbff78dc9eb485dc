"""Data flows one way: each room imports only from rooms left of it, and `errors`.

`server` and `export` stand side by side: neither imports from the other.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import zuoci

ROOMS = ["text", "model", "training", "writing", "server", "export", "studio", "cli"]
PACKAGE = Path(zuoci.__file__).parent
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py" or path.parent.name == "cli")


def imports(path: Path) -> set[str]:
    """Every module of the package that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "zuoci" else [node.module]
            found.update(names)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return {name for name in found if name.split(".")[0] == "zuoci"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_from_rooms_left_of_it(path: Path) -> None:
    parts = path.relative_to(PACKAGE).parts
    if parts[0] not in ROOMS:
        allowed = {"lesson.py": {"zuoci.text.corpus"}, "errors.py": set[str](), "__main__.py": {"zuoci.cli"}}
        assert imports(path) == allowed[parts[0]]
        return
    left = ROOMS[: ROOMS.index(parts[0]) + 1]
    if parts[0] == "export":  # beside the server, not right of it
        left.remove("server")
    for name in imports(path):
        room = name.split(".")[1]
        more = {"server": ["__version__"], "studio": ["__version__"], "cli": ["__version__", "lesson"]}.get(
            parts[0], []
        )
        assert room in [*left, "errors", *more], name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_stays_within_a_few_hundred_lines(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 450


# What the commands `serve` and `export` import when they run.
NEEDED = {
    "serve": "import zuoci.cli.serve, zuoci.server.app, zuoci.server.run, zuoci.model.checkpoint",
    "export": "import zuoci.cli.export, zuoci.export.formats, zuoci.model.output, zuoci.text.corpus",
}


@pytest.mark.parametrize("command", NEEDED)
def test_a_command_that_shows_no_studio_imports_none_of_it(command: str) -> None:
    inside = {name for name in imports(PACKAGE / "cli" / f"{command}.py") if not name.startswith("zuoci.cli")}
    assert all(name in NEEDED[command] or name == "zuoci.errors" for name in inside)
    code = f"{NEEDED[command]}, sys; print([name for name in sys.modules if name.startswith('zuoci.studio')])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"
