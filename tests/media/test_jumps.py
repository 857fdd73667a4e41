"""Stamps that start again, jump or mean nothing: what is there is read, and nothing else is counted."""

import io
import struct
from collections import Counter
from fractions import Fraction

import av
import numpy as np
import pytest
from flash_click import Recording, click_errors_ms, without_pids, write

from speechlip.errors import SourceRefused
from speechlip.media.frames import joins, read_frames
from speechlip.media.info import corrections
from speechlip.media.probe import probe
from speechlip.media.streams.stamps import Run
from speechlip.media.streams.timeline import joined
from speechlip.media.whole_audio import read_audio
from speechlip.preparing.plan.planned_source import inspect_source
from speechlip.records import Source
from speechlip.shards.writer import KEY_DIGITS

SMALL = {"size": (128, 96), "noise": True}
PARTS = (
    Recording("ts", duration_s=Fraction(8, 5), audio_duration_s=Fraction(19, 10), **SMALL),
    Recording("ts", duration_s=Fraction(4, 5), audio_duration_s=Fraction(4, 5), **SMALL),
    Recording("ts", duration_s=Fraction(6, 5), audio_duration_s=Fraction(1), rate="50", **SMALL),
)


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Three recordings: the audio of the first is longer than its images, that of the last shorter."""
    folder = tmp_path_factory.mktemp("parts")
    for number, recording in enumerate(PARTS):
        write(folder / f"{number}.ts", recording)
    return [folder / f"{number}.ts" for number in range(len(PARTS))]


def seen(path):
    """(mean grey of every image, audio) of a file, and how often it jumps."""
    reading = read_frames(path, probe(path))
    found = [(None if m.image is None else round(float(m.image.rgb().mean()), 3), m.samples) for m in reading]
    return [grey for grey, _ in found], [samples for _, samples in found], reading.stats


@pytest.mark.parametrize("name", ["joined.ts", "joined.mp4", "joined.MTS"])
@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 1, 2, 1, 0)])
def test_recordings_laid_end_to_end_are_each_what_they_are_alone(tmp_path, parts, order, name):
    path = tmp_path / name
    path.write_bytes(b"".join(parts[k].read_bytes() for k in order))
    images, audio, stats = seen(path)
    alone = [seen(parts[k]) for k in order]
    assert images == [grey for greys, *_ in alone for grey in greys]
    starts = np.cumsum([0, *(len(greys) for greys, *_ in alone)])
    assert joins(probe(path)) == starts[1:-1].tolist()
    assert (stats.dropped_frames, stats.empty_frames) == (0, 0)
    heard = [heard for _, windows, _ in alone for heard in windows]
    assert [window is None for window in audio] == [window is None for window in heard]
    clicks = [
        start / 25 + click for start, k in zip(starts, order, strict=False) for click in PARTS[k].clicks_s()
    ]
    errors = click_errors_ms(
        np.concatenate([np.zeros(640, np.int16) if window is None else window for window in audio]),
        clicks,
        0.1,
    )
    assert max(map(abs, errors)) <= 0.5
    told = [text for text in corrections(probe(path)) if text.startswith("stamps jump")]
    assert len(told) == min(len(order) - 1, 4)
    assert told[0].endswith(f" at {starts[1] / 25:.3f} s: read on without a gap")
    assert read_audio(path).frames == len(images)


@pytest.mark.parametrize("alone", [256, 257])
def test_a_part_of_one_stream_before_the_first_recording_keeps_its_time(tmp_path, parts, alone):
    """HLS that begins with a part without images (stream 256), or without audio (257)."""
    path, part, whole = tmp_path / "joined.ts", without_pids(parts[1], alone), seen(parts[0])
    path.write_bytes(part + parts[0].read_bytes())
    images, audio, stats = seen(path)
    begin = 0 if alone == 256 else len(seen(parts[1])[0])
    assert images[begin:] == whole[0] and stats.empty_frames == 0
    assert [window is None for window in audio] == [True] * begin + [window is None for window in whole[1]]
    clicks_s = [begin / 25 + click for click in PARTS[0].clicks_s()]
    samples = np.concatenate([np.zeros(640, np.int16) if window is None else window for window in audio])
    assert max(map(abs, click_errors_ms(samples, clicks_s, 0.1))) <= 0.5
    starts_s = probe(path).audio_start_s - probe(path).video_start_s
    assert starts_s == pytest.approx(-0.8 if alone == 256 else 0.8, abs=0.1)


def test_a_jump_of_hours_costs_nothing(tmp_path):
    for extension, hours in (("mkv", 7), ("mp4", 9), ("ts", 3), ("ts", 25)):
        path = moved(tmp_path, extension, by_s=3600 * hours)
        info = probe(path)
        assert info.video_duration_s == pytest.approx(2, abs=0.05) and info.audio_duration_s == pytest.approx(
            2, abs=0.1
        )
        images, audio, _ = seen(path)
        assert len(images) == 50 and None not in images and not any(window is None for window in audio)
        (jump,) = info.jumps
        assert jump.streams == "all" and jump.at_s == pytest.approx(1.2, abs=0.03)
        shorter_way_s = -(2**33) / 90_000 if (extension, hours) == ("ts", 25) else 0
        assert jump.by_s == pytest.approx(3600 * hours + shorter_way_s, abs=0.2)
        assert read_audio(path).frames == 50


def test_a_wrapped_clock_is_no_jump(tmp_path):
    path = moved(tmp_path, "ts", by_s=0, start_s=2**33 / 90_000 - 1)
    with av.open(str(path)) as container:
        raw = [packet.pts for packet in container.demux() if packet.pts is not None]
    assert min(raw) < 0 < max(raw)
    images, audio, _ = seen(path)
    assert (
        len(images) == 50
        and None not in images
        and not any(window is None for window in audio)
        and probe(path).jumps == ()
    )


def test_a_jump_of_one_stream_moves_that_stream(tmp_path):
    for kind, word in (("video", "pictures"), ("audio", "sound")):
        path = moved(tmp_path, "mkv", by_s=60, kinds=(kind,))
        images, audio, _ = seen(path)
        assert len(images) == 50 and None not in images and not any(window is None for window in audio)
        assert [jump.streams for jump in probe(path).jumps] == [word]
        assert any(f"of the {word} only" in text for text in corrections(probe(path)))


def test_clusters_of_another_recording_start_again(tmp_path):
    """Matroska that was cut together byte by byte, as the pieces come that a browser's recorder hands out."""
    whole = []
    for number in range(2):
        recording = Recording(
            "webm", audio_codec="libopus", audio_rate_hz=48000, duration_s=Fraction(6, 5), **SMALL
        )
        write(tmp_path / f"{number}.webm", recording)
        whole.append(
            streamed(tmp_path / f"{number}.webm", tmp_path / f"live{number}.webm", "webm").read_bytes()
        )
    path = tmp_path / "joined.webm"
    path.write_bytes(whole[0] + whole[1][whole[1].index(bytes.fromhex("1f43b675")) :])
    images, audio, stats = seen(path)
    assert len(images) == 60 and joins(probe(path)) == [30] and stats.dropped_frames == 0
    assert None not in images and not any(window is None for window in audio)


