"""Sweeps whose names no pattern is known of."""

import shutil
import zipfile
from pathlib import Path

from refp.sweeps import open_dataset

PATTERN = "BF {exposure_ms}ms pos{fov} Z{z_um}um.tif"


def rename_sweeps(sweeps: Path, folder: Path) -> Path:
    """Copy sweeps to a new folder, under the names of another make and without ``sweep.toml``."""
    folder.mkdir(parents=True)
    for frame in open_dataset(sweeps).frames:
        name = f"BF {frame.key.exposure_ms:g}ms pos0{frame.key.fov} Z{frame.z_um:g}um.tif"
        shutil.copyfile(frame.path, folder / name)
    return folder


def zip_folder(folder: Path, archive: Path) -> Path:
    """Pack the files of a folder."""
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(folder.iterdir()):
            packed.write(path, path.name)
    return archive
