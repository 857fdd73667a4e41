"""Arrays in a file under a name of everything that they were made from."""

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speechlip.files.writing import whole_file


@dataclass(frozen=True)
class KeptArrays:
    """A ``.npz`` file.

    made_from: a name for everything that its arrays depend on.
    """

    file: Path
    made_from: str

    def read(self) -> dict[str, np.ndarray]:
        """Its arrays; empty where none of the same are kept, or the file is damaged."""
        try:
            with np.load(self.file, allow_pickle=False) as kept:
                same = str(kept["made_from"]) == self.made_from
                return {name: kept[name] for name in kept} if same else {}
        except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error):
            return {}

    def write(self, **arrays: Any) -> None:
        """Raises WriteError."""
        with whole_file(self.file) as file:
            np.savez_compressed(file, made_from=self.made_from, **arrays)
