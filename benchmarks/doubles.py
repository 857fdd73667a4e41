"""Are copies found, and other recordings not? What does it cost? Figures of docs/decisions/doubles.md.

    python benchmarks/doubles.py [--videos FOLDER] [--identities 4] [--clips 3] [--sources 20000]

Every video (synthetic ones unless a folder is given) is copied in several ways; each copy alone is compared
with all originals. Originals are compared with each other, by speaker. CPU time of fingerprints is put beside
that of preparing the same videos, in one process with one thread. Then the index of so many made-up
fingerprints of 1 500 hashes (5 s of speech) is searched, one in ten with a copy.
"""

import argparse
import os
import resource
import tempfile
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from speechlip import recipes
from speechlip.doubles.alignment import aligned, best_line, distinct
from speechlip.doubles.audio_landmarks import AudioHashes
from speechlip.doubles.fingerprint import Fingerprint, fingerprint
from speechlip.doubles.index import shared_hashes
from speechlip.doubles.pairs import LEAST_VOTES, double_pairs
from speechlip.errors import SourceRefused
from speechlip.faces.detectors.opening import choose_detector
from speechlip.preparing.cut.unit import prepare_unit
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.plan.make_plan import limited, make_plan
from speechlip.recipes.synthetic import SyntheticOptions, generate
from speechlip.workers.events import unheard


@dataclass(frozen=True)
class Copying:
    """How a copy is made: filters of FFmpeg for either stream, and how strongly it is compressed."""

    video: str = "null"
    audio: str = "anull"
    crf: int = 23
    audio_bits: int = 96_000


