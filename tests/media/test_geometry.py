"""Width and height are as displayed: square pixels, upright, and a new shape is a new shape."""

import itertools
import shutil
import subprocess
from fractions import Fraction

import av
import numpy as np
import pytest
from shaped import KINDS, disc, extent, quadrants, say_shape, set_matrix, write_parts

from speechlip.errors import SourceRefused
from speechlip.media.frames import read_frames
from speechlip.media.info import corrections
from speechlip.media.probe import probe

SIGNED = [
    (a, b, c, d)
    for a, b, c, d in itertools.product((-1, 0, 1), repeat=4)
    if abs(a * d - b * c) == 1 and abs(a) + abs(b) == 1
]
ORIENTATIONS = [matrix for matrix in SIGNED if abs(matrix[2]) + abs(matrix[3]) == 1]


def first(path):
    info = probe(path, need_audio=False)
    return info, next(read_frames(path, info)).image.rgb()


@pytest.mark.parametrize("container", KINDS)
@pytest.mark.parametrize("aspect", ["4/3", "8/9", "16/15"])
def test_a_disc_is_round(tmp_path, container, aspect):
    if (
        container == "ts" and aspect != "16/15"
    ):  # MPEG-2 knows aspects of the whole image: 4:3 of 180 × 144 is 16:15
        pytest.skip("MPEG-2 has no such pixels at this size")
    if container == "avi" and aspect == "16/15":
        pytest.skip("two of AVI are enough")
    path = write_parts(tmp_path / f"clip.{container}", [([disc(180, 144, Fraction(aspect))] * 3, aspect)])
    if container == "webm":
        path = say_shape(path, tmp_path / "said.webm", Fraction(180, 144) * Fraction(aspect))
    info, image = first(path)
    assert (info.width, info.height) == (round(180 * Fraction(aspect)), 144) and image.shape == (
        info.height,
        info.width,
        3,
    )
    across, down = extent(image)
    assert abs(across - down) <= 2 and abs(down - 0.6 * 144) <= 2
    assert corrections(info) == [f"pixels {aspect.replace('/', ':')} → square"]


@pytest.mark.parametrize(
    "aspect, told", [("1000/1001", []), ("8", ["pixels 8:1 are no camera's: taken as square"]), ("1", [])]
)
def test_nearly_square_pixels_and_mad_ones_stay(tmp_path, aspect, told):
    path = write_parts(tmp_path / "clip.mp4", [([disc(64, 48)] * 3, aspect)])
    info, image = first(path)
    assert (info.width, info.height) == (64, 48) and image.shape == (48, 64, 3) and corrections(info) == told


def test_the_limit_on_a_image_is_on_the_square_one(tmp_path):
    path = write_parts(tmp_path / "clip.mp4", [([disc(64, 48)] * 3, "3")])
    assert probe(path, need_audio=False, max_picture_px=192 * 48).width == 192
    with pytest.raises(SourceRefused, match=r"picture too large.*192 × 48 px"):
        probe(path, need_audio=False, max_picture_px=192 * 48 - 1)


@pytest.mark.parametrize("matrix", ORIENTATIONS, ids=str)
def test_the_display_matrix_is_used_whole(tmp_path, matrix):
    """Every pixel goes where the matrix sends it, by the definition of the matrix alone."""
    assert len(ORIENTATIONS) == 8
    path = set_matrix(write_parts(tmp_path / "clip.mp4", [([quadrants(64, 48)] * 3, 1)]), *matrix)
    info, image = first(path)
    a, b, c, d = matrix
    sent = {(a * x + c * y, b * x + d * y): quadrants(64, 48)[y, x] for y in range(48) for x in range(64)}
    left, top = min(x for x, _ in sent), min(y for _, y in sent)
    wanted = np.zeros((info.height, info.width, 3), np.uint8)
    for (x, y), pixel in sent.items():
        wanted[y - top, x - left] = pixel
    assert (info.width, info.height) == ((64, 48) if a else (48, 64))
    assert (
        np.median(np.abs(image.astype(int) - wanted)) <= 3
        and (np.abs(image.astype(int) - wanted) > 40).mean() < 0.05
    )
    assert ("mirrored by the display matrix" in corrections(info)) == (a * d - b * c < 0) == info.mirrored


@pytest.mark.parametrize("turned_deg, taken_deg, told", [(89.6, 90, False), (12, 0, True), (-75, 270, True)])
def test_a_matrix_that_is_no_quarter_turn_goes_to_the_nearest_and_says_so(
    tmp_path, turned_deg, taken_deg, told
):
    cos, sin = np.cos(np.radians(turned_deg)), np.sin(np.radians(turned_deg))
    path = set_matrix(write_parts(tmp_path / "clip.mp4", [([quadrants(64, 48)] * 3, 1)]), cos, sin, -sin, cos)
    info, _ = first(path)
    assert info.rotation_deg == taken_deg
    assert any("off a right angle" in sentence for sentence in corrections(info)) == told


def test_a_matrix_of_zeros_is_none(tmp_path):
    info, image = first(
        set_matrix(write_parts(tmp_path / "clip.mp4", [([quadrants(64, 48)] * 3, 1)]), 0, 0, 0, 0)
    )
    assert corrections(info) == [] and image.shape == (48, 64, 3)