def test_fragments_of_another_recording_start_again(tmp_path):
    """MP4 for HLS and DASH: the decoder's set-up once, fragments that FFmpeg marks as not to be shown where
    their stamps go back.
    """
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    for number, length_s in enumerate((Fraction(8, 5), Fraction(2))):
        write(tmp_path / f"{number}.mp4", Recording(duration_s=length_s, **SMALL, container_options=options))
    whole = [(tmp_path / f"{number}.mp4").read_bytes() for number in range(2)]
    path = tmp_path / "joined.mp4"
    path.write_bytes(whole[0] + whole[1][whole[1].index(b"moof") - 4 :])
    images, _, stats = seen(path)
    assert images == seen(tmp_path / "0.mp4")[0] + seen(tmp_path / "1.mp4")[0]
    assert joins(probe(path)) == [40] and stats.dropped_frames == 0 and len(corrections(probe(path))) == 3


def test_what_of_a_file_is_never_read_is_said(tmp_path):
    """The index of an MP4 knows nothing of another MP4 behind it."""
    write(tmp_path / "clip.mp4", Recording(duration_s=Fraction(1), **SMALL))
    once = corrections(probe(tmp_path / "clip.mp4"))
    (tmp_path / "clip.mp4").write_bytes(2 * (tmp_path / "clip.mp4").read_bytes())
    (note,) = set(corrections(probe(tmp_path / "clip.mp4"))) - set(once)
    assert note.startswith("the last 5") and note.endswith(" % of the file hold nothing that is read")


def test_one_wild_stamp_is_no_jump(tmp_path):
    """One offset between decoding and showing, with one bit changed: a day and a half."""
    path = tmp_path / "clip.mp4"
    write(path, Recording(duration_s=Fraction(2), **SMALL))
    content = bytearray(path.read_bytes())
    entries = content.index(b"ctts") + 12
    place = next(
        place
        for place in range(entries + 64, entries + 160, 8)
        if struct.unpack_from(">I", content, place) == (1,)
    )
    content[place + 4] ^= 0x40
    path.write_bytes(content)
    info = probe(path)
    assert info.jumps == () and info.video_duration_s == pytest.approx(2, abs=0.05)
    assert len(seen(path)[0]) == 50


