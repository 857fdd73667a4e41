"""The transcode without ffmpeg against the same commands run by a real one: every frame, and the audio sample
by sample.
"""

import json
from fractions import Fraction

import av
import numpy as np
import pytest
from numbered_clips import binaries, number_of, write_numbered

from speechlip.media.probe import probe
from speechlip.scoring import protocols
from speechlip.scoring.sync.footage import read_audio
from speechlip.scoring.transcode.binary import Ffmpeg, find
from speechlip.scoring.transcode.codec_path import through
from speechlip.scoring.transcode.reading import transcode_images

F = Fraction
PROGRAMS = binaries()
CLIPS = {
    "24": ("mp4", {"rate": "24"}),
    "25": ("mp4", {}),
    "25, 48 kHz": ("mkv", {"audio_rate_hz": 48000}),
    "29.97 in mov": ("mov", {"rate": "30000/1001", "audio_rate_hz": 44100}),
    "30": ("mp4", {"rate": "30"}),
    "30, opus in webm": ("webm", {"rate": "30"}),
    "30, aac in mkv: priming": ("mkv", {"rate": "30", "audio_codec": "aac"}),
    "30, sound late": ("mp4", {"rate": "30", "audio_start_s": F(1, 5)}),
    "25, sound a little late": ("mkv", {"audio_start_s": F(3, 100)}),
    "30, pictures late": ("mkv", {"rate": "30", "video_start_s": F(3, 10)}),
    "50 in avi": ("avi", {"rate": "50"}),
    "59.94": ("mkv", {"rate": "60000/1001"}),
    "60, both late": ("mkv", {"rate": "60", "video_start_s": F(8, 5), "audio_start_s": F(7, 5)}),
    "variable": ("mkv", {"steps_ms": (33, 34, 50, 33, 17, 41, 67, 33)}),
    "variable with pauses": ("mp4", {"steps_ms": (33, 33, 34, 33, 33, 34, 300)}),
}
needs_ffmpeg = pytest.mark.skipif(not PROGRAMS, reason="no ffmpeg here: pip install imageio-ffmpeg")


@pytest.fixture(scope="module", params=[*PROGRAMS] or ["none"])
def ffmpeg(request):
    return find(PROGRAMS[request.param])


def taken(name, clip, folder, ffmpeg):
    """Frame numbers at each frame, the audio, and the transcode."""
    folder.mkdir(exist_ok=True)
    info = probe(clip)
    transcode = through(protocols.get(name), clip, info, clip, folder, ffmpeg)
    numbers = [number_of(moment.image.rgb()) for moment in transcode_images(transcode)]
    return (
        numbers,
        read_audio(transcode.audio_path, info, transcode.audio_zero_s, len(transcode.order)),
        transcode,
    )


@needs_ffmpeg
@pytest.mark.parametrize("clip", CLIPS)
def test_the_same_frames_and_sound_as_a_real_ffmpeg(tmp_path, ffmpeg, clip):
    ending, recording = CLIPS[clip]
    path = tmp_path / f"clip.{ending}"
    write_numbered(path, **recording)
    for name in ("wav2lip", "latentsync"):
        real, heard, run = taken(name, path, tmp_path / "run", ffmpeg)
        ours, sound, emulated = taken(name, path, tmp_path / "emulated", Ffmpeg(ffmpeg.generation))
        assert ours == real
        assert emulated.delay == run.delay
        assert np.abs(np.subtract(emulated.middles_s, run.middles_s)).max() < 1e-6
        assert lag_of(sound, heard) == 0
        if name == "wav2lip" and ffmpeg.generation != "9.0":  # 9.0.2 brings another LAME than PyAV
            assert snr_db(sound, heard) > 15


@needs_ffmpeg
@pytest.mark.parametrize(
    "source", [("mkv", {}), ("mp4", {"audio_rate_hz": 44100}), ("mkv", {"audio_codec": "aac"})]
)
def test_the_encoder_gets_the_samples_that_ffmpeg_gives_it(tmp_path, source):
    """Sample for sample, where both have the same LAME: 16 bits from PCM, floating point from AAC, whose
    decoders differ in the last bit.
    """
    old = [found for found in map(find, PROGRAMS.values()) if found.generation == "4.2"]
    if not old:
        pytest.skip("no ffmpeg 4 or 5 here, whose LAME is PyAV's")
    write_numbered(path := tmp_path / f"clip.{source[0]}", **source[1])
    heard, sound = (
        taken("wav2lip", path, tmp_path / name, which)[1]
        for name, which in (("run", old[0]), ("ours", Ffmpeg("4.2")))
    )
    shared = (
        min(len(heard), len(sound)) - 4800
    )  # the end of an AAC stream is cut to whole frames by one and to samples by the other
    assert (np.abs(heard[:shared].astype(int) - sound[:shared]) <= 1).mean() > 0.9


