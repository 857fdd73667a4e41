"""CPU seconds of one long video, whole and cut into parts by `--cut-sources`.

    python benchmarks/long_source.py CLIP [--minutes 3] [--cut 30s] [--detector auto] [--through]

The long video is CLIP over and over, packets copied. Units are done one after another in this process; no
thread decodes ahead. With --through also with parts that decode all that lies before them, which is what
becomes of files whose key frames are not used. The last table is what a frame of 40 ms costs that lies before
a part.
"""

import argparse
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import av

from speechlip import recipes
from speechlip.commands.values import parse_duration
from speechlip.faces.detectors.opening import choose_detector
from speechlip.media import source_frames
from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.preparing.cut.unit import prepare_unit
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.plan.make_plan import make_plan
from speechlip.wording import clock


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clip", type=Path)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--cut", default="30s")
    parser.add_argument("--detector", default="auto")
    parser.add_argument("--through", action="store_true")
    given = parser.parse_args()
    detector, _ = choose_detector(given.detector)
    whole = PrepOptions(detector=detector, shard_bytes=1, split={"train": 1.0})
    cut = replace(whole, cut_sources_s=parse_duration(given.cut))
    with tempfile.TemporaryDirectory() as folder:
        video = looped(given.clip, Path(folder) / "long.mkv", given.minutes * 60)
        length_s = probe(video).video_duration_s
        print(f"{given.clip.name} for {clock(length_s)}, detector {detector}, --cut-sources {given.cut}\n")
        print("| | units | longest, CPU s | all, CPU s | longest, wall s |\n|---|---|---|---|---|")
        unit_seconds(video, cut, units=1)  # libraries, weights
        print_row("whole", unit_seconds(video, whole))
        print_row("cut", unit_seconds(video, cut))
        if given.through:
            with patch.object(source_frames, "DECODERS", ()):
                print_row("cut, read through", unit_seconds(video, cut))
        print_passing(video)


def looped(clip: Path, out: Path, length_s: float) -> Path:
    """``clip`` again and again for at least ``length_s`` seconds, video and audio copied."""
    with av.open(str(out), "w") as written:
        begin_s = 0.0
        streams: dict[int, av.stream.Stream] = {}
        while begin_s < length_s:
            end_s = begin_s
            with av.open(str(clip)) as read:
                own = [read.streams.video[0], read.streams.audio[0]]
                for stream in own:
                    if stream.index not in streams:
                        streams[stream.index] = written.add_stream_from_template(stream)
                for packet in read.demux(own):
                    if packet.dts is None or packet.pts is None or packet.pts < 0:  # priming of the audio
                        continue
                    ticks = round(begin_s / packet.time_base)
                    packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
                    end_s = max(end_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
                    packet.stream = streams[packet.stream.index]
                    written.mux(packet)
            begin_s = end_s
    return out


def unit_seconds(video: Path, options: PrepOptions, units: int | None = None) -> list[tuple[float, float]]:
    """CPU and wall seconds of each unit, or of the first so many."""
    plan, spent = make_plan(list(recipes.get("folder").sources(video)), options), []
    with tempfile.TemporaryDirectory() as out:
        for unit in plan.units[:units]:
            cpu, wall = time.process_time(), time.perf_counter()
            result = prepare_unit(
                unit,
                lambda source, seconds: None,
                options=options,
                work_folder=Path(out),
                with_phones=plan.with_phones,
            )
            spent.append((time.process_time() - cpu, time.perf_counter() - wall))
            if accidents := [row.detail for row in result.rows if row.reason == "unexpected error"]:
                raise RuntimeError(accidents[0])
    return spent


def print_row(name: str, spent: list[tuple[float, float]]) -> None:
    cpu_s = [cpu for cpu, _ in spent]
    longest_wall_s = max(wall for _, wall in spent)
    print(
        f"| {name} | {len(spent)} | {max(cpu_s):.1f} | {sum(cpu_s):.1f} | {longest_wall_s:.1f} |", flush=True
    )


def print_passing(video: Path) -> None:
    """What a frame before a part costs: its packets and audio, and with its image decoded."""
    info = probe(video)
    ms = []
    for known in (info, replace(info, key_packets=())):
        begin = time.process_time()
        with closing(read_frames(video, known, first_frame=10**9)) as reading:
            count = sum(1 for _ in reading)
        ms.append(1000 * (time.process_time() - begin) / count)
    begin = time.process_time()
    probe(video)
    probed = 1000 * (time.process_time() - begin) / count
    print(f"\n| a frame before a part | CPU ms |\n|---|---|\n| not decoded | {ms[0]:.2f} |")
    print(f"| decoded | {ms[1]:.2f} |\n| probe of the file, a frame of it | {probed:.3f} |")


if __name__ == "__main__":
    main()
