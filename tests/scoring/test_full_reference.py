"""Render against reference: numbers by hand, and what happens to other lengths, rates and sizes."""

import cv2
import numpy as np
import pytest

from speechlip.faces.tracking.stage import FaceTracks
from speechlip.faces.tracking.tracks import build_tracks
from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.metrics.declared import NotScored
from speechlip.records import Face
from speechlip.scoring.clip.faces import why_no_face
from speechlip.scoring.clip.landmarks import of_both
from speechlip.scoring.clip.score_clip import score_clip
from speechlip.scoring.networks import Tools
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.records import ScoreTask
from zoo import write_clip

FRAMES = 30
NO_LPIPS = {"lpips": NotScored("no AlexNet weights")}


def compared(
    render, reference, metrics=("lmd", "psnr", "ssim"), region="full", detector="sidecar", tools=None
):
    options = ScoreOptions(metrics, detector=detector, region=region)
    (row,) = score_clip(
        ScoreTask("clip", render, reference), options, tools or Tools(problems=NO_LPIPS), lambda *_: None
    ).rows
    return row


def rgb(path):
    return np.stack([moment.image.rgb() for moment in read_frames(path, probe(path))])


@pytest.fixture(scope="module")
def reference(head, tmp_path_factory):
    return head.write(
        tmp_path_factory.mktemp("reference") / "clip.mp4",
        head.frames[:FRAMES],
        head.audio[: FRAMES * 640],
        head.landmarks[:FRAMES],
    )


def blurred(head, path, sigma, frames=FRAMES, **given):
    pictures = np.stack([cv2.GaussianBlur(picture, (0, 0), sigma) for picture in head.frames[:frames]])
    return head.write(
        path, pictures, head.audio[: frames * 640], **({"landmarks": head.landmarks[:frames]} | given)
    )


def test_psnr_and_ssim_are_means_over_frames(head, reference, tmp_path):
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    render = blurred(head, tmp_path / "clip.mp4", 2.0)
    row = compared(render, reference)
    pairs = list(zip(rgb(render), rgb(reference), strict=True))
    assert row.psnr == pytest.approx(np.mean([peak_signal_noise_ratio(b, a) for a, b in pairs]), abs=1e-9)
    assert row.ssim == pytest.approx(
        np.mean([structural_similarity(a, b, channel_axis=-1, data_range=255) for a, b in pairs]), abs=1e-6
    )


def test_the_same_video_is_perfect(reference):
    row = compared(reference, reference)
    assert (row.lmd, row.lmd_iod, row.psnr, row.frames_compared, row.status) == (
        0.0,
        0.0,
        100.0,
        FRAMES,
        "scored",
    )
    assert row.ssim == pytest.approx(1)


def test_landmarks_and_pictures_are_counted_apart(head, reference, tmp_path):
    """LMD leaves out frames without a face, PSNR does not; one number stood for both."""
    points = head.landmarks[:FRAMES].copy()
    points[5:12] = np.nan
    row = compared(blurred(head, tmp_path / "clip.mp4", 1.0, landmarks=points), reference)
    assert (row.frames_compared, row.pictures_compared) == (FRAMES - 7, FRAMES)
    assert compared(reference, reference, ("lmd",)).pictures_compared is None
    assert compared(reference, reference, ("psnr",)).frames_compared is None


@pytest.mark.parametrize(
    ("metrics", "frames", "why"),
    [
        (("psnr",), FRAMES, "not looked at: LMD was not asked for"),
        (("lmd", "psnr"), FRAMES - 10, "not looked at: length mismatch"),
        (("lmd",), FRAMES, ""),
        (("lmd",), 0, "reference unreadable"),
        (("psnr",), None, "none given"),
    ],
)
def test_a_report_says_who_looked_at_the_reference(head, reference, tmp_path, metrics, frames, why):
    """It said "no face found" of references that nobody had looked at."""
    other = tmp_path / "other.mp4"
    if frames:
        head.write(other, head.frames[:frames], head.audio[: frames * 640], head.landmarks[:frames])
    elif frames == 0:
        other.write_text("no video")
    task = ScoreTask("clip", reference, other if frames is not None else None)
    detail = score_clip(
        task, ScoreOptions(("lse", *metrics), detector="sidecar"), Tools(), lambda *_: None
    ).detail
    assert (
        detail.reference_unseen == why
        and bool(detail.strip_render)
        and bool(detail.strip_reference) == (not why)
    )


