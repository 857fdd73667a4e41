"""Sync of whole clips through every protocol, with a model that works (``envelope_model``): shifts, signs,
tracks, and what cannot be scored.
"""

import numpy as np
import pytest
import soundfile
from envelope_model import EnvelopeModel
from numbered_clips import binaries

from speechlip.records import FaceTrack
from speechlip.scoring.clip.score_clip import score_clip
from speechlip.scoring.networks import Tools
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.records import ScoreTask
from speechlip.scoring.sync.footage import Footage
from speechlip.scoring.transcode.binary import find

pytestmark = pytest.mark.early

LSE = ("lse",)


def scored(path, protocol="direct", detector="sidecar", ffmpeg="4.2", **task):
    options = ScoreOptions(LSE, protocol=protocol, detector=detector, ffmpeg=ffmpeg)
    return score_clip(ScoreTask(path.name, path, **task), options, Tools(EnvelopeModel()), lambda *_: None)


def only_row(path, **how):
    (row,) = scored(path, **how).rows
    return row


@pytest.fixture(scope="module")
def as_recorded(head, tmp_path_factory):
    """Offset of the unshifted clip by protocol: what the protocol itself adds."""
    folder = tmp_path_factory.mktemp("recorded")
    head.write(folder / "clip.mp4")
    head.write(folder / "crops.mp4", frames=head.crops)
    return {
        name: only_row(
            folder / ("crops.mp4" if name == "precropped" else "clip.mp4"), protocol=name
        ).offset_frames
        for name in ("direct", "wav2lip", "latentsync", "precropped")
    }


def test_a_clip_as_recorded_is_in_sync(as_recorded):
    """The MP3-in-AVI path makes the audio 10.9 ms early: with the 40 ms steps of an offset that is 0 or 1
    frame.
    """
    assert as_recorded["direct"] == as_recorded["latentsync"] == as_recorded["precropped"] == 0
    assert as_recorded["wav2lip"] in (0, 1)


@pytest.mark.parametrize("early", [-10, -1, 2, 7])
def test_a_shift_of_k_frames_moves_the_offset_by_k(head, tmp_path, early):
    clip = head.write(tmp_path / "clip.mp4", audio=head.early(early))
    row = only_row(clip)
    assert row.offset_frames == early and row.offset_ms == 40.0 * early


@pytest.mark.parametrize("protocol", ["wav2lip", "latentsync", "precropped"])
def test_a_shift_moves_the_offset_under_every_protocol(head, tmp_path, as_recorded, protocol):
    early = -6
    clip = head.write(
        tmp_path / "clip.mp4",
        audio=head.early(early),
        frames=head.crops if protocol == "precropped" else None,
    )
    assert only_row(clip, protocol=protocol).offset_frames - as_recorded[protocol] == early


def test_a_model_of_ones_own_is_never_called_lse(head, tmp_path):
    row = only_row(head.write(tmp_path / "clip.mp4"))
    assert row.lse_c is row.lse_d is row.lse_c_unpadded is row.lse_ci_low is None
    assert row.sync_model == "envelope" and row.sync_confidence > 0.3 and row.sync_ci_low is not None
    assert row.status == "scored" and row.windows == 150 - 24


def test_driving_audio_scores_a_silent_render(head, tmp_path):
    clip = head.write(tmp_path / "silent.mp4", audio=False)
    assert only_row(clip).reason == "sync: no audio"
    soundfile.write(tmp_path / "speech.flac", np.repeat(head.early(4), 2), 32000)
    result = scored(clip, driving_audio=tmp_path / "speech.flac")
    assert result.rows[0].offset_frames == 4 and result.detail.sound == "driving"
    video = head.write(tmp_path / "speech.mp4", audio=head.early(-6))
    assert only_row(clip, driving_audio=video).offset_frames == -6
    assert only_row(clip, driving_audio=video, protocol="latentsync").offset_frames == -6


