"""Columns of scores, from the table of metrics: the numbers of a run, and the order of ``scores.csv``."""

from collections.abc import Iterable

from speechlip.metrics import table
from speechlip.metrics.sync.columns import FAMILY, OF_OTHER_MODELS, OF_SYNCNET_ALONE


def asked_columns(families: Iterable[str], other_model: bool) -> list[str]:
    """Columns of the requested families, in the order of tables and reports.

    other_model: whether a sync model other than SyncNet scores lip sync; its own columns come last.

    >>> asked_columns(["lmd", "psnr"], False), asked_columns(["lse", "psnr"], True)[2:5]
    (['lmd', 'lmd_iod', 'psnr'], ['windows', 'psnr', 'sync_confidence'])
    """
    families = list(families)
    metrics = [metric for family in families for metric in table.metrics_of(family)]
    if other_model and FAMILY in families:
        metrics = [metric for metric in metrics if metric not in OF_SYNCNET_ALONE] + [*OF_OTHER_MODELS]
    return [metric.name for metric in metrics]


def row_columns(metrics: Iterable[str] = (), other_model: bool = False) -> list[str]:
    """Columns of ``scores.csv``: those that every run has, in an order that others rely on, and further ones.

    metrics: columns that were asked for or computed; those that not every run has come last
    other_model: whether a sync model other than SyncNet scored lip sync

    >>> row_columns()[:6], row_columns(["psnr", "sharper"])[-2:]
    (['clip', 'track', 'status', 'reason', 'lse_c', 'lse_d'], ['net_delay_ms', 'sharper'])
    """
    of_sync, of_landmarks, *of_images = (_names(family) for family in table.FIRST)
    columns = ["clip", "track", "status", "reason", *of_sync, *of_landmarks, "frames_compared"]
    columns += [name for names in of_images for name in names]
    columns += ["protocol", "pictures_compared", "offset_verdict", "ffmpeg", "net_delay_ms"]
    if other_model:
        columns += ["sync_model", *(metric.name for metric in OF_OTHER_MODELS)]
    return list(dict.fromkeys((*columns, *metrics)))


def _names(family: str) -> list[str]:
    return [metric.name for metric in table.metrics_of(family)]
