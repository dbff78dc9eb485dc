from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import zuoci


def test_type_checkers_see_just_the_names_that_the_package_exports() -> None:
    tree = ast.parse(Path(zuoci.__file__).read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imported = [
        (node.module, alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name  # the form that marks a name as public
    ]
    table = [(module, name) for module, names in zuoci._PLACES.items() for name in names]  # pyright: ignore
    assert sorted(imported) == sorted(table)
    assert zuoci.__all__ == sorted(name for _, name in table)


@pytest.mark.parametrize("name", zuoci.__all__)
def test_every_exported_name_is_there_and_explains_itself(name: str) -> None:
    assert getattr(zuoci, name).__doc__
    assert name in dir(zuoci)


def test_the_package_says_that_it_is_typed() -> None:
    assert Path(zuoci.__file__).with_name("py.typed").is_file()
    for path, name in [(module, name) for module, names in zuoci._PLACES.items() for name in names]:  # pyright: ignore
        source = Path(zuoci.__file__).parent.joinpath(*path.split(".")[1:]).with_suffix(".py").read_text("utf-8")
        own = re.search(rf"^(class|def) {name}\b|^{name}\b.* = ", source, re.MULTILINE)
        assert own or f"import {name} as {name}" in source, f"type checkers do not see {path}.{name}"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'poem'"):
        zuoci.poem  # noqa: B018  # pyright: ignore


def test_importing_the_package_does_not_wait_for_torch() -> None:
    check = "import sys, zuoci, zuoci.cli, zuoci.cli.train; print(sorted({'torch', 'numpy'} & sys.modules.keys()))"
    assert subprocess.check_output([sys.executable, "-c", check], text=True) == "[]\n"


def test_every_error_is_a_zuoci_error() -> None:
    for name in zuoci.__all__:
        if name.endswith("Error"):
            assert issubclass(getattr(zuoci, name), zuoci.ZuociError)
