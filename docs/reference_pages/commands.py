"""Every command with its options, from the definitions of ``--help``."""

from typing import Any

from cyclopts import App

from reference_pages.markdown import page, table
from refp.cli.app import COMMANDS, GROUPS, app, expand_help

INTRO = """
Every command prints this text with `--help`. A command that takes over two seconds shows its progress
on standard error; with `--json` standard output holds one JSON list of rows and nothing else.

An output that exists is refused without `--overwrite`, unless it is the same run to be resumed.
"""
EXIT_CODES = (
    ("0", "done"),
    ("1", "internal error; the traceback belongs into a report"),
    ("2", "invalid input or usage, with one line on standard error that names the remedy"),
    ("3", "done, but every image was refused"),
    ("130", "interrupted from the keyboard"),
)
"""Exit codes of :func:`refp.cli.app.main`."""


def render() -> str:
    """Return the page of the commands."""
    summary = table(
        ("command", "result"),
        ((f"[`refp {name}`](#refp-{name})", text) for name, text in COMMANDS.items()),
    )
    codes = "## Exit codes\n\n" + table(("code", "meaning"), EXIT_CODES)
    return page("Commands", INTRO, summary, *(command_text(name) for name in COMMANDS), codes)


def command_text(name: str) -> str:
    """Return the section of a command, and of its subcommands."""
    command = app[name]
    if name not in GROUPS:
        return one_command(command, f"refp {name}", 2, [name])
    inner = [own for own in command if not own.startswith("-")]
    parts = [one_command(command[own], f"refp {name} {own}", 3, [name, own]) for own in inner]
    about = str(command.help).partition("\n\n")[2] or str(command.help)
    return "\n\n".join([f"## refp {name}", about, *parts])


def one_command(command: App, usage: str, level: int, given: list[str]) -> str:
    """Return usage, description, arguments, options and examples of a command."""
    expand_help(given)
    text = command.generate_docs(heading_level=level, usage_name=usage, recursive=False)
    _, _, body = text.partition("\n")
    return f"{'#' * level} {usage}\n{body.strip()}\n\n{_examples(command)}"


def _examples(command: App) -> str:
    """Return the examples of a command's help as a block of code."""
    epilogue: Any = command.help_epilogue or ""
    lines = [line for line in str(epilogue).removeprefix("Examples:").splitlines() if line.strip()]
    if not lines:
        return ""
    return "**Examples**:\n\n```console\n" + "\n".join(line.strip() for line in lines) + "\n```\n"
