"""Every clip once, over ranks and workers; the same order for a seed; a position that continues exactly;
errors that say what to do.
"""

import functools
import http.server
import json
import re
import shutil
import threading
from collections import Counter
from itertools import islice

import numpy as np
import pytest
import tiny_dataset
from torch.utils.data import DataLoader

from speechlip.errors import HubError, ShardError
from speechlip.shards.read.filmstrip import decode_strip
from speechlip.shards.read.positions import Consumer, processes
from speechlip.shards.read.reader import ClipReader, clip_loader, deal, shuffled

ALL_FIELDS = ("lips", "spectrogram", "audio", "landmarks", "phones")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_dataset.write_dataset(
        tmp_path_factory.mktemp("tiny") / "out", shards=3, lips_format="png", landmarks=True, phones=True
    )


@pytest.fixture
def own_folder(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "own")


def keys(clips):
    return [clip.key for clip in clips]


def written(folder, split="train"):
    return {
        key: members
        for path in sorted((folder / "data").glob(f"{split}-*"))
        for key, members in tiny_dataset.read_tar(path).items()
    }


# what is decoded


def test_decodes_what_was_written(folder):
    samples = written(folder)
    for clip in ClipReader(folder, "train", fields=ALL_FIELDS):
        rng = np.random.default_rng(int(tiny_dataset.sha256(clip.key)[:8], 16))
        n_frames = clip.meta.n_frames
        audio = rng.normal(0, 3000, 640 * n_frames).astype(np.int16)
        np.testing.assert_array_equal(clip.audio, audio)
        np.testing.assert_array_equal(clip.lips, tiny_dataset.draw_lips(rng, n_frames))
        np.testing.assert_array_equal(clip.spectrogram, tiny_dataset.spectrogram_of(audio, "stft"))
        assert clip.landmarks.shape == (n_frames, 20, 2)
        assert list(clip.phones) == json.loads(samples[clip.key]["phones.json"])
        assert clip.meta.dump() == json.loads(samples[clip.key]["json"])


def test_fields_that_were_not_asked_for_are_none(folder):
    clip = next(iter(ClipReader(folder, "train", fields=["audio"])))
    assert clip.lips is None and clip.spectrogram is None and clip.landmarks is None and clip.phones is None
    assert clip.audio.dtype == np.int16


def test_jpeg_filmstrip_is_close_to_the_frames():
    frames = tiny_dataset.draw_lips(np.random.default_rng(0), 3)
    decoded = decode_strip(tiny_dataset.strip(frames, "jpg"), 3)
    assert decoded.shape == (3, 96, 96, 3) and np.abs(decoded.astype(int) - frames).mean() < 3


def test_reads_a_list_of_shards_without_a_manifest(folder):
    paths = sorted((folder / "data").glob("train-*.tar"))
    assert sorted(keys(ClipReader(paths))) == sorted(written(folder))
    assert keys(ClipReader(str(paths[0]), shuffle_clips=0)) == list(tiny_dataset.read_tar(paths[0]))


@pytest.mark.skipif(
    shutil.which("curl") is None, reason="webdataset fetches URLs with curl, which is not installed"
)
def test_reads_urls(folder, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder / "data")
    handler.func.log_message = lambda *args: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        assert sorted(keys(ClipReader([f"{url}train-0000{i}-of-00003.tar" for i in range(3)]))) == sorted(
            written(folder)
        )
        with pytest.raises(HubError, match=r"there is no \S+missing\.tar \(404\)"):
            list(ClipReader([f"{url}missing.tar"]))
        server.shutdown()


# dividing and shuffling


@pytest.mark.parametrize("seed", range(5))
def test_deal_gives_every_clip_to_exactly_one_consumer(seed):
    rng = np.random.default_rng(seed)
    for _ in range(60):
        n_shards, n_consumers = map(int, rng.integers(1, 12, 2))
        clips = rng.integers(0, 9, n_shards)
        order = rng.permutation(n_shards).tolist()
        taken = Counter(
            (part.shard, clip)
            for index in range(n_consumers)
            for part in deal(order, Consumer(index, n_consumers))
            for clip in range(part.first, clips[part.shard], part.of)
        )
        assert taken == {(shard, clip): 1 for shard in range(n_shards) for clip in range(clips[shard])}


def test_deal_reads_at_most_one_shared_shard_each():
    for n_shards in range(1, 20):
        for n_consumers in range(1, 9):
            parts = [deal(range(n_shards), Consumer(index, n_consumers)) for index in range(n_consumers)]
            assert all(sum(part.of > 1 for part in own) <= 1 for own in parts)
            assert max(map(len, parts)) - min(map(len, parts)) <= (1 if n_shards % n_consumers == 0 else 2)


@pytest.mark.parametrize(("world_size", "workers"), [(1, 0), (1, 2), (2, 0), (2, 2), (5, 0)])
def test_ranks_and_workers_partition_the_clips(folder, world_size, workers):
    seen = []
    for rank in range(world_size):
        reader = ClipReader(folder, "train", fields=[], rank=rank, world_size=world_size)
        seen += keys(clip_loader(reader, workers))
    assert sorted(seen) == sorted(written(folder))


def test_ranks_are_those_of_torch_distributed():
    from torch import distributed
    from torch.testing._internal.distributed.fake_pg import FakeStore

    assert processes(None, None) == (0, 1)
    distributed.init_process_group("fake", store=FakeStore(), rank=2, world_size=4)
    try:
        assert processes(None, None) == (2, 4) and processes(0, 1) == (0, 1)
    finally:
        distributed.destroy_process_group()


