"""A corrected copy is in sync by flash and click, and its frames are the same bytes."""

from dataclasses import dataclass, field
from fractions import Fraction

import av
import numpy as np
import pytest
from flash_click import Recording, click_errors_ms, measure, write
from shaped import disc, say_shape, write_parts

from speechlip.errors import OptionError, SourceRefused, WriteError
from speechlip.media.probe import probe
from speechlip.media.whole_audio import read_audio
from speechlip.scoring.audit.fix_offset import corrected_suffix, write_corrected

TOLERANCE_MS = 1.5
CONTAINERS = {
    "mp4, aac": Recording(),
    "mp4, aac at 8 kHz": Recording(audio_rate_hz=8000),
    "mp4, mp3 at 16 kHz": Recording(rate="60", audio_codec="libmp3lame", audio_rate_hz=16000),
    "mov, pcm, 24 fps": Recording("mov", rate="24", audio_codec="pcm_s16le"),
    "mkv, flac, 5.1": Recording("mkv", audio_codec="flac", layout="5.1", audio_rate_hz=48000),
    "webm, opus": Recording("webm", rate="30", audio_codec="libopus", audio_rate_hz=48000),
    "avi, mp3 becomes pcm": Recording("avi", audio_codec="libmp3lame"),
    "avi, pcm, B-frames": Recording("avi", video_codec="libx264", audio_codec="pcm_s16le"),
    "flv": Recording("flv"),
    "transport stream": Recording("ts"),
    "program stream": Recording("mpg", audio_codec="mp2"),
    "camcorder": Recording("MTS", audio_codec="ac3", audio_rate_hz=48000),
    "phone of old": Recording("3gp", video_codec="mpeg4"),
    "variable rate": Recording(rate="variable"),
    "both start at 1.6 s": Recording("mkv", video_start_s=Fraction(8, 5), audio_start_s=Fraction(8, 5)),
    "the sound starts 0.2 s late": Recording(audio_start_s=Fraction(1, 5)),
    "the sound starts 0.2 s early": Recording("mkv", video_start_s=Fraction(1, 5)),
}


@dataclass(frozen=True)
class Shifted(Recording):
    """Its clicks come ``early_frames`` · 40 ms before their flashes, as score-sync measures an offset > 0."""

    early_frames: int = field(default=0, kw_only=True)

    def clicks_s(self) -> list[float]:
        return [click - self.early_frames / 25 for click in super().clicks_s()]


def shifted(recording: Recording, early_frames: int) -> Shifted:
    return Shifted(**vars(recording), early_frames=early_frames)


def video_packets(path):
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


@pytest.mark.parametrize(
    "name, early_frames",
    [(name, 3 if place % 2 else -3) for place, name in enumerate(CONTAINERS)] + [("mp4, aac", 3)],
)
def test_flash_and_click_meet(tmp_path, name, early_frames):
    truth = CONTAINERS[name]
    video, out = tmp_path / f"clip.{truth.extension}", tmp_path / f"corrected.{truth.extension}"
    write(video, shifted(truth, early_frames))
    write_corrected(video, early_frames, out)
    before, after = measure(video, truth), measure(out, truth)
    moved_ms = np.subtract(after.click_errors_ms, before.click_errors_ms)
    assert np.allclose(moved_ms, 40 * early_frames, atol=TOLERANCE_MS)
    if name != "avi, mp3 becomes pcm":  # the delay that AVI keeps silent about stays part of the sound
        assert np.allclose(after.click_errors_ms, 0, atol=TOLERANCE_MS)
        assert after.white == truth.bright_frames()
    assert after.white == before.white
    assert video_packets(out) == video_packets(video)
    assert {file.name for file in tmp_path.iterdir()} == {video.name, out.name}


def test_readers_that_ignore_start_times_see_the_correction(tmp_path):
    """Packets decoded one after another, no stamp looked at: what OpenCV and a plain conversion to WAV do."""
    truth = Recording("mkv", audio_codec="flac", audio_rate_hz=16000)
    write(tmp_path / "clip.mkv", shifted(truth, 2))
    write_corrected(tmp_path / "clip.mkv", 2, tmp_path / "out.mkv")
    assert np.allclose(click_errors_ms(samples(tmp_path / "out.mkv"), truth.clicks_s()), 0, atol=0.1)


@pytest.mark.parametrize(
    "codec, extension", [("flac", "mkv"), ("pcm_s16le", "mov"), ("pcm_s16le", "avi"), ("pcm_u8", "avi")]
)
def test_lossless_sound_keeps_its_samples(tmp_path, codec, extension):
    truth = Recording(extension, audio_codec=codec, audio_rate_hz=16000)
    video = tmp_path / f"clip.{extension}"
    write(video, truth)
    plain = samples(video)
    for offset in (2, -2):
        write_corrected(video, offset, out := tmp_path / f"out.{extension}")
        found = samples(out)
        assert np.array_equal(found[1280:], plain) if offset > 0 else np.array_equal(found, plain[1280:])
        assert offset < 0 or not (found[:1280] - plain[0]).any()


