"""The files that renderers load: what they are called and how features are laid out in them.

Shapes are those that the loaders of AD-NeRF, ER-NeRF, SyncTalk and TalkingGaussian ask for (docs/export.md
says which line of theirs).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechlip.errors import OptionError
from speechlip.exporting.scale import COMPONENTS, Scale
from speechlip.files.writing import whole_file

HUBERT_CHANNELS, AVE_CHANNELS = 1024, 512
WINDOW_STEPS = 16  # AudioNet reads 16 steps, and cuts what is longer
Parts = Iterable[np.ndarray]


@dataclass(frozen=True)
class Layout:
    """One file."""

    why_not: Callable[[int, int], str]
    """(W, D) → why features of W steps of D numbers a frame cannot be in it, or ``""``."""
    shape: Callable[[int, int], tuple[int, ...]]
    """(W, D) → what follows T."""
    lay_out: Callable[[Parts, Scale], Iterator[np.ndarray]]
    """Z-scored parts (n, W, D) and their scale → parts of the file's shape."""


def padded(parts: Parts, channels: int) -> Iterator[np.ndarray]:
    """Zeros behind the last number of every step: what a network with fewer input channels would see."""
    for part in parts:
        yield np.pad(part, [(0, 0)] * (part.ndim - 1) + [(0, channels - part.shape[-1])])


def windows(parts: Parts, scale: Scale) -> Iterator[np.ndarray]:
    """Frame t: the 29 components of the 16 steps W t − 8 … W t + 7, zeros beyond the ends."""
    components, steps_per_frame = [], 1
    for part in parts:
        steps_per_frame = part.shape[1]
        components.append(scale.components(part).reshape(-1, COMPONENTS))
    steps = np.pad(np.concatenate(components), [(WINDOW_STEPS // 2, WINDOW_STEPS // 2), (0, 0)])
    views = np.lib.stride_tricks.sliding_window_view(steps, WINDOW_STEPS, axis=0)[:-1:steps_per_frame]
    for first in range(0, len(views), 1024):
        yield views[first : first + 1024].transpose(0, 2, 1)


def hubert_why_not(steps: int, dim: int) -> str:
    if dim > HUBERT_CHANNELS:
        return f"{dim} numbers a step do not go into its {HUBERT_CHANNELS} channels"
    return f"{steps} steps a frame, and {WINDOW_STEPS} are read" if steps > WINDOW_STEPS else ""


def ave_why_not(steps: int, dim: int) -> str:
    return (
        f"{steps} × {dim} numbers a frame do not go into its {AVE_CHANNELS}"
        if steps * dim > AVE_CHANNELS
        else ""
    )


HUBERT = Layout(
    hubert_why_not,
    lambda steps, dim: (steps, HUBERT_CHANNELS),
    lambda parts, scale: padded(parts, HUBERT_CHANNELS),
)
AVE = Layout(
    ave_why_not,
    lambda steps, dim: (AVE_CHANNELS,),
    lambda parts, scale: padded((part.reshape(len(part), -1) for part in parts), AVE_CHANNELS),
)
DEEPSPEECH = Layout(lambda steps, dim: "", lambda steps, dim: (WINDOW_STEPS, COMPONENTS), windows)
OWN = Layout(lambda steps, dim: "", lambda steps, dim: (steps, dim), lambda parts, scale: iter(parts))

LAYOUTS = {"aud_hu.npy": HUBERT, "aud_ave.npy": AVE, "aud_ds.npy": DEEPSPEECH, "aud.npy": DEEPSPEECH}
RENDERERS = {
    "sync-talk": ("aud_hu.npy", "aud_ave.npy"),
    "er-nerf": ("aud_hu.npy",),
    "talking-gaussian": ("aud_hu.npy",),
    "ad-nerf": ("aud_ds.npy", "aud.npy"),
}


def parse_renderers(text: str) -> tuple[str, ...]:
    """``sync-talk,er-nerf`` → names. Raises OptionError that lists the known ones.

    >>> parse_renderers("er-nerf,ad-nerf")
    ('er-nerf', 'ad-nerf')
    """
    names = tuple(part.strip() for part in text.split(","))
    check_renderers(names)
    return names


def check_renderers(names: Iterable[str]) -> None:
    """Raise OptionError for an unknown name; it lists the known ones."""
    for name in names:
        if name not in RENDERERS:
            raise OptionError(f"no renderer {name!r}; there are: {', '.join(RENDERERS)}")


def choose_layouts(
    renderers: Iterable[str], steps: int, dim: int
) -> tuple[dict[str, Layout], dict[str, str]]:
    """The renderers' files that W steps of D numbers a frame go into; and of the others, why not."""
    names = [name for name in LAYOUTS if any(name in RENDERERS[renderer] for renderer in renderers)]
    refused = {name: why for name in names if (why := LAYOUTS[name].why_not(steps, dim))}
    return {name: LAYOUTS[name] for name in names if name not in refused}, refused


def write_npy(path: Path, shape: tuple[int, ...], parts: Parts) -> None:
    """A float32 ``.npy`` file, written as its parts come: only one of them is held. Raises WriteError."""
    with whole_file(path) as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        for part in parts:
            file.write(np.ascontiguousarray(part, "<f4").data)
