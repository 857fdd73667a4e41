"""Items out of workers: equal to what went in, their arrays in shared memory that is used again, and nothing
overwritten that somebody holds.
"""

import multiprocessing
import os
import pickle
from itertools import islice
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import numpy as np
import pytest
import tiny_dataset
import torch

from speechlip.shards.pairs.loader import pair_loader
from speechlip.shards.read.parcels import BLOCKS_PER_WORKER, Blocks, Memory, packed
from speechlip.shards.read.reader import ClipReader, clip_loader


def item(number=0, rows=1000):
    return {
        "lips": np.full((rows, 3), number, np.uint8),
        "label": np.arange(4, dtype=np.float32),
        "keys": [("a", "b")],
    }


def assert_equal(one, other):
    assert one.keys() == other.keys() and one["keys"] == other["keys"]
    for name in ("lips", "label"):
        np.testing.assert_array_equal(one[name], other[name], strict=True)


def block_of(parcel):
    """Its number, None for memory of its own."""
    return None if isinstance(parcel.room, Memory) else parcel.room[1]


def sent(parcel):
    """As it comes out of the pipe."""
    return pickle.loads(ForkingPickler.dumps(parcel))


@pytest.mark.parametrize("block_bytes", [1 << 13, 1 << 20])
def test_an_item_comes_out_as_it_went_in(block_bytes):
    """The larger item does not fit into a small block and gets memory of its own."""
    blocks = Blocks(workers=2, block_bytes=block_bytes)
    for worker, rows in ((0, 1000), (1, 5000)):
        parcel = packed(item(7, rows), blocks, worker)
        assert isinstance(parcel.room, Memory) == (3 * rows > block_bytes)
        opened = sent(parcel).open()
        assert_equal(opened, item(7, rows))
        opened["lips"][:] = 0  # belongs to whoever got it
    assert sent(packed("no array", blocks, 0)).open() == "no array"
    assert sent(packed(np.empty((0, 3)), blocks, 0)).open().shape == (0, 3)


def test_blocks_are_used_again_and_none_that_is_held():
    blocks = Blocks(workers=1, block_bytes=1 << 20)
    parcels = [packed(item(number), blocks, 0) for number in range(BLOCKS_PER_WORKER + 1)]
    assert [block_of(parcel) for parcel in parcels] == [*range(BLOCKS_PER_WORKER), None]
    opened = [parcel.open() for parcel in parcels]
    lips = torch.from_numpy(opened[1]["lips"])[5:6]  # a view of a tensor holds it as well
    labels = [each["label"] for each in opened]  # small arrays hold nothing
    opened = opened[:1]
    again = [block_of(packed(item(9), blocks, 0)) for _ in range(BLOCKS_PER_WORKER)]
    assert again == [*range(2, BLOCKS_PER_WORKER), None, None]
    assert_equal(opened[0], item(0))
    assert lips.tolist() == [[1, 1, 1]] and all(np.array_equal(label, range(4)) for label in labels)
    del lips
    assert block_of(packed(item(9), blocks, 0)) == 1


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files by /proc")
def test_items_that_are_held_hold_no_open_files():
    """A list of whole clips, each too large for a block: a process may open 1024 files."""
    blocks = Blocks(workers=1, block_bytes=1 << 12)
    before = len(list(Path("/proc/self/fd").iterdir()))
    held = [sent(packed(item(number, rows=5000), blocks, 0)).open() for number in range(20)]
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert_equal(held[3], item(3, rows=5000))


def test_workers_take_blocks_of_their_own():
    blocks = Blocks(workers=2, block_bytes=1 << 20)
    assert [block_of(packed(item(), blocks, worker)) for worker in (1, 0, 1)] == [
        BLOCKS_PER_WORKER,
        0,
        BLOCKS_PER_WORKER + 1,
    ]


@pytest.mark.filterwarnings("ignore:.*multi-threaded")
def test_what_a_fork_lets_go_of_is_not_given_back():
    blocks = Blocks(workers=1, block_bytes=1 << 20)
    opened = packed(item(), blocks, 0).open()
    child = os.fork()
    if not child:
        del opened
        os._exit(0)
    os.waitpid(child, 0)
    assert block_of(packed(item(), blocks, 0)) == 1


def test_pinned_items_are_tensors_and_give_the_block_back(monkeypatch):
    monkeypatch.setattr(torch.Tensor, "pin_memory", torch.Tensor.clone)
    blocks = Blocks(workers=1, block_bytes=1 << 20)
    pinned = packed(item(3), blocks, 0).pin_memory()
    assert_equal({**pinned, **{name: pinned[name].numpy() for name in ("lips", "label")}}, item(3))
    assert block_of(packed(item(), blocks, 0)) == 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_dataset.write_dataset(tmp_path_factory.mktemp("tiny") / "out")


@pytest.mark.skipif(not Path("/proc/self/io").is_file(), reason="Linux's /proc counts what a process writes")
@pytest.mark.parametrize("what", ["pairs", "clips"])
def test_no_array_goes_through_the_pipe(folder, what):
    """What the worker wrote, to its pipe and anywhere else, is a fraction of what it delivered."""

    def lips(workers):
        if what == "pairs":
            loader = pair_loader(folder, "train", batch_size=8, windows_per_clip=40, workers=workers)
            return (batch["lips"].numpy() for batch in loader)
        reader = ClipReader(folder, "train", fields=("lips", "spectrogram", "audio"))
        return (clip.lips for clip in clip_loader(reader, workers))

    items = lips(workers=1)
    kept = list(islice(items, 6))
    (worker,) = multiprocessing.active_children()
    wrote = int(Path(f"/proc/{worker.pid}/io").read_text().split()[3])
    delivered = sum(each.nbytes for each in kept)
    assert delivered > 5_000_000 and wrote < delivered / 50
    for one, other in zip(kept, lips(workers=0), strict=False):
        np.testing.assert_array_equal(one, other, strict=True)


def test_the_memory_does_not_lie_in_dev_shm():
    """A container gives /dev/shm 64 MB unless it is told otherwise; two batches of 256 fill that."""
    parcel = packed(item(rows=5000), Blocks(workers=1, block_bytes=1), 0)
    assert isinstance(parcel.room, Memory)
    if hasattr(os, "memfd_create"):
        assert str(Path(f"/proc/self/fd/{parcel.room.descriptor}").readlink()).startswith("/memfd:")
