"""The processes of one run: what torchrun says about them, and the few things that they do together.

Every process reads its own share of the shards and computes ``batch_size / count`` pairs of a step; gradients
are averaged. Only rank 0 writes, evaluates the validation pairs and prints.
"""

import atexit
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed, nn

from speechlip.errors import OptionError, SpeechLipError

LOST = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "remote process exited")


class RankLost(SpeechLipError):
    """Another process of the run has ended."""


@dataclass(frozen=True)
class Ranks:
    """A process among those of a run."""

    rank: int = 0
    """Of this process, of ``count`` in all."""
    count: int = 1
    local: int = 0
    """Its number on its machine, which is that of its GPU."""

    @classmethod
    def started(cls, environment: Mapping[str, str] = os.environ) -> "Ranks":
        """As torchrun has started this process; alone where it was started without.

        >>> Ranks.started({"RANK": "3", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}), Ranks.started({})
        (Ranks(rank=3, count=8, local=1), Ranks(rank=0, count=1, local=0))
        """
        rank, count = int(environment.get("RANK", 0)), int(environment.get("WORLD_SIZE", 1))
        return cls(rank, count, int(environment.get("LOCAL_RANK", rank)))

    @property
    def first(self) -> bool:
        return self.rank == 0

    def share(self, batch_size: int) -> int:
        """Pairs of a step that fall to each process.

        Raises OptionError where they cannot be divided, or batch norm would get one alone.
        """
        if batch_size % self.count or batch_size < 2 * self.count:
            fitting = max(2, round(batch_size / self.count)) * self.count
            raise OptionError(
                f"batch_size {batch_size} cannot be shared by {self.count} processes, at least 2 "
                f"each; try --batch-size {fitting}"
            )
        return batch_size // self.count

    def mean(self, value: float) -> float:
        """The mean over all processes, each of which must ask for it."""
        return sum(self.collected(value)) / self.count

    def collected(self, item: Any) -> list[Any]:
        """The items of all processes in their order; each must hand in one."""
        if self.count == 1:
            return [item]
        items: list[Any] = [None] * self.count
        distributed.all_gather_object(items, item)
        return items

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            distributed.barrier()

    def averaging(self, module: nn.Module) -> nn.Module:
        """``module`` with the weights of rank 0, its gradients averaged over all processes.

        Batch norm sees each process's own pairs; its running statistics are those of rank 0.
        """
        if self.count == 1:
            return module
        return nn.parallel.DistributedDataParallel(module, gradient_as_bucket_view=True)


ALONE = Ranks()


@contextmanager
def joined(ranks: Ranks, device: torch.device) -> Iterator[None]:
    """The processes as one group: NCCL on GPUs, gloo on CPUs.

    Raises RankLost where another one ends too early. The group lasts until the process ends; another run of
    it finds it. A process that fails just ends, which the others notice, and torchrun ends them.
    """
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if ranks.count > 1 and not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
        atexit.register(distributed.destroy_process_group)
    try:
        yield
    except BaseException as error:
        atexit.unregister(distributed.destroy_process_group)  # it would wait for the others
        if any(words in str(error) for words in LOST):
            raise RankLost(
                f"rank {ranks.rank}: another process of this run has ended; its own message says why"
            ) from error
        raise


def gathered(rows: Tensor) -> Tensor:
    """(B, …) of this process → (N B, …) of all N in their order; ``rows`` itself without a group.

    The gradient is right for a loss of all rows that every process computes alike and whose gradients of
    weights are then averaged over them: each process gives back N times its own part.
    """
    if not distributed.is_initialized() or distributed.get_world_size() == 1:
        return rows
    return _Gathered.apply(rows)


class _Gathered(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        parts = [torch.empty_like(rows) for _ in range(distributed.get_world_size())]
        distributed.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        own = gradients[0].chunk(distributed.get_world_size())[distributed.get_rank()]
        return own * distributed.get_world_size()
