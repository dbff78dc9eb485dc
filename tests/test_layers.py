"""Data flows one way: each room imports only from rooms left of it, and `errors`.

`server` and `export` stand side by side: neither imports from the other.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
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
        allowed = {
            "lesson.py": {"zuoci.errors", "zuoci.text.corpus"},
            "lesson_plots.py": {"zuoci.errors"},
            "lesson_steps.py": {"zuoci.lesson", "zuoci.text.corpus", "zuoci.writing.originality"},
            "errors.py": set[str](),
            "__main__.py": {"zuoci.cli"},
        }
        assert imports(path) == allowed[parts[0]]
        return
    left = ROOMS[: ROOMS.index(parts[0]) + 1]
    if parts[0] == "export":  # beside the server, not right of it
        left.remove("server")
    for name in imports(path):
        room = name.split(".")[1]
        more = {
            "server": ["__version__"],
            "studio": ["__version__"],
            "cli": ["__version__", "lesson", "lesson_plots", "lesson_steps"],
        }.get(parts[0], [])
        assert room in [*left, "errors", *more], name


def test_no_module_imports_itself_in_a_circle() -> None:
    """Imports for type checkers, and those inside functions, count as well."""
    names = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in MODULES}
    graph = {name: imports(path) & names.keys() for name, path in names.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_function_has_sixty_lines_at_most(path: Path) -> None:
    """From the first line after its docstring on: a command's options and a docstring are read like a table."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[1 if ast.get_docstring(node) and len(node.body) > 1 else 0]
            assert (node.end_lineno or 0) - first.lineno < 60, node.name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_stays_within_a_few_hundred_lines(path: Path) -> None:
    most = 440 if path.name == "lesson.py" and path.parent == PACKAGE else 400  # the lesson is one file, read in one go
    assert len(path.read_text("utf-8").splitlines()) <= most


# What the commands `serve` and `export` import when they run.
NEEDED = {
    "serve": "import zuoci.cli.serve, zuoci.server.app, zuoci.server.run, zuoci.writing.writer",
    "export": "import zuoci.cli.export, zuoci.export.formats, zuoci.model.output, zuoci.text.corpus, "
    "zuoci.text.read_config",
}


def test_a_command_that_shows_no_studio_imports_none_of_it() -> None:
    for command, code in NEEDED.items():
        inside = {name for name in imports(PACKAGE / "cli" / f"{command}.py") if not name.startswith("zuoci.cli")}
        assert all(name in code or name == "zuoci.errors" for name in inside)
    found = "print([name for name in sys.modules if name.startswith('zuoci.studio')])"
    code = "; ".join(["import sys", *NEEDED.values(), found])
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"
