"""Lip-sync and image metrics as pure functions over arrays, each by a published formula (docs/protocols.md).

What ``__all__`` names can be imported from here; each name is imported when it is first used, so that
``import speechlip.metrics`` is light. How a metric declares itself for ``score-sync``: ``Metric``.
"""

import importlib
from typing import TYPE_CHECKING, Any

if __name__ != "speechlip.metrics":
    raise ImportError(f"import speechlip.metrics, not {__name__}: docs/architecture.md says why")

if TYPE_CHECKING:
    from speechlip.metrics.declared import Batches as Batches
    from speechlip.metrics.declared import Metric as Metric
    from speechlip.metrics.declared import Network as Network
    from speechlip.metrics.declared import NotScored as NotScored
    from speechlip.metrics.head.head_motion import head_motion as head_motion
    from speechlip.metrics.head.pose_error import pose_error as pose_error
    from speechlip.metrics.image.brisque import brisque as brisque
    from speechlip.metrics.image.brisque import load_brisque as load_brisque
    from speechlip.metrics.image.cpbd import cpbd as cpbd
    from speechlip.metrics.image.flicker import flicker as flicker
    from speechlip.metrics.image.lpips import load_lpips as load_lpips
    from speechlip.metrics.image.lpips import lpips_distance as lpips_distance
    from speechlip.metrics.image.psnr import psnr as psnr
    from speechlip.metrics.image.sharpness import sharpness as sharpness
    from speechlip.metrics.image.ssim import ssim as ssim
    from speechlip.metrics.lips.lip_corr import lip_correlation as lip_correlation
    from speechlip.metrics.lips.lip_dtw import lip_dtw as lip_dtw
    from speechlip.metrics.lips.lmd_soft import soft_dtw_lmd as soft_dtw_lmd
    from speechlip.metrics.lips.mtm import mean_temporal_misalignment as mean_temporal_misalignment
    from speechlip.metrics.lips.opening import lip_opening as lip_opening
    from speechlip.metrics.lips.silent_lips import silent_lip_deviation as silent_lip_deviation
    from speechlip.metrics.lips.slcc import speech_lip_correlation as speech_lip_correlation
    from speechlip.metrics.lmd import LandmarkScore as LandmarkScore
    from speechlip.metrics.lmd import landmark_score as landmark_score
    from speechlip.metrics.lmd import lmd_per_frame as lmd_per_frame
    from speechlip.metrics.phones.ambiguity import Ambiguity as Ambiguity
    from speechlip.metrics.phones.ambiguity import ambiguity as ambiguity
    from speechlip.metrics.phones.visemes import viseme as viseme
    from speechlip.metrics.phones.visemes import viseme_classes as viseme_classes
    from speechlip.metrics.regions import cut as cut
    from speechlip.metrics.regions import face_box as face_box
    from speechlip.metrics.regions import mouth_boxes as mouth_boxes
    from speechlip.metrics.statistics.aggregate import Aggregate as Aggregate
    from speechlip.metrics.statistics.aggregate import aggregate as aggregate
    from speechlip.metrics.statistics.agreement import krippendorff_alpha as krippendorff_alpha
    from speechlip.metrics.statistics.differences import Difference as Difference
    from speechlip.metrics.statistics.differences import mean_difference as mean_difference
    from speechlip.metrics.statistics.intervals import Interval as Interval
    from speechlip.metrics.statistics.intervals import mean_interval as mean_interval
    from speechlip.metrics.statistics.pair_intervals import auc_difference as auc_difference
    from speechlip.metrics.statistics.pair_intervals import auc_interval as auc_interval
    from speechlip.metrics.statistics.pairs import PairScores as PairScores
    from speechlip.metrics.statistics.pairs import average_precision as average_precision
    from speechlip.metrics.statistics.pairs import equal_error_rate as equal_error_rate
    from speechlip.metrics.statistics.pairs import pair_auc as pair_auc
    from speechlip.metrics.statistics.pairs import pair_scores as pair_scores
    from speechlip.metrics.statistics.rank_correlation import kendall as kendall
    from speechlip.metrics.statistics.rank_correlation import spearman as spearman
    from speechlip.metrics.statistics.retrieval import Retrieval as Retrieval
    from speechlip.metrics.statistics.retrieval import retrieval as retrieval
    from speechlip.metrics.sync.lse import SyncScore as SyncScore
    from speechlip.metrics.sync.lse import sync_score as sync_score
    from speechlip.metrics.sync.offsets import OffsetAccuracy as OffsetAccuracy
    from speechlip.metrics.sync.offsets import offset_accuracy as offset_accuracy
    from speechlip.metrics.sync.syncnet import load_syncnet as load_syncnet
    from speechlip.metrics.sync.syncnet import sync_features as sync_features

ROOM_OF = {
    "Aggregate": "statistics.aggregate",
    "Ambiguity": "phones.ambiguity",
    "Batches": "declared",
    "Difference": "statistics.differences",
    "Interval": "statistics.intervals",
    "LandmarkScore": "lmd",
    "Metric": "declared",
    "Network": "declared",
    "NotScored": "declared",
    "OffsetAccuracy": "sync.offsets",
    "PairScores": "statistics.pairs",
    "Retrieval": "statistics.retrieval",
    "SyncScore": "sync.lse",
    "aggregate": "statistics.aggregate",
    "ambiguity": "phones.ambiguity",
    "auc_difference": "statistics.pair_intervals",
    "auc_interval": "statistics.pair_intervals",
    "average_precision": "statistics.pairs",
    "brisque": "image.brisque",
    "cpbd": "image.cpbd",
    "cut": "regions",
    "equal_error_rate": "statistics.pairs",
    "face_box": "regions",
    "flicker": "image.flicker",
    "head_motion": "head.head_motion",
    "kendall": "statistics.rank_correlation",
    "krippendorff_alpha": "statistics.agreement",
    "landmark_score": "lmd",
    "lip_correlation": "lips.lip_corr",
    "lip_dtw": "lips.lip_dtw",
    "lip_opening": "lips.opening",
    "lmd_per_frame": "lmd",
    "load_brisque": "image.brisque",
    "load_lpips": "image.lpips",
    "load_syncnet": "sync.syncnet",
    "lpips_distance": "image.lpips",
    "mean_difference": "statistics.differences",
    "mean_interval": "statistics.intervals",
    "mean_temporal_misalignment": "lips.mtm",
    "mouth_boxes": "regions",
    "offset_accuracy": "sync.offsets",
    "pair_auc": "statistics.pairs",
    "pair_scores": "statistics.pairs",
    "pose_error": "head.pose_error",
    "psnr": "image.psnr",
    "retrieval": "statistics.retrieval",
    "sharpness": "image.sharpness",
    "silent_lip_deviation": "lips.silent_lips",
    "soft_dtw_lmd": "lips.lmd_soft",
    "spearman": "statistics.rank_correlation",
    "speech_lip_correlation": "lips.slcc",
    "ssim": "image.ssim",
    "sync_features": "sync.syncnet",
    "sync_score": "sync.lse",
    "viseme": "phones.visemes",
    "viseme_classes": "phones.visemes",
}
"""Where each name lives, below ``speechlip.metrics``."""
__all__ = sorted(ROOM_OF)


if not TYPE_CHECKING:  # a type checker would take any name for one

    def __getattr__(name: str) -> Any:
        if name not in ROOM_OF:
            raise AttributeError(
                f"module {__name__!r} has no attribute {name!r}; there are: {', '.join(__all__)}"
            )
        return getattr(importlib.import_module(f"{__name__}.{ROOM_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
