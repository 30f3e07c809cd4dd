"""Texts of refusals with their remedies, and of excluded beads."""

from dataclasses import dataclass

from refp.core.flags import BeadFlag


@dataclass(frozen=True, slots=True)
class Remedy:
    """Text of a refusal: title, meaning and remedy."""

    title: str
    meaning: str
    remedy: str


REMEDIES = {
    "no_beads": Remedy(
        "No bead to measure",
        "The image has no bead that can be measured.",
        "Move to a place with single beads, away from clumps, cells and the edge, and take the "
        "image again.",
    ),
    "too_few_beads": Remedy(
        "Too few beads",
        "The image has fewer measurable beads than this model needs.",
        "Move to a place with more single beads, or put more beads into the sample, and take the "
        "image again.",
    ),
    "saturated": Remedy(
        "Too bright",
        "The camera is at its white level over much of the beads or of the image.",
        "Shorten the exposure or turn the lamp down, and take the image again.",
    ),
    "unlike_training": Remedy(
        "Different from the training images",
        "The beads differ from those that the model was trained on, or a program altered the image.",
        "Send the image as the camera delivers it, without a change of contrast, a filter or "
        "compression. If it is refused again, check objective, condenser, bead type and the instrument "
        "of the model; if the instrument has changed permanently, train or adapt a model.",
    ),
    "outside_range": Remedy(
        "Too far from focus",
        "The focal plane is, or may be, outside the range that the model was trained on.",
        "Focus on the beads by eye first, and take the image again.",
    ),
    "families_disagree": Remedy(
        "Two methods disagree",
        "The estimates of the model and of the look-up differ by more than the limit.",
        "Take the image again at another place; if they still differ, check the optics and adapt the "
        "model.",
    ),
    "other_instrument": Remedy(
        "Image of another instrument",
        "The image states another instrument or pixel size than that of the model.",
        "Use a model of that instrument, or correct the pixel size in the metadata of the image.",
    ),
    "unreadable": Remedy(
        "Image not readable",
        "The file is not a supported image, or it is damaged or too large.",
        "Save the image as a grey TIFF or PNG of 8 or 16 bits, and send it again.",
    ),
    "missing_library": Remedy(
        "Library of the format missing",
        "The library that reads files of this format is not installed where refp runs.",
        "Install it there, python -m pip install 'refp[formats]', and send the image again, or save the "
        "image as a grey TIFF or PNG of 8 or 16 bits.",
    ),
}
"""Texts by the code of the refusal."""

JPEG_SUFFIX, JPEG_QUALITY = ".jpg", 95
"""Suffix, and lowest quality at which most images are estimated
(``benchmarks/accuracy/compression.json``)."""
JPEG = Remedy(
    "JPEG compression, or other optics",
    "JPEG removes fine structure of beads and noise. Most images of a quality below "
    f"{JPEG_QUALITY} are refused.",
    "Save the image as TIFF or PNG in the software of the camera, and send it again. If it is refused "
    "again, check objective, condenser and bead type.",
)
"""Text in place of ``unlike_training`` for an image in JPEG format."""


def remedy_of(code: str, suffix: str) -> Remedy | None:
    """Return the text of a refusal; ``None`` for an unknown code.

    Parameters
    ----------
    code
        Code of the refusal.
    suffix
        Suffix of the stored image, which is that of its content.
    """
    if code == "unlike_training" and suffix == JPEG_SUFFIX:
        return JPEG
    return REMEDIES.get(code)


BEAD_WORDS = {
    BeadFlag.BORDER: "cut by the edge of the image",
    BeadFlag.TOUCHING: "another bead is too close",
    BeadFlag.ODD_SHAPE: "not round",
    BeadFlag.NO_CENTER: "its centre was not found",
    BeadFlag.LOW_CONFIDENCE: "it may not be a bead",
    BeadFlag.OFF_PLANE: "it is higher or lower than the others",
    BeadFlag.OUTLIER: "it differs from the others of this image",
}
"""Texts of the flags that exclude a bead from the estimate."""
