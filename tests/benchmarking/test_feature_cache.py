"""Features on disk are those of the encoder, on the video's frames, scaled by the train split alone."""

import numpy as np
import pytest
import tiny_dataset
import tiny_encoders

from speechlip.benchmarking.projection.feature_cache import FeatureCache, build_cache, frames_of
from speechlip.encoders.features.protocol import FeatureClock
from speechlip.errors import ShardError
from speechlip.shards.read.reader import ClipReader

SPLITS = {"train": {"anna": (50, 41), "ben": (45,)}, "test": {"dora": (47,)}}


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return tiny_dataset.write_dataset(tmp_path_factory.mktemp("tiny") / "shards", SPLITS)


@pytest.fixture(scope="module")
def cache(shards, tmp_path_factory):
    return build_cache(tmp_path_factory.mktemp("cache"), tiny_encoders.seeing(), shards, ("train", "test"))


def clips(shards, split):
    return {clip.key: clip for clip in ClipReader(shards, split, fields=("lips",), shuffle_clips=0)}


def test_raw_features_are_the_encoders(shards, cache):
    for split in SPLITS:
        for key, clip in clips(shards, split).items():
            assert np.array_equal(cache.raw(key), tiny_encoders.patches(clip))


def test_scaled_features_have_mean_0_and_deviation_1_over_train_and_the_same_scale_elsewhere(shards, cache):
    train = np.concatenate(
        [cache.frames(key, 0, clip.meta.n_frames) for key, clip in clips(shards, "train").items()]
    )
    assert np.allclose(train.mean(0), 0, atol=1e-4) and np.allclose(train.std(0), 1, atol=1e-4)
    every = np.concatenate([tiny_encoders.patches(clip) for clip in clips(shards, "train").values()])
    (other,) = clips(shards, "test").values()
    wanted = (tiny_encoders.patches(other) - every.mean(0)) / every.std(0)
    assert np.allclose(cache.frames(other.key, 7, 5), wanted[7:12], atol=1e-4)


def test_a_dimension_that_never_changes_is_zero_and_not_infinite(shards, tmp_path):
    cache = build_cache(tmp_path, tiny_encoders.constant(), shards, ("train",))
    assert np.abs(cache.frames("anna-0", 0, 50)).max() == 0


def test_two_features_a_frame_stand_side_by_side(shards, tmp_path):
    clock = FeatureClock(rate_hz=50, centre_ms=10, past_ms=0, future_ms=0)

    def make(clip):
        return np.arange(2.0 * clip.meta.n_frames, dtype=np.float32)[:, None]

    cache = build_cache(
        tmp_path, tiny_encoders.Features("50 Hz", make, dim=1, clock=clock), shards, ("train",)
    )
    assert cache.dim == 2 and np.allclose(cache.raw("ben-0")[:3], [[0, 1], [2, 3], [4, 5]])


def test_a_finished_cache_is_read_and_a_broken_off_one_made_again(shards, tmp_path):
    class Counting(tiny_encoders.Features):
        calls = 0

        def of_clip(self, clip):
            Counting.calls += 1
            return super().of_clip(clip)

    made = Counting("seeing", tiny_encoders.patches)
    build_cache(tmp_path, made, shards, ("train", "test"))
    build_cache(tmp_path, made, shards, ("train", "test"))
    assert Counting.calls == 4
    (tmp_path / "index.json").unlink()
    build_cache(tmp_path, made, shards, ("train", "test"))
    assert Counting.calls == 8 and np.array_equal(
        FeatureCache(tmp_path).raw("dora-0"), build_cache(tmp_path, made, shards, ()).raw("dora-0")
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("short", "40 features at 25 Hz are 1.60 s, the clip has 2.00 s; state the rate that they have"),
        ("twice_the_rate", "100 features at 25 Hz are 4.00 s, the clip has 2.00 s"),
        ("not_a_number", "clip anna-0: feature 3 of nan is not finite"),
        ("other_width", r"gave features of shape (50, 48); (T, 47) were wanted"),
    ],
)
def test_features_that_do_not_fit_their_clip_are_refused(shards, name, words):
    clip = clips(shards, "train")["anna-0"]
    with pytest.raises(ShardError) as refused:
        frames_of(getattr(tiny_encoders, name)(), clip)
    assert words in str(refused.value)
