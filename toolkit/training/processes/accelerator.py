"""How batches get to the device of a run, what is compiled, and what to do when its memory is full."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from speechlip.errors import OptionError
from speechlip.shards.excerpts.stream import LEAST_FRAMES
from speechlip.training.processes.ranks import ALONE, Ranks

Batch = dict[str, Any]
CPU_FULL = "DefaultCPUAllocator: can't allocate memory"


def on_device(batches: Iterable[Batch], device: torch.device) -> Iterator[Batch]:
    """Each batch with its tensors on ``device``; lips stay uint8.

    On a GPU they are copied from pinned memory on a stream of their own: as this process is a step ahead of
    the GPU, a batch arrives while the step before is computed.
    """
    if device.type != "cuda":
        yield from batches
        return
    copies, work = torch.cuda.Stream(device), torch.cuda.current_stream(device)
    for batch in batches:
        with torch.cuda.stream(copies):
            moved = {
                name: value.to(device, non_blocking=True) if torch.is_tensor(value) else value
                for name, value in batch.items()
            }
        work.wait_stream(copies)
        for value in moved.values():
            if torch.is_tensor(value):
                value.record_stream(work)
        yield moved


def compiled(module: nn.Module, device: torch.device, note: Callable[[str], None]) -> nn.Module:
    """``module`` through torch.compile.

    As it is, with a note, where a line of code cannot be compiled on this machine.
    """
    try:
        torch.compile(lambda x: x.cos() + 1)(torch.zeros(8, device=device))
    except Exception as error:  # whatever Triton, the C++ compiler or the linker raise
        note(
            "--compile is left out, because nothing can be compiled here: "
            f"{str(error).strip().splitlines()[0]}"
        )
        return module
    return torch.compile(module)  # type: ignore[return-value]


def full_speed(device: torch.device) -> None:
    """Let cuDNN choose its fastest algorithms: every batch of a run has the same shape."""
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True


@contextmanager
def smaller_batch_advised(
    batch_size: int, ranks: Ranks = ALONE, clip_frames: int | None = None
) -> Iterator[None]:
    """Turn a full memory, of GPU or machine, into an OptionError that names a batch to try.

    clip_frames: the length of excerpts, where batches are made of these.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not (isinstance(error, (torch.OutOfMemoryError, MemoryError)) or CPU_FULL in str(error)):
            raise
        raise OptionError(
            f"out of memory with batches of {batch_size} {'pairs' if clip_frames is None else 'clips'}; "
            f"{_smaller(batch_size, ranks, clip_frames)}"
        ) from error


def _smaller(batch_size: int, ranks: Ranks, clip_frames: int | None) -> str:
    least = 2 * ranks.count
    if batch_size <= least:
        return (
            f"{least} are the fewest that can be trained with, so take a smaller encoder, or a device with "
            "more memory"
        )
    smaller = f"--batch-size {max(least, batch_size // 2 // ranks.count * ranks.count)}"
    shorter = "" if clip_frames is None else f" or --clip-frames {max(LEAST_FRAMES, clip_frames // 2)}"
    return f"try {smaller}{shorter}, with another -o"
