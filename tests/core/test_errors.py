"""The exception tree."""

import inspect
import re

import pytest

from refp.core import errors
from refp.core.errors import InputError, MissingExtraError, RefpError

CLASSES = [c for _, c in inspect.getmembers(errors, inspect.isclass)]


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_is_a_refp_error_and_drawn_in_the_tree(error: type[Exception]) -> None:
    assert issubclass(error, RefpError)
    assert re.search(rf"\b{error.__name__}\b", errors.__doc__ or "")


@pytest.mark.parametrize("name", ["DataError", "RecipeError", "ModelError", "OutputError"])
def test_errors_of_inputs_are_input_errors(name: str) -> None:
    assert issubclass(getattr(errors, name), InputError)


def test_a_missing_library_names_the_extra() -> None:
    error = MissingExtraError("nd2", "formats", "reading ND2 files")
    assert str(error) == (
        "reading ND2 files needs nd2, which is not installed: python -m pip install 'refp[formats]'"
    )
    assert not isinstance(error, InputError)