def test_a_turned_picture_stays_turned_and_a_cut_one_cut(tmp_path):
    write(tmp_path / "clip.mp4", Recording())
    with av.open(str(tmp_path / "clip.mp4")) as given, av.open(str(tmp_path / "turned.mp4"), "w") as out:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in given.streams}
        streams[given.streams.video[0].index].set_display_rotation(90)
        for packet in given.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream_index]
                out.mux(packet)
    assert probe(tmp_path / "turned.mp4").rotation_deg
    write_corrected(tmp_path / "turned.mp4", 1, tmp_path / "out.mp4")
    assert probe(tmp_path / "out.mp4").rotation_deg == probe(tmp_path / "turned.mp4").rotation_deg


@pytest.mark.parametrize("early_frames", [2, -2])
def test_an_edit_list_that_cuts_into_a_group_of_pictures_stays(tmp_path, early_frames):
    """As ``ffmpeg -ss 0.32 -c copy`` leaves it: what comes before the cut is in the file and must not be
    shown.
    """
    truth, cut_s = Recording(), Fraction(8, 25)
    write(tmp_path / "clip.mp4", shifted(truth, early_frames))
    with (
        av.open(str(tmp_path / "clip.mp4")) as given,
        av.open(str(tmp_path / "cut.mp4"), "w", container_options={"avoid_negative_ts": "disabled"}) as made,
    ):
        streams = {stream.index: made.add_stream_from_template(stream) for stream in given.streams}
        for packet in given.demux():
            if packet.dts is not None:
                ticks = round(cut_s / packet.time_base)
                packet.pts, packet.dts, packet.stream = (
                    packet.pts - ticks,
                    packet.dts - ticks,
                    streams[packet.stream_index],
                )
                made.mux(packet)
    write_corrected(tmp_path / "cut.mp4", early_frames, tmp_path / "out.mp4")
    after = measure(tmp_path / "out.mp4", truth, cut_s=float(cut_s))
    assert after.white == [i - cut_s * 25 for i in truth.bright_frames()]
    assert np.allclose(after.click_errors_ms, 0, atol=TOLERANCE_MS)


def test_nothing_to_correct_gives_the_same_bytes(tmp_path):
    write(tmp_path / "clip.mp4", Recording())
    write_corrected(tmp_path / "clip.mp4", 0, tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "clip.mp4").read_bytes()


def test_into_another_container(tmp_path):
    assert [corrected_suffix(tmp_path / name) for name in ("a.webm", "a.MTS", "a.dv")] == [
        ".webm",
        ".MTS",
        ".mkv",
    ]
    truth = Recording()
    write(tmp_path / "clip.mp4", shifted(truth, 2))
    write_corrected(tmp_path / "clip.mp4", 2, tmp_path / "out.mkv")
    after = measure(tmp_path / "out.mkv", truth)
    assert np.allclose(after.click_errors_ms, 0, atol=TOLERANCE_MS) and after.white == truth.bright_frames()


def test_every_kind_of_file_that_the_walk_finds_can_be_corrected(real_cases, tmp_path):
    for video in sorted((real_cases / "mixed").iterdir()):
        out = tmp_path / (video.stem + corrected_suffix(video))
        write_corrected(video, 3, out)
        heard, corrected = (read_audio(path).samples.astype(float) for path in (video, out))
        late = np.argmax(np.correlate(corrected[:32000], heard[1600:17600], "valid")) - 1600
        assert late / 16 == pytest.approx(120, abs=6), (
            video.name
        )  # AC-3's encoder delay is 6 ms, and not declared


def test_refusals_say_what_to_do_and_leave_nothing(tmp_path):
    video = tmp_path / "clip.mp4"
    write(video, Recording())
    write(tmp_path / "silent.mp4", Recording(audio_codec=None))
    for given, offset, out, error, said in (
        (video, 2, "out.txt", OptionError, ".mkv"),
        (video, 2, "clip.mp4", OptionError, "another name"),
        (video, 2, "out.webm", OptionError, "ends in .mkv"),  # WebM carries no H.264
        (video, -100, "out.mp4", OptionError, "longer than it"),
        (video, 2, "no/such/folder/out.mp4", WriteError, "cannot write"),
        (tmp_path / "silent.mp4", 2, "out.mp4", SourceRefused, "no audio stream"),
    ):
        with pytest.raises(error, match=said):
            write_corrected(given, offset, tmp_path / out)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["clip.mp4", "silent.mp4"]


def samples(path):
    with av.open(str(path)) as container:
        rate = av.AudioResampler("s16", "mono", 16000)
        return np.concatenate(
            [part.to_ndarray()[0] for frame in container.decode(audio=0) for part in rate.resample(frame)]
        ).astype(int)


def test_a_shape_that_only_the_container_tells_is_carried_over_or_refused(tmp_path):
    sound = (3000 * np.sin(np.arange(16000) / 9)).astype(np.int16)
    square = write_parts(tmp_path / "square.mkv", [([disc(180, 144)] * 25, 1)], audio=sound)
    oblong = say_shape(square, tmp_path / "oblong.mkv", Fraction(5, 3))
    with pytest.raises(
        OptionError,
        match=r"pixels are 4:3 stands in the container alone, and would be lost: give the copy an \.mp4",
    ):
        write_corrected(oblong, 2, tmp_path / "copy.mkv")
    write_corrected(oblong, 2, tmp_path / "copy.mov")
    assert probe(oblong).width == probe(tmp_path / "copy.mov").width == 240
