"""The tasks that people and CI call, one word each; ``nox -s demo`` is the newcomer's first."""

import os
import shutil
import tempfile
import tomllib
import venv
from pathlib import Path

import nox

nox.options.default_venv_backend = (
    "venv"  # pip finds the CPU build of torch; other installers do not
)
nox.options.sessions = ["lint", "types", "tests"]
nox.options.reuse_existing_virtualenvs = True

PROGRAMS = {
    "chromium": ("chromium", "google-chrome"),
    "postgresql": ("initdb", "/usr/lib/postgresql/*/bin/initdb"),
}
"""Debian's packages, and any of the programs that stand for each."""
CONSTRAINTS = ("-c", "constraints.txt")
TEST_TOOLS = ("hypothesis>=6.100", "pytest>=9.2", "pytest-timeout>=2.4", "pytest-xdist>=3.6")
LOWEST_TESTS = ("tests/cli/test_commands.py", "tests/core", "tests/history", "tests/settings")
"""Tests that use most libraries, in a few minutes."""


def _install(session: nox.Session, extras: str = "") -> None:
    session.install(*CONSTRAINTS, "-e", f".[{extras}]" if extras else ".")


@nox.session
def demo(session: nox.Session) -> None:
    """Run the main job on simulated beads and show its result."""
    _install(session)
    session.run("refp", "demo", "--overwrite", *session.posargs)


def _install_programs(session: nox.Session) -> None:
    """Install the browser and the database server that some tests need, where CI may do so.

    Elsewhere, and where this fails, those tests say that they are skipped.
    """
    missing = [package for package, found in PROGRAMS.items() if not any(map(_is_there, found))]
    may = os.environ.get("CI") and shutil.which("apt-get") and os.geteuid() == 0
    if not missing or not may:
        return
    quiet = {"external": True, "silent": True, "success_codes": range(256)}
    session.run("apt-get", "update", "-qq", **quiet)
    session.run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing, **quiet)


def _is_there(program: str) -> bool:
    return bool(shutil.which(program) or any(Path("/").glob(program.removeprefix("/"))))


@nox.session
def tests(session: nox.Session) -> None:
    """Run the test suite."""
    _run_tests(session)


@nox.session(name="tests-3.12", python="3.12")
def tests_312(session: nox.Session) -> None:
    """Run the test suite on Python 3.12."""
    _run_tests(session)


@nox.session(name="tests-3.13", python="3.13")
def tests_313(session: nox.Session) -> None:
    """Run the test suite on Python 3.13."""
    _run_tests(session)


def _run_tests(session: nox.Session) -> None:
    _install_programs(session)
    _install(session, "train,formats,dev")
    session.run("lint-imports")
    # Files as wholes, in the order of tests/conftest.py.
    in_files = ("--dist", "loadfile", "--no-loadscope-reorder")
    # Many processes import this package; its byte code is kept for them, whatever the environment states.
    keep = {"PYTHONDONTWRITEBYTECODE": ""}
    session.run("pytest", "-n", "2", *in_files, *session.posargs, env=keep)


@nox.session(name="tests-lowest")
def tests_lowest(session: nox.Session) -> None:
    """Run tests with the lowest versions that pyproject.toml allows."""
    # Newer versions of pyparsing deprecate what the lowest version of matplotlib calls.
    session.install(*_lowest("history", "web", "cluster"), *TEST_TOOLS, "pyparsing<3.3")
    session.install("--no-deps", "-e", ".")
    session.run("python", "-m", "pip", "check")
    session.run("pytest", "-n0", *(session.posargs or LOWEST_TESTS))


def _lowest(*extras: str) -> list[str]:
    """Return the dependencies, and those of extras, each at its lower bound."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = [project["optional-dependencies"][extra] for extra in extras]
    named = [line for group in (project["dependencies"], *groups) for line in group]
    return sorted({line.replace(">=", "==") for line in named if not line.startswith("refp")})


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting and the direction of imports."""
    _install(session, "dev")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """Check types."""
    _install(session, "train,formats,dev")
    session.run("mypy")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure accuracy and speed; writes benchmarks/*/*.json and the pages made from them."""
    _install(session, "train,web,history,watch")
    session.run("python", "-m", "benchmarks.accuracy", *session.posargs)
    session.run("python", "-m", "benchmarks.speed")
    results = sorted(Path("benchmarks").glob("*/*.json"))
    # Planes, families and speed are measured above; beads_real needs the folder of its sweeps.
    parts = [r.with_suffix("") for r in results if r.with_suffix(".py").is_file()]
    for part in (part for part in parts if part.name != "beads_real"):
        session.run("python", "-m", ".".join(part.parts))
    session.run("python", "-m", "benchmarks.study")
    session.run("python", "-m", "benchmarks.page")


@nox.session
def pages(session: nox.Session) -> None:
    """Regenerate the pages and pictures that are made by the program; needs Chromium."""
    _install(session, "web,dev")
    session.run("python", "-m", "benchmarks.page")
    session.run("python", "-m", "benchmarks.picture")
    session.run("python", "-m", "benchmarks.screens")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site into docs/_build/html; ``-- external`` checks links to other sites too."""
    _install(session, "docs")
    session.run("python", "-m", "sphinx", "-W", "--keep-going", "docs", "docs/_build/html")
    if "external" in session.posargs:
        session.run("python", "-m", "sphinx", "-b", "linkcheck", "docs", "docs/_build/links")


@nox.session
def package(session: nox.Session) -> None:
    """Build and check sdist and wheel, and run the demo from the wheel in an empty environment."""
    session.install("build", "check-wheel-contents", "twine")
    dist = Path(session.create_tmp()).resolve() / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(dist))
    files = sorted(map(str, dist.iterdir()))
    (wheel,) = dist.glob("*.whl")
    session.run("twine", "check", "--strict", *files)
    session.run("check-wheel-contents", str(wheel))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        in_it = (str(python), "-m")
        session.run(*in_it, "pip", "install", *CONSTRAINTS, str(wheel), external=True)
        session.run(*in_it, "refp", "--version", external=True)
        session.chdir(folder)  # where the checkout cannot be imported
        session.run(*in_it, "refp", "demo", external=True)
