"""Which files are videos: by their ending, and where that says nothing by their first bytes.

All commands ask here. A file that only looks like a video is taken all the same: the ledger then says, under
its name, why it could not be read.
"""

from pathlib import Path

VIDEO = """
264 265 3g2 3gp amv asf avi braw divx dv evo f4v flv gxf h264 h265 hevc insv ivf m1v m2t m2ts m2v
m4s m4v mjpeg mjpg mk3d mkv mov mp4 mpe mpeg mpg mpv mts mxf nsv nut ogm ogv ogx qt rm rmvb swf tod
trp ts vob vro webm wmv wtv y4m
"""
AUDIO = "aac ac3 aif aiff amr ape au caf flac m4a m4b mka mp2 mp3 oga opus wav weba wma"
IMAGES = "avif bmp cr2 cr3 dng exr gif heic heif hdr ico jp2 jpeg jpg nef pgm png ppm svg thm tif tiff webp"
TEXT = """
align arrow ass cfg cpp csv ctm h htm html idx ini js json jsonl lab list log lrc m3u m3u8 md mpd
parquet pdf pls py rst rtf scc sh srt sub tex textgrid toml tsv txt vtt xlsx xml yaml yml
"""
ARCHIVES = """
7z bz2 ckpt gz h5 hdf5 lz4 mat npy npz obj onnx pickle pkl ply pt pth rar safetensors tar tflite tgz
xz zip zst
"""
UNFINISHED = "!qb aria2 crdownload download filepart opdownload part partial tmp ytdl"


def _endings(words: str) -> frozenset[str]:
    return frozenset(f".{word}" for word in words.split())


VIDEO_ENDINGS = _endings(VIDEO)
WRITTEN_TOO = _endings("mts ts")
"""Endings that source code bears as well: a file of text under them is no video."""
OTHER_ENDINGS = _endings(f"{AUDIO} {IMAGES} {TEXT} {ARCHIVES}")
"""Endings of what is no video, so that no such file is opened to look."""
UNFINISHED_ENDINGS = _endings(UNFINISHED)
LOW_RESOLUTION_ENDINGS = _endings("lrf lrv")
"""What cameras write beside every recording for their own screens."""

FIRST_BYTES = 4096
BEGINNINGS = (
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",  # MPEG video
    b"\x1aE\xdf\xa3",  # Matroska, WebM
    b"FLV\x01",
    b"0&\xb2u\x8ef\xcf\x11",  # ASF: wmv
    b"\x06\x0e+4\x02\x05\x01\x01",  # MXF
    b"\x1f\x07\x00\x3f",  # DV, 60 Hz
    b"\x1f\x07\x00\xbf",  # DV, 50 Hz
    b".RMF",
    b"nut/multimedia container\x00",
    b"\xb7\xd8\x00 7I\xda\x11",  # WTV
    b"YUV4MPEG2 ",
    b"DKIF",  # IVF
)
MP4_BOXES = frozenset({b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"wide"})
NO_VIDEO_BRANDS = frozenset(
    {b"M4A ", b"M4B ", b"avif", b"crx ", b"heic", b"heix", b"jp2 ", b"jpx ", b"mif1", b"msf1"}
)
OGG_VIDEO = (b"\x80theora", b"OVP80", b"BBCD", b"\x01video")
TS_PACKET_BYTES = 188


def is_video_name(name: str) -> bool:
    """Whether a file of this name is read as a video, whatever is in it.

    >>> is_video_name("00001.MTS"), is_video_name("talk.mp4.part")
    (True, True)
    >>> is_video_name("talk.wav"), is_video_name("talk")
    (False, False)
    """
    ending = Path(name).suffix.lower()
    if ending in UNFINISHED_ENDINGS:
        return is_video_name(name[: -len(ending)])
    return ending in VIDEO_ENDINGS or ending in LOW_RESOLUTION_ENDINGS


def looks_like_video(path: Path) -> bool:
    """Whether a folder walk takes ``path`` for a video.

    By its ending; where no list here has that ending, by its first bytes.
    """
    ending = path.suffix.lower()
    if is_video_name(path.name) and ending not in WRITTEN_TOO:
        return True
    if ending in OTHER_ENDINGS or not path.is_file():
        return ending in WRITTEN_TOO
    try:
        with path.open("rb") as file:
            begin = file.read(FIRST_BYTES)
    except OSError:
        return ending in WRITTEN_TOO
    return begins_like_video(begin) or (ending in WRITTEN_TOO and not is_text(begin))


def begins_like_video(begin: bytes) -> bool:
    """Whether a file begins as a container of moving images does.

    begin: its first ``FIRST_BYTES`` bytes, or all of them.

    >>> begins_like_video(b"RIFF....AVI LIST"), begins_like_video(b"RIFF....WAVEfmt ")
    (True, False)
    >>> begins_like_video(b"#!/bin/sh")
    False
    """
    if begin.startswith(BEGINNINGS) or (begin[:4] == b"RIFF" and begin[8:12] == b"AVI "):
        return True
    if begin[4:8] in MP4_BOXES:
        return begin[8:12] not in NO_VIDEO_BRANDS
    if begin.startswith(b"OggS"):
        return any(codec in begin for codec in OGG_VIDEO)
    return not is_text(begin) and any(
        _every(begin[first:], period) for first, period in ((0, TS_PACKET_BYTES), (4, TS_PACKET_BYTES + 4))
    )


def _every(begin: bytes, period: int) -> bool:
    """Whether each of at least three packets of a transport stream begins with the sync byte."""
    marks = begin[::period]
    return len(marks) >= 3 and set(marks) == {0x47}


def is_text(begin: bytes) -> bool:
    """Whether these bytes are UTF-8 without a NUL, and not none; their last character may be cut off."""
    if not begin or b"\x00" in begin:
        return False
    try:
        begin.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(begin) - 4
    return True


def why_not_read(name: str) -> tuple[str, str] | None:
    """(reason, advice) for a file whose ending says that it must not be read; None for every other.

    >>> why_not_read("talk.mp4.part")[0], why_not_read("GL010001.LRV")[0], why_not_read("talk.mp4")
    ('unfinished download', "a camera's low-resolution copy", None)
    """
    ending = Path(name).suffix.lower()
    if ending in UNFINISHED_ENDINGS:
        return "unfinished download", f"its name ends in {ending}: finish it, or rename it where it is whole"
    if ending in LOW_RESOLUTION_ENDINGS:
        return (
            "a camera's low-resolution copy",
            f"the recording itself is another file; rename {ending} to .mp4 to take this one",
        )
    return None


def shown_endings() -> str:
    """All endings that are read, for a message.

    >>> shown_endings().split()[-3:]
    ['wmv', 'wtv', 'y4m']
    """
    return " ".join(sorted(ending[1:] for ending in VIDEO_ENDINGS))
