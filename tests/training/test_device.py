"""Full memory with a batch to try, what cannot be compiled, late losses, and which GPU is whose."""

from dataclasses import replace

import pytest
import tiny_dataset
import torch
from linear_pair import OPTIONS, whole_batch
from torch import nn

from speechlip import device
from speechlip.device import choose_device, device_name
from speechlip.errors import OptionError
from speechlip.shards.pairs.rules import PairRules
from speechlip.training.processes.accelerator import compiled, on_device, smaller_batch_advised
from speechlip.training.processes.ranks import Ranks
from speechlip.training.step.finite import LossQueue, TrainingStopped
from speechlip.training.step.losses import LOSSES, Criterion
from speechlip.training.step.pair_loss import PairLoss
from speechlip.training.train import train

CPU = torch.device("cpu")
CPU_FULL = (
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
    "allocate 9 bytes."
)


# memory


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError(CPU_FULL),
        MemoryError(),
    ],
)
def test_a_full_memory_names_a_smaller_batch(error):
    with (
        pytest.raises(
            OptionError,
            match=r"^out of memory with batches of 24 pairs; try --batch-size 12, with another -o$",
        ),
        smaller_batch_advised(24),
    ):
        raise error


@pytest.mark.parametrize(
    ("batch_size", "ranks", "advice"),
    [(3, 1, "--batch-size 2,"), (24, 4, "--batch-size 12,"), (24, 8, "--batch-size 16,")],
)
def test_the_batch_to_try_can_be_shared_by_all_processes(batch_size, ranks, advice):
    with pytest.raises(OptionError, match=advice), smaller_batch_advised(batch_size, Ranks(0, ranks)):
        raise MemoryError


def test_the_smallest_batch_is_not_made_smaller():
    with (
        pytest.raises(
            OptionError, match="2 are the fewest that can be trained with, so take a smaller encoder"
        ),
        smaller_batch_advised(2),
    ):
        raise MemoryError


def test_other_errors_are_left_alone():
    with pytest.raises(RuntimeError, match="shapes"), smaller_batch_advised(8):
        raise RuntimeError("shapes differ")


def test_memory_that_runs_out_in_a_run_is_an_error_of_the_batch_size(tmp_path, monkeypatch):
    def full(self, batch):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(PairLoss, "forward", full)
    shards = tiny_dataset.write_dataset(tmp_path / "shards", {"train": {"anna": (40, 40), "ben": (40, 40)}})
    with pytest.raises(OptionError, match="batches of 4 pairs; try --batch-size 2"):
        train(shards, tmp_path / "run", OPTIONS)


# compiling


class Shell(nn.Module):
    """Shares the weights of what is in it, as a compiled module does."""

    def __init__(self, module):
        super().__init__()
        self._orig_mod = module

    def forward(self, *given):
        return self._orig_mod(*given)


def test_where_nothing_can_be_compiled_the_networks_stay_as_they_are(monkeypatch):
    def no_compiler(function):
        raise RuntimeError("No working C++ compiler found in g++\nsearched here and there")

    monkeypatch.setattr(torch, "compile", no_compiler)
    module, notes = nn.Linear(2, 2), []
    assert compiled(module, CPU, notes.append) is module
    assert notes == [
        "--compile is left out, because nothing can be compiled here: No working C++ compiler found in g++"
    ]


def test_what_is_compiled_has_the_weights_of_the_networks(tmp_path, monkeypatch):
    seen = []

    def eagerly(module):
        if not isinstance(module, nn.Module):
            return module  # the line of code that is tried first
        seen.append(module)
        return Shell(module)

    monkeypatch.setattr(torch, "compile", eagerly)
    shards = tiny_dataset.write_dataset(tmp_path / "shards", {"train": {"anna": (40, 40), "ben": (40, 40)}})
    runs = [tmp_path / "compiled", tmp_path / "plain"]
    for run, compile in zip(runs, (True, False), strict=True):
        train(shards, run, replace(OPTIONS, negatives="shift:1", steps=1, compile=compile))
    assert len(seen) == 1
    weights = [(next(run.glob("step-*")) / "model.safetensors").read_bytes() for run in runs]
    assert weights[0] == weights[1]


# devices


def test_a_process_without_a_gpu_of_its_own_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("auto", 1) == torch.device("cuda:1") and choose_device("cpu", 1) == CPU
    with pytest.raises(
        OptionError, match="process 2 of this machine has no GPU of its own; start 2, or take --device cpu"
    ):
        choose_device("cuda", 2)


