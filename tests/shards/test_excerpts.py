"""Excerpts with phones: what a batch holds, the same again, resumed, shared; what cannot be had."""

import json
from itertools import islice, pairwise

import numpy as np
import pytest
import tiny_dataset
import torch

from speechlip.errors import OptionError, ShardError
from speechlip.metrics.phones.classes import TABLE, VISEME_NUMBERS, phone_number
from speechlip.metrics.phones.visemes import viseme
from speechlip.shards.excerpts.loader import excerpt_loader, phones_seen
from speechlip.shards.excerpts.segments import clip_phones, segments_in
from speechlip.shards.read.reader import ClipReader
from speechlip.shards.read.shardset import open_shards

SPLITS = {"train": {"anna": (50, 13, 30), "ben": (45, 35, 26)}}
LENGTH = 20


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return with_phones(
        tiny_dataset.write_dataset(tmp_path_factory.mktemp("tiny") / "shards", SPLITS, phones=True)
    )


def with_phones(folder, phones_of=None):
    """Other phones in every sample; by default T of 80 ms and AH of 120 ms in turn, to the end of a clip."""

    def change(samples):
        for key, members in samples.items():
            n_frames = json.loads(members["json"])["n_frames"]
            members["phones.json"] = json.dumps((phones_of or in_turn)(key, n_frames)).encode()

    for row in json.loads((folder / "manifest.json").read_text())["shards"]:
        tiny_dataset.rewrite(folder, row["name"], change)
    return folder


def in_turn(key, n_frames):
    edges = [*np.arange(0, n_frames / 25, 0.2).round(3).tolist(), n_frames / 25]
    rows = []
    for start, stop in pairwise(edges):
        rows += [("T", start, min(start + 0.08, stop)), ("AH0", min(start + 0.08, stop), stop)]
    return [{"start_s": start, "end_s": stop, "phone": phone} for phone, start, stop in rows]


def load(shards, **given):
    return excerpt_loader(
        shards, "train", **{"batch_size": 3, "length": LENGTH, "rank": 0, "world_size": 1} | given
    )


def same(one, other):
    return one.keys() == other.keys() and all(
        torch.equal(value, other[name]) if torch.is_tensor(value) else value == other[name]
        for name, value in one.items()
    )


def test_an_excerpt_is_what_stands_in_its_clip(shards):
    clips = {clip.key: clip for clip in ClipReader(shards, "train", rank=0, world_size=1)}
    seen = set()
    for batch in load(shards):
        assert batch["lips"].shape == (3, LENGTH + 4, 96, 96, 3) and batch["spectrogram"].shape == (
            3,
            100,
            257,
        )
        for number, (key, again) in enumerate(batch["keys"]):
            clip, start, own = clips[key], batch["lips_start"][number].item(), batch["n_frames"][number]
            assert key == again and own == min(LENGTH, len(clip.lips))
            frames = np.arange(start - 2, start + own + 2).clip(0, len(clip.lips) - 1)
            np.testing.assert_array_equal(batch["lips"][number, : own + 4], clip.lips[frames])
            assert (
                not batch["lips"][number, own + 4 :].any()
                and not batch["spectrogram"][number, 5 * own :].any()
            )
            np.testing.assert_array_equal(
                batch["spectrogram"][number, : 5 * own], clip.spectrogram[5 * start : 5 * (start + own)]
            )
            seen.add(key)
    assert "anna-1" in seen, "a clip of 13 frames is an excerpt, padded"


