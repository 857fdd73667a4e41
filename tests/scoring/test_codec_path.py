"""What the codec paths do to time, seen by a flash and a click at 1 s, and that the facts the audit states
are those.
"""

from fractions import Fraction

import av
import numpy as np
import pytest

from speechlip.media.probe import probe
from speechlip.scoring import protocols
from speechlip.scoring.sync.footage import read_audio
from speechlip.scoring.transcode.binary import EMULATED
from speechlip.scoring.transcode.codec_path import audio_zero_s, delay, through
from speechlip.scoring.transcode.reading import transcode_images
from speechlip.scoring.transcode.rules import generation
from speechlip.scoring.transcode.times import audio_times

FRAMES, FLASH = 60, 25


def flash_and_click(path, rate, late_s=0.0, size=64, layout="mono"):
    """A white frame and a burst of 3 kHz at 1 s, H.264 and PCM; the audio's stamps are moved by ``late_s``
    and the burst within it moved back.
    """
    sound = np.zeros(rate * FRAMES // 25, np.int16)
    burst = 29000 * np.sin(2 * np.pi * 3000 * np.arange(rate // 100) / rate)
    sound[round((1 - late_s) * rate) :][: len(burst)] = burst
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=25, options={"bf": "0"})
        video.width = video.height = size
        video.pix_fmt = "yuv420p" if size % 2 == 0 else "yuv444p"
        audio = out.add_stream("pcm_s16le", rate=rate, layout=layout)
        for index in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(
                np.full((size, size, 3), 255 * (index == FLASH), np.uint8), format="rgb24"
            )
            frame.pts, frame.time_base = index, Fraction(1, 25)
            out.mux(video.encode(frame))
        out.mux(video.encode())
        channels = 1 + (layout == "stereo")
        for start in range(0, len(sound), 1000):
            piece = np.repeat(sound[start : start + 1000], channels)[None]
            frame = av.AudioFrame.from_ndarray(piece, format="s16", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = (
                rate,
                start + round(late_s * rate),
                Fraction(1, rate),
            )
            out.mux(audio.encode(frame))
        out.mux(audio.encode())
    return path


def transcode_of(name, clip, folder, ffmpeg=EMULATED):
    return through(protocols.get(name), clip, probe(clip), clip, folder, ffmpeg)


def seen_and_heard(transcode):
    """When the flash is seen and the click heard, in seconds of frames and samples as they are read."""
    bright = [moment.index for moment in transcode_images(transcode) if moment.image.rgb().mean() > 100]
    sound = read_audio(
        transcode.audio_path, probe(transcode.audio_path), transcode.audio_zero_s, len(transcode.order)
    )
    return bright[0] / 25, np.flatnonzero(np.abs(sound.astype(int)) > 6000)[0] / 16000


@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000, 96000])
@pytest.mark.parametrize("name", ["wav2lip", "latentsync"])
def test_the_delay_is_the_one_that_is_stated(tmp_path, name, rate):
    """Within 0.3 ms: what a burst of 3 kHz needs to reach the threshold after a lossy codec."""
    clip = flash_and_click(tmp_path / "clip.mkv", rate)
    transcode = transcode_of(name, clip, tmp_path)
    seen, heard = seen_and_heard(transcode)
    stated = delay(protocols.get(name), clip, probe(clip), clip, generation("4.2"))
    assert stated == transcode.delay
    assert seen - 1 == pytest.approx(stated.video_s, abs=1e-9)
    assert heard - 1 == pytest.approx(stated.audio_s, abs=3e-4)
    assert probe(transcode.path).video_codec == {"wav2lip": "mpeg4", "latentsync": "h264"}[name]
    assert probe(transcode.path).audio_codec in ("mp3", "mp3float", "aac")


def test_the_numbers_of_the_documentation():
    """1105 samples: 69.1, 25.1 and 23.0 ms; the frames move by whole frames, so the audio ends up 10.9, 14.9
    and 17.0 ms early.
    """
    found = [
        audio_times(protocols.AVI_MP3, generation("4.2"), Fraction(0), rate) for rate in (16000, 44100, 48000)
    ]
    assert [round(1000 * float(times.late_s), 1) for times in found] == [69.1, 25.1, 23.0]
    assert [40 * times.frames_moved for times in found] == [80, 40, 40]
    assert [round(1000 * float(times.late_s) - 40 * times.frames_moved, 1) for times in found] == [
        -10.9,
        -14.9,
        -17.0,
    ]
    assert audio_times(protocols.MP4_AAC, generation("4.2"), Fraction(0), 16000).late_s == 0


@pytest.mark.parametrize("late_s", [0.12, -0.08])
@pytest.mark.parametrize("name", ["wav2lip", "latentsync"])
def test_sound_that_starts_elsewhere_is_put_where_its_stamps_say(tmp_path, name, late_s):
    clip = flash_and_click(tmp_path / "clip.mkv", 44100, late_s, layout="stereo")
    assert probe(clip).audio_start_s - probe(clip).video_start_s == pytest.approx(late_s, abs=0.002)
    transcode = transcode_of(name, clip, tmp_path)
    seen, heard = seen_and_heard(transcode)
    assert heard - seen == pytest.approx(
        transcode.delay.net_s, abs=1.5e-3
    )  # Matroska's stamps are whole milliseconds
    assert transcode.delay.audio_s == pytest.approx(1105 / 44100 if name == "wav2lip" else 0)


@pytest.mark.parametrize("name", ["wav2lip", "latentsync"])
def test_odd_sizes_go_through(tmp_path, name):
    clip = flash_and_click(tmp_path / "clip.mkv", 16000, size=65)
    transcode = transcode_of(name, clip, tmp_path)
    assert (probe(transcode.path).width, probe(transcode.path).height) == (65, 65)


def test_a_file_of_sound_only_begins_with_the_first_picture(tmp_path):
    clip = flash_and_click(tmp_path / "clip.mkv", 16000)
    sound = tmp_path / "speech.wav"
    import soundfile

    soundfile.write(sound, np.zeros(32000, np.int16), 16000)
    assert audio_zero_s(sound, clip, probe(clip)) == 0
    assert audio_zero_s(clip, clip, probe(clip)) == probe(clip).video_start_s