def test_a_gpu_is_taken_by_its_number(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert [str(choose_device(name)) for name in ("auto", "cuda", "cuda:0")] == ["cuda", "cuda", "cuda:0"]
    with pytest.raises(OptionError, match="device 'cuda:1' was asked for and there is 1 GPU, counted from 0"):
        choose_device("cuda:1")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cuda", "device 'cuda' was asked for and this torch sees no GPU; take --device auto or cpu"),
        ("cuda:1", "device 'cuda:1' was asked for and this torch sees no GPU"),
        ("mps", "device 'mps' was asked for and this torch has none; take --device auto or cpu"),
        ("cdua", "no device 'cdua'; there are: auto, cpu, cuda; did you mean cuda\\?"),
    ],
)
def test_a_device_that_is_not_there_is_refused(monkeypatch, name, words):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device("auto") == CPU
    with pytest.raises(OptionError, match=words):
        choose_device(name)


def test_torch_is_asked_for_a_gpu_only_where_there_is_a_driver(monkeypatch):
    asked = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: asked.append("torch") or True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(device, "has_gpu_driver", lambda: False)
    assert (device_name("auto"), device_name("cpu"), asked) == ("cpu", "cpu", [])
    monkeypatch.setattr(device, "has_gpu_driver", lambda: True)
    assert (device_name("auto"), device_name("cuda:0")) == ("cuda", "cuda:0") and asked
    with pytest.raises(OptionError, match="no device 'gpu'; there are: auto, cpu, cuda"):
        device_name("gpu")


def test_on_the_cpu_batches_are_handed_on_as_they_are():
    batches = [{"lips": torch.ones(1)}, {"lips": torch.zeros(1)}]
    assert all(one is other for one, other in zip(on_device(batches, CPU), batches, strict=True))


def test_a_gpu_is_given_batches_on_a_stream_of_their_own(monkeypatch):
    """Which calls are made, in which order; what a GPU does with them is not tested here."""
    calls = []

    class Stream:
        def __init__(self, name):
            self.name = name

        def wait_stream(self, other):
            calls.append(f"{self.name} waits for {other.name}")

        def __enter__(self):
            calls.append(f"on {self.name}")

        def __exit__(self, *error):
            calls.append(f"off {self.name}")

    def copied(tensor, device, non_blocking):
        calls.append(f"copy {tensor.dtype} {'without waiting' if non_blocking else 'waiting'}")
        return tensor

    monkeypatch.setattr(torch.cuda, "Stream", lambda device: Stream("copies"))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: Stream("work"))
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: stream)
    monkeypatch.setattr(torch.Tensor, "to", copied)
    monkeypatch.setattr(
        torch.Tensor, "record_stream", lambda tensor, stream: calls.append(f"used on {stream.name}")
    )
    batch = {"lips": torch.ones(1, dtype=torch.uint8), "keys": [("a", "a")]}
    (moved,) = on_device([batch], torch.device("cuda"))
    assert moved == batch
    assert calls == [
        "on copies",
        "copy torch.uint8 without waiting",  # bytes, a quarter of what floats would be
        "off copies",
        "work waits for copies",
        "used on work",
    ]


# losses


def test_losses_are_handed_on_late_in_their_order_and_none_is_lost():
    late, at_once = LossQueue(late=1), LossQueue(late=0)
    given = [{"loss": torch.tensor(float(step)), "term": torch.tensor(0.5)} for step in (1, 2, 3)]
    assert [list(late.add(step, losses, {})) for step, losses in enumerate(given, 1)] == [
        [],
        [{"loss": 1.0, "term": 0.5}],
        [{"loss": 2.0, "term": 0.5}],
    ]
    assert list(late.rest()) == [{"loss": 3.0, "term": 0.5}] and list(late.rest()) == []
    assert list(at_once.add(1, {"loss": torch.tensor(0.5)}, {})) == [{"loss": 0.5}]


def test_a_late_loss_that_is_no_number_names_its_own_step_and_batch():
    watch, batch = LossQueue(late=1), whole_batch()
    assert list(watch.add(7, {"loss": torch.tensor(float("nan"))}, batch)) == []
    with pytest.raises(
        TrainingStopped,
        match=(
            r"step 7: the loss is nan; lower --lr, or take fp32. The batch \(lips, speech\): a, b, c, d, e, "
            r"f, g$"
        ),
    ):
        list(
            watch.add(8, {"loss": torch.tensor(1.0)}, {"keys": [("z", "z")], "spectrogram": torch.ones(1, 4)})
        )


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_of_numbers_that_are_none_is_none_and_no_exception(loss):
    """torch's own binary cross entropy raises, on a GPU in a way that nothing recovers from; then no batch is
    named.
    """
    criterion = Criterion(loss, PairRules())
    assert torch.isnan(criterion(torch.full((8, 5), torch.nan), torch.ones(8, 5), whole_batch()))
