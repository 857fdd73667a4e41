"""Protocol ``lrs`` against the literal commands of calculate_scores_LRS.py: ``-f image2``, ``-async 1 -ac 1
-ar 16000``, and resize to 224.
"""

import subprocess

import cv2
import numpy as np
import pytest
import soundfile
from envelope_model import EnvelopeModel
from numbered_clips import binaries, number_of, write_numbered

from speechlip.errors import OptionError
from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.metrics.sync.lse import sync_score
from speechlip.scoring import protocols
from speechlip.scoring.clip.score_clip import score_clip
from speechlip.scoring.networks import Tools
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.records import ScoreTask
from speechlip.scoring.sync.footage import read_audio
from speechlip.scoring.transcode.binary import EMULATED, find
from speechlip.scoring.transcode.codec_path import through
from speechlip.scoring.transcode.reading import transcode_images

LRS = protocols.get("lrs")


def test_the_published_numbers_of_the_other_pipelines():
    """run_pipeline.py of joonson/syncnet_python, by its option's names and defaults; LatentSync's too."""
    published, tracks = protocols.get("wav2lip"), protocols.get("wav2lip").tracks
    assert (tracks.min_mean_side_px, tracks.max_gap_frames + 1, tracks.min_iou) == (100, 25, 0.5), (
        "min_face_size, num_failed_det, iouThres"
    )
    assert (published.min_frames, protocols.get("latentsync").min_frames) == (101, 51), "more than min_track"


needs_ffmpeg = pytest.mark.skipif(not binaries(), reason="no ffmpeg here: pip install imageio-ffmpeg")


def small_crops(head, path, side=160, **how):
    frames = np.stack([cv2.resize(crop, (side, side)) for crop in head.crops[:75]])
    return head.write(path, frames, head.audio[: 75 * 640], head.landmarks[:75], **how)


def score(path, ffmpeg="4.2"):
    options = ScoreOptions(("lse",), protocol="lrs", ffmpeg=ffmpeg)
    return score_clip(ScoreTask(path.name, path), options, Tools(EnvelopeModel()), lambda *_: None)


def by_the_commands(ffmpeg, clip, folder):
    """Frames (224, 224, 3) BGR and audio as the published script has them."""
    quiet = [ffmpeg.path, "-loglevel", "error", "-y", "-i", str(clip)]
    subprocess.run([*quiet, "-threads", "1", "-f", "image2", str(folder / "%06d.jpg")], check=True)
    subprocess.run(
        [
            *quiet,
            "-async",
            "1",
            "-ac",
            "1",
            "-vn",
            "-acodec",
            "pcm_s16le",
            "-ar",
            "16000",
            str(folder / "audio.wav"),
        ],
        check=True,
    )
    pictures = [cv2.resize(cv2.imread(str(path)), (224, 224)) for path in sorted(folder.glob("*.jpg"))]
    return pictures, soundfile.read(folder / "audio.wav", dtype="int16")[0]


@needs_ffmpeg
def test_as_the_published_commands(head, tmp_path):
    ffmpeg, clip = find([*binaries().values()][-1]), small_crops(head, tmp_path / "clip.mp4")
    pictures, sound = by_the_commands(ffmpeg, clip, tmp_path)
    wanted = sync_score(*EnvelopeModel().features(iter(pictures), sound))
    for kind, which in (("run", ffmpeg), ("emulated", EMULATED)):
        (folder := tmp_path / kind).mkdir()
        transcode = through(LRS, clip, probe(clip), clip, folder, which)
        ours = [
            np.ascontiguousarray(moment.image.rgb()[..., ::-1]) for moment in transcode_images(transcode, 224)
        ]
        assert len(ours) == len(pictures) == 75
        plain = [
            cv2.resize(np.ascontiguousarray(moment.image.rgb()[..., ::-1]), (224, 224))
            for moment in read_frames(clip, probe(clip))
        ]
        nearness = [
            np.mean([cv2.PSNR(a, b) for a, b in zip(pictures, shown, strict=True)]) for shown in (ours, plain)
        ]
        assert nearness[0] > nearness[1] + 3  # dB: the JPEG pictures are poor, and ours are as poor
        heard = read_audio(transcode.audio_path, probe(clip), transcode.audio_zero_s, 75)
        assert np.abs(heard.astype(int) - sound[: len(heard)]).max() <= 1
        row = score(clip, which.path or which.generation).rows[0]
        assert row.offset_frames == wanted.offset_frames
        assert row.sync_confidence == pytest.approx(wanted.lse_c, abs=0.02) and row.ffmpeg == which.words


def test_any_size_and_the_sign(head, tmp_path):
    clip = head.write(
        tmp_path / "early.mp4", head.crops[:75, ::2, ::2], head.early(4)[: 75 * 640], head.landmarks[:75]
    )
    row = score(clip).rows[0]
    assert (row.offset_frames, row.windows, row.net_delay_ms) == (
        4,
        75 - EnvelopeModel.window_frames + 1,
        0.0,
    )


def test_every_frame_of_another_rate_is_read_and_the_delay_left_open(tmp_path):
    """As published: 48 frames of 30 a second are 48 frames, the first 40 of them beside 1.6 s of audio."""
    write_numbered(clip := tmp_path / "clip.mp4", "30")
    transcode = through(LRS, clip, probe(clip), clip, tmp_path)
    assert [
        number_of(cv2.resize(moment.image.rgb(), (128, 64))) for moment in transcode_images(transcode, 224)
    ] == list(range(48))
    assert transcode.delay is None


def test_it_is_syncnets():
    with pytest.raises(OptionError, match="protocol lrs resizes for SyncNet"):
        ScoreOptions(("lse",), protocol="lrs", sync_model="runs/1")
