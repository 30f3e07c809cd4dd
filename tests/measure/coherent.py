"""A bead in nearly coherent light, as a picture: rings that grow out of focus, on a noisy background."""

from pathlib import Path

import numpy as np
import tifffile

from refp.core.arrays import Image

SIDE_PX, RADIUS_PX = 100, 7.0
CENTER_PX = (50.0, 49.0)
DIRT_PX = (22.0, 78.0)
LIGHT, NOISE = 70.0, 1.5


def paint_bead(z_um: float, *, seed: int = 0, dirt: bool = False) -> Image:
    """Return the image at a distance from the plane; dirt is the same in all."""
    y, x = np.indices((SIDE_PX, SIDE_PX))
    r = np.hypot(y - CENTER_PX[0], x - CENTER_PX[1]) / RADIUS_PX
    width = 1.0 + 0.12 * abs(z_um)
    rings = np.cos(5.0 * r / np.sqrt(width) + 0.35 * z_um) * np.exp(-((r / width) ** 2))
    image = 1.0 + 0.7 * rings
    if dirt:
        spot = np.hypot(y - DIRT_PX[0], x - DIRT_PX[1]) / RADIUS_PX
        image = image * (1.0 - 0.35 * np.exp(-((spot / 0.85) ** 4)))
    rng = np.random.default_rng((seed, round(100 * (z_um + 50))))
    return np.clip(np.rint(LIGHT * image + rng.normal(0, NOISE, image.shape)), 0, 255).astype(
        np.uint8
    )


def write_sweep(folder: Path, z_um: np.ndarray, *, dirt: bool = False) -> Path:
    """Write a sweep with its ``sweep.toml``."""
    folder.mkdir(parents=True, exist_ok=True)
    for z in z_um:
        path = folder / f"exp1_fov1_z{z:.3f}_t1ms.tif"
        tifffile.imwrite(path, paint_bead(float(z), dirt=dirt), photometric="minisblack")
    (folder / "sweep.toml").write_text(
        f'dataset = "{folder.name}"\n'
        'pattern = "exp{experiment}_fov{fov}_z{z_um}_t{exposure_ms}ms.tif"\n'
        "[optics]\npixel_size_um = 0.2\n[bead]\ndiameter_um = 2.8\n"
    )
    return folder
