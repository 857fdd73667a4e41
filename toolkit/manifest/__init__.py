"""``manifest.json`` of a prepared folder as a record, checked when it is read; its digest."""

from speechlip.manifest.records import (
    About,
    Edit,
    Funnel,
    LicenceTotals,
    LookAlike,
    PairsFile,
    RowsFile,
    ShardRow,
    SplitTotals,
)
from speechlip.manifest.whole import DIGEST, Manifest, digest_of, look_alike

__all__ = [
    "DIGEST",
    "About",
    "Edit",
    "Funnel",
    "LicenceTotals",
    "LookAlike",
    "Manifest",
    "PairsFile",
    "RowsFile",
    "ShardRow",
    "SplitTotals",
    "digest_of",
    "look_alike",
]
