"""What is compared of a clip, and when: whole frames in the first reading, regions once faces are known."""

from collections.abc import Iterable, Mapping
from typing import Any

from speechlip.faces.tracking.stage import FaceTracks
from speechlip.media.info import MediaInfo
from speechlip.metrics import table
from speechlip.metrics.declared import FRAME, FRAME_PAIR, FRAMES, NotScored
from speechlip.metrics.regions import face_box, mouth_boxes
from speechlip.scoring.clip.faces import check_one_size
from speechlip.scoring.clip.files import ClipFiles
from speechlip.scoring.clip.first_reading import FirstReading, finds_in_reference
from speechlip.scoring.clip.images import Boxes, Comparison
from speechlip.scoring.clip.outcome import attempt
from speechlip.scoring.clip.strips import Strips
from speechlip.scoring.options import ScoreOptions


def whole_frames(
    files: ClipFiles, options: ScoreOptions, networks: Mapping[str, Any], failed: Mapping[str, NotScored]
) -> Comparison | None:
    """Metrics of whole frames; None where the options ask for a region, which waits for faces.

    failed: family → why it has no value, of those that have failed already.
    """
    if options.region != "full":
        return None
    families = families_left(options, failed)
    paired = of_pairs(families) or finds_in_reference(files, options)
    return Comparison(families, None, Strips(), paired and files.reference is not None, networks)


def plan_comparison(
    files: ClipFiles,
    first: FirstReading,
    options: ScoreOptions,
    networks: Mapping[str, Any],
    failed: Mapping[str, NotScored],
) -> Comparison:
    """What is left to be compared after the first reading, where, and which mouths the report still lacks.

    failed: family → why it has no value, of those that have failed already.
    """
    faces, info = first.faces, files.info
    families = () if first.images else families_left(options, failed)
    strips = Strips.of(files.frames, faces.of_render, faces.of_reference)
    strips.fill(first.of_render, first.of_reference)
    same = files.same_length and files.same_size
    seen = (faces.of_reference if same else None) or faces.of_render
    boxes = attempt(lambda: region_boxes(options.region, seen, info))
    if boxes.problem:
        comparison = Comparison(families, None, Strips(), False, {})
        comparison.fail(boxes.problem)
        return comparison
    paired = bool(files.reference and (faces.of_reference or of_pairs(families)))
    return Comparison(families, boxes.result, strips, paired, networks)


def families_left(options: ScoreOptions, failed: Mapping[str, NotScored]) -> tuple[str, ...]:
    """Requested families of image metrics that have not failed yet, those of frame pairs first."""
    asked = (
        family for per in (FRAME_PAIR, FRAME, FRAMES) for family in table.metrics_per(per, options.metrics)
    )
    return tuple(family for family in asked if family not in failed)


def of_pairs(families: Iterable[str]) -> bool:
    """Whether one of the families compares two images."""
    return bool({*families} & {*table.metrics_per(FRAME_PAIR, families)})


def region_boxes(region: str, faces: FaceTracks | None, info: MediaInfo) -> Boxes | None:
    """The region in every frame; None for whole frames.

    info: of the video in whose pixels the boxes are.

    Raises NotScored: ``no face``, ``no landmarks``, ``picture size changes``.
    """
    if region == "full":
        return None
    if faces is None or not faces.selected:
        raise NotScored("no face", f"region {region} wants a face, and none was found")
    check_one_size(faces, f"region {region}")
    if region == "face":
        return [face_box(box, info.width, info.height) for box in faces.boxes]
    if faces.landmarks is None:
        raise NotScored(
            "no landmarks", "region mouth wants landmarks, the detector gives boxes only; take --region face"
        )
    return mouth_boxes(faces.landmarks, info.width, info.height)
