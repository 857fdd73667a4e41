"""What is broken in the middle costs what is broken, and nothing that comes after it moves."""

from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np
import pytest
from flash_click import Recording, measure, write

from speechlip.errors import SourceRefused
from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.media.streams.damage import Damage

NOISY = {"size": (128, 96), "noise": True, "rate": "25", "duration_s": Fraction(13, 5)}


@pytest.fixture(scope="module", params=["mp4", "mkv", "ts"])
def intact(request, tmp_path_factory):
    recording = Recording(
        request.param, **NOISY, container_options={"movflags": "faststart"} if request.param == "mp4" else {}
    )
    path = tmp_path_factory.mktemp("intact") / f"clip.{request.param}"
    write(path, recording)
    return path, recording


def test_damaged_images_do_not_move_the_others(tmp_path, intact):
    path, recording = intact
    damaged = _with_zeroed_packets(path, tmp_path, "video", 0.72, 1.0)
    found = measure(damaged, recording)
    assert found.white == recording.bright_frames()
    assert max(map(abs, found.click_errors_ms)) <= 2.0
    assert found.stats.frames == 65 and found.stats.damaged_packets + found.stats.damaged_frames > 0


def test_images_that_damage_reaches_are_not_shown(tmp_path, intact):
    """What is shown is of the intact file, but for B-frames that come out before the image that they need."""
    path, _ = intact
    lost = path.suffix == ".ts"
    damaged = (
        _with_lost_packets(path, tmp_path)
        if lost
        else _with_zeroed_packets(path, tmp_path, "video", 0.6, 0.68, half=True)
    )
    whole = [frame.rgb().tobytes() for frame in read_frames(path, probe(path), audio=False)]
    reading = read_frames(damaged, probe(damaged), audio=False)
    shown = [frame.rgb().tobytes() for frame in reading]
    assert len(set(shown) - set(whole)) <= (0 if lost else 2)
    assert shown[40:] == whole[40:] and reading.stats.damaged_frames > 2
    assert sum(one != other for one, other in zip(shown, whole, strict=True)) < 20


@pytest.mark.parametrize(
    ("key_behind", "marked", "left_out"),
    [((0, 6), 2, [4, 5]), ((0, 3, 6), 2, [3, 4, 5]), ((0, 4), 2, []), ((0, 6), None, [])],
    ids=["within a group", "before a key frame that lacks something", "before a join", "intact"],
)
def test_a_mark_of_the_demuxer_is_on_the_packet_before(key_behind, marked, left_out):
    damage, found = Damage(), []
    for number in range(9):
        packet = SimpleNamespace(pts=number, is_keyframe=number in key_behind, is_corrupt=number == marked)
        damage.see(packet)
        if damage.reaches(SimpleNamespace(pts=number, is_corrupt=False)):
            found.append(number)
    assert found == left_out


def test_a_patched_image_is_left_out_with_what_follows_and_with_what_leads_the_next_group():
    """Packets in decoding order, images shown at; 6 is a key frame, behind which 4 and 5 are decoded."""
    damage, order = Damage(), (0, 2, 1, 3, 6, 4, 5, 8, 7)
    for shown in order:
        damage.see(SimpleNamespace(pts=shown, is_keyframe=shown in (0, 6), is_corrupt=False))
    images = [SimpleNamespace(pts=shown, is_corrupt=shown == 2) for shown in range(9)]
    assert [image.pts for image in images if damage.reaches(image)] == [2, 3, 4, 5]


def test_damaged_audio_is_a_hole_and_the_rest_stays(tmp_path, intact):
    path, recording = intact
    if path.suffix == ".ts":
        pytest.skip("the parser of AAC in a transport stream drops damaged packets before they are decoded")
    damaged = _with_zeroed_packets(path, tmp_path, "audio", 0.72, 1.0)
    found = measure(damaged, recording)
    assert found.white == recording.bright_frames() and not found.without_image
    assert max(map(abs, found.click_errors_ms)) <= 2.0
    assert found.without_audio and set(found.without_audio) <= set(range(17, 26))
    assert found.stats.damaged_packets > 5 and found.stats.audio_gaps == 1


