"""A part of a video begins to decode at a key frame before it: the images are those of reading through."""

from collections import Counter
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, cycle, islice

import av
import numpy as np
import pytest
from flash_click import PHONE_STEPS_MS
from shaped import quadrants, set_matrix, write_parts

from speechlip.media import source_frames
from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.media.source_frames import read_images
from speechlip.media.streams import key_packets
from speechlip.media.streams.key_packets import DECODERS, first_to_decode

FRAMES, GROUP = 100, "12"
DAMAGE = ("damaged_packets", "damaged_frames", "dropped_frames", "empty_frames")
X264 = {"preset": "ultrafast", "g": GROUP}
OPEN = "open-gop=1:keyint=12:min-keyint=12:bframes=3:b-pyramid=normal:scenecut=0"
EVEN = tuple(range(0, 40 * FRAMES, 40))
PHONE = tuple(islice(accumulate(cycle(PHONE_STEPS_MS), initial=0), FRAMES))
KINDS = {
    "B-frames": ("a.mp4", "libx264", X264 | {"bf": "2"}),
    "open groups": ("a.mkv", "libx264", {"preset": "superfast", "x264-params": OPEN}),
    "refreshed bit by bit": ("a.ts", "libx264", X264 | {"x264-params": "intra-refresh=1:keyint=12"}),
    "transport stream": ("a.ts", "libx264", X264 | {"bf": "2"}),
    "flv": ("a.flv", "libx264", X264),
    "fragments": ("a.mp4", "libx264", X264 | {"bf": "2"}),
    "phone": ("a.mov", "libx264", X264 | {"bf": "2"}),
    "starts late": ("a.mkv", "libx264", X264 | {"bf": "2"}),
    "mpeg2": ("a.mpg", "mpeg2video", {"g": GROUP, "bf": "2"}),
    "mpeg4": ("a.mp4", "mpeg4", {"g": GROUP, "bf": "2"}),
    "mjpeg": ("a.mkv", "mjpeg", {}),
    "vp8": ("a.webm", "libvpx", {"g": GROUP, "deadline": "realtime", "cpu-used": "8", "auto-alt-ref": "1"}),
    "vp9": ("a.webm", "libvpx-vp9", {"g": GROUP, "deadline": "realtime", "cpu-used": "8"}),
}
LONGER = {
    "hevc": ("a.mp4", "libx265", {"preset": "ultrafast", "x265-params": "keyint=12:open-gop=1:log-level=0"}),
    "av1": ("a.mp4", "libsvtav1", {"g": GROUP, "preset": "12"}),
}
STAMPS = {"phone": PHONE, "starts late": tuple(ms + 2480 for ms in EVEN)}


