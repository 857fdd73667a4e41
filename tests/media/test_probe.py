"""Headers, names, and files that are no videos."""

import os
import shutil
import socket
import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from flash_click import Recording, write

from speechlip.errors import OptionError, SourceRefused
from speechlip.media.frames import read_frames
from speechlip.media.info import corrections
from speechlip.media.probe import probe
from speechlip.media.streams.stamps import Steps


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("probe") / "clip.mp4"
    write(path, Recording(rate="30", layout="stereo", duration_s=Fraction(1)))
    return path


def test_what_the_headers_say(clip):
    info = probe(clip)
    assert (info.container, info.video_codec, info.width, info.height, info.rotation_deg) == (
        "mov",
        "h264",
        64,
        48,
        0,
    )
    assert (info.source_fps, info.variable_rate, info.video_start_s, info.video_duration_s) == (
        30.0,
        False,
        0.0,
        1.0,
    )
    assert (info.audio_codec, info.audio_sample_rate_hz, info.audio_channels, info.audio_start_s) == (
        "aac",
        44100,
        2,
        0.0,
    )
    assert (info.audio_track, info.audio_tracks, info.bytes) == (0, 1, clip.stat().st_size)
    assert info.audio_duration_s == pytest.approx(1.0, abs=0.03)
    assert corrections(info) == ["frame rate 30 → 25", "audio 44100 Hz stereo → 16000 Hz mono"]


def test_nothing_to_correct(tmp_path):
    write(tmp_path / "clip.mkv", Recording("mkv", audio_codec="pcm_s16le", audio_rate_hz=16000))
    assert corrections(probe(tmp_path / "clip.mkv")) == []


def test_variable_rate_and_track_are_told(tmp_path):
    write(
        tmp_path / "clip.mp4", Recording(rate="variable", silent_tracks_first=1, audio_start_s=Fraction(1, 2))
    )
    told = corrections(probe(tmp_path / "clip.mp4"))
    assert (
        told[0].startswith("variable frame rate (26")
        and told[-1] == "audio track 2 of 2"
        and "after video" in told[2]
    )


def test_a_constant_rate_is_not_called_variable(tmp_path):
    """MPEG-1, whose header ticks in fields;

    AVI, whose first image is held while its MP3 encoder's delay goes by.
    """
    for recording in (
        Recording("mpg", video_codec="mpeg1video", audio_codec="mp2", duration_s=Fraction(2)),
        Recording("avi", audio_codec="libmp3lame", duration_s=Fraction(2)),
    ):
        write(tmp_path / f"clip.{recording.extension}", recording)
        info = probe(tmp_path / f"clip.{recording.extension}")
        assert (info.source_fps, info.variable_rate) == (25, False)
        assert not any("rate" in text for text in corrections(info))


def test_the_usual_step_is_exact():
    """29.97 frames/s, not 29.94: DV says no rate that could stand in for it."""
    steps = Steps(Fraction(1, 30_000))
    for k in range(90):
        steps.see(1001 * k)
    steps.end_run()
    assert steps.usual_s == Fraction(1001, 30_000) and not steps.uneven


def test_neither_stream_is_the_first_of_the_file(tmp_path):
    """As in a DVD's files, which begin with navigation."""
    with av.open(str(tmp_path / "behind.mkv"), "w") as made:
        other = made.add_stream("pcm_s16le", rate=16000, layout="mono")
        images = made.add_stream("mpeg4", rate=25)
        images.width, images.height, images.pix_fmt = 64, 48, "yuv420p"
        audio = made.add_stream("pcm_s16le", rate=16000, layout="mono")
        audio.disposition = av.stream.Disposition.default
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts = 16000, 0
        made.mux([*other.encode(frame), *audio.encode(frame)])
        for index in range(25):
            shown = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8))
            shown.pts, shown.time_base = index, Fraction(1, 25)
            made.mux(images.encode(shown))
        made.mux(images.encode())
    info = probe(tmp_path / "behind.mkv")
    assert (info.width, info.height, info.audio_track, info.video_duration_s) == (64, 48, 1, 1.0)
    assert [moment.samples is not None for moment in read_frames(tmp_path / "behind.mkv", info)] == [
        True
    ] * 25