@pytest.mark.parametrize("matrix", [(2, 0, 0, 1), (0, 2, -1, 0)], ids=["across", "across and turned"])
def test_a_matrix_that_stretches(tmp_path, matrix):
    """As old QuickTime files say that their pixels are twice as wide as high; the stretch is along the stored
    rows.
    """
    path = set_matrix(write_parts(tmp_path / "clip.mp4", [([disc(64, 96, 2)] * 3, 1)]), *matrix)
    info, image = first(path)
    across, down = extent(image)
    assert abs(across - down) <= 2 and (info.width, info.height) == ((128, 96) if matrix[0] else (96, 128))


def test_the_container_has_the_last_word(tmp_path):
    """The stream says 4:3, the container 8:9: as FFmpeg has it, and as 3GP needs it, whose decoder makes one
    up.
    """
    path = write_parts(tmp_path / "clip.mkv", [([disc(180, 144, Fraction(8, 9))] * 3, "4/3")])
    info, image = first(say_shape(path, tmp_path / "said.mkv", Fraction(10, 9)))
    assert info.width == 160 and abs(np.subtract(*extent(image))) <= 2


@pytest.mark.parametrize(
    "aspect, matrix",
    [("4/3", (1, 0, 0, 1)), ("8/9", (0, 1, -1, 0)), ("4/3", (0, -1, -1, 0)), ("1", (-1, 0, 0, 1))],
)
def test_the_same_image_as_ffmpeg(tmp_path, aspect, matrix):
    """ffmpeg turns before it stretches, so that the image is compared at one size."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("no ffmpeg here")
    path = set_matrix(write_parts(tmp_path / "clip.mp4", [([quadrants(96, 64)] * 3, aspect)]), *matrix)
    info, image = first(path)
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-i",
        path,
        "-frames:v",
        "1",
        "-vf",
        f"scale={info.width}:{info.height}",
        "-pix_fmt",
        "rgb24",
    ]
    done = subprocess.run([*command, "-f", "rawvideo", "-"], capture_output=True, check=True)
    theirs = np.frombuffer(done.stdout, np.uint8).reshape(info.height, info.width, 3)
    assert np.abs(image.astype(int) - theirs).mean() < 4


@pytest.mark.parametrize("container", ["ts", "webm"])
def test_a_size_that_changes_is_followed(tmp_path, container):
    parts = [
        ([disc(96, 64)] * 25, 1),
        ([disc(64, 96)] * 25, 1),
        ([disc(192, 128)] * 10, 1),
        ([disc(96, 64)] * 10, 1),
    ]
    path = write_parts(
        tmp_path / f"clip.{container}", parts if container == "webm" else [(f, "1") for f, _ in parts]
    )
    info = probe(path, need_audio=False)
    reading = read_frames(path, info)
    images = [frame.image.rgb() for frame in reading]
    assert [
        (size, len(list(group)))
        for size, group in itertools.groupby(picture.shape[1::-1] for picture in images)
    ] == [
        ((96, 64), 25),
        ((64, 96), 25),
        ((192, 128), 10),
        ((96, 64), 10),
    ]
    assert all(abs(across - down) <= 3 for across, down in map(extent, images))
    assert reading.stats.corrected == ("from 1.00 s on 64×96", "from 2.00 s on 192×128")


def test_pixels_that_change_within_a_broadcast(tmp_path):
    """A DVB recording goes from 4:3 to 16:9: the stored size stays, and only the sequence header says it."""
    narrow, wide = Fraction(16, 15), Fraction(64, 45)
    parts = [([disc(180, 144, narrow)] * 20, narrow), ([disc(180, 144, wide)] * 20, wide)]
    path = write_parts(tmp_path / "clip.ts", parts)
    info = probe(path, need_audio=False)
    reading = read_frames(path, info)
    images = [frame.image.rgb() for frame in reading]
    assert [picture.shape[1] for picture in images] == [192] * 20 + [256] * 20
    assert all(abs(across - down) <= 2 for across, down in map(extent, images))
    assert reading.stats.corrected == ("from 0.80 s on 256×144, pixels 64:45 → square",)


def test_fields_are_noted_also_where_they_begin_midway(tmp_path):
    """From the first image on in one file, from the second half on in the other."""
    plain, fields = ("preset=ultrafast", "preset=ultrafast:tff=1")
    for options, said in ((fields,), ["interlaced: fields are left as they are"]), ((plain, fields), []):
        path = write_x264(tmp_path / "clip.ts", options)
        info = probe(path, need_audio=False)
        reading = read_frames(path, info)
        list(reading)
        assert corrections(info) == said
        later = () if said else ("interlaced from 0.40 s on: fields are left as they are",)
        assert reading.stats.corrected == later


def write_x264(path, parts):
    """Ten frames by each of these settings of x264, one stream."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number, settings in enumerate(parts):
            encoder = av.CodecContext.create("libx264", "w")
            encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = (
                64,
                64,
                "yuv420p",
                Fraction(1, 25),
            )
            encoder.options = {"x264-params": settings, "bf": "0"}
            packets = []
            for index in range(10):
                frame = av.VideoFrame.from_ndarray(np.roll(disc(64, 64), 3 * index, axis=1))
                frame.pts, frame.time_base = 10 * number + index, Fraction(1, 25)
                packets += encoder.encode(frame)
            for packet in [*packets, *encoder.encode()]:
                packet.stream = stream
                container.mux(packet)
    return path
