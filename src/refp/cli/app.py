"""The command ``refp``."""

import inspect
import re
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from refp.core.errors import RefpError

COMMANDS = {
    "demo": "Simulate a sweep, define its plane, train, estimate unseen images, write a report.",
    "simulate": "Write sweeps with known truth for an instrument recipe.",
    "plan": "Say how many beads, frames and fields a tolerance needs.",
    "inspect": "Show what is here: sweeps, Z ranges, exposures, beads, and what will go wrong.",
    "plane": "Define the reference plane (REFP) of bead Z sweeps.",
    "train": "Train a model that tells dZ from one image.",
    "adapt": "Take a model to another instrument of its kind, from one short sweep.",
    "estimate": "Estimate dZ of single images, or refuse and say why.",
    "model": "Show what a model file is, or export it for others.",
    "evaluate": "Compare a model's estimates with labelled sweeps.",
    "tune": "Search for the settings that train the best model.",
    "study": "Repeat every table and figure of the article, on data laid out like its Table 1.",
    "history": "Record results over time, and draw control charts of them.",
    "serve": "Open the pages and the HTTP API on this machine.",
}
GROUPS = frozenset({"model", "history"})
"""Commands that have commands of their own."""
HELP_FLAGS = frozenset({"--help", "-h"})
_PASSWORD = re.compile(r"(://[^\s:/@]*):[^\s@]*@")
EXIT_USAGE, EXIT_INTERRUPTED = 2, 130

app = App(
    name="refp",
    help="How far is a brightfield image from the reference focal plane? Reference beads tell.",
    help_format="plaintext",
)
for order, (name, summary) in enumerate(COMMANDS.items()):
    # Import paths, not functions: a command's libraries load when it runs.
    target = "app" if name in GROUPS else name
    app.command(f"refp.cli.{name}:{target}", name=name, help=summary, sort_key=order)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 2 bad input, 3 all refused, 1 our own fault."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        if given and given[0] in COMMANDS and HELP_FLAGS.intersection(given):
            _explain(given)
        code = app(given, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        _fail(str(error).strip().replace("\n", " ") + " (see refp --help)")
    except RefpError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    sys.exit(code if isinstance(code, int) else 0)


def _explain(given: Sequence[str]) -> None:
    """Let the help of a command say all that its docstring says, the examples last."""
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
    told = _PASSWORD.sub(r"\1:***@", message)  # a mistyped command is quoted, its URLs too
    print(f"refp: {told}", file=sys.stderr)  # noqa: T201
    sys.exit(EXIT_USAGE)