def test_digital_silence_has_no_score(head, tmp_path):
    assert (
        only_row(head.write(tmp_path / "mute.mp4", audio=np.zeros_like(head.audio))).reason == "sync: silence"
    )


@pytest.mark.parametrize(
    ("protocol", "frames", "reason"),
    [
        *(("direct", frames, "too short") for frames in (1, 12, 49)),
        ("direct", 50, ""),
        ("wav2lip", 98, "too short"),
        ("wav2lip", 99, ""),
        ("latentsync", 50, "too short"),
        ("latentsync", 51, ""),
    ],
)
def test_the_shortest_clip_of_each_protocol(head, tmp_path, frames, protocol, reason):
    """Wav2Lip's and LatentSync's pipelines ask for more than 100 and 50 frames, ``direct`` for 50 and no
    fewer. Wav2Lip's counts after the AVI transcode, which shows two frames twice at 16 kHz; LatentSync's MP4
    transcode adds none.
    """
    clip = head.write(
        tmp_path / "clip.mp4", head.frames[:frames], head.audio[: frames * 640], head.landmarks[:frames]
    )
    result = scored(clip, protocol=protocol)
    assert result.rows[0].reason == (f"sync: {reason}" if reason else "")
    if reason and frames > 1:
        assert f"in {frames + 2 * (protocol == 'wav2lip')} frames" in " ".join(result.detail.notes)


def test_no_face(head, tmp_path):
    nobody = np.full_like(head.landmarks, np.nan)
    row = only_row(head.write(tmp_path / "clip.mp4", landmarks=nobody))
    assert (row.track, row.status, row.reason) == ("", "failed", "sync: no face")


def test_a_face_in_half_the_frames_is_scored_where_it_is(head, tmp_path):
    landmarks = head.landmarks.copy()
    landmarks[75:] = np.nan
    result = scored(head.write(tmp_path / "clip.mp4", landmarks=landmarks, audio=head.early(2)))
    assert result.rows[0].windows == 75 - 24 and result.rows[0].offset_frames == 2
    (track,) = result.detail.tracks
    assert (track.start_frame, track.frames, len(track.confidence), len(track.curve)) == (0, 75, 51, 31)


def test_two_tracks_and_their_mean(head, tmp_path):
    """The same head leaves for half a second and more: two tracks, one row each, and the row of the clip with
    their mean.
    """
    landmarks = head.landmarks.copy()
    landmarks[65:85] = np.nan
    first, second, clip = scored(head.write(tmp_path / "clip.mp4", landmarks=landmarks)).rows
    assert [row.track for row in (first, second, clip)] == ["0", "1", "mean"]
    assert clip.sync_confidence == pytest.approx((first.sync_confidence + second.sync_confidence) / 2)
    assert clip.windows == first.windows + second.windows and clip.sync_ci_low is None
    assert first.offset_frames == second.offset_frames == clip.offset_frames == 0


def test_a_track_that_begins_late_through_the_avi(head, tmp_path):
    """In the AVI everything lies 2 frames later; crops and audio of the track must both be taken there."""
    landmarks = head.landmarks.copy()
    landmarks[:30] = np.nan
    clip = head.write(tmp_path / "clip.mp4", landmarks=landmarks, audio=head.early(5))
    assert only_row(clip, protocol="wav2lip").offset_frames in (5, 6)


def test_frames_of_the_hop_are_frames_of_the_track():
    """2 copies of the first frame in front: a track of frames 30 … 39 lies in 32 … 41; one from the start
    keeps the copies, with its first box.
    """
    boxes = np.zeros((10, 4), np.float32)
    late, first = (FaceTrack(start, boxes, boxes[:, 0], boxes[:, 0] > 1) for start in (30, 0))
    footage = Footage(None, np.zeros(0, np.int16), (0, 0, *range(60)))
    assert footage.track_here(late) == (32, 42) and footage.track_here(first) == (0, 12)
    assert [footage.frame_of_track(late, index) for index in (32, 41)] == [0, 9]
    assert [footage.frame_of_track(first, index) for index in (0, 1, 2, 3, 11)] == [0, 0, 0, 1, 9]


