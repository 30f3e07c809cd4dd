"""Estimate JPEG images of several qualities: ``python -m benchmarks.accuracy.compression [SET ...]``.

Models of family ``lookup``, trained on the named training sets of the twin (default: all), estimate test
frames as they are and compressed. The lowest quality is that from which on at most a quarter of the images
is refused and every interval contains the true dZ.
"""

import sys
from collections.abc import Iterator, Sequence

from benchmarks import HERE, conditions
from benchmarks.accuracy.altered import SIX, Change, images_of, without_camera
from benchmarks.accuracy.disturb import jpeg
from benchmarks.accuracy.estimates import TestEstimate, count, estimate_images
from benchmarks.accuracy.models import twin_model
from benchmarks.accuracy.twin import TESTS
from refp.core.files import write_json
from refp.core.parallel import Workers

QUALITIES = (100, 98, 95, 92, 90, 85, 80, 75, 60)
"""From the best on; 100 is not lossless."""
MAX_REFUSED = 0.25
"""Largest fraction of refused images at the lowest quality."""


def _estimate(training: str, change: Change) -> list[TestEstimate]:
    model = twin_model(training, "lookup").path
    return estimate_images(model, images_of(training, change), Workers(), SIX)


def measure(trainings: Sequence[str]) -> Iterator[dict[str, object]]:
    """Yield a row for each model and quality; that of the original has no quality."""
    for training in trainings:
        original = _estimate(training, lambda image, _: image)
        yield {"model": training, "quality": None, **count(original)}
        for quality in QUALITIES:
            compressed = _estimate(training, without_camera(jpeg, quality=quality))
            row = {"model": training, "quality": quality, **count(compressed)}
            print(*row.values(), sep=" | ", flush=True)
            yield row


def lowest(rows: Sequence[dict[str, object]], training: str) -> int | None:
    """Return the lowest quality; ``None`` where there is none."""
    found = None
    for row in rows:
        if row["model"] != training or row["quality"] is None:
            continue
        if int(str(row["refused"])) > MAX_REFUSED * int(str(row["n"])) or row["silently_wrong"]:
            break
        found = int(str(row["quality"]))
    return found


def main(trainings: Sequence[str]) -> None:
    """Write compression.json."""
    rows = list(measure(trainings))
    about = {
        "family": "lookup",
        "beads": SIX,
        "lowest_quality": {training: lowest(rows, training) for training in trainings},
    }
    path = HERE / "accuracy" / "compression.json"
    write_json({"conditions": conditions(), **about, "rows": rows}, path)


if __name__ == "__main__":
    main(sys.argv[1:] or list(TESTS))
