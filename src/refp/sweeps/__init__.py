"""Data sets of images: file formats, names, Z sweeps and instruments.

:func:`open_dataset` reads the headers of a folder or a file and returns a :class:`DataSet`: the
:class:`Instrument`, its :class:`ZSweep` of :class:`Frame` in rising Z, and the files left out with
the reason. Pixels are read by :meth:`Frame.read`. :func:`list_images` lists single images outside
any sweep.
"""

from refp.sweeps.declare import (
    declared_identity,
    declared_instrument,
    declared_pixel_size_um,
    declared_z_um,
    overridden_pixel_size,
)
from refp.sweeps.frame import Frame, Name, SingleImage, SweepKey
from refp.sweeps.images import list_images
from refp.sweeps.left_out import LeftOut
from refp.sweeps.manifest import read_manifest
from refp.sweeps.open import open_dataset
from refp.sweeps.pattern import DEFAULT_PATTERN, fill_pattern, parse_pattern
from refp.sweeps.readers import read_header, read_plane
from refp.sweeps.source import as_options
from refp.sweeps.survey import FolderSurvey, ImageKind, SubFolder, survey_folder
from refp.sweeps.sweep import DataSet, ZSweep
from refp.sweeps.sweep_file import SweepFile, read_sweep_file
from refp.sweeps.write import write_frame, write_proposed_sweep_file, write_sweep_file

__all__ = [
    "DEFAULT_PATTERN",
    "DataSet",
    "FolderSurvey",
    "Frame",
    "ImageKind",
    "LeftOut",
    "Name",
    "SingleImage",
    "SubFolder",
    "SweepFile",
    "SweepKey",
    "ZSweep",
    "as_options",
    "declared_identity",
    "declared_instrument",
    "declared_pixel_size_um",
    "declared_z_um",
    "fill_pattern",
    "list_images",
    "open_dataset",
    "overridden_pixel_size",
    "parse_pattern",
    "read_header",
    "read_manifest",
    "read_plane",
    "read_sweep_file",
    "survey_folder",
    "write_frame",
    "write_proposed_sweep_file",
    "write_sweep_file",
]