def test_a_hole_in_the_images_is_none_not_a_standing_face(tmp_path):
    """0.8 s without a packet is more than MAX_HOLD_S; 0.3 s is held."""
    recording = Recording("mp4", **NOISY)
    path = tmp_path / "clip.mp4"
    write(path, recording)
    for stop_s, empty in ((1.48, range(18, 37)), (1.04, ())):
        holed = _without_packets(path, tmp_path / "holed.mp4", 0.72, stop_s)
        found = measure(holed, recording)
        assert found.without_image == list(empty)
        assert found.stats.empty_frames == len(empty)


@pytest.mark.parametrize("extension", ["mp4", "mkv", "avi", "webm", "ts"])
def test_truncated_file_gives_what_it_has(tmp_path, extension):
    opus = extension == "webm"
    recording = Recording(
        extension,
        audio_codec="libopus" if opus else "pcm_s16le" if extension != "ts" else "aac",
        audio_rate_hz=48000,
        **NOISY,
    )
    path = tmp_path / f"clip.{extension}"
    write(
        path,
        recording
        if extension != "mp4"
        else Recording("mp4", **NOISY, container_options={"movflags": "faststart"}),
    )
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    count = sum(frame.image is not None for frame in read_frames(path, probe(path)))
    assert 20 < count < 65


def test_nothing_that_can_be_decoded(tmp_path, intact):
    path, _ = intact
    if path.suffix == ".ts":
        pytest.skip("without decodable packets a transport stream has no streams")
    with pytest.raises(SourceRefused, match="no decodable audio"):
        list(read_frames(mute := _with_zeroed_packets(path, tmp_path, "audio", -1, 9), probe(mute)))
    with pytest.raises(SourceRefused, match="no decodable picture"):
        list(read_frames(blind := _with_zeroed_packets(path, tmp_path, "video", -1, 9), probe(blind)))


def test_random_damage_never_raises_anything_else(tmp_path, intact):
    path, _ = intact
    content, random = path.read_bytes(), np.random.default_rng(1)
    for trial in range(15):
        damaged = bytearray(content)
        for place in random.integers(0, len(content), 30 * (1 + trial)):
            damaged[place] = random.integers(256)
        target = tmp_path / f"damaged{path.suffix}"
        target.write_bytes(damaged)
        try:
            info = probe(target)
            assert all(
                m.image is None or m.image.rgb().shape == m.image.shape for m in read_frames(target, info)
            )
        except SourceRefused as refused:
            assert refused.reason


def _with_lost_packets(path, folder):
    """A copy of a transport stream that lacks two of the packets with images, a third into the file."""
    content, target = path.read_bytes(), folder / "lost.ts"
    packets = [content[k : k + 188] for k in range(0, len(content), 188)]
    images = [k for k, each in enumerate(packets) if int.from_bytes(each[1:3], "big") & 0x1FFF == 256]
    lost = images[len(images) // 3 : len(images) // 3 + 2]
    target.write_bytes(b"".join(each for k, each in enumerate(packets) if k not in lost))
    return target


def _with_zeroed_packets(path, folder, kind, start_s, stop_s, half=False):
    """A copy of the file in which the data of every packet due in [start, stop) s after the first is zero.

    half: only of their second half.
    """
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        stream = next(s for s in container.streams if s.type == kind)
        for packet in container.demux(stream):
            if (
                packet.pts is not None
                and start_s <= (packet.pts - (stream.start_time or 0)) * stream.time_base < stop_s
            ):
                start = (
                    content.index(bytes(packet)[:64], packet.pos) if path.suffix != ".ts" else packet.pos + 60
                )
                length = packet.size if path.suffix != ".ts" else 100
                if half:
                    start, length = start + length // 2, length - length // 2
                content[start : start + length] = bytes(length)
    target = folder / f"zeroed_{kind}{path.suffix}"
    target.write_bytes(content)
    return target


def _without_packets(path, target, start_s, stop_s):
    with av.open(str(path)) as given, av.open(str(target), "w") as made:
        streams = {stream.index: made.add_stream_from_template(stream) for stream in given.streams}
        for packet in given.demux():
            gone = (
                packet.stream.type == "video"
                and packet.pts is not None
                and start_s <= packet.pts * packet.time_base < stop_s
            )
            if packet.dts is not None and not gone:
                packet.stream = streams[packet.stream_index]
                made.mux(packet)
    return target
