"""The examples in docstrings are run as doctests, on small data sets in the current folder."""

import doctest
import inspect
import shutil
from pathlib import Path

import pytest

import refp
from refp.settings import Recipe, make_instrument

EXAMPLES: dict[str, object] = {
    **{f"refp.{name}": getattr(refp, name) for name in refp.__all__},
    "Recipe.replace": Recipe.replace,
    "make_instrument": make_instrument,
}


@pytest.fixture
def folder(
    tmp_path: Path,
    tiny_sweep: Path,
    tiny_test: Path,
    lookup_model: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Make a current folder with data sets ``training`` and ``test`` and the model ``a2k.refp``."""
    for name, path in (("training", tiny_sweep), ("test", tiny_test), ("a2k.refp", lookup_model)):
        copy = shutil.copytree if path.is_dir() else shutil.copy  # links need a right on Windows
        copy(path, tmp_path / name)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_of_a_docstring_run(name: str, request: pytest.FixtureRequest) -> None:
    documented = EXAMPLES[name]
    text = inspect.getdoc(documented) or ""
    variables: dict[str, object] = {}
    if "With ``planes``" in text:
        variables["planes"] = request.getfixturevalue("planes")
    test = doctest.DocTestParser().get_doctest(text, variables, name, None, None)
    assert test.examples, f"{name}: no example"
    lines: list[str] = []
    failed, _ = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(
        test, out=lines.append
    )
    assert not failed, "".join(lines)
