"""Scoring from file to row on real or synthetic clips: seconds of video per second of work, by stage.

    python benchmarks/score_speed.py [CLIPS] [--detectors mediapipe,cascade] [--protocols direct,wav2lip]

CLIPS is a folder of videos (default: three synthetic ones). Every clip is its own reference. SyncNet, AlexNet
and S3FD have random weights: the numbers mean nothing, the work is the same. Under direct the image metrics
share the reading of lip sync, whose decoding counts there. S3FD runs as the reference pipeline does, on a
quarter-size image, and is timed on its own, on one clip of each size.
"""

import argparse
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch

from speechlip.errors import ModelError, SourceRefused
from speechlip.faces.detectors.opening import choose_detector
from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.metrics.image.lpips import random_lpips
from speechlip.metrics.sync.syncnet_network import official_shapes
from speechlip.metrics.table import families
from speechlip.recipes.folder import videos
from speechlip.scoring.clip.score_clip import score_clip
from speechlip.scoring.networks import Tools
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.records import ScoreTask
from speechlip.scoring.sync.models import SyncNetModel
from speechlip.timing import seconds

S3FD_FRAMES = 20


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path, nargs="?")
    parser.add_argument("--detectors", default="mediapipe,cascade")
    parser.add_argument("--protocols", default="direct,wav2lip,latentsync")
    parser.add_argument("--metrics", default=",".join(families()))
    parser.add_argument("--limit", type=int, default=1000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clips = (
            videos(given.clips)[: given.limit] if given.clips else synthetic_clips(Path(folder) / "synthetic")
        )
        tools = Tools(
            SyncNetModel(random_syncnet(Path(folder) / "random.model"), True, "cpu"),
            {"lpips": random_lpips()},
        )
        print(f"{len(clips)} clips, torch {torch.__version__}, {torch.get_num_threads()} threads\n")
        print(
            f"{'detector':<16}{'protocol':<12}{'faces':>8}{'sync':>8}{'images':>8}{'all':>8}"
            "   seconds of video per second"
        )
        for detector in given.detectors.split(","):
            for protocol in given.protocols.split(","):
                print_speed(clips, ScoreOptions(tuple(given.metrics.split(",")), protocol, detector), tools)
        for clip in {clip_size(clip): clip for clip in clips}.values():
            print_s3fd(clip)


def print_speed(clips: list[Path], options: ScoreOptions, tools: Tools) -> None:
    try:
        choose_detector(options.detector)
    except ModelError as error:
        print(f"{options.detector:<16}left out: {error}")
        return
    spent: defaultdict[str, float] = defaultdict(float)
    video_s, began = 0.0, time.perf_counter()
    for clip in clips:
        try:
            detail = score_clip(ScoreTask(clip.name, clip, clip), options, tools, lambda *_: None).detail
        except SourceRefused as refusal:
            print(f"  {clip.name}: {refusal}")
            continue
        video_s += seconds(detail.frames)
        for stage, stage_s in (detail.seconds or {}).items():
            spent[stage] += stage_s
    spent["all"] = time.perf_counter() - began
    speeds = "".join(
        f"{video_s / spent[stage]:>8.2f}" if spent[stage] else f"{'–':>8}"
        for stage in ("faces", "sync", "images", "all")
    )
    print(f"{options.detector:<16}{options.protocol:<12}{speeds}")


def clip_size(clip: Path) -> tuple[int, int]:
    info = probe(clip, need_audio=False)
    return info.width, info.height


def print_s3fd(clip: Path) -> None:
    """S3FD as run_pipeline.py calls it: syncnet_python's own class, random weights, a quarter-size image."""
    try:
        from syncnet_python.detectors.s3fd import S3FD
        from syncnet_python.detectors.s3fd.nets import S3FDNet
    except ImportError as error:
        print(f"\nS3FD not timed: {error}")
        return
    detector = S3FD(net=without_a_face(S3FDNet(device="cpu").eval()), device="cpu")
    reading = read_frames(clip, probe(clip, need_audio=False))
    images = [frame.image.rgb() for frame, _ in zip(reading, range(S3FD_FRAMES), strict=False) if frame.image]
    detector.detect_faces(images[0], conf_th=0.9, scales=[0.25])
    began = time.perf_counter()
    for image in images:
        detector.detect_faces(image, conf_th=0.9, scales=[0.25])
    per_frame_s = (time.perf_counter() - began) / len(images)
    height, width = np.shape(images[0])[:2]
    print(
        f"\nS3FD on {width}×{height} at a quarter: {1000 * per_frame_s:.0f} ms a frame, "
        f"{0.04 / per_frame_s:.2f} seconds of video per second"
    )


def without_a_face(network: torch.nn.Module) -> torch.nn.Module:
    """Make random weights say "no face" everywhere: else sorting out thousands of false faces is timed."""
    with torch.no_grad():
        for layer in network.conf:
            layer.weight.zero_()
            layer.bias.zero_()
            layer.bias[:-1] = 20
    return network


def random_syncnet(path: Path) -> Path:
    torch.manual_seed(0)
    state = {
        name: torch.ones(shape) if "running_var" in name else 0.02 * torch.randn(shape)
        for name, shape in official_shapes().items()
    }
    torch.save(state, path)
    return path


def synthetic_clips(root: Path) -> list[Path]:
    from speechlip.recipes.synthetic import SyntheticOptions, generate

    generate(root, SyntheticOptions(identities=3, clips=1))
    return videos(root)


if __name__ == "__main__":
    main()
