"""The tasks that people and CI call, one word each; ``nox -s demo`` is the newcomer's first."""

import nox

nox.options.default_venv_backend = (
    "venv"  # pip finds the CPU build of torch; other installers do not
)
nox.options.sessions = ["lint", "types", "tests"]
nox.options.reuse_existing_virtualenvs = True

CONSTRAINTS = ("-c", "constraints.txt")


def _install(session: nox.Session, extras: str) -> None:
    session.install(*CONSTRAINTS, "-e", f".[{extras}]")


@nox.session
def demo(session: nox.Session) -> None:
    """Run the main job on simulated beads and show its result."""
    _install(session, "train")
    session.run("refp", "demo", "--overwrite", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the test suite."""
    _install(session, "train,formats,dev")
    session.run("lint-imports")
    session.run("pytest", "-n", "2", "--dist", "loadfile", *session.posargs)


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
    _install(session, "train,web,history")
    session.run("python", "-m", "benchmarks.accuracy", *session.posargs)
    estimates = ("refusals", "intervals", "second_lab", "magtrack")
    for part in ("beads", "coverage", "resnet", *estimates):
        session.run("python", "-m", f"benchmarks.accuracy.{part}")
    session.run("python", "-m", "benchmarks.speed")
    session.run("python", "-m", "benchmarks.speed.estimate")
    session.run("python", "-m", "benchmarks.speed.simulate")
    session.run("python", "-m", "benchmarks.speed.web")
    session.run("python", "-m", "benchmarks.speed.memory")
    session.run("python", "-m", "benchmarks.speed.history")
    session.run("python", "-m", "benchmarks.study")
    session.run("python", "-m", "benchmarks.page")


@nox.session
def docs(session: nox.Session) -> None:
    """Regenerate the pages and pictures that are made by the program."""
    _install(session, "train")
    session.run("python", "-m", "benchmarks.page")
    session.run("python", "-m", "benchmarks.picture")