def test_more_blur_is_worse_by_every_measure(head, tmp_path):
    from speechlip.metrics.image.lpips import random_lpips

    tools, asked = Tools(networks={"lpips": random_lpips()}), ("psnr", "ssim", "lpips")
    reference, light, strong = (
        blurred(head, tmp_path / f"{sigma}.mp4", sigma, frames=10) for sigma in (0.1, 1.0, 3.0)
    )
    rows = [compared(render, reference, asked, "face", tools=tools) for render in (light, strong)]
    assert rows[0].psnr > rows[1].psnr and rows[0].ssim > rows[1].ssim and rows[0].lpips < rows[1].lpips
    assert rows[0].protocol == "direct, region face"


def test_the_mouth_region_sees_the_mouth_only(head, reference, tmp_path):
    """The frame is changed far from the mouth: nothing of that reaches region mouth."""
    pictures = head.frames[:FRAMES].copy()
    pictures[:, :40, :40] = 255 - pictures[:, :40, :40]
    render = head.write(tmp_path / "clip.mp4", pictures, head.audio[: FRAMES * 640], head.landmarks[:FRAMES])
    full, mouth = (compared(render, reference, ("psnr",), region).psnr for region in ("full", "mouth"))
    assert full < 25 and mouth > full + 10


def test_lmd_by_hand(head, reference, tmp_path):
    """Half of the 20 mouth points 4 px to the right: their middle moves by 2, so every point is 2 px from its
    place.
    """
    moved = head.landmarks[:FRAMES].copy()
    moved[:, 48:58, 0] += 4
    row = compared(blurred(head, tmp_path / "clip.mp4", 0.5, landmarks=moved), reference)
    eyes = np.median(np.linalg.norm(head.landmarks[:FRAMES, 36] - head.landmarks[:FRAMES, 45], axis=1))
    assert row.lmd == pytest.approx(2, abs=1e-4) and row.lmd_iod == pytest.approx(2 / eyes, rel=1e-4)


def test_frames_without_a_face_are_left_out_and_counted(head, reference, tmp_path):
    landmarks = head.landmarks[:FRAMES].copy()
    landmarks[10:15] = np.nan
    row = compared(
        head.write(tmp_path / "clip.mp4", head.frames[:FRAMES], head.audio[: FRAMES * 640], landmarks),
        reference,
    )
    assert row.frames_compared == FRAMES - 5 and row.lmd == 0 and row.status == "scored"


def test_no_face_is_no_lack_of_landmarks(head, reference, tmp_path):
    """It was said that the detector gives boxes only."""
    frames, landmarks = np.zeros_like(head.frames[:FRAMES]), head.landmarks[:FRAMES]
    nobody = head.write(tmp_path / "clip.mp4", frames, head.audio[: FRAMES * 640], landmarks)
    (tmp_path / "clip.landmarks.npz").unlink()
    assert compared(nobody, reference, ("lmd",), detector="cascade").reason == "lmd: no face"


def test_faces_of_20_px_are_named_too_small():
    faces = [[Face(np.array([0, 0, 20, 20], np.float32), 1.0)]] * 60
    tracks, unfit = build_tracks(faces, ())
    seen = FaceTracks(tracks, tracks, unfit, (), np.ones(60, bool), ((40, 40),) * 60)
    assert not tracks and why_no_face(seen, "a.mp4").reason == "face too small"


def test_boxes_only_means_no_landmarks_unless_they_lie_beside(head, reference, tmp_path):
    render = head.write(
        tmp_path / "clip.mp4", head.frames[:FRAMES], head.audio[: FRAMES * 640], head.landmarks[:FRAMES]
    )
    assert compared(render, reference, ("lmd",), detector="cascade").lmd == 0
    (tmp_path / "clip.landmarks.npz").unlink()
    assert compared(render, reference, ("lmd",), detector="cascade").reason == "lmd: no landmarks"


