"""A window cut out of a filmstrip is, pixel for pixel, what decoding the whole strip gives."""

import io
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from speechlip.shards.read.filmstrip import CodedFrames, Filmstrip, decode_coded, decode_strip, frame_cuts

N = 23
"""More than the eight restart markers there are, so that they come round."""


def strip(kind, n_frames=N, size=96, **options):
    noise = np.random.default_rng(1).integers(0, 256, (n_frames * size // 4, size // 4, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise.repeat(4, 0).repeat(4, 1)).save(buffer, kind, **options)
    return buffer.getvalue()


def whole(data, n_frames=N, size=96):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).reshape(n_frames, size, size, 3)


RESTARTING = {"quality": 95, "subsampling": 0, "restart_marker_rows": 12}
OTHERS = [
    ("JPEG", {"quality": 95, "subsampling": 0}),
    ("JPEG", {"quality": 90, "subsampling": 2, "restart_marker_rows": 6}),
    ("JPEG", {"quality": 95, "subsampling": 0, "restart_marker_rows": 6}),
    ("JPEG", {"quality": 95, "progressive": True}),
    ("PNG", {}),
]


@pytest.mark.parametrize(
    ("kind", "options"),
    [("JPEG", RESTARTING), ("JPEG", RESTARTING | {"optimize": True, "quality": 60}), *OTHERS],
    ids=str,
)
def test_windows_are_those_of_the_whole_strip(kind, options):
    data = strip(kind, **options)
    frames, film = whole(data), Filmstrip(data, N)
    np.testing.assert_array_equal(decode_strip(data, N), frames)
    for length in (1, 5, 9, N):
        for start in range(N - length + 1):
            np.testing.assert_array_equal(film.window(start, length), frames[start : start + length])


@pytest.mark.parametrize(
    ("kind", "options"),
    [("JPEG", RESTARTING | {"restart_marker_rows": 32}), ("JPEG", RESTARTING), ("PNG", {})],
    ids=str,
)
def test_windows_of_faces(kind, options):
    """256 px: cut out of the file where the markers stand between its frames, else of the whole strip."""
    data = strip(kind, 13, 256, **options)
    frames, film = whole(data, 13, 256), Filmstrip(data, 13)
    for start, length in ((0, 1), (4, 5), (1, 12), (0, 13)):
        np.testing.assert_array_equal(film.window(start, length), frames[start : start + length])
    assert ("whole" in vars(film)) != (options.get("restart_marker_rows") == 32)


def test_windows_of_many_strips_are_decoded_together():
    """In their order, under two headers, more frames than one call takes; the pixels are Pillow's."""
    strips = [strip("JPEG", **RESTARTING | {"quality": quality}) for quality in (95, 60)]
    places = np.random.default_rng(0).integers((2, N - 4), size=(60, 2)).tolist()
    frames = np.empty((300, 96, 96, 3), np.uint8)
    decode_coded([Filmstrip(strips[which], N).coded(start, 5) for which, start in places], frames)
    wanted = [whole(strips[which])[start : start + 5] for which, start in places]
    np.testing.assert_array_equal(frames, np.concatenate(wanted))
    long = [Filmstrip(strips[0], N).coded(0, N)] * 9
    longer = CodedFrames(*long[0].header, sum((each.frames for each in long), ()))
    frames = np.empty((9 * N, 96, 96, 3), np.uint8)
    decode_coded([longer], frames)
    np.testing.assert_array_equal(frames, np.tile(whole(strips[0]), (9, 1, 1, 1)))


def test_markers_inside_of_frames_are_no_cuts():
    """An early end of image would end the decoding of all windows that come after it."""
    data = bytearray(strip("JPEG", **RESTARTING))
    begin, _ = frame_cuts(bytes(data), N).frames[3]
    data[begin + 40 : begin + 42] = b"\xff\xd9"
    assert frame_cuts(bytes(data), N) is None and Filmstrip(bytes(data), N).coded(0, 5) is None


def test_only_the_frames_of_the_window_are_decoded():
    film = Filmstrip(strip("JPEG", **RESTARTING), N)
    film.window(3, 5)
    assert "whole" not in vars(film)
    assert frame_cuts(film.data, N) and not any(
        frame_cuts(strip(kind, **options), N) for kind, options in OTHERS
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8",
        b"\xff\xd8\xff\xc0",
        strip("JPEG", **RESTARTING)[:700],
        strip("JPEG", **RESTARTING)[:-2],
        b"RIFF",
    ],
)
def test_damaged_files_are_an_error_or_decoded_whole(data):
    assert frame_cuts(data, N) is None
    with pytest.raises(OSError):
        Filmstrip(data[:-100], N).window(0, 5)


@pytest.mark.parametrize("seed", range(8))
def test_no_damage_ends_in_anything_but_an_image_error(seed):
    rng, sound = np.random.default_rng(seed), strip("JPEG", **RESTARTING)
    for _ in range(40):
        data = bytearray(sound)
        for position in rng.integers(0, 800, 3):
            data[position] = rng.integers(256)
        with suppress(OSError, ValueError, SyntaxError):
            assert Filmstrip(bytes(data), N).window(9, 5).shape == (5, 96, 96, 3)


def test_a_picture_that_claims_to_be_huge_is_an_error():
    data = strip("JPEG", **RESTARTING)
    height = data.index(b"\xff\xc0") + 5
    with pytest.raises(ValueError, match="exceeds limit"):
        decode_strip(data[:height] + b"\xff" * 4 + data[height + 4 :], N)


def test_other_sizes_and_windows_are_refused():
    data = strip("JPEG", **RESTARTING)
    with pytest.raises(
        ValueError, match="a picture of 96×2208 px, a filmstrip of 22 frames has 96×2112 or 256×5632"
    ):
        Filmstrip(data, 22).window(0, 5)
    with pytest.raises(ValueError, match="a picture of 104×2392 px"):
        Filmstrip(strip("JPEG", size=104, **RESTARTING), N).window(0, 5)
    for start, length in ((-1, 5), (19, 5), (0, 24)):
        with pytest.raises(ValueError, match="of a filmstrip of 23"):
            Filmstrip(data, N).window(start, length)