CUT, CUT_AUDIO = "trim=1:5,setpts=PTS-STARTPTS", "atrim=1:5,asetpts=PTS-STARTPTS"
COPIES = {
    "re-encoded": Copying("scale=iw/4*2:ih/4*2", crf=33, audio_bits=32_000),
    "cut to 4 s": Copying(CUT, CUT_AUDIO),
    "mirrored": Copying("hflip"),
    "louder, compressed": Copying("lutyuv=y=val*0.85", "volume=2,acompressor"),
    "1.05 times as fast, pitch kept": Copying("setpts=PTS/1.05", "atempo=1.05"),
    "0.95 times as fast, pitch kept": Copying("setpts=PTS/0.95", "atempo=0.95"),
    "1.05 times as fast, pitch too": Copying("setpts=PTS/1.05", "asetrate=16800,aresample=16000"),
    "zoomed by a third": Copying("crop=iw*3/4:ih*3/4,scale=256:256"),
    "cut, mirrored, faster": Copying(f"{CUT},hflip,setpts=PTS/1.05", f"{CUT_AUDIO},atempo=1.05", 30, 48_000),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--videos", type=Path)
    parser.add_argument("--identities", type=int, default=4)
    parser.add_argument("--clips", type=int, default=3)
    parser.add_argument("--sources", type=int, default=20000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder = given.videos or Path(work) / "videos"
        if not given.videos:
            generate(folder, SyntheticOptions(identities=given.identities, clips=given.clips))
        sources = [source for source in recipes.listed("folder", folder) if not source.refusal]
        began_s = time.process_time()
        prints = {}
        for source in sources:
            try:
                prints[source.name] = fingerprint(source.path, source.name)
            except SourceRefused as refusal:
                print(f"{source.name}: {refusal}")
        cost(prints, time.process_time() - began_s, folder, Path(work))
        false_alarms(list(prints.values()), {source.name: source.speaker for source in sources})
        known = [source for source in sources if source.name in prints]
        for what, how in COPIES.items():
            recall(what, how, known, prints, Path(work) / "copy.mp4")
    index(given.sources)


def cost(prints: dict[str, Fingerprint], print_s: float, folder: Path, work: Path) -> None:
    length_s = sum(each.seconds for each in prints.values())
    options = PrepOptions(detector=choose_detector("auto")[0])
    plan = make_plan(limited(recipes.listed("folder", folder), options), options)
    began_s = time.process_time()
    for unit in plan.units:
        prepare_unit(unit, unheard, options=options, work_folder=work, with_phones=False)
    prepare_s = time.process_time() - began_s
    hashes = sum(len(each.audio) for each in prints.values())
    images = sum(len(each.images) for each in prints.values())
    print(
        f"{len(prints)} videos, {length_s:.0f} s: fingerprints {print_s / length_s * 1e3:.1f} CPU-ms a "
        f"second of video, {print_s / prepare_s:.1%} of preparing ({prepare_s / length_s * 1e3:.0f}); "
        f"{hashes / length_s:.0f} hashes and {images / length_s:.2f} images a second"
    )


def false_alarms(prints: list[Fingerprint], speaker_of: dict[str, str]) -> None:
    """Print the pairs of originals that are taken for doubles, and how many there were to choose from."""
    n_pairs = defaultdict(int)
    for i, one in enumerate(prints):
        for other in prints[:i]:
            n_pairs[speaker_of[one.name] == speaker_of[other.name]] += 1
    votes = {True: 0, False: 0}
    for i, j, one_s, other_s in shared_hashes([each.audio for each in prints], range(len(prints)), 3):
        same = speaker_of[prints[i].name] == speaker_of[prints[j].name]
        agreeing = best_line(one_s, other_s)[2]
        votes[same] = max(votes[same], distinct(one_s[agreeing]))
    pairs = list(double_pairs(prints))
    for same, whose in ((True, "one speaker"), (False, "two speakers")):
        taken = [pair for pair in pairs if (speaker_of[pair.first] == speaker_of[pair.second]) == same]
        print(
            f"of {n_pairs[same]} pairs of originals of {whose}: {len(taken)} taken for doubles, "
            f"{votes[same]} votes at most"
        )
        for pair in taken:
            print(f"    {pair}")


def recall(what: str, how: Copying, sources: list, prints: dict[str, Fingerprint], place: Path) -> None:
    """Print how many copies are found, their fewest votes, and by how many bits images differ."""
    found, votes, bits, others = 0, [], [], 0
    for source in sources:
        copied(source.path, place, how)
        copy = fingerprint(place, "copy")
        pairs = [pair for pair in double_pairs([*prints.values(), copy]) if pair.second == "copy"]
        mine = next((pair for pair in pairs if pair.first == source.name), None)
        others += len(pairs) - (mine is not None)
        found += mine is not None
        if mine:
            votes.append(mine.votes)
            bits += [mine.image_bits] if mine.image_bits is not None else []
    print(
        f"{what}: {found} of {len(sources)} found; votes {min(votes, default=0)} at least, "
        f"{int(np.median(votes or [0]))} in the median; image bits {max(bits, default=0)} at most, "
        f"{int(np.median(bits or [0]))} in the median; {others} other originals named",
        flush=True,
    )


def copied(path: Path, place: Path, how: Copying) -> None:
    """Write a copy of a video as H.264 and AAC at 16 kHz."""
    with av.open(str(path)) as source, av.open(str(place), "w") as out:
        pictures, sound = source.streams.video[0], source.streams.audio[0]
        speech = out.add_stream("aac", rate=16000, layout="mono", bit_rate=how.audio_bits)
        shown = list(filtered(path, pictures.index, "buffer", f"settb=1/90000,{how.video}", "buffersink"))
        rate = Fraction(pictures.average_rate or 25).limit_denominator(1001)
        video = out.add_stream("libx264", rate=rate, options={"crf": str(how.crf), "preset": "veryfast"})
        video.width, video.height = shown[0].width // 2 * 2, shown[0].height // 2 * 2
        video.pix_fmt, video.codec_context.time_base = "yuv420p", shown[0].time_base
        for frame in shown:
            frame = frame.reformat(video.width, video.height, "yuv420p")
            frame.pict_type = 0
            out.mux(video.encode(frame))
        out.mux(video.encode())
        fifo = f"aresample=16000,aformat=sample_fmts=fltp:channel_layouts=mono,{how.audio},asetnsamples=1024"
        for frame in filtered(path, sound.index, "abuffer", fifo, "abuffersink"):
            out.mux(speech.encode(frame))
        out.mux(speech.encode())


def filtered(path: Path, index: int, begin: str, filters: str, end: str):
    """Frames of one stream after a chain of FFmpeg's filters."""
    graph = av.filter.Graph()
    with av.open(str(path)) as container:
        stream = container.streams[index]
        last = graph.add_buffer(template=stream) if begin == "buffer" else graph.add_abuffer(template=stream)
        for each in filters.split(","):
            name, _, given = each.partition("=")
            following = graph.add(name, given or None)
            last.link_to(following)
            last = following
        last.link_to(graph.add(end))
        graph.configure()
        for frame in container.decode(stream):
            try:
                graph.push(frame)
            except av.error.EOFError:  # trimmed: it wants no more
                break
            yield from pulled(graph)
        with suppress(av.error.EOFError):
            graph.push(None)
        yield from pulled(graph)


def pulled(graph: av.filter.Graph):
    while True:
        try:
            yield graph.pull()
        except (BlockingIOError, EOFError, av.error.BlockingIOError, av.error.EOFError):
            return


def index(n_sources: int) -> None:
    """Print what searching many fingerprints takes; one in ten has half the hashes of the one before."""
    rng = np.random.default_rng(0)
    recordings = []
    for number in range(n_sources):
        if number % 10 == 1:
            kept = np.sort(rng.choice(1500, 750, replace=False))
            recordings.append(AudioHashes(recordings[-1].values[kept], recordings[-1].times_s[kept]))
            continue
        values = np.sort(rng.integers(0, 2**28, 1500, np.uint32))
        recordings.append(AudioHashes(values, rng.uniform(0, 10, 1500).astype(np.float32)))
    held_mb = sum(each.values.nbytes + each.times_s.nbytes for each in recordings) / 1e6
    began_s = time.process_time()
    found = [
        (i, j)
        for i, j, one_s, other_s in shared_hashes(recordings, range(n_sources), LEAST_VOTES)
        if aligned(one_s, other_s, 10.0, 10.0)
    ]
    spent_s = time.process_time() - began_s
    right = sum(j == i + 1 and j % 10 == 1 for i, j in found)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    copies = len(range(1, n_sources, 10))
    print(
        f"{n_sources} fingerprints, {held_mb:.0f} MB: {right} of {copies} copies found, "
        f"{len(found) - right} others, {spent_s:.1f} CPU-s, peak {peak_mb:.0f} MB"
    )


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