def snr_db(ours, real):
    """Of ``ours`` against ``real``, dB, but for the last 0.3 s, where encoders are flushed."""
    shared = min(len(ours), len(real)) - 4800
    signal, noise = real[:shared].astype(float), real[:shared].astype(float) - ours[:shared]
    return 10 * np.log10(np.square(signal).sum() / max(np.square(noise).sum(), 1e-9))


def lag_of(ours, real):
    """By how many samples ``ours`` is late against ``real``, by the peak of their correlation."""
    a, b = ours[3000:13000].astype(float), real[3000:13000].astype(float)
    middle = a[500:-500]
    found = np.correlate(b, middle, "valid")
    return 500 - int(np.argmax(found))


@needs_ffmpeg
def test_what_it_cannot_read_is_its_own_words(tmp_path, ffmpeg):
    from speechlip.errors import SourceRefused
    from speechlip.scoring.transcode.binary import run

    (tmp_path / "zeros.mp4").write_bytes(bytes(5000))
    with pytest.raises(SourceRefused, match=r"ffmpeg failed \(exit code \d+: .*Invalid data"):
        run(ffmpeg.path, [tmp_path / "zeros.mp4"], (), tmp_path / "out.avi")


@needs_ffmpeg
def test_pictures_over_the_limit_are_refused_by_it_too(tmp_path, ffmpeg):
    from speechlip.errors import SourceRefused
    from speechlip.scoring.transcode.binary import run

    write_numbered(tmp_path / "clip.mp4")
    with pytest.raises(SourceRefused, match="ffmpeg failed"):
        run(ffmpeg.path, [tmp_path / "clip.mp4"], (), tmp_path / "out.avi", max_picture_px=100)


@needs_ffmpeg
def test_a_playlist_in_disguise_opens_no_other_file(tmp_path, ffmpeg):
    from speechlip.errors import SourceRefused
    from speechlip.scoring.transcode.binary import run

    write_numbered(tmp_path / "secret.mp4")
    (tmp_path / "clip.mp4").write_text("ffconcat version 1.0\nfile secret.mp4\n")
    with pytest.raises(SourceRefused, match="ffmpeg failed"):
        run(ffmpeg.path, [tmp_path / "clip.mp4"], (), tmp_path / "out.avi")


def test_floating_point_sound_is_not_rounded_on_its_way(tmp_path):
    """What the transcode's encoder gets of an AAC clip is what the decoder gave, bit for bit."""
    from speechlip.scoring.transcode.audio import Converter, placed
    from speechlip.scoring.transcode.codec_path import source_of
    from speechlip.scoring.transcode.recipes import RECIPES
    from speechlip.scoring.transcode.rules import generation

    write_numbered(path := tmp_path / "clip.mp4")
    with av.open(str(path)) as container:
        decoded = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)
    source = source_of(path, probe(path), path, generation("4.2"))
    blocks = placed(source, Converter(RECIPES[protocols.AVI_MP3]), F(0), generation("4.2"))
    given = np.concatenate(list(blocks), axis=1)
    assert given.dtype == np.float32 and np.array_equal(given, decoded)


def test_every_row_says_whose_rules_and_the_delay(tmp_path):
    from speechlip.metrics.declared import NotScored
    from speechlip.scoring.clip.rows import failed_row
    from speechlip.scoring.options import ScoreOptions

    row = failed_row("a.mp4", ScoreOptions(("lse",), protocol="wav2lip"), None, NotScored("damaged"))
    assert (row.protocol, row.ffmpeg, row.net_delay_ms) == ("wav2lip", "4.2 emulated", None)
    assert (
        json.loads(json.dumps(ScoreOptions(("lse",), protocol="wav2lip").as_dict()))["ffmpeg"]
        == "4.2 emulated"
    )
    assert failed_row("a.mp4", ScoreOptions(("lse",)), None, NotScored("damaged")).ffmpeg == ""
