"""Columns of scores, from the table of metrics: the numbers of a run, and the order of ``scores.csv``."""

from collections.abc import Iterable

from speechlip.metrics import table
from speechlip.metrics.sync.columns import FAMILY, METRICS, columns_of


def asked_columns(families: Iterable[str], sync_model: str = "") -> list[str]:
    """Columns of the requested families, in the order of tables and reports.

    sync_model: a sync model other than SyncNet that scores lip sync; its own columns come last.

    >>> asked_columns(["lmd", "psnr"]), asked_columns(["lse", "psnr"], "runs/7")[2:5]
    (['lmd', 'lmd_iod', 'psnr'], ['windows', 'psnr', 'sync_confidence'])
    """
    families = list(families)
    metrics = [metric for family in families for metric in table.metrics_of(family)]
    if FAMILY in families:
        of_sync = columns_of(sync_model)
        metrics = [metric for metric in metrics if metric not in METRICS or metric in of_sync]
        metrics += [metric for metric in of_sync if metric not in METRICS]
    return [metric.name for metric in metrics]


def row_columns(metrics: Iterable[str] = (), sync_model: str = "") -> list[str]:
    """Columns of ``scores.csv``: those that every run has, in an order that others rely on, and further ones.

    metrics: columns that were asked for or computed; those that not every run has come last
    sync_model: a sync model other than SyncNet that scored lip sync

    >>> row_columns()[:6], row_columns(["psnr", "sharper"])[-2:]
    (['clip', 'track', 'status', 'reason', 'lse_c', 'lse_d'], ['net_delay_ms', 'sharper'])
    """
    of_sync, of_landmarks, *of_images = (_names(family) for family in table.FIRST)
    columns = ["clip", "track", "status", "reason", *of_sync, *of_landmarks, "frames_compared"]
    columns += [name for names in of_images for name in names]
    columns += ["protocol", "pictures_compared", "offset_verdict", "ffmpeg", "net_delay_ms"]
    if sync_model:
        own = (metric.name for metric in columns_of(sync_model) if metric not in METRICS)
        columns += ["sync_model", *own]
    return list(dict.fromkeys((*columns, *metrics)))


def _names(family: str) -> list[str]:
    return [metric.name for metric in table.metrics_of(family)]