def test_segments_are_the_frames_that_a_phone_touches(shards):
    batch = next(iter(load(shards)))
    for number in range(3):
        count = int((batch["phone"][number] >= 0).sum())
        start, own = batch["lips_start"][number].item(), batch["n_frames"][number]
        assert count in range(own * 2 // 5 - 1, own * 2 // 5 + 3)
        for phone, first, stop, centre in zip(
            *(batch[name][number, :count].tolist() for name in ("phone", "first", "stop", "centre")),
            strict=True,
        ):
            middle_ms = (start + centre) * 40
            assert TABLE[phone] == ("T" if middle_ms % 200 < 80 else "AH")
            assert 0 <= first <= centre < stop <= own


def test_a_phone_of_39_ms_is_no_segment_and_one_of_40_is():
    rows = [("T", 0.0, 0.039), ("AH", 0.039, 0.079), ("S", 0.079, 0.2)]
    phones = clip_phones([{"start_s": a, "end_s": b, "phone": phone} for phone, a, b in rows])
    assert [TABLE[number] for number in phones.phone] == ["AH", "S"] and phones.short == 1
    segments = segments_in(phones, 1, 4)
    assert segments.phone.tolist() == [phone_number("AH"), phone_number("S")]
    assert segments.first.tolist() == [0, 0] and segments.stop.tolist() == [1, 4]


def test_the_table_has_every_phone_and_its_viseme():
    assert len(TABLE) == len(VISEME_NUMBERS) == 40 and TABLE[0] == "SIL" and max(VISEME_NUMBERS) == 21
    assert all(viseme(phone) == number for phone, number in zip(TABLE, VISEME_NUMBERS, strict=True))


@pytest.mark.parametrize("workers", [0, 2])
def test_the_same_seed_gives_the_same_batches_and_a_position_goes_on(shards, workers):
    loader, again = load(shards, workers=workers), load(shards, workers=workers)
    first = list(islice(loader, 2))
    position = loader.state_dict()
    assert all(same(*both) for both in zip(first, islice(again, 2), strict=True))
    resumed = load(shards, workers=workers)
    resumed.load_state_dict(position)
    rest, wanted = list(resumed), list(loader)
    assert len(rest) == len(wanted) and all(same(*both) for both in zip(rest, wanted, strict=True))
    other = next(iter(load(shards, seed=1, workers=workers)))
    assert not same(first[0], other)


def test_a_position_of_other_sizes_is_refused(shards):
    position = load(shards).state_dict()
    with pytest.raises(ShardError, match="length was 20, is 25"):
        load(shards, length=25).load_state_dict(position)


def test_every_clip_goes_to_one_rank(shards):
    keys = [
        {key for batch in load(shards, batch_size=1, rank=rank, world_size=2) for key, _ in batch["keys"]}
        for rank in (0, 1)
    ]
    assert keys[0] and keys[1] and not keys[0] & keys[1] and len(keys[0] | keys[1]) == 6


def test_an_epoch_gives_each_clip_as_often_as_excerpts_fit_into_it(shards):
    loader = load(shards, batch_size=1)
    keys = [batch["keys"][0][0] for batch in loader]
    assert sorted(keys) == ["anna-0"] * 2 + ["anna-1", "anna-2"] + ["ben-0"] * 2 + ["ben-1", "ben-2"]
    assert loader.counts.clips == 6 and loader.counts.excerpts == 8


# what cannot be had


def test_shards_without_phones_say_where_phones_come_from(tmp_path):
    shards = tiny_dataset.write_dataset(tmp_path / "shards", SPLITS)
    with pytest.raises(
        ShardError, match=r"carries no phones.*--phones align; recipe synthetic has phones, and grid"
    ):
        load(shards)


def test_labels_that_are_no_phones_are_counted_by_name(tmp_path):
    def some_noise(key, n_frames):
        rows = in_turn(key, n_frames)
        return [rows[0] | {"phone": "spn"}, *rows[1:]]

    folder = tiny_dataset.write_dataset(tmp_path / "shards", SPLITS, phones=True)
    shards = with_phones(folder, some_noise)
    loader = load(shards)
    assert list(loader) and loader.counts.unknown == {"spn": 6}
    seen = phones_seen(open_shards(shards, "train"), 4)
    assert seen.clips == 4 and seen.unknown == {"spn": 4} and set(seen.phones) == {3, 31}


def test_a_clip_without_a_phone_of_40_ms_is_left_out_and_counted(tmp_path):
    def hurried(key, n_frames):
        return [{"start_s": 0.0, "end_s": 0.02, "phone": "T"}] if key == "anna-2" else in_turn(key, n_frames)

    shards = with_phones(tiny_dataset.write_dataset(tmp_path / "shards", SPLITS, phones=True), hurried)
    loader = load(shards, batch_size=1)
    keys = {batch["keys"][0][0] for batch in loader}
    assert "anna-2" not in keys and len(keys) == 5 and loader.counts.phoneless == 1


def test_an_epoch_without_a_batch_says_why(tmp_path):
    shards = with_phones(
        tiny_dataset.write_dataset(tmp_path / "shards", SPLITS, phones=True),
        lambda key, n_frames: [{"start_s": 0.0, "end_s": 0.02, "phone": "T"}],
    )
    with pytest.raises(ShardError, match=r"6 clips gave 0 excerpts .*8 excerpts had no phone of 40 ms"):
        list(load(shards))


@pytest.mark.parametrize(
    ("phones", "words"),
    [
        ([{"start_s": 0.0, "phone": "T"}], "wanted start_s, end_s and phone"),
        (["T"], "wanted start_s, end_s and phone"),
        ([{"start_s": 0.5, "end_s": 0.1, "phone": "T"}], r"phone 'T' is at 0.5 … 0.1 s"),
        ([{"start_s": float("nan"), "end_s": 0.1, "phone": "T"}], "wanted times in order"),
    ],
)
def test_what_are_no_phones_names_the_sample(tmp_path, phones, words):
    shards = with_phones(
        tiny_dataset.write_dataset(tmp_path / "shards", SPLITS, phones=True), lambda key, n_frames: phones
    )
    with pytest.raises(ShardError, match=rf"sample \S+ of \S+: phones.json cannot be decoded: .*{words}"):
        next(iter(load(shards)))
    with pytest.raises(ShardError, match=rf"sample \S+: phones.json: .*{words}"):
        phones_seen(open_shards(shards, "train"), 9)


@pytest.mark.parametrize(
    ("given", "words"),
    [({"length": 4}, "length must be at least 5"), ({"batch_size": 0}, "batch_size must be at least 1")],
)
def test_sizes_that_cannot_be_are_refused(shards, given, words):
    with pytest.raises(OptionError, match=words):
        load(shards, **given)