def test_a_plain_dataloader_divides_the_clips_too(folder):
    loader = DataLoader(ClipReader(folder, "train", fields=[]), batch_size=None, num_workers=2)
    assert sorted(keys(loader)) == sorted(written(folder))


def test_order_depends_on_seed_and_epoch_alone(folder):
    reader = functools.partial(ClipReader, folder, "train", fields=[])
    first, second = reader(seed=3), reader(seed=3)
    orders = [keys(first) for _ in range(4)]
    assert orders == [keys(second) for _ in range(4)] and first.epoch == 4
    assert len({tuple(order) for order in orders}) > 1
    assert keys(reader(seed=3, epoch=2)) == orders[2]
    assert len({tuple(keys(reader(seed=seed))) for seed in range(6)}) > 1
    assert keys(reader(shuffle_clips=0)) == list(written(folder))


def test_shuffle_buffer_reaches_every_order():
    orders = Counter(tuple(shuffled("abc", 3, np.random.default_rng(seed))) for seed in range(600))
    assert len(orders) == 6 and min(orders.values()) > 60  # 100 each expected, standard deviation 9


# position


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize(
    ("workers", "stop"), [*((0, stop) for stop in (1, 7, 8, 9, 12)), (1, 4), (2, 4), (2, 12), (3, 8)]
)
def test_resume_equals_the_uninterrupted_run(folder, workers, stop):
    make = functools.partial(ClipReader, folder, "train", fields=["spectrogram"], seed=5)
    loader = clip_loader(make(), workers)
    whole = [*loader, *loader]
    loader = clip_loader(make(), workers)
    before = []
    while len(before) < stop:
        before += islice(iter(loader), stop - len(before))
    state = json.loads(json.dumps(loader.state_dict()))
    resumed = clip_loader(make(), workers)
    resumed.load_state_dict(state)
    after = []
    while resumed.epoch < 2:
        after += resumed
    assert keys(before + after) == keys(whole)
    assert all(
        np.array_equal(one.spectrogram, other.spectrogram)
        for one, other in zip(after, whole[stop:], strict=True)
    )


def test_uneven_workers_resume_where_one_has_ended(tmp_path):
    folder = tiny_dataset.write_dataset(tmp_path / "out", {"train": {"anna": (10,) * 7}}, shards=1)
    shutil.copy(folder / "data" / "train-00000-of-00001.tar", tmp_path / "long.tar")
    samples = tiny_dataset.read_tar(tmp_path / "long.tar")
    tiny_dataset.write_tar(tmp_path / "short.tar", {"x": samples["anna-0"]})
    make = functools.partial(
        ClipReader, [tmp_path / "long.tar", tmp_path / "short.tar"], fields=[], shuffle_clips=0
    )
    whole = keys(clip_loader(make(), 2))
    assert whole == ["anna-0", "x", *(f"anna-{i}" for i in range(1, 7))]
    for stop in (1, 2, 5):
        loader = clip_loader(make(), 2)
        before = keys(islice(iter(loader), stop))
        resumed = clip_loader(make(), 2)
        resumed.load_state_dict(loader.state_dict())
        assert before + keys(resumed) == whole


def test_reader_alone_keeps_its_position(folder):
    whole = keys(ClipReader(folder, "train", fields=[]))
    reader, resumed = (ClipReader(folder, "train", fields=[]) for _ in range(2))
    before = keys(islice(iter(reader), 4))
    resumed.load_state_dict(json.loads(json.dumps(reader.state_dict())))
    assert before + keys(resumed) == whole


def test_skipping_does_not_decode(own_folder):
    def spoil(samples):
        for members in samples.values():
            members["lips.png"] = b"no picture"

    tiny_dataset.rewrite(own_folder, "train-00000-of-00003.tar", spoil)
    reader = ClipReader(own_folder, "train", shuffle_clips=0)
    assert len(list(reader.stream(Consumer(0, 1), epoch=0, skip=3))) == 6


@pytest.mark.parametrize("workers", [0, 1])
def test_what_a_worker_refuses_is_said_in_the_sentence_of_the_reader(own_folder, workers):
    def spoil(samples):
        for members in samples.values():
            members["json"] = b"no json"

    tiny_dataset.rewrite(own_folder, "train-00000-of-00003.tar", spoil)
    with pytest.raises(ShardError) as refused:
        list(clip_loader(ClipReader(own_folder, "train", fields=[]), workers=workers))
    assert re.fullmatch(r"sample \S+ of \S+train-00000-of-00003\.tar.*json.*", str(refused.value))


def test_iterating_leaves_torch_random_state_alone(folder):
    import torch

    before = torch.get_rng_state()
    next(iter(clip_loader(ClipReader(folder, "train", fields=[]), workers=1)))
    assert torch.equal(before, torch.get_rng_state())


def test_setting_the_epoch_starts_it_anew(folder):
    loader = clip_loader(ClipReader(folder, "train", fields=[], seed=1))
    next(iter(loader))
    loader.epoch = 3
    assert keys(loader) == keys(ClipReader(folder, "train", fields=[], seed=1, epoch=3)) and loader.epoch == 4


def test_a_position_of_another_reading_is_refused(folder):
    state = clip_loader(ClipReader(folder, "train", seed=1)).state_dict()
    with pytest.raises(ShardError, match="seed was 1, is 2"):
        clip_loader(ClipReader(folder, "train", seed=2)).load_state_dict(state)
    with pytest.raises(ShardError, match="workers was 0, is 2"):
        clip_loader(ClipReader(folder, "train", seed=1), workers=2).load_state_dict(state)
    with pytest.raises(ShardError, match="shards was"):
        clip_loader(ClipReader(folder, "validation", seed=1)).load_state_dict(state)
