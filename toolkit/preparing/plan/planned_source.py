"""One source as it was when the plan was made: file, length, what is said of it, or why it is refused."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from speechlip.aligning.source import files_beside
from speechlip.doubles.fingerprint import Fingerprint, fingerprint_of
from speechlip.errors import ReadError, SourceRefused
from speechlip.faces.detectors.sidecar import SidecarDetector
from speechlip.files.names import is_file
from speechlip.files.stamps import file_stamp, sha256_of
from speechlip.identity.video_faces import VideoFaces, video_faces
from speechlip.media.info import MediaInfo
from speechlip.media.probe import probe, video_length_s
from speechlip.media.silence import is_silent
from speechlip.media.streams.opening import MAX_PICTURE_PX
from speechlip.preparing.choices import ALIGN, FILES
from speechlip.preparing.reasons import SILENT
from speechlip.records import Source
from speechlip.shards.writer import KEY_DIGITS
from speechlip.timing import seconds

DIGEST_DIGITS = 16
"""64 bits: a change goes unseen once in 10^19."""


@dataclass(frozen=True)
class PlannedSource:
    """A source, and what its file was when the plan was made.

    bytes, modified_ns: size and modification time of the file; 0 where it is gone.
    seconds: length of the video; 0 where unknown.
    declared: what ``declared`` gave.
    key_digits: how much of the hash of its name its keys need.
    refusal: stage, reason and detail where it cannot be read or has no sound; else empty.
    first_frame: where the part that is prepared begins, at 25 fps.
    stop_frame: where it ends; None: with the video.
    double_of: name of the source that it is a double of, where doubles are marked; else empty.
    also: other speakers who are seen in it, where they are told by face.
    faces: while the plan is made and faces are compared; never written.
    fingerprint: while the plan is made and doubles are to be found; never written.
    """

    source: Source
    bytes: int
    modified_ns: int
    seconds: float
    declared: dict[str, str] = field(default_factory=dict, hash=False)
    key_digits: int = KEY_DIGITS
    refusal: tuple[str, ...] = ()
    first_frame: int = 0
    stop_frame: int | None = None
    double_of: str = ""
    also: tuple[str, ...] = ()
    faces: VideoFaces | None = field(default=None, compare=False, repr=False)
    fingerprint: Fingerprint | None = field(default=None, compare=False, repr=False)

    @property
    def part_s(self) -> float:
        """Length in seconds of the part that is prepared."""
        stop_s = self.seconds if self.stop_frame is None else seconds(self.stop_frame)
        return stop_s - seconds(self.first_frame)


def inspect_source(
    source: Source,
    detector: str,
    key_digits: int,
    max_picture_px: int = MAX_PICTURE_PX,
    with_fingerprint: bool = False,
    phones: str = FILES,
    with_faces: bool = False,
) -> PlannedSource:
    """Note a source's size, time, length and what goes with it, and why it is refused, if it is."""
    length_s, own, faces = 0.0, None, None
    refusal: tuple[str, ...] = ()
    try:
        if source.refusal:
            raise SourceRefused("recipe", source.refusal, source.refusal_detail)
        info = probe(source.path, max_picture_px=max_picture_px)
        length_s = info.video_duration_s
        if is_silent(source.path, info):
            raise SourceRefused("clips", SILENT, silence_detail(info))
        own = fingerprint_of(source.path, source.name, info) if with_fingerprint else None
        faces = video_faces(source, info, detector) if with_faces else None
    except SourceRefused as problem:
        refusal = (problem.stage, problem.reason, problem.detail)
        length_s = length_s or length_of(source)
    return PlannedSource(
        source,
        *file_stamp(source.path),
        length_s,
        declared(source, detector, phones),
        key_digits,
        refusal,
        faces=faces,
        fingerprint=own,
    )


def silence_detail(info: MediaInfo) -> str:
    """What was listened to in vain: perhaps several tracks, or no longer than one image."""
    where = f"its {info.audio_tracks} audio tracks" if info.audio_tracks > 1 else "it"
    while_s = f" in its {info.video_duration_s:.2f} s of images" if info.video_duration_s < 1 else ""
    return f"no sample of {where}{while_s} is above −60 dBFS"


def length_of(source: Source) -> float:
    """Length in seconds of a video that is refused; 0 where it cannot be read either."""
    try:
        return 0.0 if source.refusal else video_length_s(source.path)
    except SourceRefused:
        return 0.0


def declared(source: Source, detector: str, phones: str = FILES) -> dict[str, str]:
    """What clips depend on beside the video, its speaker and its licence.

    The split as declared; and the first ``DIGEST_DIGITS`` digits of the SHA-256 of the transcript, of the
    user's own fields, of the phones' file and, where ``detector`` reads it, of the landmarks' file; where
    phones are aligned, of all files beside that say what is spoken. Empty where there is none.
    """
    facts = {
        "split": source.split or "",
        "transcript": _digest(source.transcript),
        "phones": _content(source.phones_path),
        "more": _digest(json.dumps(source.more, sort_keys=True) if source.more else ""),
    }
    if detector == SidecarDetector.name:
        facts["landmarks"] = _content(source.landmarks_path)
    if phones == ALIGN:
        facts["spoken"] = _digest("".join(_content(path) for path in files_beside(source) if is_file(path)))
    return facts


def _digest(text: str) -> str:
    return (
        hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:DIGEST_DIGITS] if text else ""
    )


def _content(path: Path | None) -> str:
    try:
        return sha256_of(path)[:DIGEST_DIGITS] if path else ""
    except ReadError:
        raise  # the next run would find another content, and refuse to go on
    except OSError:
        return "unreadable"
