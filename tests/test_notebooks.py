"""The lesson's notebooks run, answers included, and are what their sources say, in both languages.

`python tests/test_notebooks.py` runs both anew and writes the .ipynb files beside their sources.
"""

from __future__ import annotations

import ast
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parent.parent / "notebooks"
LANGUAGES = ["en", "zh"]
ANSWER = re.compile(r"```python\n(.*?)```", re.DOTALL)


def source(language: str) -> Any:
    """The notebook without outputs, from its text; its cells have the same names each time."""
    notebook: Any = jupytext.read(FOLDER / f"lesson.{language}.py")
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
        cell["metadata"] = {}
    kernel = notebook.metadata["kernelspec"]
    notebook.metadata = nbformat.from_dict({"kernelspec": kernel, "language_info": {"name": "python"}})
    return notebook


def committed(language: str) -> Any:
    return nbformat.read(FOLDER / f"lesson.{language}.ipynb", as_version=4)  # pyright: ignore[reportUnknownVariableType]


def with_answers(notebook: Any) -> Any:
    """A notebook in which each folded answer runs after the cell that holds it."""
    cells: list[Any] = []
    for cell in notebook.cells:
        cells.append(cell)
        if cell.cell_type == "markdown":
            cells += [nbformat.v4.new_code_cell(code) for code in ANSWER.findall(cell.source)]  # pyright: ignore[reportUnknownArgumentType]
    notebook.cells = cells
    return notebook


def run(notebook: Any, folder: Path) -> Any:
    """Runs a notebook in a fresh kernel of this Python."""
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.execute()
    return notebook


def outputs(notebook: Any) -> Iterator[Any]:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            yield from cell.outputs


def pictures(notebook: Any) -> int:
    return sum("image/png" in output.get("data", {}) for output in outputs(notebook))


@pytest.fixture(autouse=True)
def _quiet_jupyter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:  # pyright: ignore[reportUnusedFunction]
    """Jupyter's files go to a folder of the test, and each kernel computes on one thread."""
    for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_notebook_runs_with_its_answers(language: str, tmp_path: Path) -> None:
    notebook = run(with_answers(source(language)), tmp_path)
    errors = [output for output in outputs(notebook) if output.output_type == "error" or output.get("name") == "stderr"]
    assert errors == []  # a missing glyph is a warning on stderr
    assert pictures(notebook) == pictures(committed(language))
    assert list(tmp_path.glob("*.py")) == []  # nothing is left behind


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_notebook_is_its_source_and_has_its_outputs(language: str) -> None:
    """Else run `python tests/test_notebooks.py`."""
    expected, found = source(language), committed(language)
    assert [(cell.cell_type, cell.source) for cell in found.cells] == [
        (cell.cell_type, cell.source) for cell in expected.cells
    ]
    assert all(output.output_type != "error" for output in outputs(found))
    assert pictures(found) >= 15
    showing = [cell for cell in found.cells if cell.cell_type == "code" and re.search(r"^(print|plots\.)", cell.source)]
    assert all(cell.outputs for cell in showing)


class _Wordless(ast.NodeTransformer):
    """Takes the words out of a syntax tree, and the order and widths of what f-strings show between them."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return ast.Constant("") if isinstance(node.value, str) else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.JoinedStr:
        shown = [self.visit(part.value) for part in node.values if isinstance(part, ast.FormattedValue)]
        return ast.JoinedStr(sorted(shown, key=ast.dump))


def skeleton(code: str) -> str:
    """The syntax tree of some code without its words."""
    return ast.dump(_Wordless().visit(ast.parse(code)))


def test_both_languages_run_the_same_code() -> None:
    english, chinese = (with_answers(source(language)).cells for language in LANGUAGES)
    assert [cell.cell_type for cell in english] == [cell.cell_type for cell in chinese]
    for one, other in zip(english, chinese, strict=True):
        if one.cell_type == "code":
            assert skeleton(one.source) == skeleton(other.source), other.source
        else:
            assert re.findall(r"^#+ ", one.source, re.M) == re.findall(r"^#+ ", other.source, re.M)


def test_every_part_has_exercises_and_their_answers_are_folded_away() -> None:
    for language in LANGUAGES:
        cells = [cell.source for cell in source(language).cells if cell.cell_type == "markdown"]
        parts = [part for cell in cells for part in re.findall(r"^## (\d)\.", cell, re.MULTILINE)]
        answers = [cell for cell in cells if ANSWER.search(cell)]
        assert len(answers) == len(parts) == 9
        for cell in answers:
            assert cell.index("<details><summary>") < cell.index("```python") < cell.index("</details>")


if __name__ == "__main__":
    for name in LANGUAGES:
        with tempfile.TemporaryDirectory() as place:
            done = run(source(name), Path(place))
        for each in done.cells:
            each["metadata"] = {}  # when each cell ran
        done.metadata = source(name).metadata
        nbformat.write(done, FOLDER / f"lesson.{name}.ipynb")
