"""What sync model ``self`` learned on a set, as a file that worker processes read."""

import base64
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import lru_cache
from pathlib import Path

import numpy as np

from speechlip.faces.detectors.opening import open_detector
from speechlip.faces.tracking.stage import FaceStage
from speechlip.files.names import plain_name
from speechlip.files.strict_json import encode_json, strict_json
from speechlip.files.writing import write_text
from speechlip.lipsync.learned import Lessons, SpokenFace, heard, seen, teach
from speechlip.lipsync.mouth import DISTANCES
from speechlip.media.frames import joins, read_frames
from speechlip.media.info import MediaInfo
from speechlip.metrics.declared import NotScored
from speechlip.records import Source
from speechlip.scoring.sync.footage import read_audio
from speechlip.timing import SAMPLES_PER_FRAME
from speechlip.workers.events import Report, unheard

FRAME_S = 0.04


def spoken_faces(
    source: Source, info: MediaInfo, detector: str, most_frames: int, report: Report = unheard
) -> Iterator[SpokenFace]:
    """The largest faces in the first ``most_frames`` frames of a video, with its audio, where they can teach.

    Raises SourceRefused as reading and the detector do.
    """
    with (
        open_detector(detector, source) as opened,
        closing(read_frames(source.path, info, audio=False)) as frames,
    ):
        stage = FaceStage(opened)
        for frame in frames:
            stage.see(frame.rgb(), frame.index)
            report(source.name, FRAME_S)
            if frame.index + 1 == most_frames:
                break
        faces = stage.finish(joins(info))
    audio = np.zeros(faces.n_frames * SAMPLES_PER_FRAME, np.int16)
    read = read_audio(source.path, info, info.video_start_s, faces.n_frames)
    audio[: len(read)] = read
    bands = heard(audio) if read.any() else None
    for track in faces.selected:
        if track.landmarks is not None and bands is not None:
            try:
                yield SpokenFace(plain_name(source.speaker), bands, seen(track.landmarks), track.start_frame)
            except NotScored:
                continue


def write_lessons(file: Path, faces: Iterable[SpokenFace]) -> Lessons | None:
    """What the faces teach; None, also in the file, where they are of fewer than two speakers."""
    try:
        lessons: Lessons | None = teach(list(faces))
    except NotScored:
        lessons = None
    content = {"speakers": {}, "folds": 0, "weights": ""}
    if lessons:
        content = {
            "speakers": dict(lessons.folds),
            "folds": len(lessons.weights),
            "weights": base64.b64encode(lessons.weights.astype("<f8").tobytes()).decode(),
        }
    write_text(file, encode_json(content).decode())
    return lessons


@lru_cache(maxsize=1)
def read_lessons(file: Path) -> Lessons | None:
    """What ``write_lessons`` wrote, read once per process."""
    content = strict_json(file.read_bytes())
    if not content["folds"]:
        return None
    weights = np.frombuffer(base64.b64decode(content["weights"], validate=True), "<f8")
    return Lessons(weights.reshape(content["folds"], -1, len(DISTANCES)), content["speakers"])
