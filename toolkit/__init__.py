"""Shards of aligned speech and lips from talking videos, and lip-sync scores that two labs can compare.

``__all__`` is the Python API. Each name is imported when it is first used, so ``import speechlip`` is light.
"""

import importlib
from typing import TYPE_CHECKING, Any

if __name__ != "speechlip":
    raise ImportError(f"import speechlip, not {__name__}: docs/architecture.md says why")

from speechlip.version import VERSION

if TYPE_CHECKING:
    from speechlip.aligning.align import AlignOptions as AlignOptions
    from speechlip.aligning.align import align as align
    from speechlip.aligning.records import AlignRow as AlignRow
    from speechlip.benchmarking.benchmark import benchmark as benchmark
    from speechlip.benchmarking.options import BenchmarkOptions as BenchmarkOptions
    from speechlip.benchmarking.records import Benchmark as Benchmark
    from speechlip.doubles.find import Doubles as Doubles
    from speechlip.doubles.find import find_doubles as find_doubles
    from speechlip.doubles.pairs import Double as Double
    from speechlip.editing.align import align_shards as align_shards
    from speechlip.editing.annotate import annotate_clips as annotate_clips
    from speechlip.editing.append import append_videos as append_videos
    from speechlip.editing.merge import merge_shards as merge_shards
    from speechlip.editing.select import select_clips as select_clips
    from speechlip.editing.split import deal_splits as deal_splits
    from speechlip.editing.split import move_clips as move_clips
    from speechlip.encoders.features.catalogue import open_encoder as open_encoder
    from speechlip.encoders.trained import load_run as load_run
    from speechlip.errors import SpeechLipError as SpeechLipError
    from speechlip.exporting.clips import ExportedClips as ExportedClips
    from speechlip.exporting.clips import export_clips as export_clips
    from speechlip.exporting.export import Exported as Exported
    from speechlip.exporting.export import export_features as export_features
    from speechlip.exporting.options import ExportOptions as ExportOptions
    from speechlip.gallery.write import Gallery as Gallery
    from speechlip.gallery.write import GalleryOptions as GalleryOptions
    from speechlip.gallery.write import write_gallery as write_gallery
    from speechlip.hub.push import Pushed as Pushed
    from speechlip.hub.push import PushOptions as PushOptions
    from speechlip.hub.push_encoder import push_encoder as push_encoder
    from speechlip.hub.push_shards import push_shards as push_shards
    from speechlip.hub.typed import as_dataset as as_dataset
    from speechlip.identity.find import People as People
    from speechlip.identity.find import find_people as find_people
    from speechlip.identity.people import Person as Person
    from speechlip.judging.cost import JudgeCost as JudgeCost
    from speechlip.judging.job import judge as judge
    from speechlip.judging.job import judge_cost as judge_cost
    from speechlip.judging.options import JudgeOptions as JudgeOptions
    from speechlip.judging.records import Judgement as Judgement
    from speechlip.manifest import Manifest as Manifest
    from speechlip.preparing.ends.local import WorkPlace as WorkPlace
    from speechlip.preparing.options import PrepOptions as PrepOptions
    from speechlip.preparing.own.options import ShardOptions as ShardOptions
    from speechlip.preparing.own.shard_writer import ShardWriter as ShardWriter
    from speechlip.preparing.prep_run import PrepRun as PrepRun
    from speechlip.preparing.prepare import prepare as prepare
    from speechlip.preparing.prepare import prepare_plan as prepare_plan
    from speechlip.preparing.prepare_array import finish_units as finish_units
    from speechlip.preparing.prepare_array import plan_units as plan_units
    from speechlip.preparing.prepare_array import prepare_units as prepare_units
    from speechlip.preparing.prepared import Prepared as Prepared
    from speechlip.progress import Progress as Progress
    from speechlip.records import Clip as Clip
    from speechlip.records import ClipQuality as ClipQuality
    from speechlip.records import Phone as Phone
    from speechlip.records import Source as Source
    from speechlip.rendering.implicit_options import ImplicitOptions as ImplicitOptions
    from speechlip.rendering.options import RenderOptions as RenderOptions
    from speechlip.rendering.records import Renders as Renders
    from speechlip.rendering.render import render_lips as render_lips
    from speechlip.scoring.audit.run import Audits as Audits
    from speechlip.scoring.audit.run import audit as audit
    from speechlip.scoring.clip.score_clip import score as score
    from speechlip.scoring.folder.corrected import FixedOffsets as FixedOffsets
    from speechlip.scoring.folder.corrected import fix_offsets as fix_offsets
    from speechlip.scoring.folder.job import score_folder as score_folder
    from speechlip.scoring.options import ScoreOptions as ScoreOptions
    from speechlip.scoring.records import ClipScore as ClipScore
    from speechlip.scoring.scores import Scores as Scores
    from speechlip.scoring.sync.verdict import CorrectionRules as CorrectionRules
    from speechlip.self_checking.check import CheckedMetric as CheckedMetric
    from speechlip.self_checking.check import SelfCheck as SelfCheck
    from speechlip.self_checking.check import self_check as self_check
    from speechlip.shards.checks.verify import Verification as Verification
    from speechlip.shards.checks.verify import verify as verify
    from speechlip.shards.clips.curves import plot_clips as plot_clips
    from speechlip.shards.clips.make import make_clips as make_clips
    from speechlip.shards.clips.query import ClipTable as ClipTable
    from speechlip.shards.clips.query import clips as clips
    from speechlip.shards.pairs.blend import BlendedLoader as BlendedLoader
    from speechlip.shards.pairs.loader import PairLoader as PairLoader
    from speechlip.shards.pairs.loader import pair_loader as pair_loader
    from speechlip.shards.pairs.mix import PairMix as PairMix
    from speechlip.shards.pairs.rules import KINDS as KINDS
    from speechlip.shards.pairs.rules import NO_OFFSET as NO_OFFSET
    from speechlip.shards.pairs.rules import PairRules as PairRules
    from speechlip.shards.pairs.speech_windows import SpeechWindows as SpeechWindows
    from speechlip.shards.read.decode import ClipSample as ClipSample
    from speechlip.shards.read.positions import PositionedLoader as PositionedLoader
    from speechlip.shards.read.reader import ClipReader as ClipReader
    from speechlip.shards.read.reader import clip_loader as clip_loader
    from speechlip.shards.read.shardset import ShardSet as ShardSet
    from speechlip.shards.read.shardset import open_shards as open_shards
    from speechlip.shards.read.shardset import open_splits as open_splits
    from speechlip.shards.sample_meta import SampleMeta as SampleMeta
    from speechlip.study.make import Study as Study
    from speechlip.study.make import make_study as make_study
    from speechlip.study.results import StudyResults as StudyResults
    from speechlip.study.results import read_study as read_study
    from speechlip.training.check_data import check_data as check_data
    from speechlip.training.options import TrainOptions as TrainOptions
    from speechlip.training.train import TrainedRun as TrainedRun
    from speechlip.training.train import train as train
    from speechlip.workers.events import Limits as Limits

