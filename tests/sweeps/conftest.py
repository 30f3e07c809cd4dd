"""Small data sets on disk."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

SHAPE = (30, 40)
SaveFrames = Callable[..., list[Path]]


def grey(level: int = 0, shape: tuple[int, ...] = SHAPE, dtype: Any = np.uint8) -> Any:
    """An image whose pixels all differ from those of another level."""
    return (np.arange(np.prod(shape)).reshape(shape) % 50 + level).astype(dtype)


@pytest.fixture
def save_frames(tmp_path: Path) -> SaveFrames:
    """Write one plain TIFF per Z, named by the default pattern; level k for the k-th."""

    def save(z_um: list[float], experiment: Any = 1, fov: Any = 1, **options: Any) -> list[Path]:
        paths = []
        for k, z in enumerate(z_um):
            path = tmp_path / f"exp{experiment}_fov{fov}_z{z}_t20ms.tif"
            tifffile.imwrite(path, grey(k, **options), photometric="minisblack")
            paths.append(path)
        return paths

    return save


@pytest.fixture
def shared_twin() -> Path:
    """Folder of the simulated data sets, which are not part of the repository."""
    root = Path(__file__).parents[2]
    twin = Path(os.environ.get("REFP_SHARED", root.parent / "shared")) / "data" / "twin"
    if not twin.is_dir():
        pytest.skip(f"no shared data in {twin}; set REFP_SHARED")
    return twin


@pytest.fixture
def save_stack(tmp_path: Path) -> Callable[..., Path]:
    """Write one TIFF of several pages; level k on page k."""

    def save(name: str, n: int, **options: Any) -> Path:
        path = tmp_path / name
        pixels = np.stack([grey(k) for k in range(n)])
        tifffile.imwrite(path, pixels, photometric="minisblack", **options)
        return path

    return save


@pytest.fixture
def optics() -> dict[str, float]:
    """The options that make an instrument without a recipe."""
    return {"pixel_size_um": 1.5, "bead_diameter_um": 28.0}


@pytest.fixture
def save_names(tmp_path: Path) -> Callable[[str], Path]:
    """Write one plain TIFF of a name; each has pixels of its own."""
    n = 0

    def save(name: str) -> Path:
        nonlocal n
        path = tmp_path / name
        tifffile.imwrite(path, grey(n), photometric="minisblack", metadata=None)
        n += 1
        return path

    return save
