"""Known offsets, read back by a sync model that was trained: ``small_sync_model`` learns on one drawn corpus and is asked about another one's speakers.

The model is trained here, on 4 speakers with 2 clips each (some 750 windows of 200 ms), 200 steps, 1 to 3 s on one core. None of them is in the
clips it is tested with.
"""

import pytest
import torch
from small_sync_model import clip_windows, train
from speechlip.recipes.synthetic import SyntheticOptions, generate
from speechlip.scoring.clip import Tools, score_clip
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.records import ScoreTask
from talking_clips import Talking

pytestmark = pytest.mark.slow

SHIFTS, A_FEW = (-10, -6, -3, -1, 0, 2, 4, 7, 10), (-10, 0, 4)
FRAMES = 110
"""Protocol wav2lip wants 101."""


@pytest.fixture(scope="module")
def lessons(tmp_path_factory):
    """Windows of a corpus that shares no speaker with ``talking``."""
    root = tmp_path_factory.mktemp("lessons")
    generate(root, SyntheticOptions(identities=4, clips=2, seed=5, size=128), quiet=True)
    return [clip_windows(clip) for clip in sorted(root.rglob("*.mp4"))]


@pytest.fixture(scope="module")
def trained(lessons):
    return train(lessons)


@pytest.fixture(scope="module")
def unseen(talking):
    return Talking(sorted(talking.rglob("*.mp4"))[1], FRAMES)


@pytest.fixture(scope="module")
def shifted(unseen, tmp_path_factory):
    """Shift → that clip with its sound so many frames early."""
    folder = tmp_path_factory.mktemp("shifted")
    return {early: unseen.write(folder / f"{early}.mp4", audio=unseen.early(early)) for early in SHIFTS}


@pytest.fixture(scope="module")
def shifted_crops(unseen, tmp_path_factory):
    """The same as 224×224 crops of the face, which is what protocol precropped reads."""
    folder, crops = tmp_path_factory.mktemp("shifted-crops"), unseen.crops
    return {early: unseen.write(folder / f"{early}.mp4", crops, unseen.early(early)) for early in A_FEW}


def measured(model, path, protocol="direct"):
    options = ScoreOptions(("lse",), protocol=protocol, detector="sidecar")
    (row,) = score_clip(ScoreTask(path.name, path), options, Tools(model), lambda *_: None).rows
    assert row.status == "scored" and row.sync_model == "small"
    return row


def moved_by(model, clips, protocol="direct"):
    """Shift → by how much the measured offset differs from that of the unshifted clip."""
    offsets = {early: measured(model, clip, protocol).offset_frames for early, clip in clips.items()}
    assert abs(offsets[0]) <= 1, offsets
    return {early: offset - offsets[0] for early, offset in offsets.items()}


@pytest.mark.parametrize(("protocol", "shifts"), [("direct", SHIFTS), ("wav2lip", A_FEW), ("latentsync", A_FEW)])
def test_a_shift_of_k_frames_moves_the_offset_by_k(trained, shifted, protocol, shifts):
    assert moved_by(trained, {early: shifted[early] for early in shifts}, protocol) == {early: early for early in shifts}


def test_a_shift_of_k_frames_moves_the_offset_of_face_crops_by_k(trained, shifted_crops):
    assert moved_by(trained, shifted_crops, "precropped") == {early: early for early in A_FEW}


def test_speakers_it_never_saw_are_in_sync(trained, lessons, talking):
    """One frame either way: some 750 windows do not teach it more for every face.

    Trained the same way with the speech of each clip shuffled it is far less sure (measured: a sum of 0.2, not 1.5). Its offsets may still move with
    the sound, from a wrong place: any two features that follow mouth and speech at all do that.
    """
    clips = sorted(talking.rglob("*.mp4"))
    rows = [measured(trained, clip) for clip in clips]
    assert len(rows) == 4 and max(abs(row.offset_frames) for row in rows) <= 1
    random = torch.Generator().manual_seed(0)
    mixed_up = train([(mouths, speech[torch.randperm(len(speech), generator=random)]) for mouths, speech in lessons])
    assert sum(row.sync_confidence for row in rows) > 3 * sum(measured(mixed_up, clip).sync_confidence for clip in clips)