REFUSED = {
    "empty file": b"",
    "one byte": b"\0",
    "text": b"hello\n" * 1000,
    "zeros": bytes(100_000),
    "noise": np.random.default_rng(0).bytes(300_000),
    "concat script": b"ffconcat version 1.0\nfile 'clip.mp4'\n",
    "subtitles": b"1\n00:00:01,000 --> 00:00:02,000\nhello\n",
    "session": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
}


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_no_video_file(tmp_path, content):
    path = tmp_path / "video.mp4"
    path.write_bytes(content)
    assert _reason(path) == ("not a video file" if content else "empty file")


def test_playlist_opens_nothing_else(tmp_path, clip):
    """An m3u8 under the name of a video must neither read the file nor reach the host that it names."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/a.ts"
        path = tmp_path / "video.mp4"
        path.write_text(
            "#EXTM3U\n#EXT-X-TARGETDURATION:9\n"
            f"#EXTINF:9,\n{url}\n#EXTINF:9,\nfile://{clip}\n#EXT-X-ENDLIST\n"
        )
        assert _reason(path) == "not a video file"
        with pytest.raises(TimeoutError):
            server.accept()


def test_missing_streams(tmp_path):
    write(tmp_path / "mute.mp4", Recording(audio_codec=None))
    assert _reason(tmp_path / "mute.mp4") == "no audio stream"
    assert probe(tmp_path / "mute.mp4", need_audio=False).audio_codec is None
    _write_song(tmp_path / "song.m4a", cover=False)
    shutil.copy(tmp_path / "song.m4a", tmp_path / "song.mp4")
    assert _reason(tmp_path / "song.mp4") == "no video stream"
    _write_song(tmp_path / "cover.mp3", cover=True)
    assert _reason(tmp_path / "cover.mp3") == "no video stream"


def test_no_regular_file(tmp_path):
    assert _reason(tmp_path / "nothing.mp4") == "missing file"
    assert _reason(tmp_path) == "not a regular file"
    os.mkfifo(tmp_path / "pipe.mp4")
    assert _reason(tmp_path / "pipe.mp4") == "not a regular file"


def test_unreadable(tmp_path, clip):
    shutil.copy(clip, tmp_path / "locked.mp4")
    (tmp_path / "locked.mp4").chmod(0)
    am_root = os.geteuid() == 0
    try:
        if am_root:
            os.seteuid(65534)  # root reads every file
        assert _reason(tmp_path / "locked.mp4") == "unreadable file"
    finally:
        if am_root:
            os.seteuid(0)


def test_mp4_that_broke_off_before_its_index(tmp_path, clip):
    path = tmp_path / "broken.mp4"
    path.write_bytes(clip.read_bytes()[:1500])
    assert _reason(path) == "truncated file"


NAMES = [
    "-rf.mp4",
    "a b.mp4",
    'it\'s "it".mp4',
    "two\nlines.mp4",
    "漢字 ü.mp4",
    "%03d.mp4",
    "concat:a|b.mp4",
    "http:a.mp4",
    "pipe:0",
]
NAMES += ["file:a.mp4", "subfile,,start,0,end,9,,:a.mp4", os.fsdecode(b"not utf-8 \xff.mp4")]


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_a_name_is_only_a_name(tmp_path, monkeypatch, clip, name):
    shutil.copy(clip, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    relative = type(clip)(name)
    assert probe(relative).bytes == clip.stat().st_size
    assert sum(1 for _ in read_frames(relative, probe(relative))) == 25


@pytest.mark.parametrize(
    "clockwise_deg, corner", [(0, (0, 0)), (90, (0, -1)), (180, (-1, -1)), (270, (-1, 0))]
)
def test_rotation_flag(tmp_path, clockwise_deg, corner):
    """The image's white corner is stored at the top left, and displayed where turning puts it."""
    path = tmp_path / "turned.mp4"
    _write_corner(path, clockwise_deg)
    info = probe(path, need_audio=False)
    picture = next(read_frames(path, info)).image
    assert (
        (info.height, info.width, 3)
        == picture.shape
        == picture.rgb().shape
        == ((48, 64, 3) if clockwise_deg % 180 == 0 else (64, 48, 3))
    )
    corners = {(y, x): picture.rgb()[y, x].mean() for y in (0, -1) for x in (0, -1)}
    assert max(corners, key=corners.get) == corner and info.rotation_deg == clockwise_deg
    assert corrections(info) == ([f"rotation {clockwise_deg}°"] if clockwise_deg else [])


def test_colours_are_those_of_pyav(clip):
    frame = next(av.open(str(clip)).decode(video=0))
    assert np.array_equal(next(read_frames(clip, probe(clip))).image.rgb(), frame.to_ndarray(format="rgb24"))