def write(path, encoder, options, stamps_ms=EVEN, sound=False, container_options=None, size=(64, 48)):
    """Moving noise, no two frames alike."""
    picture = np.random.default_rng(5).integers(0, 256, (size[1] // 4, size[0] // 4, 3), np.uint8)
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream(encoder, rate=25, options=options)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if encoder == "mjpeg" else "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000 if stamps_ms is PHONE else 25)
        heard = container.add_stream("aac", rate=44100, layout="mono") if sound else None
        for number, ms in enumerate(stamps_ms):
            shown = np.roll(picture, number, axis=1).repeat(4, axis=0).repeat(4, axis=1)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(shown))
            frame.pts = round(Fraction(ms, 1000) / stream.codec_context.time_base)
            frame.time_base = stream.codec_context.time_base
            container.mux(stream.encode(frame))
            if heard is not None:
                tone = np.random.default_rng(number).normal(0, 0.1, (1, 1764)).astype(np.float32)
                sounding = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
                sounding.sample_rate, sounding.pts = 44100, 1764 * number
                container.mux(heard.encode(sounding))
        container.mux(stream.encode())
        if heard is not None:
            container.mux(heard.encode())
    return path


def made(tmp_path, kind):
    name, encoder, options = (KINDS | LONGER)[kind]
    fragments = {"movflags": "frag_keyframe+empty_moov"} if kind == "fragments" else None
    return write(tmp_path / name, encoder, options, STAMPS.get(kind, EVEN), container_options=fragments)


def shown(path, info, first_frame, **given):
    """The frames from ``first_frame`` on, (image, samples) each, and what was met."""
    with closing(read_frames(path, info, first_frame=first_frame, **given)) as reading:
        frames = [(frame.rgb(), frame.samples) for frame in reading if frame.index >= first_frame]
    return frames, reading.stats


def assert_as_read_through(path, info, first_frames, **given):
    """Against the same reading that may begin at the first packet only."""
    through = replace(info, key_packets=())
    for first_frame in first_frames:
        (part, met), (same, met_through) = (
            shown(path, each, first_frame, **given) for each in (info, through)
        )
        assert part and digest(part) == digest(same) and met == met_through


def digest(frames):
    return [tuple(None if each is None else each.tobytes() for each in frame) for frame in frames]


@pytest.fixture(autouse=True)
def short_lead(monkeypatch):
    monkeypatch.setattr(key_packets, "LEAD_S", Fraction(1))
    monkeypatch.setattr(key_packets, "APART_S", Fraction(1, 100))


@pytest.mark.parametrize("kind", [*KINDS, *(pytest.param(kind, marks=pytest.mark.slow) for kind in LONGER)])
def test_images_are_those_of_reading_through(kind, tmp_path):
    path = made(tmp_path, kind)
    info = probe(path, need_audio=False)
    assert info.video_codec in DECODERS
    assert first_to_decode(info.key_packets, Fraction(info.video_start_s) + 3) > 10
    assert_as_read_through(path, info, (26, 61, 93), audio=False)


def test_images_are_turned_and_stretched_alike(tmp_path):
    path = set_matrix(made(tmp_path, "B-frames"), 0, 1, -1, 0)
    info = probe(path, need_audio=False)
    assert info.rotation_deg
    assert_as_read_through(path, info, (61,), audio=False)


def test_packets_before_are_read_and_not_decoded(tmp_path, monkeypatch):
    path = made(tmp_path, "B-frames")
    info = probe(path, need_audio=False)
    decoded = Counter()
    display = source_frames.display_spans
    monkeypatch.setattr(
        source_frames,
        "display_spans",
        lambda stamped, *rest: display(counted(stamped, decoded), *rest),
    )
    for first_frame in (0, 75):
        list(read_images(path, info, 1, decoded, first_frame))
    assert decoded["decoded"] == FRAMES + FRAMES - 48  # 48: a multiple of 12, 1 s before 75.5 / 25 s


def counted(stamped, tally):
    for each in stamped:
        tally["decoded"] += 1
        yield each


def test_audio_is_the_same_and_so_is_the_length(tmp_path):
    path = write(tmp_path / "a.mp4", *KINDS["B-frames"][1:], sound=True)
    assert_as_read_through(path, probe(path), (70,))


def test_a_file_that_changes_its_size_says_so_in_every_part(tmp_path):
    images = [np.roll(quadrants(64, 48), k, axis=1) for k in range(50)]
    path = write_parts(tmp_path / "a.ts", [(images, 1), ([image[:32] for image in images], 1)])
    frames, met = shown(path, probe(path, need_audio=False), 80, audio=False)
    assert {image.shape for image, _ in frames} == {(32, 64, 3)}
    (said,) = met.corrected
    assert said.startswith("from ") and said.endswith(" s on 64×32")


def test_damage_is_counted_by_the_part_that_meets_it(tmp_path):
    """What two parts count is what one reading counts."""
    path = write(tmp_path / "a.mp4", *KINDS["B-frames"][1:], size=(320, 240))
    content = bytearray(path.read_bytes())
    for share in (0.3, 0.6, 0.9):
        place = int(len(content) * share)
        content[place : place + 60] = b"\xff" * 60
    path.write_bytes(content)
    info = probe(path, need_audio=False)
    met = []
    for first_frame, stop_frame in ((0, FRAMES), (0, 50), (50, FRAMES)):
        with closing(read_frames(path, info, audio=False, first_frame=first_frame)) as reading:
            for frame in reading:
                if frame.index == stop_frame:
                    break
            met.append(Counter({name: getattr(reading.stats, name) for name in DAMAGE}))
    assert met[0] == met[1] + met[2] and met[1].total() and met[2].total()


def test_other_files_are_read_through(tmp_path):
    avi = write(tmp_path / "a.avi", "mpeg4", {"g": GROUP, "bf": "2"})
    one = write(tmp_path / "one.ts", *KINDS["mpeg2"][1:])
    joined = tmp_path / "joined.ts"
    joined.write_bytes(one.read_bytes() * 2)
    other = write(tmp_path / "a.mkv", "ffv1", {})
    for path in (avi, joined):
        assert probe(path, need_audio=False).key_packets == ()
    assert probe(joined, need_audio=False).jumps
    for path in (avi, other):
        assert_as_read_through(path, probe(path, need_audio=False), (61,), audio=False)
