"""Which streams of a file are read, and which files hold none that can be."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from av.stream import Disposition
from flash_click import Recording, measure, without_pids, write

from speechlip.errors import SourceRefused
from speechlip.media.frames import read_frames
from speechlip.media.info import corrections
from speechlip.media.probe import probe

KEY = "0123456789abcdef0123456789abcdef"


def refusal(path):
    with pytest.raises(SourceRefused) as refused:
        probe(path)
    return refused.value.stage, refused.value.reason, refused.value.detail


@pytest.mark.parametrize("extension", ["ts", "mpg"])
def test_audio_that_begins_after_ten_seconds_is_read(tmp_path, extension):
    """MPEG's headers name a stream and say nothing of it; FFmpeg looks at the first seconds only."""
    one, ten, eleven = map(Fraction, (1, 10, 11))
    late = Recording(extension, "5", "mp2", 48000, duration_s=eleven, audio_start_s=ten, audio_duration_s=one)
    found = measure(_written(tmp_path, late), late)
    assert found.without_audio == list(range(250)) and found.white == late.bright_frames()
    assert probe(tmp_path / f"clip.{extension}").audio_sample_rate_hz == 48000


def test_images_that_begin_after_ten_seconds_are_read(tmp_path):
    late = Recording(
        "ts",
        audio_rate_hz=16000,
        duration_s=Fraction(1),
        video_start_s=Fraction(10),
        audio_duration_s=Fraction(11),
    )
    found = measure(_written(tmp_path, late), late)
    assert found.white == late.bright_frames() and max(map(abs, found.click_errors_ms)) <= 2.0
    assert probe(tmp_path / "clip.ts").width == 64


@pytest.mark.parametrize("mark", ["visual_impaired", "comment", "dub"])
def test_audio_that_says_it_is_another_voice_comes_last(tmp_path, mark):
    other = 3000, Disposition[mark] | Disposition.default
    assert _read_track(tmp_path, other, (3000, Disposition(0))) == (1, 2)


def test_the_first_track_in_which_anything_is_heard_is_read(tmp_path):
    """32 of 32768 is below −60 dBFS; of silent tracks only, the default one is read."""
    silent, default = (32, Disposition(0)), (32, Disposition.default)
    assert _read_track(tmp_path, default, silent, (33, Disposition(0)), (33, Disposition(0))) == (2, 4)
    assert _read_track(tmp_path, silent, default, silent) == (1, 3)


def test_audio_is_of_the_programme_of_the_images(tmp_path):
    """Of a whole transponder: the first programme gives audio alone, the second both."""
    parts = []
    for number, codec in ((1, "mp2"), (2, "aac")):
        path = tmp_path / f"{number}.ts"
        places = {"service_id": number, "pmt_start_pid": 4096 + number, "start_pid": 256 * number}
        options = {f"mpegts_{name}": str(value) for name, value in places.items()}
        write(path, Recording("ts", "5", codec, 32000, duration_s=Fraction(1), container_options=options))
        parts.append(without_pids(path, 0, 256))
    path = tmp_path / "both.ts"
    path.write_bytes(programme_table({1: 4097, 2: 4098}) + b"".join(parts))
    info = probe(path)
    assert (info.audio_codec, info.audio_track, info.audio_tracks) == ("aac", 1, 2)


def test_a_stream_that_is_declared_and_empty_is_none(tmp_path):
    whole = tmp_path / "whole.ts"
    write(whole, Recording("ts", duration_s=Fraction(1)))
    for name, pid in (("no_images.ts", 256), ("no_audio.ts", 257)):
        (tmp_path / name).write_bytes(without_pids(whole, pid))
    says = "the one that the file declares holds nothing"
    assert refusal(tmp_path / "no_audio.ts") == ("probe", "no audio stream", says)
    assert refusal(tmp_path / "no_images.ts") == ("probe", "no video stream", says)
    assert probe(tmp_path / "no_audio.ts", need_audio=False).audio_codec is None


