"""Imports of libraries that need system packages: a slim image gets the package's name, not a stack trace."""

import importlib
import importlib.util
from dataclasses import dataclass
from types import ModuleType

from speechlip.errors import ModelError, install

DEBIAN_PACKAGES = {
    "libGL.so": "libgl1",
    "libEGL.so": "libegl1",
    "libGLESv2.so": "libgles2",
    "libgthread-2.0.so": "libglib2.0-0",
    "libxcb.so": "libxcb1",
}


@dataclass(frozen=True)
class Library:
    """A library that a detector is made with.

    module: name under which it is imported.
    package: name under which it is installed, and its version recorded.
    extra: extra of speechlip that brings it; empty where every installation of the detector has it.
    """

    module: str
    package: str
    extra: str = ""

    def refuse_missing(self) -> None:
        """Raises ModelError where the library is not installed; nothing is imported."""
        if self.extra and not there(self.module):
            raise ModelError(f"{self.module} is not installed: {install(self.extra)}")


def there(name: str) -> bool:
    """Whether a module can be found; it is not imported."""
    try:
        return importlib.util.find_spec(name) is not None
    except ValueError:  # imported, or forbidden, in a way of its own
        return False


def load(name: str, instead: str = "") -> ModuleType:
    """Import ``name``. Raises ModelError that says what to install, or what to use ``instead``."""
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:
        raise missing_library(name, error, instead) from error


def missing_library(name: str, error: Exception, instead: str = "") -> ModelError:
    """The error for a person: which system package to install; of an unknown one, what the loader said.

    >>> missing = OSError("libGL.so.1: cannot open shared object file: No such file or directory")
    >>> print(missing_library("cv2", missing))
    cv2 needs libGL.so, which this system lacks: apt-get install libgl1 (Debian, Ubuntu)
    """
    missing = next((library for library in DEBIAN_PACKAGES if library in str(error)), None)
    if missing is None:
        return ModelError(f"{name} cannot be loaded: {error}")
    packages = "libegl1 libgles2" if missing in ("libEGL.so", "libGLESv2.so") else DEBIAN_PACKAGES[missing]
    command = f"apt-get install {packages} (Debian, Ubuntu){instead and f', or {instead}'}"
    return ModelError(f"{name} needs {missing}, which this system lacks: {command}")
