"""One row's video → its numbers, by ``score-sync`` in the region of the mouth."""

from pathlib import Path

import numpy as np

from speechlip.faces.crops import transform
from speechlip.files.writing import whole_file
from speechlip.metrics.declared import NotScored
from speechlip.records import LANDMARKS_ENDING
from speechlip.rendering.drive import Drive
from speechlip.rendering.hear import reasons
from speechlip.rendering.material import Material
from speechlip.rendering.records import FAILED, RENDERED, RenderRow
from speechlip.rendering.renderers.declared import Heard
from speechlip.rendering.rows import RowName
from speechlip.scoring.clip.score_clip import score
from speechlip.scoring.options import ScoreOptions
from speechlip.timing import FPS

SIDECAR = "sidecar"


def score_row(
    row: RowName, render: Path, reference: Path | None, options: ScoreOptions, heard: Heard | None
) -> RenderRow:
    """The row with its numbers, or with the reason why it has none.

    heard: what the renderer says of an encoder; None for a row that hears nothing.
    """
    strength, train_psnr = (heard.strength, heard.train_psnr) if heard else (None, None)
    try:
        with reasons("scoring"):
            result = score(render, reference, options)
    except NotScored as problem:
        return RenderRow(
            row.name, row.encoder, row.shuffled, FAILED, str(problem), {}, {}, strength, train_psnr
        )
    per_frame = {
        column: {str(frame): round(value, 6) for frame, value in by_frame.items()}
        for column, by_frame in result.per_frame.items()
    }
    return RenderRow(
        row.name,
        row.encoder,
        row.shuffled,
        RENDERED,
        result.row.reason,
        dict(result.row.values),
        per_frame,
        strength,
        train_psnr,
    )


def write_reference_landmarks(material: Material, drive: Drive, video: Path, detector: str) -> None:
    """With detector ``sidecar``: the person's landmarks beside the ground truth, where scoring reads them.

    Raises WriteError.
    """
    if detector != SIDECAR:
        return
    person = material.person
    landmarks = np.where(person.seen[:, None, None], person.landmarks, np.nan)[drive.shown]
    if drive.moves is not None:
        landmarks = transform(drive.moves, landmarks)
    with whole_file(video.with_name(video.stem + LANDMARKS_ENDING)) as file:
        np.savez(file, landmarks=landmarks.astype(np.float32), time_s=np.arange(len(landmarks)) / FPS)