@pytest.mark.parametrize(("frames", "reason"), [(FRAMES - 5, ""), (FRAMES - 6, "length mismatch")])
def test_lengths_may_differ_by_five_frames(head, reference, tmp_path, frames, reason):
    render = head.write(
        tmp_path / "clip.mp4", head.frames[:frames], head.audio[: frames * 640], head.landmarks[:frames]
    )
    row = compared(render, reference, ("lmd", "psnr", "cpbd"))
    assert row.reason == "; ".join(f"{family}: {reason}" for family in ("lmd", "psnr") if reason)
    assert (
        row.cpbd is not None
        and row.pictures_compared == frames
        and row.status == ("partial" if reason else "scored")
    )


def test_another_frame_rate_is_compared_by_time(head, reference, tmp_path):
    """At 30 fps the k-th frame is not the k-th of 25 fps. By time the right ones meet; by number 30 frames
    would slide by 5.
    """
    order = np.arange(FRAMES * 30 // 25) * 25 // 30
    render = head.write(
        tmp_path / "clip.mp4", head.frames[order], head.audio[: FRAMES * 640], head.landmarks[order], fps=30
    )
    by_time = compared(render, reference)
    by_number = compared(
        head.write(tmp_path / "slow.mp4", head.frames[order][:FRAMES], None, head.landmarks[order][:FRAMES]),
        reference,
    )
    assert by_time.frames_compared == FRAMES
    assert by_time.psnr > by_number.psnr + 3 and by_time.lmd < by_number.lmd / 2


def test_another_size_refuses_pictures_and_scales_landmarks(head, reference, tmp_path):
    """At half the size LMD is in pixels of the render, half as many, and the share of the eye distance is the
    same.
    """
    half = np.stack(
        [
            cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            for picture in head.frames[:FRAMES]
        ]
    )
    moved = head.landmarks[:FRAMES].copy()
    moved[:, 48:58, 0] += 4
    same_size = compared(head.write(tmp_path / "same.mp4", head.frames[:FRAMES], None, moved), reference)
    row = compared(head.write(tmp_path / "half.mp4", half, None, moved / 2), reference)
    assert row.reason == "psnr: different sizes; ssim: different sizes" and row.psnr is None
    assert row.lmd == pytest.approx(same_size.lmd / 2, rel=1e-4) and row.lmd_iod == pytest.approx(
        same_size.lmd_iod, rel=1e-4
    )


def test_the_face_of_another_size_is_the_renders_own(head, reference, tmp_path):
    smaller = np.stack(
        [
            cv2.resize(picture, None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA)
            for picture in head.frames[:FRAMES]
        ]
    )
    render = head.write(tmp_path / "smaller.mp4", smaller, None, head.landmarks[:FRAMES] * 0.75)
    alone = compared(render, None, ("cpbd",), "face")
    assert alone.cpbd is not None and compared(render, reference, ("cpbd",), "face").cpbd == alone.cpbd


def test_other_proportions_refuse_everything(head, reference, tmp_path):
    wide = np.stack([cv2.resize(picture, (320, 256)) for picture in head.frames[:FRAMES]])
    row = compared(
        head.write(tmp_path / "clip.mp4", wide, None, head.landmarks[:FRAMES] * (1.25, 1)), reference
    )
    assert (
        row.reason == "lmd: different proportions; psnr: different sizes; ssim: different sizes"
        and row.status == "failed"
    )


def test_a_picture_smaller_than_a_block_has_no_cpbd(tmp_path):
    path = write_clip(tmp_path / "tiny.mp4", np.zeros((10, 48, 48, 3), np.uint8), np.zeros(6400, np.int16))
    assert compared(path, None, ("cpbd",)).reason == "cpbd: region too small"


def test_no_frame_in_common_is_no_score():
    nobody = np.full((8, 68, 2), np.nan)
    with pytest.raises(NotScored, match="no face"):
        of_both(nobody, nobody, 1.0)
