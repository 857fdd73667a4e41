"""Weights of networks out of files that may come from anywhere: what is read is tensors, nothing is run.

``torch.load(weights_only=True)`` raises whatever a bad file makes it meet, and takes a flipped bit for a
weight. Here all that is one ModelError: the file, what is wrong with it, what was wanted.
"""

import io
import pickle
import warnings
import zipfile
from pathlib import Path
from textwrap import shorten
from typing import IO, TYPE_CHECKING, Any

from speechlip.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

ZIP, PICKLE = b"PK\x03\x04", b"\x80"
"""First bytes of what ``torch.save`` writes, since torch 1.6 and before."""
BLOCK_BYTES = 1 << 20
CODE = "holds more than tensors and numbers, perhaps code; it was not run"


class _Unfit(Exception):
    """What is wrong with a file, to be said behind its name."""


def read_saved(file: Path | str, wanted: str, content: bytes | None = None) -> dict[str, Any]:
    """The dict that ``torch.save`` wrote: tensors on the CPU, numbers and texts, also in lists and dicts.

    wanted: end of the sentence that refuses a file: which was wanted, or what to do.
    content: of the file, where it is read already.

    Raises ModelError for a file that is not there, is damaged, is a TorchScript program, holds anything else
    (which is not run) or holds no dict.
    """
    try:
        return _unpack(file, content)
    except Exception as error:  # readers of hostile files raise what they meet
        raise ModelError(f"{file} {_why(error)}; {wanted}") from error


def read_tensors(
    file: Path | str, wanted: str, content: bytes | None = None, finite: bool = False
) -> "dict[str, Tensor]":
    """Tensors by name, and nothing else, out of a file of ``torch.save`` or ``.safetensors``.

    finite: whether numbers that are NaN or infinite are refused, too.

    Raises what ``read_saved`` does.
    """
    import torch

    try:
        safe = Path(file).suffix == ".safetensors"
        state = _read_safetensors(file, content) if safe else _unpack(file, content)
        for name, value in state.items():
            if not (isinstance(name, str) and isinstance(value, torch.Tensor)):
                raise _Unfit(f"holds {type(value).__name__} under {name!r:.60}, not tensors by name")
            if finite and not torch.isfinite(value).all():
                raise _Unfit(f"is damaged: {name:.60} holds numbers that are not finite")
        return state
    except Exception as error:  # as above; isfinite also meets shapes that claim more than memory has
        raise ModelError(f"{file} {_why(error)}; {wanted}") from error


def fill(network: "Module", tensors: "dict[str, Tensor]", file: Path | str, wanted: str) -> None:
    """Give a network all its tensors. Raises ModelError where they are those of another network."""
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        what = shorten(str(error).splitlines()[1].strip("\t ."), 200, placeholder=" …")
        raise ModelError(f"{file} holds weights of another network: {what}; {wanted}") from error


def _read_safetensors(file: Path | str, content: bytes | None) -> "dict[str, Tensor]":
    from safetensors.torch import load, load_file

    return load_file(file) if content is None else load(content)


def _unpack(file: Path | str, content: bytes | None) -> dict[str, Any]:
    import torch

    with Path(file).open("rb") if content is None else io.BytesIO(content) as stream:
        _check_container(stream)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of pickle protocols
            state = torch.load(stream, map_location="cpu", weights_only=True)
    if not isinstance(state, dict):
        raise _Unfit(f"holds {type(state).__name__}, not tensors by name")
    return state


def _check_container(stream: IO[bytes]) -> None:
    """Raises _Unfit for what torch.save did not write, for a program, and for a zip that is not whole."""
    head = stream.read(len(ZIP))
    if head == ZIP:
        with zipfile.ZipFile(stream) as archive:
            if any(record.filename.endswith("/constants.pkl") for record in archive.infolist()):
                raise _Unfit("is a TorchScript program, which is not run")
            for record in archive.infolist():
                with archive.open(record) as data:
                    while record.CRC and data.read(BLOCK_BYTES):  # 0: torch was told to write none
                        pass
    elif not head.startswith(PICKLE):
        raise _Unfit("is no file that torch.save wrote")
    stream.seek(0)


def _why(error: Exception) -> str:
    said = shorten(str(error), 160, placeholder=" …") or type(error).__name__
    if isinstance(error, _Unfit):
        return said
    if isinstance(error, OSError):
        return f"cannot be read ({error.strerror or said})"
    if isinstance(error, zipfile.BadZipFile):
        return f"is damaged or cut off ({said})"
    return CODE if isinstance(error, pickle.UnpicklingError) else f"cannot be read ({said})"