def test_a_driving_audio_that_is_not_there_is_not_replaced_by_the_own_sound(head, tmp_path):
    row = only_row(head.write(tmp_path / "clip.mp4"), audio_problem="speech.wav of pairs.csv is not there")
    assert (row.reason, row.status) == ("sync: no driving audio", "failed")


def test_precropped_wants_its_size(head, tmp_path):
    result = scored(head.write(tmp_path / "clip.mp4"), protocol="precropped")
    assert result.rows[0].reason == "sync: not 224×224" and "this is 256×256" in result.detail.notes[0]


def test_another_frame_rate_and_size(head, tmp_path):
    """At 30 fps the frames are shown at another speed; 25 a second are read, and audio with them."""
    order = np.arange(180) * 25 // 30
    clip = head.write(tmp_path / "clip.mp4", head.frames[order], head.audio, head.landmarks[order], fps=30)
    assert only_row(clip).offset_frames == 0


@pytest.mark.parametrize(
    ("generation", "delay_ms"), [("4.2", 69.06 - 126.67), ("7.0", 69.06 - 140), ("9.0", 69.06 - 140)]
)
def test_thirty_frames_a_second_are_late_under_wav2lip(head, tmp_path, generation, delay_ms):
    """In sync, and scored as published with its audio 58 to 71 ms early; the frames themselves are up to 33
    ms late here, drawn for 25 fps.
    """
    order = np.arange(180) * 25 // 30
    clip = head.write(tmp_path / "clip.mp4", head.frames[order], head.audio, head.landmarks[order], fps=30)
    row = only_row(clip, protocol="wav2lip", ffmpeg=generation)
    assert row.offset_frames in (
        (1, 2) if generation == "4.2" else (2, 3)
    ) and row.net_delay_ms == pytest.approx(delay_ms, abs=0.1)
    assert row.ffmpeg == f"{generation} emulated"


@pytest.mark.skipif(not binaries(), reason="no ffmpeg here: pip install imageio-ffmpeg")
@pytest.mark.parametrize("protocol", ["wav2lip", "latentsync"])
def test_a_real_ffmpeg_gives_the_same_score(head, tmp_path, protocol):
    ffmpeg = find([*binaries().values()][-1])
    order = np.arange(180) * 25 // 30
    clip = head.write(tmp_path / "clip.mp4", head.frames[order], head.audio, head.landmarks[order], fps=30)
    run = only_row(clip, protocol=protocol, ffmpeg=ffmpeg.path)
    emulated = only_row(clip, protocol=protocol, ffmpeg=ffmpeg.generation)
    assert (run.offset_frames, run.windows, run.net_delay_ms) == (
        emulated.offset_frames,
        emulated.windows,
        emulated.net_delay_ms,
    )
    assert run.sync_confidence == pytest.approx(emulated.sync_confidence, abs=0.02)
    assert run.ffmpeg == f"{ffmpeg.version} run"


@pytest.mark.skipif(not binaries(), reason="no ffmpeg here: pip install imageio-ffmpeg")
def test_a_real_ffmpeg_takes_a_driving_audio(head, tmp_path):
    """A silent render and another file's audio, 6 frames late: as it is without ffmpeg."""
    ffmpeg = find([*binaries().values()][-1])
    soundfile.write(tmp_path / "speech.wav", head.early(-6), 16000)
    clip = head.write(tmp_path / "clip.mp4", audio=False)
    rows = [
        only_row(clip, protocol="latentsync", driving_audio=tmp_path / "speech.wav", ffmpeg=which)
        for which in (ffmpeg.path, ffmpeg.generation)
    ]
    assert [row.offset_frames for row in rows] == [-6, -6]
