"""Known offsets, read back by a sync model that was trained: ``small_sync_model`` learns from three speakers
and is asked about the fourth.

Some 250 windows of 200 ms, 200 steps, 1 to 3 s on one core. That is enough for two of the four; the other two
are too unlike the rest. It is the reading of offsets that is tested here, not how well so small a model
learns.
"""

import pytest
import torch
from small_sync_model import clip_windows, train
from talking_clips import Talking

from speechlip.scoring.clip.score_clip import score_clip
from speechlip.scoring.networks import Tools
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.records import ScoreTask

pytestmark = pytest.mark.early

SHIFTS, A_FEW = (-10, -3, -1, 0, 4, 10), (-10, 0, 4)
UNSEEN = 1
FRAMES = 110
"""Protocol wav2lip wants 101."""


@pytest.fixture(scope="module")
def speakers(talking):
    return sorted(talking.rglob("*.mp4"))


@pytest.fixture(scope="module")
def lessons(speakers):
    """The windows of every speaker."""
    return [clip_windows(clip) for clip in speakers]


@pytest.fixture(scope="module")
def trained(lessons):
    return train(others(lessons, UNSEEN))


@pytest.fixture(scope="module")
def unseen(speakers):
    return Talking(speakers[UNSEEN], FRAMES)


@pytest.fixture(scope="module")
def shifted(unseen, tmp_path_factory):
    """Shift → that clip with its audio so many frames early."""
    folder = tmp_path_factory.mktemp("shifted")
    return {early: unseen.write(folder / f"{early}.mp4", audio=unseen.early(early)) for early in SHIFTS}


@pytest.fixture(scope="module")
def shifted_crops(unseen, tmp_path_factory):
    """The same as 224×224 crops of the face, which is what protocol precropped reads."""
    folder, crops = tmp_path_factory.mktemp("shifted-crops"), unseen.crops
    return {early: unseen.write(folder / f"{early}.mp4", crops, unseen.early(early)) for early in A_FEW}


def others(lessons, speaker):
    return lessons[:speaker] + lessons[speaker + 1 :]


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


@pytest.mark.parametrize(
    ("protocol", "shifts"), [("direct", SHIFTS), ("wav2lip", A_FEW), ("latentsync", A_FEW)]
)
def test_a_shift_of_k_frames_moves_the_offset_by_k(trained, shifted, protocol, shifts):
    assert moved_by(trained, {early: shifted[early] for early in shifts}, protocol) == {
        early: early for early in shifts
    }


def test_a_shift_of_k_frames_moves_the_offset_of_face_crops_by_k(trained, shifted_crops):
    assert moved_by(trained, shifted_crops, "precropped") == {early: early for early in A_FEW}


@pytest.mark.parametrize("speaker", [UNSEEN, 3])
def test_a_speaker_it_never_saw_is_in_sync(lessons, speakers, speaker):
    """Trained with the speech of each clip shuffled it is far less sure (with three seeds 0.33 to 0.56, and
    0.04 to 0.07). Its offsets may still move
    with the audio, from a wrong place: any two features that follow mouth and speech at all do that.
    """
    own = others(lessons, speaker)
    row = measured(train(own), speakers[speaker])
    random = torch.Generator().manual_seed(0)
    mixed_up = train(
        [(mouths, speech[torch.randperm(len(speech), generator=random)]) for mouths, speech in own]
    )
    assert abs(row.offset_frames) <= 1
    assert row.sync_confidence > 3 * measured(mixed_up, speakers[speaker]).sync_confidence
