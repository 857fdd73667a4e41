"""The parts of the search, against arithmetic by hand."""

import numpy as np
import pytest

from speechlip.doubles.alignment import aligned
from speechlip.doubles.audio_landmarks import MOST_HASHES, AudioHashes, audio_hashes, filters
from speechlip.doubles.image_hashes import cosines, distances, image_hash
from speechlip.doubles.index import shared_hashes
from speechlip.doubles.keeping import doubles_of_kept
from speechlip.doubles.pairs import Double

RNG = np.random.default_rng(5)


def test_a_mirrored_image_has_the_hash_that_is_computed_without_looking():
    for _ in range(20):
        grey = RNG.normal(size=(32, 32))
        one, other = np.uint64(image_hash(grey)), np.uint64(image_hash(grey[:, ::-1]))
        assert distances(one, other) == 0
        assert np.bitwise_count(one ^ other) > 15


def test_hashes_of_unlike_images_differ_by_about_half_their_bits():
    hashes = np.array([image_hash(RNG.normal(size=(32, 32))) for _ in range(40)], np.uint64)
    apart = distances(hashes[:, None], hashes)[~np.eye(40, dtype=bool)]
    assert apart.min() > 14 and 25 < apart.mean() < 32


def test_the_cosines_are_those_of_scipy():
    from scipy.fft import dctn

    grey = RNG.normal(size=(32, 32)).astype(np.float32)
    np.testing.assert_allclose(4 * cosines() @ grey @ cosines().T, dctn(grey)[:8, :8], atol=1e-3)


def test_a_line_through_the_votes_is_found_among_chance():
    first_s = np.sort(RNG.uniform(3, 20, 40)).astype(np.float32)
    second_s = (1.05 * first_s - 2.5).astype(np.float32)
    noise = RNG.uniform(0, 20, (2, 60)).astype(np.float32)
    found = aligned(np.r_[first_s, noise[0]], np.r_[second_s, noise[1]], 24.0, 18.6)
    assert found.speed == pytest.approx(1.05, abs=0.005) and found.offset_s == pytest.approx(-2.5, abs=0.1)
    assert found.first_s == pytest.approx((2.5 / 1.05, 21.1 / 1.05), abs=0.15)
    assert found.second_s == pytest.approx((0.0, 18.6), abs=0.05)


def test_chance_and_one_word_in_common_are_no_alignment():
    assert aligned(*RNG.uniform(0, 20, (2, 60)).astype(np.float32), 20.0, 20.0) is None
    word_s = np.linspace(4.0, 4.8, 12).astype(np.float32)
    assert aligned(word_s, word_s + 3, 20.0, 20.0) is None


def test_the_index_gives_what_a_comparison_of_all_with_all_gives():
    made = [
        AudioHashes(np.sort(RNG.integers(0, 60, 30)).astype(np.uint32), RNG.uniform(0, 9, 30).astype("f4"))
        for _ in range(8)
    ]
    wanted = {}
    for i, one in enumerate(made):
        for j in range(i + 1, len(made)):
            times = [
                (float(a_s), float(b_s))
                for a, a_s in zip(one.values, one.times_s, strict=True)
                for b, b_s in zip(made[j].values, made[j].times_s, strict=True)
                if a == b
            ]
            if len(times) >= 12 and (i, j) != (2, 3):
                wanted[i, j] = sorted(times)
    groups = [0, 1, 2, 2, 4, 5, 6, 7]
    got = {
        (i, j): sorted(zip(one_s.tolist(), other_s.tolist(), strict=True))
        for i, j, one_s, other_s in shared_hashes(made, groups, least=12)
    }
    assert got == wanted and wanted
    assert list(shared_hashes([], [], 3)) == []


def test_a_long_recording_keeps_its_smallest_hashes_whatever_the_blocks():
    sound = (RNG.normal(size=16000 * 60) * 3000).astype(np.int16)
    whole = audio_hashes([sound])
    blocks = audio_hashes(np.array_split(sound, 37))
    assert len(whole) == MOST_HASHES and (np.diff(whole.values.astype(np.int64)) >= 0).all()
    np.testing.assert_array_equal(whole.values, blocks.values)
    assert len(audio_hashes([])) == len(audio_hashes([sound[:100]])) == len(audio_hashes([sound[:600]])) == 0


def test_the_bands_are_a_sixth_of_an_octave():
    centres = filters().argmax(0) * 16000 / 512
    assert centres[0] == pytest.approx(300, abs=16) and centres[12] == pytest.approx(1200, abs=16)


def pair(first, second, first_share=1.0, second_share=1.0):
    return Double(first, second, "audio", first_share=first_share, second_share=second_share)


@pytest.mark.parametrize(
    ("seconds_of", "pairs", "left_out"),
    [
        ({"a": 10, "b": 10}, [("a", "b")], {"b": "a"}),
        ({"a": 10, "b": 10.5}, [("a", "b")], {"b": "a"}),
        ({"a": 4, "b": 60}, [("a", "b", 1.0, 0.07)], {"a": "b"}),
        ({"a": 30, "b": 60}, [("a", "b", 0.2, 0.1)], {}),
        ({"a": 5, "b": 60, "c": 5}, [("a", "b", 1.0, 0.1), ("b", "c", 0.1, 1.0)], {"a": "b", "c": "b"}),
        (
            {"a": 60, "b": 50, "c": 9},
            [("a", "b", 0.2, 0.2), ("b", "c", 0.2, 1.0)],
            {"c": "b"},
        ),
    ],
)
def test_the_longest_is_kept_and_of_equals_the_first(seconds_of, pairs, left_out):
    found = doubles_of_kept(seconds_of, [pair(*each) for each in pairs])
    assert {name: (set(seconds_of) & {each.first, each.second}) - {name} for name, each in found.items()} == {
        name: {kept} for name, kept in left_out.items()
    }
