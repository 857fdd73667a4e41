"""HDR and wide gamuts become SDR by the published formulas;

YUV is read by the matrix and range that a frame is tagged with.
"""

from collections import Counter
from fractions import Fraction

import av
import numpy as np
import pytest

from speechlip.media.frames import read_frames
from speechlip.media.images.colours import KNEE, Colours, rolled_off, to_sdr
from speechlip.media.images.geometry import Changes, Geometry
from speechlip.media.images.painting import Painter
from speechlip.media.info import corrections
from speechlip.media.probe import probe
from speechlip.media.streams.corrected import sentences

WEIGHTS = {
    1: (0.2126, 0.0722),
    5: (0.299, 0.114),
    9: (0.2627, 0.0593),
}  # matrix tag → Kr, Kb: BT.709, BT.601, BT.2020
TO_2020 = np.array(
    [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
)  # BT.2087, table 2
TAGS = {"HLG": (9, 18, 9), "PQ": (9, 16, 9), "BT.2020": (9, 14, 9)}  # primaries, transfer, matrix


def patches(levels):
    """(H, W, 3) float in 0–1: 8 px squares of these colours, one row."""
    return np.repeat(np.repeat(np.array(levels, float)[None], 8, axis=0), 8, axis=1)


SKIN = patches(
    [
        (0.85, 0.65, 0.55),
        (0.55, 0.36, 0.28),
        (0.9, 0.75, 0.68),
        (0.3, 0.2, 0.15),
        (0.5, 0.5, 0.5),
        (0.1, 0.1, 0.1),
        (0.7, 0.2, 0.2),
        (0.2, 0.3, 0.6),
    ]
)


def as_hdr(sdr, transfer):
    """SDR signal → HDR signal as BT.2408 puts it there: BT.1886, 203 cd/m², BT.2020, and the inverse of
    BT.2100's curves.
    """
    nits = 203 * sdr**2.4 @ TO_2020.T
    if transfer == "BT.2020":
        return (nits / 203) ** (1 / 2.4)
    if transfer == "PQ":
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
        power = (nits / 10000) ** m1
        return ((c1 + c2 * power) / (1 + c3 * power)) ** m2
    shown = nits / 1000
    scene = shown * (shown @ (0.2627, 0.678, 0.0593))[..., None] ** (1 / 1.2 - 1)
    return np.where(
        scene <= 1 / 12,
        np.sqrt(3 * scene),
        0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073,
    )


def write_tagged(path, rgb, bits, primaries, transfer, matrix, full=False):
    """Three frames without loss: (H, W, 3) RGB signal in 0–1 → 4:4:4 by the weights of the matrix, in the
    whole range or the narrow one.
    """
    red_weight, blue_weight = WEIGHTS.get(matrix, WEIGHTS[5])
    luma = rgb @ (red_weight, 1 - red_weight - blue_weight, blue_weight)
    blue, red = (rgb[..., 2] - luma) / (2 - 2 * blue_weight), (rgb[..., 0] - luma) / (2 - 2 * red_weight)
    step, top = 2 ** (bits - 8), 2**bits - 1
    low, high, swing = (0, top, top) if full else (16 * step, 219 * step, 224 * step)
    planes = [low + high * luma, 128 * step + swing * blue, 128 * step + swing * red]
    pixels = np.stack([np.clip(np.round(plane), 0, top) for plane in planes]).astype(
        np.uint8 if bits == 8 else np.uint16
    )
    form = "yuv444p" if bits == 8 else "yuv444p10le"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = *rgb.shape[:2], form
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = (
            primaries,
            transfer,
            matrix,
            2 if full else 1,
        )
        for index in range(3):
            frame = av.VideoFrame(rgb.shape[1], rgb.shape[0], form)
            for plane, values in zip(frame.planes, pixels, strict=True):
                rows = np.zeros((plane.height, plane.line_size // values.itemsize), values.dtype)
                rows[:, : values.shape[1]] = values
                plane.update(rows.tobytes())
            frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range = (
                primaries,
                transfer,
                matrix,
                2 if full else 1,
            )
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def read(path):
    info = probe(path, need_audio=False)
    return info, [frame.image.rgb() for frame in read_frames(path, info)][-1]


@pytest.mark.parametrize("transfer", TAGS)
def test_what_was_sdr_once_is_sdr_again(tmp_path, transfer):
    info, image = read(write_tagged(tmp_path / "clip.mkv", as_hdr(SKIN, transfer), 10, *TAGS[transfer]))
    off = np.abs(image - 255 * SKIN)
    below = (SKIN**2.4).max(axis=-1) < KNEE
    assert off[below].max() < 4 and off[below].mean() < 1 and off.mean() < 1.5
    said = f"{transfer} → SDR" if transfer in ("HLG", "PQ") else "BT.2020 → BT.709"
    assert corrections(info) == [said] and info.colours.change() == said


def test_without_a_tag_ten_bits_are_sdr_and_it_is_said(tmp_path):
    info, image = read(write_tagged(tmp_path / "clip.mkv", SKIN, 10, 2, 2, 2))
    assert corrections(info) == ["more than 8 bits, transfer not stated: taken as SDR"]
    assert np.abs(image - 255 * SKIN).max() < 3
    assert corrections(read(write_tagged(tmp_path / "eight.mkv", SKIN, 8, 2, 2, 2))[0]) == []


@pytest.mark.parametrize("full", [False, True], ids=["narrow", "full"])
@pytest.mark.parametrize("matrix", WEIGHTS)
def test_matrix_and_range_are_those_of_the_tags(tmp_path, matrix, full):
    _, image = read(write_tagged(tmp_path / "clip.mkv", SKIN, 8, 1, 1, matrix, full))
    assert np.abs(image - 255 * SKIN).max() < 3


def test_the_curve_bends_without_a_jump_and_ends_at_white():
    light = np.linspace(0, 1000 / 203, 2000)
    bent = rolled_off(light)
    assert np.array_equal(bent[light <= KNEE], light[light <= KNEE]) and bent[-1] == pytest.approx(1)
    slopes = np.diff(bent) / np.diff(light)
    assert np.abs(np.diff(slopes)).max() < 0.03 and slopes.min() > 0


def test_greys_stay_grey_and_rise():
    for colours in (Colours("HLG", "BT.2020"), Colours("PQ", "BT.2020"), Colours("SDR", "P3")):
        shown = to_sdr(np.linspace(0, 1, 300)[:, None].repeat(3, axis=1), colours)
        assert (
            np.ptp(shown, axis=1).max() < 1e-6
            and (np.diff(shown[:, 0]) >= 0).all()
            and shown[-1, 0] == pytest.approx(1)
        )


@pytest.mark.parametrize("matrix, transfer, said", [(8, 1, "BT.601"), (14, 16, "BT.2020"), (10, 1, "BT.601")])
def test_a_matrix_that_cannot_be_read_is_replaced_and_said(tmp_path, matrix, transfer, said):
    info, image = read(write_tagged(tmp_path / "clip.mkv", SKIN, 8, 1, transfer, matrix))
    assert f"matrix {matrix} cannot be read: taken as {said}" in corrections(info)
    assert transfer == 16 or np.abs(image - 255 * SKIN).max() < 3


def test_hdr_that_begins_midway_is_said():
    tally, frame = Counter(), av.VideoFrame(16, 16, "yuv420p")
    changes = Changes(tally, False)
    for index, transfer in enumerate((1, 1, 18, 1)):
        frame.color_trc = transfer
        changes.see(frame, Geometry(16, 16), index / 25)
    assert sentences(tally) == ("from 0.08 s on HLG → SDR",)


@pytest.mark.parametrize("width, height", [(1, 1), (5, 3), (33, 2), (63, 47)])
def test_hdr_of_any_size_and_orientation(width, height):
    frame = av.VideoFrame(width, height, "yuv420p10le")
    for plane in frame.planes:  # any bits, so that what lies behind the rows' ends is not black by luck
        plane.update(np.random.default_rng(width).bytes(plane.buffer_size))
    frame.color_trc, frame.color_primaries, frame.colorspace = 18, 9, 9
    for geometry in (Geometry(width, height), Geometry(width, height, Fraction(4, 3), True, 90)):
        assert Painter().paint(frame, geometry).shape[1::-1] == geometry.size
