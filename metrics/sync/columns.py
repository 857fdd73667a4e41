"""Columns of a clip's lip sync: LSE by SyncNet, its formula in another model's space, or by landmarks.

Goal: the columns that ``--metrics lse`` asks for, each with the field of ``scoring.sync.means`` that it
holds.
Conventions: a clip scored with another model (``--sync-model``) has OF_OTHER_MODELS in place of
OF_SYNCNET_ALONE: distances in that model's space, which are no LSE and compare with no other model's.
One that is judged by landmarks (MOUTH_MODELS) has OF_MOUTH_MODELS there: correlations.
Tuples: METRICS (the family), OF_SYNCNET_ALONE (some of those), OF_OTHER_MODELS, OF_MOUTH_MODELS.
Functions: family_in_reasons, columns_of.
"""

import math
from operator import attrgetter
from typing import Any

from speechlip.metrics.declared import CLIP, Metric

FAMILY, SYNC = "lse", "sync"
PADDED, UNPADDED, MOUTH = "syncnet-padded", "syncnet-valid", "mouth-correlation"
MOUTH_MODELS = ("phones", "self")
"""Sync models that need landmarks and no weights (``speechlip.lipsync``)."""


def _column(field: str, name: str, title: str, unit: str, higher: bool | None, **more: Any) -> Metric:
    formula = more.pop("formula", UNPADDED if "unpadded" in name or "_ci_" in name else PADDED)
    return Metric(
        name, title, unit, higher, formula, ("audio",), CLIP, attrgetter(field), family=FAMILY, **more
    )


REPORT_ONLY: dict[str, Any] = {"in_table": False}
BESIDE: dict[str, Any] = {"in_table": False, "beside": True}
SIGNED: dict[str, Any] = {"lowest": -math.inf, "digits": 0}
OF_MOUTHS: dict[str, Any] = {"formula": MOUTH, "highest": 1.0}
METRICS = (
    _column("confidence", "lse_c", "LSE-C", "distance", True),
    _column("distance", "lse_d", "LSE-D", "distance", False),
    _column("offset_frames", "offset_frames", "offset", "frames", None, **SIGNED),
    _column("offset_ms", "offset_ms", "offset", "ms", None, **SIGNED, **REPORT_ONLY),
    _column("confidence_unpadded", "lse_c_unpadded", "LSE-C unpadded", "distance", True, **REPORT_ONLY),
    _column("distance_unpadded", "lse_d_unpadded", "LSE-D unpadded", "distance", False, **REPORT_ONLY),
    _column("ci_low", "lse_ci_low", "LSE-C unpadded, from", "distance", None, **BESIDE),
    _column("ci_high", "lse_ci_high", "LSE-C unpadded, to", "distance", None, **BESIDE),
    _column("windows", "windows", "windows", "", None, digits=0, beside=True),
)
OF_SYNCNET_ALONE = tuple(metric for metric in METRICS if metric.name.startswith("lse_"))
OF_OTHER_MODELS = (
    _column("confidence", "sync_confidence", "sync confidence", "distance", True),
    _column("distance", "sync_distance", "sync distance", "distance", False),
    _column(
        "confidence_unpadded",
        "sync_confidence_unpadded",
        "sync confidence unpadded",
        "distance",
        True,
        **REPORT_ONLY,
    ),
    _column(
        "distance_unpadded",
        "sync_distance_unpadded",
        "sync distance unpadded",
        "distance",
        False,
        **REPORT_ONLY,
    ),
    _column("ci_low", "sync_ci_low", "sync confidence unpadded, from", "distance", None, **BESIDE),
    _column("ci_high", "sync_ci_high", "sync confidence unpadded, to", "distance", None, **BESIDE),
)
OF_MOUTH_MODELS = (
    OF_OTHER_MODELS[0],
    _column("correlation", "sync_correlation", "sync correlation", "ratio", True, lowest=-1.0, **OF_MOUTHS),
    _column("p", "sync_p", "sync p", "ratio", False, **OF_MOUTHS),
)


def family_in_reasons(family: str, sync_model: str) -> str:
    """What reasons call a family: ``lse`` is ``sync`` where another model than SyncNet judges.

    sync_model: name of that model; empty: SyncNet, or none.

    >>> family_in_reasons("lse", "phones"), family_in_reasons("lse", ""), family_in_reasons("lmd", "phones")
    ('sync', 'lse', 'lmd')
    """
    return SYNC if family == FAMILY and sync_model else family


def columns_of(sync_model: str) -> tuple[Metric, ...]:
    """Columns of lip sync by a sync model of that name; empty: SyncNet.

    >>> [metric.name for metric in columns_of("phones")][-3:]
    ['sync_confidence', 'sync_correlation', 'sync_p']
    """
    if not sync_model:
        return METRICS
    own = OF_MOUTH_MODELS if sync_model in MOUTH_MODELS else OF_OTHER_MODELS
    return (*(metric for metric in METRICS if metric not in OF_SYNCNET_ALONE), *own)
