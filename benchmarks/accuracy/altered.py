"""Count what becomes of images that programs altered: ``python -m benchmarks.accuracy.altered``.

Models of family ``lookup``, one trained on each of the twin's training sets, estimate test frames as they
are and altered after the camera. A linear change of grey levels loses nothing and should be answered; a
filter, a resampling or a compression should be answered with an interval that holds the truth, or refused.
"""

import zlib
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from scipy import ndimage

from benchmarks import HERE, conditions
from benchmarks.accuracy.disturb import WHITE, blur, gamma, jpeg, mirror, rescale
from benchmarks.accuracy.estimates import TestImage, count, dz_range_um, estimate_images
from benchmarks.accuracy.models import twin_model
from benchmarks.accuracy.twin import TESTS, frames
from refp.core.arrays import FloatArray, Image
from refp.core.files import write_json
from refp.core.parallel import Workers
from refp.sweeps import Frame

IMAGES = 8
"""Of each model: test frames inside the trained range, evenly chosen."""
SIX = 6
Change = Callable[[Image, np.random.Generator], Image]


def grey(values: FloatArray) -> Image:
    """Round and clip to 8 bits."""
    return np.clip(np.rint(values), 0, WHITE).astype(np.uint8)


def linear(image: Image, _: np.random.Generator, *, factor: float, offset: float) -> Image:
    """Change grey levels linearly, with rounding and saturation."""
    return grey(factor * image.astype(float) + offset)


def stretch(image: Image, _: np.random.Generator) -> Image:
    """Stretch the darkest pixel to black and the brightest to white."""
    low, high = float(image.min()), float(image.max())
    return grey((image - low) * (WHITE / (high - low)))


def widen(image: Image, _: np.random.Generator) -> Image:
    """Save 8 bits in 16: grey levels times 16."""
    return image.astype(np.uint16) * np.uint16(16)


def vignette(image: Image, _: np.random.Generator, *, by: float) -> Image:
    """Darken the corners by a fraction."""
    y, x = np.indices(image.shape)
    middle = (np.array(image.shape) - 1) / 2
    radius = np.hypot(y - middle[0], x - middle[1])
    return grey(image * (1 - by * (radius / radius.max()) ** 2))


def tilt(image: Image, _: np.random.Generator, *, by: float) -> Image:
    """Brighten one side and darken the other by half a fraction each."""
    return grey(image * np.linspace(1 - by / 2, 1 + by / 2, image.shape[1]))


def crop(image: Image, _: np.random.Generator) -> Image:
    """Cut a margin off."""
    return np.ascontiguousarray(image[12:, :-20])


def rotate(image: Image, _: np.random.Generator) -> Image:
    """Rotate by 2 degrees, with cubic interpolation."""
    turned = ndimage.rotate(image.astype(float), 2, reshape=False, order=3, mode="nearest")
    return grey(turned)


def add_noise(image: Image, rng: np.random.Generator, *, sd: float) -> Image:
    """Add white noise, grey levels."""
    return grey(image + sd * rng.standard_normal(image.shape))


def denoise(image: Image, _: np.random.Generator) -> Image:
    """Take the median of 3x3 pixels."""
    return np.asarray(ndimage.median_filter(image, 3))


def sharpen(image: Image, _: np.random.Generator) -> Image:
    """Add the difference from a Gaussian blur of 1 px."""
    values = image.astype(float)
    return grey(2 * values - ndimage.gaussian_filter(values, 1.0))


def without_camera(change: Callable[..., Image], **settings: object) -> Change:
    """Return a change of :mod:`benchmarks.accuracy.disturb` that depends on no camera."""
    return lambda image, _: change(image, None, **settings)


LINEAR: dict[str, Change] = {
    "as it is": lambda image, _: image,
    "offset +10": partial(linear, factor=1.0, offset=10.0),
    "offset -3": partial(linear, factor=1.0, offset=-3.0),
    "times 0.7": partial(linear, factor=0.7, offset=0.0),
    "times 0.8": partial(linear, factor=0.8, offset=0.0),
    "times 0.9": partial(linear, factor=0.9, offset=0.0),
    "times 1.1": partial(linear, factor=1.1, offset=0.0),
    "times 1.5": partial(linear, factor=1.5, offset=0.0),
    "stretched from black to white": stretch,
    "times 16, in 16 bits": widen,
}
GEOMETRY: dict[str, Change] = {
    "cropped": crop,
    "mirrored": without_camera(mirror),
    "vignetting of 30 %": partial(vignette, by=0.3),
    "gradient of 20 %": partial(tilt, by=0.2),
    "noise of 1 grey level": partial(add_noise, sd=1.0),
    "noise of 3 grey levels": partial(add_noise, sd=3.0),
}
FILTERED: dict[str, Change] = {
    "rotated by 2 degrees": rotate,
    "JPEG, quality 95": without_camera(jpeg, quality=95),
    "JPEG, quality 75": without_camera(jpeg, quality=75),
    "blurred, sigma 0.5 px": without_camera(blur, sigma_px=0.5),
    "blurred, sigma 1 px": without_camera(blur, sigma_px=1.0),
    "3 % larger": without_camera(rescale, factor=1.03),
    "median of 3x3 px": denoise,
    "sharpened": sharpen,
}
GAMMA = {
    f"gamma {exponent:g}": without_camera(gamma, exponent=exponent)
    for exponent in (0.8, 0.9, 1.1, 1.2, 1.3)
}
KINDS = {
    "linear": LINEAR,
    "gamma": GAMMA,
    "geometry and noise": GEOMETRY,
    "filtered": FILTERED,
}


def read_altered(frame: Frame, change: Change) -> Image:
    """Read a frame and alter it; the random numbers depend on the file's name."""
    return change(frame.read(), np.random.default_rng(zlib.crc32(frame.path.name.encode())))


def images_of(training: str, change: Change) -> list[TestImage]:
    """Return the test images of a model, altered."""
    low, high = dz_range_um(twin_model(training, "lookup").path)
    inside = [(f, dz) for f, dz in frames(*TESTS[training]) if low + 10 <= dz <= high - 10]
    chosen = np.linspace(0, len(inside) - 1, IMAGES).round().astype(int)
    return [
        TestImage(inside[i][0].path.name, partial(read_altered, inside[i][0], change), inside[i][1])
        for i in chosen
    ]


def measure() -> Iterator[dict[str, object]]:
    """Yield a row for each model and kind of alteration."""
    for training in TESTS:
        model = twin_model(training, "lookup").path
        for kind, changes in KINDS.items():
            for name, change in changes.items():
                estimates = estimate_images(model, images_of(training, change), Workers(), SIX)
                row = {"model": training, "kind": kind, "alteration": name, **count(estimates)}
                print(*row.values(), sep=" | ", flush=True)
                yield row


def main() -> None:
    """Write altered.json."""
    rows = list(measure())
    about = {"family": "lookup", "beads": SIX, "images": IMAGES}
    write_json(
        {"conditions": conditions(), **about, "rows": rows}, HERE / "accuracy" / "altered.json"
    )


if __name__ == "__main__":
    main()