def test_decoder_that_does_not_exist(clip):
    with pytest.raises(OptionError, match="no decoder 'opencv'; there are: pyav, decord"):
        read_frames(clip, probe(clip), decoder="opencv")


def _reason(path):
    with pytest.raises(SourceRefused) as refused:
        probe(path)
    assert refused.value.stage == "probe"
    return refused.value.reason


def _write_song(path, cover):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libmp3lame" if path.suffix == ".mp3" else "aac", rate=44100)
        if cover:
            art = container.add_stream("png", rate=1)
            art.width, art.height, art.pix_fmt, art.disposition = (
                16,
                16,
                "rgb24",
                av.stream.Disposition.attached_pic,
            )
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 44100), np.int16), format="s16", layout=stream.layout.name
        )
        frame.sample_rate, frame.pts = 44100, 0
        for part in [*av.AudioResampler(stream.format.name, stream.layout.name, 44100).resample(frame), None]:
            container.mux(stream.encode(part))
        if cover:
            container.mux(
                art.encode(av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8))) + art.encode()
            )


def _write_corner(path, clockwise_deg):
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[:24, :32] = 255
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for k in range(5):
            frame = av.VideoFrame.from_ndarray(pixels)
            frame.pts = k
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    _set_display_matrix(path, clockwise_deg)


def _set_display_matrix(path, clockwise_deg):
    """Turn the matrix of the first track header (ISO 14496-12, 8.3.2), as a phone held upright does."""
    quarter = clockwise_deg // 90
    cos, sin = ((1, 0), (0, 1), (-1, 0), (0, -1))[quarter]
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 4 + 40
    assert struct.unpack_from(">9i", content, matrix) == (65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
    struct.pack_into(
        ">9i", content, matrix, cos * 65536, sin * 65536, 0, -sin * 65536, cos * 65536, 0, 0, 0, 1 << 30
    )
    path.write_bytes(content)


def test_images_larger_than_the_limit_are_not_decoded(tmp_path):
    """16000 × 16000 would take 3.5 GB; here 64 × 48, and a limit below."""
    write(tmp_path / "clip.mkv", Recording("mkv", duration_s=Fraction(1)))
    with pytest.raises(
        SourceRefused, match=r"picture too large \(64 × 48 px, 0 million; --max-picture is 0.003 million"
    ):
        probe(tmp_path / "clip.mkv", max_picture_px=3000)
    assert probe(tmp_path / "clip.mkv", max_picture_px=64 * 48).width == 64


def test_images_that_grow_over_the_limit_midway_are_damage(tmp_path):
    """The header says 64 × 48 of both; a limit between the two sizes."""
    for name, size in (("small", (64, 48)), ("large", (256, 192))):
        write(tmp_path / f"{name}.ts", Recording("ts", duration_s=Fraction(1), size=size))
    path = tmp_path / "grows.ts"
    path.write_bytes((tmp_path / "small.ts").read_bytes() + (tmp_path / "large.ts").read_bytes())
    reading = read_frames(path, probe(path, max_picture_px=64 * 64))
    assert [frame.image is not None for frame in reading] == [True] * 25 + [False] * 25
    assert reading.stats.damaged_packets > 0


def test_images_and_audio_behind_a_stream_of_another_kind(tmp_path):
    """Subtitles first: the packets that flush the decoders say that they are of stream 0."""
    write(tmp_path / "plain.mkv", Recording("mkv", duration_s=Fraction(1)))
    path = tmp_path / "clip.mkv"
    with av.open(str(tmp_path / "plain.mkv")) as given, av.open(str(path), "w") as made:
        subtitles = made.add_mux_stream("subrip", time_base=Fraction(1, 1000))
        streams = {stream.index: made.add_stream_from_template(stream) for stream in given.streams}
        text = av.Packet(b"hello")
        text.stream, text.pts, text.dts, text.duration, text.time_base = (
            subtitles,
            0,
            0,
            500,
            Fraction(1, 1000),
        )
        made.mux(text)
        for packet in given.demux():
            if packet.size:
                packet.stream = streams[packet.stream_index]
                made.mux(packet)
    info = probe(path)
    with av.open(str(path)) as container:
        assert container.streams[0].type == "subtitle"
    assert (info.video_codec, info.audio_codec, info.video_duration_s) == ("h264", "aac", 1.0)
    assert (
        sum(frame.image is not None and frame.samples is not None for frame in read_frames(path, info)) == 25
    )
