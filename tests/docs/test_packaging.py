"""Files of packages agree with pyproject.toml, and the README keeps its form."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CONDA_NAMES = {"GTC": "gtc", "matplotlib": "matplotlib-base"}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(read("pyproject.toml"))["project"]
    return found


def test_conda_needs_the_same_libraries(project: dict[str, Any]) -> None:
    _, _, run = read("conda/recipe.yaml").partition("  run:\n")
    needed = re.findall(r"^    - (\S+) (>=\S+)$", run.partition("\n\n")[0], re.MULTILINE)
    named = (line.partition(">=") for line in project["dependencies"])
    expected = {(CONDA_NAMES.get(name, name), f">={bound}") for name, _, bound in named}
    assert set(needed) == {*expected, ("python", project["requires-python"])}


@pytest.mark.parametrize(
    ("name", "pattern"),
    [("conda/recipe.yaml", r'version: "(.*)"'), ("CITATION.cff", r"^version: (.*)$")],
)
def test_versions_agree(project: dict[str, Any], name: str, pattern: str) -> None:
    assert re.findall(pattern, read(name), re.MULTILINE) == [project["version"]]


def test_every_dependency_has_a_lower_bound(project: dict[str, Any]) -> None:
    """Session ``tests-lowest`` installs the lower bounds."""
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    lines = [line for group in groups for line in group]
    assert [line for line in lines if ">=" not in line and not line.startswith("refp[")] == []


def test_workflow_tests_every_python(project: dict[str, Any]) -> None:
    versions = [line.rpartition(" ")[2] for line in project["classifiers"] if "3." in line]
    text = read(".github/workflows/tests.yml")
    assert str(versions).replace("'", '"') in text


@pytest.mark.parametrize("name", ["docker/server.Dockerfile", "docker/worker.Dockerfile"])
def test_containers_install_known_extras(project: dict[str, Any], name: str) -> None:
    (extras,) = re.findall(r"'\.\[(.*)\]'", read(name))
    assert set(extras.split(",")) <= set(project["optional-dependencies"])


def test_readme_is_short_and_its_links_exist() -> None:
    text = read("README.md")
    assert len(text.splitlines()) <= 120
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (ROOT / link).exists(), link
