"""TalkVid's head scores, by hand: 100 less what moves, turns, is cut off or looks away."""

import numpy as np
import pytest
from click.testing import CliRunner

from preparing import prep
from speechlip.commands.cli import clips, edit
from speechlip.describing.talkvid import PRESETS, THRESHOLDS, below_talkvid, five_points, talkvid_scores
from speechlip.errors import OptionError
from speechlip.faces.landmarks import mean_face
from speechlip.preparing.options import PrepOptions
from speechlip.records import FaceTrack
from speechlip.shards.clips.where import parse_where

SIZE = (400, 300)
BOX = np.array([100, 50, 200, 170], np.float32)
ONE = np.ones(90, int)


def face(frames=90, interpolated=()):
    points = np.tile(mean_face() * 6 + (150, 110), (frames, 1, 1)).astype(np.float32)
    gaps = np.isin(np.arange(frames), interpolated)
    return FaceTrack(0, np.tile(BOX, (frames, 1)), np.ones(frames, np.float32), gaps, points)


def turned(points, degrees):
    turn = np.radians(degrees)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    middle = points.mean(axis=0)
    return (points - middle) @ matrix + middle


def test_a_face_that_keeps_still_has_all_points():
    scores = talkvid_scores(face(), ONE, SIZE)
    resolution = 30 * 100 * (100 * 120) / (400 * 300)
    assert scores == {name: resolution if "resolution" in name else 100.0 for name in THRESHOLDS}
    assert below_talkvid(scores) == "" and scores.keys() == THRESHOLDS.keys()


def test_movement_is_the_mean_of_ten_coordinates_from_second_to_second():
    moved = face()
    moved.landmarks[25:, :, 0] += 12  # of three looked-at frames the second and third: half of 12 px, once
    moved.landmarks[10:20] += 90  # nobody looks there
    scores = talkvid_scores(moved, ONE, SIZE)
    assert scores["talkvid_min_movement"] == pytest.approx(100 - 100 * 6 / 300)
    assert scores["talkvid_avg_movement"] == pytest.approx(100 - 100 * 3 / 300)


def test_a_lean_counts_against_rotation_once_and_orientation_always():
    leant = face()
    leant.landmarks[50:] = turned(leant.landmarks[50], 18.0)
    scores = talkvid_scores(leant, ONE, SIZE)
    assert scores["talkvid_min_rotation"] == pytest.approx(82, abs=0.05)
    assert scores["talkvid_avg_rotation"] == pytest.approx(91, abs=0.05)
    assert scores["talkvid_min_orientation"] == pytest.approx(90, abs=0.05)
    assert scores["talkvid_avg_orientation"] == pytest.approx(100 - 10 / 3, abs=0.05)


def test_a_corner_of_the_mouth_and_the_nose_outside():
    cut = face()
    cut.landmarks[25, 48] = (-1, 100)
    cut.landmarks[50, 30] = (100, 300)
    scores = talkvid_scores(cut, ONE, SIZE)
    assert scores["talkvid_min_completeness"] == pytest.approx(60)
    assert scores["talkvid_avg_completeness"] == pytest.approx((100 + 85 + 60) / 3, abs=0.01)
    assert below_talkvid(scores) == "talkvid_avg_completeness"


def test_only_frames_with_one_face_are_looked_at():
    counts = ONE.copy()
    counts[25] = 2
    jumps = face(interpolated=[50])
    jumps.landmarks[25:] += 500
    scores = talkvid_scores(jumps, counts, SIZE)
    assert scores["talkvid_face_consistency"] == 60 and scores["talkvid_min_completeness"] == 100
    assert below_talkvid(scores) == "talkvid_face_consistency"


@pytest.mark.parametrize("reason", ["short", "crowd", "boxes"])
def test_without_a_frame_there_is_no_score(reason):
    one = face(24 if reason == "short" else 90)
    if reason == "boxes":
        one = FaceTrack(0, one.boxes, one.scores, one.interpolated)
    scores = talkvid_scores(one, 3 * ONE if reason == "crowd" else ONE, SIZE)
    assert scores == {} and below_talkvid(scores) == "talkvid unknown"


def test_a_clip_of_one_second_neither_moves_nor_turns():
    scores = talkvid_scores(face(30), ONE, SIZE)
    assert scores["talkvid_min_movement"] == scores["talkvid_avg_rotation"] == 100


def test_the_five_points():
    points = np.arange(136, dtype=np.float32).reshape(1, 68, 2)
    assert five_points(points)[0, :, 0].tolist() == [77.0, 89.0, 60.0, 96.0, 108.0]


def test_the_preset_is_a_condition():
    parse_where(PRESETS["talkvid"], dict.fromkeys(THRESHOLDS, float))


def test_the_preset_drops_clips_into_the_ledger_or_chooses_them_later(talking, tmp_path):
    kept, chosen = tmp_path / "kept", tmp_path / "chosen"
    common = ("--detector", "sidecar", "--limit", 2, "--workers", 1, "--quiet")
    assert prep(talking, "-o", kept, *common, "--quality", "talkvid").exit_code == 0
    assert prep(talking, "-o", chosen, *common).exit_code == 0
    run = CliRunner().invoke
    listed = run(clips, [str(chosen), "--quality", "talkvid", "--columns", "key", "--csv"])
    whole = run(clips, [str(kept), "--columns", "key", "--csv"])
    assert listed.exit_code == 0 and listed.stdout == whole.stdout
    nothing = run(edit, ["select", str(chosen), "-o", str(tmp_path / "no")])
    assert nothing.exit_code == 1 and "--where 'face_width_px >= 80', or --quality talkvid" in nothing.output
    select = ["select", str(chosen), "-o", str(tmp_path / "both"), "--quality", "talkvid"]
    both = run(edit, [*select, "--where", "seconds > 0"])
    assert both.exit_code == 0, both.output


def test_an_unknown_preset_lists_those_there_are():
    with pytest.raises(OptionError, match="no --quality 'best'; there are: talkvid"):
        PrepOptions(quality="best")
