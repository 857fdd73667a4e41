"""Which numbers a run reports, in which order: made from the table of metrics."""

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
