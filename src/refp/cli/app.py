"""The command ``refp``."""

import errno
import inspect
import io
import re
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from refp.core.errors import RefpError

COMMANDS = {
    "demo": "Simulate a sweep, define its plane, train, estimate unseen images, write a report.",
    "simulate": "Write sweeps with known truth for an instrument recipe.",
    "plan": "Compute how many beads, frames and fields a tolerance needs.",
    "inspect": "List sweeps, Z ranges, exposures, beads and problems of data.",
    "plane": "Define the reference plane (REFP) of bead Z sweeps.",
    "train": "Train a model that estimates dZ from one image.",
    "adapt": "Adapt a model to another instrument of the same kind, from one short sweep.",
    "verify": "Verify a model on one instrument, with a short sweep; the history keeps the record.",
    "estimate": "Estimate dZ of single images, or refuse with a reason.",
    "model": "Show the card of a model file, or export its networks.",
    "evaluate": "Compare a model's estimates with labelled sweeps.",
    "tune": "Search for the settings that train the best model.",
    "study": "Repeat every table and figure of the article, on data laid out like its Table 1.",
    "history": "Record results over time, and draw control charts of them.",
    "watch": "Estimate every image that appears in a folder, and record it.",
    "audit": "Estimate dZ of a whole archive, over time and instruments.",
    "tolerance": "Determine how far out of focus an assay may be, from its results against Z.",
    "refocus": "Return a microscope to the reference plane by guarded moves of its stage.",
    "serve": "Open the pages and the HTTP API on this machine.",
}
GROUPS = frozenset({"model", "history"})
"""Commands with subcommands."""
VERSIONS = ("numpy", "scipy", "numba", "onnxruntime")
"""Libraries whose versions can change a result of the default family."""
HELP_FLAGS = frozenset({"--help", "-h"})
_PASSWORD = re.compile(r"(://[^\s:/@]*):[^\s@]*@")
_NOT_ACCESSIBLE = (
    *("EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT"),
    *("ENOTDIR", "EISDIR", "EEXIST", "ENAMETOOLONG", "EFBIG"),
)
NOT_ACCESSIBLE = {getattr(errno, name, None) for name in _NOT_ACCESSIBLE} - {None}
"""Errors of files and folders that the user can mend; others are faults of the program."""
EXIT_USAGE, EXIT_INTERRUPTED = 2, 130


def version_text() -> str:
    """Return the versions that belong into a report: refp, Python, libraries, system; a line each."""
    import platform

    from refp.core.files import library_versions

    lines = [f"{name} {version}" for name, version in library_versions(*VERSIONS).items()]
    return "\n".join([*lines, f"platform {platform.platform()}, {platform.machine()}"])


app = App(
    name="refp",
    version=version_text,
    version_format="plaintext",
    help="Estimate the distance of a brightfield image from the reference focal plane, from its beads.",
    help_format="plaintext",
)
for order, (name, summary) in enumerate(COMMANDS.items()):
    # Import paths instead of functions, so that a command's libraries load when it runs.
    target = "app" if name in GROUPS else name
    app.command(f"refp.cli.{name}:{target}", name=name, help=summary, sort_key=order)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 2 invalid input, 3 all images refused, 1 internal error."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    _escape_unprintable()
    try:
        if given and given[0] in COMMANDS and HELP_FLAGS.intersection(given):
            expand_help(given)
        code = app(given, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        message = str(error).strip().replace("\n", " ")
        _fail(f"{_suggest_show(given) or message} (see refp --help)")
    except RefpError as error:
        _fail(str(error))
    except OSError as error:
        if error.errno not in NOT_ACCESSIBLE or not error.filename:
            raise
        _fail(f"{error.filename}: {error.strerror}; check permissions and free space")
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    sys.exit(code if isinstance(code, int) else 0)


def _suggest_show(given: Sequence[str]) -> str:
    """Return the message on ``refp model FILE.refp``, which lacks ``show``; else an empty text."""
    if len(given) < 2 or given[0] != "model" or not given[1].lower().endswith(".refp"):
        return ""
    return f'Unknown command "{given[1]}"; did you mean: refp model show {given[1]}'


def _escape_unprintable() -> None:
    """Print characters that the encoding of the output lacks as escapes, as standard error does.

    On Windows a pipe or a file has the encoding of the system's language, which lacks most of Unicode.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def expand_help(given: Sequence[str]) -> None:
    """Replace the help of a command by its docstring, with the examples last."""
    command = app[given[0]]
    if given[0] in GROUPS:
        if len(given) < 2 or given[1] not in command:
            return
        command = command[given[1]]
    text = inspect.getdoc(command.default_command) or ""
    about, _, rest = text.partition("\nExamples\n--------\n")
    command.help = re.sub(r"(?<!\n)\n(?!\n)", " ", about)  # the terminal's width breaks the lines
    command.help_epilogue = "Examples:\n\n" + rest.partition("\n\nParameters\n")[0]


def _fail(message: str) -> None:
    masked = _PASSWORD.sub(r"\1:***@", message)  # a mistyped command is quoted with its URLs
    print(f"refp: {masked}", file=sys.stderr)  # noqa: T201
    sys.exit(EXIT_USAGE)
