"""Where the mouth is in a cascade's box, against MediaPipe's landmarks, and how far off crops from boxes are.

    python benchmarks/mouth_in_box.py CLIPS_DIR

Prints the constants of ``speechlip.faces.detectors.declared.EYEBROWS_TO_CHIN`` (mean over clips of each
clip's median) and the errors of docs/decisions/mouth-place-in-a-box.md: every clip is judged with the
constants of all other clips. Each clip is also measured mirrored, so that which way the people happen to look
does not count; what remains is the cascade's own lean (its windows reach too far right and down).
"""

import argparse
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from speechlip.errors import SourceRefused
from speechlip.faces.crops import MOUTH_WIDTHS
from speechlip.faces.detectors.opening import open_detector
from speechlip.faces.landmarks import MIRROR, MOUTH, MOUTH_CORNERS
from speechlip.faces.tracking.stage import FaceStage
from speechlip.faces.tracking.tracks import iou
from speechlip.format import CROP_SIZE
from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.records import FaceTrack, Source

MAX_FRAMES = 500


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path)
    folder = parser.parse_args().clips
    places = {}
    for path in sorted(folder.iterdir()):
        try:
            measured = measure(path)
        except SourceRefused as refusal:
            print(f"{path.name}: left out, {refusal}")
            continue
        if len(measured):
            places[path.name] = measured
    report(places)


def measure(path: Path) -> np.ndarray:
    """(F, 3): mouth centre x, y and width in shares of the cascade's box, one row per frame that both
    detectors see, as it is and mirrored.
    """
    width = probe(path, need_audio=False).width
    landmarks, rows = follow(path, "landmarker", mirrored=False), []
    for mirrored in (False, True):
        for boxes in follow(path, "cascade", mirrored):
            for points in landmarks:
                rows.extend(compare(boxes, mirror(points, width) if mirrored else points))
    return np.array(rows).reshape(-1, 3)


def compare(a: FaceTrack, b: FaceTrack) -> Iterator[np.ndarray]:
    """Mouth place per frame: ``a`` has the boxes, ``b`` the landmarks."""
    for index in range(max(a.start_frame, b.start_frame), min(a.stop_frame, b.stop_frame)):
        box, points = a.boxes[index - a.start_frame], b.landmarks[index - b.start_frame]
        if iou(box, b.boxes[index - b.start_frame]) > 0.3:
            mouth_width = np.hypot(*(points[MOUTH_CORNERS[1]] - points[MOUTH_CORNERS[0]]))
            yield np.array([*(points[MOUTH].mean(axis=0) - box[:2]), mouth_width]) / (box[2] - box[0])


def mirror(track: FaceTrack, width: int) -> FaceTrack:
    landmarks = track.landmarks[:, MIRROR] * (-1, 1) + (width, 0)
    return replace(
        track,
        boxes=np.array((width, 0, width, 0)) + track.boxes[:, [2, 1, 0, 3]] * (-1, 1, -1, 1),
        landmarks=landmarks,
    )


def follow(path: Path, detector_name: str, mirrored: bool) -> tuple[FaceTrack, ...]:
    with (
        open_detector(detector_name, Source(path, path.name, "")) as detector,
        closing(read_frames(path, probe(path, need_audio=False))) as reading,
    ):
        stage = FaceStage(detector)
        for frame in reading:
            if frame.index == MAX_FRAMES:
                break
            image = frame.rgb()
            if mirrored and image is not None:
                image = np.ascontiguousarray(image[:, ::-1])
            stage.see(image, frame.index)
    return stage.finish().selected


def report(places: dict[str, np.ndarray]) -> None:
    medians = np.array([np.median(rows, axis=0) for rows in places.values()])
    errors, widths = [], []
    print(
        f"{'clip':<32}{'frames':>7}{'x':>7}{'y':>7}{'width':>7}   error in px of the 96-px crop: median, 95 %"
    )
    for number, (name, rows) in enumerate(places.items()):
        others = np.delete(medians, number, axis=0).mean(axis=0)
        error = np.hypot(*(rows[:, :2] - others[:2]).T) * CROP_SIZE / (MOUTH_WIDTHS * others[2])
        errors.append(error)
        widths.append(np.median(rows[:, 2]) / others[2])
        x, y, width = np.median(rows, axis=0)
        print(
            f"{name:<32}{len(rows):>7}{x:>7.3f}{y:>7.3f}{width:>7.3f}   "
            f"{np.median(error):.1f}, {np.percentile(error, 95):.1f}"
        )
    x, y, width = medians.mean(axis=0)
    every = np.concatenate(errors)
    print(f"\nmouth_in_box = MouthPlace({x:.3f}, {y:.3f}, {width:.3f})")
    print(
        f"error of the centre: median {np.median(every):.1f} px, 95 % {np.percentile(every, 95):.1f} px",
        end=" ",
    )
    print(f"({len(every)} frames of {len(places)} clips and their mirrors)")
    print(f"usual mouth width over the assumed one, per clip: {min(widths):.2f} to {max(widths):.2f}")


if __name__ == "__main__":
    main()