def test_a_stream_that_was_away_while_the_other_went_on_is_a_hole():
    """In seconds: images 0–5 and 65–70, audio all the way; the audio's last stamp tells."""
    audio = [Run(0, 1, Fraction(0), Fraction(70), Fraction(0))]
    away = [
        Run(0, 0, Fraction(0), Fraction(5), None),
        Run(125, 3000, Fraction(65), Fraction(70), Fraction(65)),
    ]
    assert joined({"video": away, "audio": audio}).jumps == ()
    late = [
        away[0],
        Run(125, 900, Fraction(65), Fraction(70), Fraction(15)),
    ]  # muxers hand a packet on when the other is 10 s behind
    assert joined({"video": late, "audio": audio}).jumps == ()
    jumped = [away[0], Run(125, 400, Fraction(65), Fraction(130), Fraction(5))]
    found = joined({"video": jumped, "audio": audio})
    assert [(jump.at_s, jump.by_s, jump.streams) for jump in found.jumps] == [
        (5, 60, "pictures")
    ] and found.video_stop_s == 70


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("alone", ["video", "audio"])
def test_a_part_of_one_stream_between_two_recordings_moves_the_other_with_its_own(alone, first):
    """5 s of both, 2 s of one stream alone, 5 s of both, each stamped from 0 on: the last part's audio stays
    beside its images, whichever of them comes first in the file.
    """
    zero, two, five = Fraction(0), Fraction(2), Fraction(5)
    last = Run(175, 300 + first, zero, five, zero if first else five)
    both = [Run(0, 0, zero, five, None), Run(125, 250, zero, two, five), last]
    other = [Run(0, 1, zero, five, zero), Run(125, 301 - first, zero, five, two if first else zero)]
    found = joined({alone: both, {"video": "audio", "audio": "video"}[alone]: other})
    assert (
        found.video_shifts[-1].offset_s == found.audio_shifts[-1].offset_s == (7 if alone == "video" else 5)
    )


def test_audio_that_starts_in_the_second_recording_is_on_its_clock():
    video = [Run(0, 0, Fraction(0), Fraction(5), None), Run(125, 125, Fraction(100), Fraction(105), None)]
    found = joined({"video": video, "audio": [Run(0, 126, Fraction(100), Fraction(105), Fraction(100))]})
    assert (found.video_stop_s, found.audio_stop_s) == (10, 10)


@pytest.mark.parametrize("first", ["video", "audio"])
def test_the_stream_that_a_first_part_lacks_is_on_the_clock_of_the_second(first):
    """9 s of one stream, then both from 0 on again, whichever comes first in the file."""
    zero, five, nine = Fraction(0), Fraction(5), Fraction(9)
    lone = [Run(0, 0, zero, nine, None), Run(9, 10, zero, five, zero)]
    other = {"video": "audio", "audio": "video"}[first]
    found = joined({other: lone, first: [Run(0, 9, zero, five, nine)]})
    assert found.video_shifts[-1].offset_s == found.audio_shifts[-1].offset_s == 9
    assert [(jump.at_s, jump.by_s, jump.streams) for jump in found.jumps] == [(9, -9, "all")]


@pytest.mark.parametrize(
    "field, offset", [("dwScale", 20), ("dwRate", 24), ("dwLength", 32), ("dwStart", 28)]
)
def test_no_bit_of_an_avi_header_makes_more_of_it_than_there_is(tmp_path, field, offset):
    """24 images and 1 s of audio: kept as so many, or refused with a reason."""
    path = tmp_path / "clip.avi"
    write(path, Recording("avi", rate="24", audio_codec="pcm_s16le", duration_s=Fraction(1)))
    content = path.read_bytes()
    place = content.index(b"strh") + 8 + offset
    (value,) = struct.unpack_from("<I", content, place)
    reasons = Counter()
    for bit in range(0, 32, 3):
        path.write_bytes(content[:place] + struct.pack("<I", value ^ 1 << bit) + content[place + 4 :])
        try:
            info = probe(path)
            assert (
                info.video_duration_s <= 24
                and sum(1 for _ in read_frames(path, info, images=False)) <= 25 * 24
            )
        except SourceRefused as refused:
            reasons[refused.reason] += 1
    assert set(reasons) <= {
        "no usable time stamps",
        "too few pictures",
        "not a video file",
        "no video stream",
    }


