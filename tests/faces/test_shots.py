"""Cuts are found, and what only looks like one is not."""

import time

import numpy as np
import pytest

from speechlip.faces.tracking.shots import LONG_SIDE, ShotDetector

RNG = np.random.default_rng(0)


def scene(seed: int, shift: int = 0, light: float = 1.0) -> np.ndarray:
    """A smooth random image, moved sideways by ``shift`` px and lit."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (9, 16, 3)).astype(np.uint8)
    image = np.roll(np.kron(coarse, np.ones((20, 20, 1), np.uint8)), shift, axis=1)
    return np.clip(image * light, 0, 255).astype(np.uint8)


def cuts_of(frames) -> list[int]:
    shots = ShotDetector()
    for index, image in enumerate(frames):
        shots.see(image, index)
    return shots.cuts()


def test_hard_cuts_are_found_at_their_first_frame():
    assert cuts_of([scene(1)] * 20 + [scene(2)] * 7 + [scene(3)] * 20) == [20, 27]


@pytest.mark.parametrize("first", [1, 2])
def test_a_cut_near_either_end(first):
    assert cuts_of([scene(1)] * first + [scene(2)] * 10) == [first]
    assert cuts_of([scene(1)] * 10 + [scene(2)] * first) == [10]


@pytest.mark.parametrize("length", [1, 2])
def test_a_flash_is_no_cut(length):
    flash = [np.full_like(scene(1), 255)] * length
    assert cuts_of([scene(1)] * 10 + flash + [scene(1)] * 10) == []


def test_flicker_pan_and_fade_are_no_cuts():
    assert cuts_of([scene(1, light=0.75 + 0.25 * (i % 2)) for i in range(30)]) == []
    assert cuts_of([scene(1, shift=9 * i) for i in range(40)]) == []
    assert cuts_of([scene(1, light=0.2 + i / 50) for i in range(41)]) == []


def test_frames_without_image_are_passed_over():
    assert cuts_of([scene(1)] * 10 + [None] * 3 + [scene(1)] * 10) == []
    assert cuts_of([scene(1)] * 10 + [None] * 3 + [scene(2)] * 10) == [13]
    assert cuts_of([None] * 4) == [] and cuts_of([]) == []


@pytest.mark.parametrize("shape", [(1, 1, 3), (4, 900, 3), (900, 4, 3)])
def test_odd_sizes(shape):
    assert cuts_of([np.zeros(shape, np.uint8)] * 5 + [np.full(shape, (255, 0, 0), np.uint8)] * 5) == [5]


def test_moving_head_is_no_cut_and_another_person_is(face):
    talking = [face(0, opening=i % 5 / 4, x=3 * (i % 7), yaw=i % 6)[0] for i in range(24)]
    other = [face(3, opening=i % 5 / 4)[0] for i in range(12)]
    assert cuts_of(talking + other) == [24]


def test_agrees_with_scenedetect():
    detectors = pytest.importorskip("scenedetect.detectors")
    frames = (
        [scene(1, light=1 - i / 100) for i in range(30)]
        + [scene(2, shift=4 * i) for i in range(30)]
        + [scene(3)] * 30
    )
    theirs = detectors.AdaptiveDetector(min_scene_len=1)
    found = [
        cut
        for index, image in enumerate(frames)
        for cut in theirs.process_frame(index, image[..., ::-1].copy())
    ]
    assert cuts_of(frames) == found + theirs.post_process(len(frames)) == [30, 60]


def test_real_clips_joined(real_clips):
    import av

    def head(name):
        with av.open(str(real_clips / name)) as container:
            return [
                frame.to_ndarray(format="rgb24")
                for frame, _ in zip(container.decode(video=0), range(30), strict=False)
            ]

    assert cuts_of(head("hdtf_1.mp4") + head("hdtf_2.mp4") + head("geneface_zozo_render.mp4")) == [30, 60]


def test_cost_does_not_grow_with_the_frame():
    shots, image = ShotDetector(), RNG.integers(0, 255, (2160, 3840, 3), dtype=np.uint8)
    shots.see(image, 0)
    started = time.perf_counter()
    for index in range(1, 11):
        shots.see(image, index)
    assert (time.perf_counter() - started) / 10 < 0.02  # 1 ms; a whole 4K frame would cost 10 ms and more
    assert max(shots._frames[0][1].shape[:2]) == LONG_SIDE
