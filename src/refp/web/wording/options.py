"""Messages of the commands in the words of the pages: fields in place of options."""

import re

FIELDS = {
    "instrument": "Instrument",
    "pattern": "Pattern of the file names",
    "pixel-size-um": "Pixel size",
    "bead-diameter-um": "Bead diameter",
    "z-step-um": "Z step",
    "bit-depth": "Bit depth",
    "channel": "Channel",
    "t": "Time point",
    "serial": "Serial number",
    "refp-um": "Reference plane, nominal Z",
    "recipe": "Recipe",
    "family": "Family",
    "seed": "Seed",
    "tolerance-um": "Tolerance",
}
"""Label of the field of a page, by the name of the option of a command."""
AGAIN = "take the sweep again over a longer range of Z"
PHRASES = (
    (
        r"\brun 'refp verify' with a short sweep of this instrument",
        "verify the model on this instrument with a short sweep",
    ),
    (r", or let 'refp inspect [^']*' write it", ""),
    (r"\bsee 'refp inspect --overlay'", "check bead diameter and pixel size in the form"),
    (r"\bwith 'refp inspect --overlay'", "in the form"),
    (r"\bgive the command again with fewer than \S+ --jobs", "start the job again"),
    (r"choose another output or add --overwrite", "start the job again"),
    (r"--feature ss or --feature ci takes one of them, --refp-um states the plane", AGAIN),
    (r"(--feature \S+ takes the other feature, or )?--refp-um states the plane", AGAIN),
    (r", or add --trust-z if the aperture is another", ""),
    (r"\(--manifest, ", "(named in sweep.toml, "),
    (r"\bwith --manifest", "in a manifest that sweep.toml names"),
    (r"(\ba )?--manifest", "a manifest that sweep.toml names"),
    (r"\banother --database", "another database"),
    (r"--database\b", "the database of the history"),
)
"""Phrases that a page has no field for, with their replacement."""
VERBS = {"give": "fill in ", "add": "fill in ", "as": "in the field ", "with": "in the field "}
"""Words before a label, by the word before the option."""
_OPTION = re.compile(
    r"(?:\b(?P<verb>give|add|as|with) )?--(?P<name>[a-z][a-z-]*)(?: NAME)?(?P<value> [\d.]+(?=:))?"
)


def in_web_words(message: str) -> str:
    """Return a message without commands and their options: the fields of the pages in their place."""
    if "--" not in message and "'refp " not in message:
        return message
    for pattern, words in PHRASES:
        message = re.sub(pattern, words, message)
    return _OPTION.sub(_field, message)


def _field(found: re.Match[str]) -> str:
    name = found["name"]
    label = f"“{FIELDS.get(name, name.replace('-', ' ').capitalize())}”"
    return f"{VERBS.get(found['verb'], '')}{label}{found['value'] or ''}"