__version__ = VERSION

ROOM_OF = {
    "AlignOptions": "aligning.align",
    "AlignRow": "aligning.records",
    "Audits": "scoring.audit.run",
    "Benchmark": "benchmarking.records",
    "BenchmarkOptions": "benchmarking.options",
    "BlendedLoader": "shards.pairs.blend",
    "CheckedMetric": "self_checking.check",
    "Clip": "records",
    "ClipQuality": "records",
    "ClipReader": "shards.read.reader",
    "ClipSample": "shards.read.decode",
    "ClipScore": "scoring.records",
    "ClipTable": "shards.clips.query",
    "CorrectionRules": "scoring.sync.verdict",
    "Double": "doubles.pairs",
    "Doubles": "doubles.find",
    "ExportOptions": "exporting.options",
    "Exported": "exporting.export",
    "ExportedClips": "exporting.clips",
    "FixedOffsets": "scoring.folder.corrected",
    "Gallery": "gallery.write",
    "GalleryOptions": "gallery.write",
    "ImplicitOptions": "rendering.implicit_options",
    "JudgeCost": "judging.cost",
    "JudgeOptions": "judging.options",
    "Judgement": "judging.records",
    "KINDS": "shards.pairs.rules",
    "Limits": "workers.events",
    "Manifest": "manifest",
    "NO_OFFSET": "shards.pairs.rules",
    "People": "identity.find",
    "Person": "identity.people",
    "PairLoader": "shards.pairs.loader",
    "PairMix": "shards.pairs.mix",
    "PairRules": "shards.pairs.rules",
    "Phone": "records",
    "PositionedLoader": "shards.read.positions",
    "PrepOptions": "preparing.options",
    "PrepRun": "preparing.prep_run",
    "Prepared": "preparing.prepared",
    "Progress": "progress",
    "PushOptions": "hub.push",
    "Pushed": "hub.push",
    "RenderOptions": "rendering.options",
    "Renders": "rendering.records",
    "SampleMeta": "shards.sample_meta",
    "ScoreOptions": "scoring.options",
    "Scores": "scoring.scores",
    "SelfCheck": "self_checking.check",
    "ShardOptions": "preparing.own.options",
    "ShardSet": "shards.read.shardset",
    "ShardWriter": "preparing.own.shard_writer",
    "Source": "records",
    "SpeechLipError": "errors",
    "SpeechWindows": "shards.pairs.speech_windows",
    "Study": "study.make",
    "StudyResults": "study.results",
    "TrainOptions": "training.options",
    "TrainedRun": "training.train",
    "Verification": "shards.checks.verify",
    "WorkPlace": "preparing.ends.local",
    "align": "aligning.align",
    "align_shards": "editing.align",
    "annotate_clips": "editing.annotate",
    "append_videos": "editing.append",
    "as_dataset": "hub.typed",
    "audit": "scoring.audit.run",
    "benchmark": "benchmarking.benchmark",
    "check_data": "training.check_data",
    "clip_loader": "shards.read.reader",
    "clips": "shards.clips.query",
    "deal_splits": "editing.split",
    "export_clips": "exporting.clips",
    "export_features": "exporting.export",
    "find_doubles": "doubles.find",
    "find_people": "identity.find",
    "finish_units": "preparing.prepare_array",
    "fix_offsets": "scoring.folder.corrected",
    "judge": "judging.job",
    "judge_cost": "judging.job",
    "load_run": "encoders.trained",
    "make_clips": "shards.clips.make",
    "make_study": "study.make",
    "merge_shards": "editing.merge",
    "move_clips": "editing.split",
    "open_encoder": "encoders.features.catalogue",
    "open_shards": "shards.read.shardset",
    "open_splits": "shards.read.shardset",
    "pair_loader": "shards.pairs.loader",
    "plan_units": "preparing.prepare_array",
    "plot_clips": "shards.clips.curves",
    "prepare": "preparing.prepare",
    "prepare_plan": "preparing.prepare",
    "prepare_units": "preparing.prepare_array",
    "push_encoder": "hub.push_encoder",
    "push_shards": "hub.push_shards",
    "read_study": "study.results",
    "render_lips": "rendering.render",
    "score": "scoring.clip.score_clip",
    "score_folder": "scoring.folder.job",
    "select_clips": "editing.select",
    "self_check": "self_checking.check",
    "train": "training.train",
    "verify": "shards.checks.verify",
    "write_gallery": "gallery.write",
}
"""Where each name of the door lives."""
__all__ = sorted(ROOM_OF)


if not TYPE_CHECKING:  # a type checker would take any name for one

    def __getattr__(name: str) -> Any:
        if name not in ROOM_OF:
            raise AttributeError(
                f"module 'speechlip' has no attribute {name!r}; there are: {', '.join(__all__)}"
            )
        return getattr(importlib.import_module(f"speechlip.{ROOM_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
