"""A mesh mapping that is kept: reading the mesh of every frame costs as much as finding the face."""

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechlip.files.writing import whole_file
from speechlip.format import CROP_SIZE
from speechlip.rendering.mappings.mesh import MeshMapping


@dataclass(frozen=True)
class KeptMesh:
    """A file with the mesh mapping of a person.

    made_from: a name for everything that the mapping depends on.
    """

    file: Path
    made_from: str

    def read(self, frames: int) -> MeshMapping | None:
        """The mapping of so many frames; None where none of the same is kept, or the file is damaged."""
        try:
            with np.load(self.file, allow_pickle=False) as kept:
                if str(kept["made_from"]) != self.made_from:
                    return None
                depth, cameras = kept["depth"], kept["cameras"]
        except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error):
            return None
        if depth.shape != (CROP_SIZE, CROP_SIZE) or cameras.shape != (frames, 2, 4):
            return None
        return MeshMapping(depth, cameras)

    def write(self, mapping: MeshMapping) -> None:
        """Raises WriteError."""
        with whole_file(self.file) as file:
            np.savez_compressed(file, made_from=self.made_from, depth=mapping.depth, cameras=mapping.cameras)
