"""The small files of kinds that failed once, where they are at hand (``../shared/cases``)."""

import numpy as np
import pytest

from speechlip.faces.detectors.opening import open_detector
from speechlip.media.frames import read_frames
from speechlip.media.info import corrections
from speechlip.media.probe import probe
from speechlip.records import Source


def first_images(path, count=None):
    """Info, the images of the first frames, and what reading had to say."""
    info = probe(path, need_audio=False)
    reading = read_frames(path, info)
    shown = [frame.image.rgb() for frame, _ in zip(reading, range(count or 10**6), strict=False)]
    return info, shown, reading.stats.corrected


@pytest.mark.parametrize(
    "name, told",
    [
        ("hdv_like_sar4_3.mp4", ["pixels 4:3 → square"]),
        ("matrix_hflip.mp4", ["mirrored by the display matrix"]),
        ("matrix_transpose.mp4", ["mirrored by the display matrix", "rotation 90°"]),
    ],
)
def test_three_ways_to_store_one_image(real_cases, name, told):
    import cv2

    _, wanted, _ = first_images(real_cases / "square.mp4", 3)
    info, shown, _ = first_images(real_cases / name, 3)
    assert corrections(info)[: len(told)] == told
    for image, other in zip(shown, wanted, strict=True):
        same_size = cv2.resize(image, other.shape[1::-1])
        assert (
            np.abs(same_size.astype(int) - other).mean()
            < 3
            < np.abs(same_size[:, ::-1].astype(int) - other).mean()
        )


def test_a_mouth_is_as_tall_as_it_was(real_cases, face_model):
    ratios = [mouth_ratio(real_cases / name) for name in ("square.mp4", "hdv_like_sar4_3.mp4")]
    assert ratios[1] == pytest.approx(
        ratios[0], rel=0.02
    )  # 0.54 against 0.42 where pixels were taken as square


def mouth_ratio(path):
    """Height over width of the points 48–67 of the 68, mean of five images."""
    info, ratios = probe(path), []
    with open_detector("landmarker", Source(path, path.name, "")) as detector:
        for frame, _ in zip(read_frames(path, info), range(40), strict=False):
            if frame.index % 8 == 0:
                (face,) = detector.detect(frame.image.rgb(), frame.index)
                width, height = np.ptp(face.landmarks[48:68], axis=0)
                ratios.append(height / width)
    return float(np.mean(ratios))


def test_a_phone_that_is_turned_has_two_shapes(real_cases):
    _, shown, told = first_images(real_cases / "phone_turned.webm")
    assert {image.shape for image in shown[:75]} == {(384, 512, 3)} and {
        image.shape for image in shown[75:]
    } == {(512, 384, 3)}
    assert told == ("from 3.00 s on 384×512",)


def test_hlg_is_shown_as_sdr(real_cases):
    """2.7 of 255 off on average (its makers took BT.601 for BT.709, which is 2 of it); read as SDR it is off
    by 12.
    """
    _, wanted, _ = first_images(real_cases / "face_sdr.mp4", 3)
    info, shown, _ = first_images(real_cases / "face_arib-std-b67.mov", 3)
    assert "HLG → SDR" in corrections(info)
    off = np.abs(shown[-1].astype(float) - wanted[-1])
    assert off.mean() < 3.5 and np.percentile(off, 99) < 12


def test_a_voice_that_cancels_is_heard(real_cases):
    reading = read_frames(real_cases / "phase_inverted.mov", probe(real_cases / "phase_inverted.mov"))
    loudness = [np.abs(frame.samples.astype(int)).max() for frame in reading if frame.samples is not None]
    assert np.median(loudness) > 1000  # 0 where the channels are added up as they are
    assert reading.stats.corrected == ("right channel inverted → turned back",)