def test_of_two_tracks_of_images_the_one_that_is_read_is_named(tmp_path):
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as made:
        streams = [made.add_stream("mpeg4", rate=25) for _ in range(2)]
        for stream, width in zip(streams, (64, 128), strict=True):
            stream.width, stream.height = width, 48
            stream.disposition = Disposition.default if width == 128 else Disposition(0)
        for stream in streams:
            image = av.VideoFrame.from_ndarray(np.zeros((48, stream.width, 3), np.uint8))
            made.mux([*stream.encode(image), *stream.encode()])
    info = probe(path, need_audio=False)
    assert info.width == 128 and "video track 2 of 2" in corrections(info)


def test_a_segment_without_its_beginning_says_what_to_join(tmp_path):
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    write(tmp_path / "whole.mp4", Recording(duration_s=Fraction(1), container_options=options))
    whole = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "segment.m4s").write_bytes(whole[whole.index(b"moof") - 4 :])
    stage, reason, detail = refusal(tmp_path / "segment.m4s")
    assert (stage, reason) == ("probe", "segment without its beginning") and detail.startswith("join it: cat")


def test_an_encrypted_file_is_called_that(tmp_path):
    options = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": KEY, "encryption_kid": KEY}
    write(tmp_path / "clip.mp4", Recording(duration_s=Fraction(1), container_options=options))
    stage, reason, detail = refusal(tmp_path / "clip.mp4")
    assert (stage, reason) == ("probe", "encrypted") and detail.endswith("prepare a decrypted copy")


def test_images_that_are_all_due_at_one_time_are_refused(tmp_path):
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as made:
        stream = made.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for _ in range(10):
            for packet in stream.encode(av.VideoFrame(64, 48, "yuvj420p")):
                packet.pts = packet.dts = 0
                made.mux(packet)
    with pytest.raises(SourceRefused, match=r"no usable time stamps \(9 of 10 pictures are due with the one"):
        probe(path, need_audio=False)


def programme_table(pids):
    """The packet of a transport stream that says where the table of each programme is (ISO/IEC 13818-1)."""
    entries = b"".join(struct.pack(">HH", number, 0xE000 | pid) for number, pid in pids.items())
    section = struct.pack(">BHHBBB", 0, 0xB000 | len(entries) + 9, 1, 0xC1, 0, 0) + entries
    check = 0xFFFFFFFF
    for byte in section:
        check ^= byte << 24
        for _ in range(8):
            check = (check << 1 ^ (0x04C11DB7 if check >> 31 else 0)) & 0xFFFFFFFF
    return (b"\x47\x40\x00\x10\x00" + section + struct.pack(">I", check)).ljust(188, b"\xff")


def _read_track(folder, *tracks):
    """Number of the track that is read, and of all; tracks: loudness as int16, and marks."""
    path = folder / "clip.mkv"
    with av.open(str(path), "w") as made:
        images = made.add_stream("mpeg4", rate=25)
        images.width, images.height = 64, 48
        streams = [made.add_stream("pcm_s16le", rate=16000, layout="mono") for _ in tracks]
        for stream, (_, marks) in zip(streams, tracks, strict=True):
            stream.disposition = marks
        for stream, (loud, _) in zip(streams, tracks, strict=True):
            audio = av.AudioFrame.from_ndarray(np.full((1, 640), loud, np.int16), format="s16", layout="mono")
            audio.sample_rate, audio.pts = 16000, 0
            made.mux(stream.encode(audio))
        image = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8))
        made.mux([*images.encode(image), *images.encode()])
    info = probe(path)
    [frame] = read_frames(path, info)
    assert np.abs(frame.samples).max() == tracks[info.audio_track][0]
    return info.audio_track, info.audio_tracks


def _written(folder, recording):
    path = folder / f"clip.{recording.extension}"
    write(path, recording)
    return path