def test_an_avi_whose_images_run_at_another_speed_than_its_audio_is_refused(tmp_path):
    """dwScale 1 → 3, which makes 25 images a second 8.3 and three minutes of one: nobody's lips would fit."""
    path = tmp_path / "clip.avi"
    write(path, Recording("avi", audio_codec="pcm_s16le", duration_s=Fraction(13, 5)))
    content = path.read_bytes()
    place = content.index(b"strh") + 8 + 20
    assert probe(path).video_duration_s == pytest.approx(2.6)
    path.write_bytes(content[:place] + struct.pack("<I", 3) + content[place + 4 :])
    with pytest.raises(
        SourceRefused,
        match=r"7\.\d s of pictures beside 2\.\d s of sound in the file: a rate in its header is wrong",
    ):
        probe(path)


def test_a_recording_that_states_no_length_has_one(tmp_path):
    """As browsers record: Matroska and MP4 written to a pipe, which cannot go back to the header."""
    for extension, muxer, codec, rate in (
        ("webm", "webm", "libopus", 48000),
        ("mkv", "matroska", "libopus", 48000),
        ("mp4", "mp4", "aac", 44100),
    ):
        recording = Recording(
            extension, rate="30", audio_codec=codec, audio_rate_hz=rate, duration_s=Fraction(2)
        )
        write(tmp_path / f"whole.{extension}", recording)
        path = streamed(tmp_path / f"whole.{extension}", tmp_path / f"streamed.{extension}", muxer)
        with av.open(str(path)) as container:
            assert not container.duration or extension == "mp4"
        info = probe(path)
        assert info.video_duration_s == pytest.approx(2, abs=0.05) and info.audio_duration_s == pytest.approx(
            2, abs=0.1
        )
        assert (info.source_fps, info.variable_rate) == (30, False)
        assert corrections(info)[0] == "frame rate 30 → 25"
        assert (
            inspect_source(Source(path, path.name, "her"), "cascade", KEY_DIGITS).seconds
            == info.video_duration_s
        )


def moved(folder, extension, by_s, kinds=("video", "audio"), start_s=0.0):
    """A clip of 2 s whose stamps begin ``start_s`` later, and from a key frame at 1.2 s on are ``by_s``
    larger still.
    """
    write(folder / f"straight.{extension}", Recording(extension, duration_s=Fraction(2), **SMALL))
    target = folder / f"moved.{extension}"
    with (
        av.open(str(folder / f"straight.{extension}")) as given,
        av.open(str(target), "w", options={"copyts": "1", "max_interleave_delta": "1"}) as made,
    ):
        streams = {stream.index: made.add_stream_from_template(stream) for stream in given.streams}
        zero_s = {stream.index: (stream.start_time or 0) * stream.time_base for stream in given.streams}
        for packet in given.demux():
            if not packet.size:
                continue
            since_s = packet.pts * packet.time_base - zero_s[packet.stream_index]
            by = start_s + (by_s if since_s >= Fraction(6, 5) and packet.stream.type in kinds else 0)
            packet.pts, packet.dts = (
                None if stamp is None else stamp + round(by / packet.time_base)
                for stamp in (packet.pts, packet.dts)
            )
            packet.stream = streams[packet.stream_index]
            made.mux_one(packet)
    return target


class _Pipe(io.RawIOBase):
    """What can only be written to."""

    def __init__(self, path):
        self.file = path.open("wb")

    def writable(self):
        return True

    def write(self, data):
        return self.file.write(data)


def streamed(path, target, muxer):
    pipe = _Pipe(target)
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"} if muxer == "mp4" else {"live": "1"}
    with av.open(str(path)) as given, av.open(pipe, "w", format=muxer, container_options=options) as made:
        streams = {stream.index: made.add_stream_from_template(stream) for stream in given.streams}
        for packet in given.demux():
            if packet.size:
                packet.stream = streams[packet.stream_index]
                made.mux(packet)
    pipe.file.close()
    return target


@pytest.mark.parametrize("empty", ["video", "audio"])
def test_a_stream_without_a_packet_is_no_hindrance(empty):
    """A header that names a stream of which nothing is there, beside one whose stamps jump (a mutant of the
    fuzz: ValueError).
    """
    jumping = [Run(0, 0, Fraction(0), Fraction(7), None), Run(9, 20, Fraction(500), Fraction(505), None)]
    other = {"video": "audio", "audio": "video"}[empty]
    line = joined({empty: [], other: jumping})
    assert getattr(line, f"{empty}_shifts") == () and len(line.jumps) == 1
    assert getattr(line, f"{other}_stop_s") == 12
