"""Scoring from file to row on real or synthetic clips: seconds of video per second of work, by metrics.

    python benchmarks/score_speed.py [CLIPS] [--seconds 4] [--detectors auto] [--protocols direct,wav2lip]

CLIPS is a folder of videos (default: three synthetic ones) or one video; every clip is its own reference.
SyncNet, AlexNet and S3FD have random weights: the numbers mean nothing, the work is the same. One clip is
scored after the other; within a clip, files are read side by side unless --one-thread. What each stage costs:
benchmarks/score_stages.py. S3FD runs as the reference pipeline does, on a quarter-size image, and is timed on
its own, on one clip of each size.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import torch
from throughput import listed

from speechlip.errors import ModelError, SourceRefused
from speechlip.faces.detectors.opening import choose_detector
from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.metrics.image.lpips import random_lpips
from speechlip.metrics.sync.syncnet_network import official_shapes
from speechlip.scoring.clip.score_clip import score_clip
from speechlip.scoring.networks import Tools
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.records import ScoreTask
from speechlip.scoring.sync.models import SyncNetModel
from speechlip.timing import seconds
from speechlip.workers.processes import use_one_thread

S3FD_FRAMES = 20


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path, nargs="?")
    parser.add_argument("--detectors", default="auto")
    parser.add_argument("--protocols", default="direct,wav2lip")
    parser.add_argument(
        "--metrics", default="lse;lmd;psnr;ssim;cpbd;lse,lmd,psnr,ssim,cpbd", help="sets, by ;"
    )
    parser.add_argument("--seconds", type=float, help="of each clip, from its beginning (default: all)")
    parser.add_argument("--limit", type=int, default=1000)
    parser.add_argument("--one-thread", action="store_true")
    parser.add_argument("--s3fd", action="store_true", help="time S3FD too")
    given = parser.parse_args()
    if given.one_thread:
        use_one_thread()
    with tempfile.TemporaryDirectory() as folder:
        clips = (
            listed(given.clips)[: given.limit] if given.clips else synthetic_clips(Path(folder) / "synthetic")
        )
        clips = beginnings(clips, given.seconds, Path(folder)) if given.seconds else clips
        sync = SyncNetModel(random_syncnet(Path(folder) / "random.model"), True, "cpu")
        tools = Tools(sync, {"lpips": random_lpips()})
        print(f"{len(clips)} clips, torch {torch.__version__}, {torch.get_num_threads()} threads\n")
        print("| detector | protocol | metrics | × real time | × by CPU time |\n|---|---|---|---|---|")
        for detector in given.detectors.split(","):
            for protocol in given.protocols.split(","):
                for metrics in given.metrics.split(";"):
                    chosen = ScoreOptions(tuple(metrics.split(",")), protocol, detector)
                    print_speed(clips, chosen, tools, not given.one_thread)
        for clip in {clip_size(clip): clip for clip in clips}.values() if given.s3fd else ():
            print_s3fd(clip)


def print_speed(clips: list[Path], options: ScoreOptions, tools: Tools, side_by_side: bool) -> None:
    try:
        name, _ = choose_detector(options.detector)
    except ModelError as error:
        print(f"| {options.detector} | left out: {error} | | | |")
        return
    options = replace(options, detector=name)
    video_s, began, cpu_began = 0.0, time.perf_counter(), time.process_time()
    for clip in clips:
        task = ScoreTask(clip.name, clip, clip)
        try:
            scored = score_clip(task, options, tools, lambda *_: None, side_by_side=side_by_side)
        except SourceRefused as refusal:
            print(f"  {clip.name}: {refusal}")
            continue
        video_s += seconds(scored.detail.frames)
    wall_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
    print(
        f"| {name} | {options.protocol} | {', '.join(options.metrics)} "
        f"| {video_s / wall_s:.2f} | {video_s / cpu_s:.2f} |",
        flush=True,
    )


def beginnings(clips: list[Path], length_s: float, folder: Path) -> list[Path]:
    """The first seconds of each clip, packet for packet."""
    made = []
    for clip in clips:
        out = folder / clip.name
        with av.open(str(clip)) as source, av.open(str(out), "w") as copy:
            streams = {
                stream: copy.add_stream_from_template(stream)
                for stream in (*source.streams.video[:1], *source.streams.audio[:1])
            }
            for packet in source.demux(list(streams)):
                if packet.dts is not None and packet.pts * packet.time_base < length_s:
                    packet.stream = streams[packet.stream]
                    copy.mux(packet)
        made.append(out)
    return made


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
    return listed(root)


if __name__ == "__main__":
    main()
