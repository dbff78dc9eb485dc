"""The documents say what the program does. `python -m tests.test_docs` writes docs/cli.md anew."""

from __future__ import annotations

import inspect
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from tests import processes

from zuoci import lesson
from zuoci.cli import COMMANDS

ROOT = Path(__file__).parent.parent
HEAD = """# The command line

What `zuoci COMMAND --help` prints. Data goes to stdout, messages and progress to stderr. Exit codes: 0 done,
1 it could not be done, 2 wrong use, 128 and the number of the signal that stopped it (130: Ctrl-C).
"""


def command_reference() -> str:
    """docs/cli.md, from the commands themselves."""
    sections = [HEAD]
    for command in COMMANDS:
        text = subprocess.run(
            [sys.executable, "-m", "zuoci", command, "--help"],
            capture_output=True, text=True, check=True, encoding="utf-8",
            env={**os.environ, "COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"},
        ).stdout  # fmt: skip
        text = "\n".join(line.rstrip() for line in text.strip("\n").splitlines()).replace("python -m zuoci", "zuoci")
        sections.append(f"## zuoci {command}\n\n```text\n{text}\n```\n")
    return "\n".join(sections)


def test_the_command_reference_is_what_the_commands_say() -> None:
    assert (ROOT / "docs" / "cli.md").read_text("utf-8") == command_reference()


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_a_readme_has_the_two_commands_and_only_files_that_exist(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    assert "python -m pip install -c constraints.txt . && zuoci train\n" in text
    assert "python -m pip install -c constraints.txt '.[test]' && python -m pytest\n" in text
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / target).exists(), target


def test_the_tests_that_the_promises_name_exist() -> None:
    named = re.findall(r"`((?:[a-z]+/)*test_[a-z_]+\.py)`", (ROOT / "docs" / "promises.md").read_text("utf-8"))
    assert [name for name in named if not (ROOT / "tests" / name).exists()] == []
    assert len(named) > 30


def commands_of(name: str) -> list[str]:
    """The lines after `$ ` in a README, each once."""
    return list(dict.fromkeys(re.findall(r"^\$ (zuoci .*)$", (ROOT / name).read_text("utf-8"), re.MULTILINE)))


def test_both_readmes_show_the_same_commands() -> None:
    assert commands_of("README.md") == commands_of("README.zh-CN.md") != []


def quicker(command: str) -> str:
    """The same command with little to do, where it trains."""
    few = {"zuoci train": " --epochs 0 --steps 3", "zuoci lesson": " --epochs 1"}
    return command + next((words for start, words in few.items() if command.startswith(start)), "")


@pytest.mark.slow
def test_the_readmes_commands_run(tmp_path: Path) -> None:
    for command in commands_of("README.md"):
        words = shlex.split(quicker(command).split(" 2>")[0])[1:]
        result = processes.run(*words, cwd=tmp_path)
        assert result.returncode == 0, f"{command}: {result.stderr}"


def python_of(name: str) -> str:
    """The example in Python of a README, without comments."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / name).read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 1
    return re.sub("  #.*", "", blocks[0])


def test_both_readmes_have_the_same_example_of_six_lines() -> None:
    assert python_of("README.md") == python_of("README.zh-CN.md")
    assert len([line for line in python_of("README.md").splitlines() if line]) == 6


@pytest.mark.slow
def test_the_readmes_python_example_runs(tmp_path: Path) -> None:
    code = re.sub(r'"epochs": \d+', '"epochs": 0, "steps": 3', python_of("README.md"))
    assert '"steps": 3' in code
    (tmp_path / "example.py").write_text(code, "utf-8")
    result = processes.run(module="example", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("分开")


@pytest.mark.slow
def test_the_page_on_the_lesson_names_every_function_and_its_lines_run(capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs" / "lesson.md").read_text("utf-8")
    functions = [name for name, value in vars(lesson).items() if inspect.isfunction(value) and name[0] != "_"]
    own = [name for name in functions if getattr(lesson, name).__module__ == lesson.__name__]
    assert [name for name in own if f"`{name}`" not in text] == []
    assert len(own) > 12
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(block, names)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "True"
    assert [line.split(",")[0] for line in printed[1:5:2]] == ["epoch 2", "epoch 2"]
    assert printed[-1] == "2"
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / "docs" / target).exists(), target


if __name__ == "__main__":
    (ROOT / "docs" / "cli.md").write_text(command_reference(), "utf-8")
