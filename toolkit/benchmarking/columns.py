"""The numbers of the table: their titles, units, directions and levels of chance."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One number of the table."""

    title: str
    unit: str
    higher_is_better: bool | None
    """None for neither."""
    chance: float | None = None
    """What knowing nothing gives, None where that is not one number."""
    digits: int = 3


def _by_kind(name: str, column: Column) -> dict[str, Column]:
    """A column over all negatives, and one for each kind of negative."""
    kinds = {
        f"{name}_{kind}": Column(
            f"{column.title}, {kind}", column.unit, column.higher_is_better, column.chance, column.digits
        )
        for kind in ("shift", "clip", "speaker")
    }
    return {name: column, **kinds}


COLUMNS: dict[str, Column] = {
    **_by_kind("pair_auc", Column("pair AUC", "", True, 0.5)),
    **_by_kind("eer", Column("EER", "", False, 0.5)),
    **_by_kind("average_precision", Column("AP", "", True)),
    "offset_exact": Column("offset exact", "share of clips", True, 1 / 31),
    "offset_within_one": Column("offset ±1", "share of clips", True, 3 / 31),
    "r1_lips_to_speech": Column("R@1 lips → speech", "", True),
    "r5_lips_to_speech": Column("R@5 lips → speech", "", True),
    "r1_speech_to_lips": Column("R@1 speech → lips", "", True),
    "r5_speech_to_lips": Column("R@5 speech → lips", "", True),
    "sync_confidence": Column("confidence", "own distance", True),
    "sync_distance": Column("distance", "own distance", False),
}
"""Keys of ``EncoderRow.scores``.

Confidence and distance lie in each encoder's own space; they are not LSE-C and LSE-D.
"""
AMBIGUITY_COLUMNS: dict[str, Column] = {
    "va": Column("VA", "", True),
    "ar": Column("AR", "", False),
    "ar_star": Column("AR*", "", False),
    "nv": Column("NV", "", True, 0.0),
    "np": Column("NP", "", None, 0.0),
    "kv": Column("KV", "", True),
    "kp": Column("KP", "", None, 0.0),
    "control_contrast": Column("control contrast", "", True),
}
"""Keys of ``Ambiguity.scores``: docs/protocols.md has the formulas."""
RENDER_COLUMNS: dict[str, Column] = {
    "render_lmd": Column("rendered LMD", "px", False),
    "render_psnr_gain": Column("rendered PSNR less mean crop", "dB", True, digits=2),
}
"""Keys of ``EncoderRow.render``: docs/rendering.md."""
