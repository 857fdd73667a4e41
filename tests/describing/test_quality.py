"""The numbers of one clip: by hand, and null where they cannot be known."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from speechlip.describing.appearance import Appearance
from speechlip.describing.quality import clip_quality, inside_share
from speechlip.faces.crops import CropPart, CropPlan
from speechlip.faces.landmarks import mean_face
from speechlip.records import ClipQuality, FaceTrack, SyncVerdict

BOX = np.array([100, 50, 200, 170], np.float32)
SIZE = (400, 300)
IDENTITY = CropPlan(np.tile(np.array([[1.0, 0, 0], [0, 1, 0]]), (50, 1, 1)), None)
LOOKS = [Appearance(BOX, sharpness, 100.04) for sharpness in (1.0, 9.0, 4.0)]


def track(landmarks=True, interpolated=()):
    points = np.tile(mean_face() * 6 + (150, 110), (50, 1, 1)).astype(np.float32) if landmarks else None
    gaps = np.isin(np.arange(50), interpolated)
    return FaceTrack(7, np.tile(BOX, (50, 1)), np.ones(50, np.float32), gaps, points)


def test_numbers_of_a_face_that_keeps_still():
    verdict = SyncVerdict(5.5, 7.5, -2, offset_verdict="clear", p=0.03, model="phones")
    quality = clip_quality(track(interpolated=[3]), IDENTITY, SIZE, LOOKS, verdict)
    straight = {
        f"{angle}{part}_deg": 0.0 for angle in ("yaw", "pitch", "roll") for part in ("", "_min", "_max")
    }
    measured = {name: value for name, value in asdict(quality).items() if not name.startswith("talkvid")}
    assert quality.talkvid_face_consistency == 100 and quality.talkvid_avg_resolution == 300
    assert {name: abs(value) if name in straight else value for name, value in measured.items()} == {
        "face_width_share": 0.25,
        "mouth_inside_share": 1.0,
        "face_inside_share": None,
        "interpolated_share": 0.02,
        **straight,
        "head_movement_per_s": 0.0,
        "sharpness": 4.0,
        "brightness": 100.0,
        "brisque": None,
        "blinks_per_minute": 0.0,
        "sync_confidence": 5.5,
        "sync_distance": 7.5,
        "sync_offset_frames": -2,
        "sync_p": 0.03,
        "sync_model": "phones",
        "sync_verdict": "clear",
    }


def test_of_a_face_crop_mouth_and_whole_are_told_apart():
    """By hand: 256 px, of which the 64 lowest rows lie below the frame; so do 8 of the mouth's 32."""
    affines = np.tile(np.array([[1.0, 0, 0], [0, 1, -108]]), (50, 1, 1))
    crop = CropPlan(affines, None, 256, CropPart(100, 168, 32))
    quality = clip_quality(track(), crop, SIZE, LOOKS, None)
    assert (quality.face_inside_share, quality.mouth_inside_share) == (0.75, 0.75)
    assert inside_share(affines, CropPart(100, 200, 32), SIZE) == 0
    assert clip_quality(track(), crop.frames(slice(3, 9)), SIZE, LOOKS, None).face_inside_share == 0.75


def test_boxes_alone_give_no_angles():
    quality = asdict(clip_quality(track(landmarks=False), IDENTITY, SIZE, [], None))
    known = {"face_width_share", "mouth_inside_share", "interpolated_share"}
    assert {name for name, value in quality.items() if value is not None} == known


def test_interpolated_frames_have_no_angles():
    face = track(interpolated=[0, 1, 2])
    face.landmarks[:3, :, 0] += mean_face()[:, 1] * 6  # leant, where nobody looked
    assert abs(clip_quality(face, IDENTITY, SIZE, [], None).roll_max_deg) < 0.1
    nowhere = clip_quality(replace(face, interpolated=np.ones(50, bool)), IDENTITY, SIZE, [], None)
    assert nowhere.yaw_deg is None and nowhere.head_movement_per_s is not None


def test_blinks_are_counted_by_the_minute():
    face = track()
    for lid in (37, 38, 40, 41, 43, 44, 46, 47):
        corners = (36, 39) if lid < 42 else (42, 45)
        for first in (10, 30):
            face.landmarks[first : first + 3, lid, 1] = face.landmarks[first, list(corners), 1].mean()
    assert clip_quality(face, IDENTITY, SIZE, [], None).blinks_per_minute == 2 / 2 * 60


@pytest.mark.parametrize(
    ("shift", "share"), [((0, 0), 1.0), ((48, 0), 0.5), ((48, 48), 0.25), ((96, 0), 0.0), ((-364, 0), 0.375)]
)
def test_the_part_of_a_crop_that_lies_in_the_frame(shift, share):
    affine = np.array([[1.0, 0, shift[0]], [0, 1, shift[1]]])
    assert inside_share(affine[None], CropPart(0, 0, 96), SIZE) == pytest.approx(share)
    assert inside_share(2 * affine[None], CropPart(0, 0, 96), SIZE) <= 1


def test_nothing_is_known_unless_it_is_measured():
    assert not any(asdict(ClipQuality()).values())
