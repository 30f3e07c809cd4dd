"""What people are told: what to do about each refusal, and why a bead was left out."""

from dataclasses import dataclass

from refp.core.flags import BeadFlag


@dataclass(frozen=True, slots=True)
class Remedy:
    """A refusal in words: its title, what happened, and what to do about it."""

    title: str
    meaning: str
    remedy: str


REMEDIES = {
    "no_beads": Remedy(
        "No bead to measure",
        "No bead was found, or none that can be measured.",
        "Move to a place with single beads, away from clumps, cells and the edge, and take the "
        "image again.",
    ),
    "too_few_beads": Remedy(
        "Too few beads",
        "Fewer beads can be measured than this model needs.",
        "Move to a place with more single beads, or put more beads into the sample, and take the "
        "image again.",
    ),
    "saturated": Remedy(
        "Too bright",
        "The camera is at its white level over much of the beads or of the image.",
        "Shorten the exposure or turn the lamp down, and take the image again.",
    ),
    "unlike_training": Remedy(
        "Not like the training",
        "The beads do not look like those that the model was trained on.",
        "Check objective, condenser, bead type and that this is the model's instrument; if that has "
        "changed for good, train or adapt the model.",
    ),
    "outside_range": Remedy(
        "Too far from focus",
        "The focal plane lies, or may lie, outside the range that the model was trained on.",
        "Focus on the beads by eye first, and take the image again.",
    ),
    "families_disagree": Remedy(
        "Two methods disagree",
        "The model and the look-up, its second opinion, differ by more than they should.",
        "Take the image again at another place; if it stays so, check the optics and adapt the model.",
    ),
    "unreadable": Remedy(
        "Image not readable",
        "The file is no image that is read here, or it is damaged or too large.",
        "Save the image as a grey TIFF or PNG of 8 or 16 bits, and send it again.",
    ),
}
"""By the code that stands before the colon of a row's ``reason``."""

BEAD_WORDS = {
    BeadFlag.BORDER: "cut by the edge of the image",
    BeadFlag.TOUCHING: "another bead is too near",
    BeadFlag.ODD_SHAPE: "not round",
    BeadFlag.NO_CENTER: "its centre was not found",
    BeadFlag.LOW_CONFIDENCE: "it may be a cell or something else",
    BeadFlag.OFF_PLANE: "it lies higher or lower than the others",
    BeadFlag.OUTLIER: "it looks unlike the others of this image",
}
"""The flags that keep a bead from counting."""
