"""Is one person found under two names, and are two people kept apart? What does it cost?

    python benchmarks/identity.py [--clips FOLDER] [--identities 12] [--videos 3] [--sources 20000]

Real clips (detector landmarker): either half of every clip of FOLDER counts as a video of its own, six images
each; two of them are one person where they are of one clip, or of hdtf_1 and videoretalking_3, which are one
recording. Synthetic people (detector sidecar): whole videos, other sentences, the same person where the name
is. Pairs are counted that land in one group though they are two people (false), or in two though they are one
(missed). CPU time is that of one process with one thread. Then as many made-up faces are grouped, of a tenth
as many people.
"""

import argparse
import tempfile
import time
import tracemalloc
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import combinations
from pathlib import Path

import numpy as np

from speechlip import recipes
from speechlip.errors import SourceRefused
from speechlip.faces.detectors.opening import choose_detector
from speechlip.identity.clustering import clusters
from speechlip.identity.network import network
from speechlip.identity.video_faces import IMAGES, seen_in, told_apart, video_faces
from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.recipes.synthetic import SyntheticOptions, generate
from speechlip.records import Source

ONE_RECORDING = {"videoretalking_3": "hdtf_1"}
DISTANCES = (0.2, 0.25, 0.3, 0.4, 0.45, 0.5, 0.55, 0.6)
Faces = dict[str, np.ndarray]
"""Name of a video → the face of the person in it, (128,)."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--identities", type=int, default=12)
    parser.add_argument("--videos", type=int, default=3)
    parser.add_argument("--sources", type=int, default=20_000)
    given = parser.parse_args()
    network()
    if given.clips:
        choose_detector("landmarker")
        real(given.clips)
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder), SyntheticOptions(identities=given.identities, clips=given.videos))
        sources = [source for source in recipes.listed("folder", Path(folder)) if not source.refusal]
        began_s = time.process_time()
        faces = {
            source.name: video_faces(source, probe(source.path), "sidecar").people[0] for source in sources
        }
        cost_s = (time.process_time() - began_s) / len(sources)
        compare("synthetic videos", faces, {source.name: source.speaker for source in sources})
        print(f"  {cost_s:.2f} CPU-s a video")
    grouped(given.sources)


def real(folder: Path) -> None:
    """Halves of real clips, and the cost of looking at whole ones."""
    sources = [source for source in recipes.listed("folder", folder) if not source.refusal]
    faces, who, costs_s, lengths_s = {}, {}, [], []
    for source in sources:
        try:
            info = probe(source.path)
        except SourceRefused:
            continue
        began_s = time.process_time()
        video_faces(source, info, "landmarker")
        costs_s.append(time.process_time() - began_s)
        lengths_s.append(info.video_duration_s)
        for half in (0, 1):
            name = f"{source.speaker}.{half}"
            images = images_of_half(source, info.video_duration_s, half)
            faces[name] = told_apart(seen_in(source, images, "landmarker")[0])[0]
            who[name] = ONE_RECORDING.get(source.speaker, source.speaker)
    compare(f"halves of {len(costs_s)} real clips", faces, who)
    print(
        f"  {np.mean(costs_s):.2f} CPU-s a clip, at most {np.max(costs_s):.2f}; "
        f"clips of {np.mean(lengths_s):.1f} s in the mean"
    )


def images_of_half(source: Source, length_s: float, half: int) -> Iterator[tuple[int, np.ndarray]]:
    """Images of the first or the second half of a video, evenly spread."""
    n_frames = int(length_s * 25) // 2
    wanted = {half * n_frames + int((part + 0.5) * n_frames / IMAGES) for part in range(IMAGES)}
    with closing(read_frames(source.path, probe(source.path), audio=False)) as reading:
        for frame in reading:
            if frame.index in wanted and frame.image is not None:
                yield frame.index, frame.image.rgb()


def compare(what: str, faces: Mapping[str, np.ndarray], who: Mapping[str, str]) -> None:
    """Print distances of the same and of different people, and pairs grouped wrongly, by distance."""
    names, points = list(faces), np.stack([*faces.values()])
    pairs = list(combinations(range(len(names)), 2))
    apart = {(i, j): float(np.linalg.norm(points[i] - points[j])) for i, j in pairs}
    same = {(i, j) for i, j in pairs if who[names[i]] == who[names[j]]}
    own, others = [apart[pair] for pair in same], [apart[pair] for pair in pairs if pair not in same]
    people = len(set(who.values()))
    print(f"{what}: {len(names)} videos of {people} people")
    print(f"  one person: {np.median(own):.2f} apart in the median, {max(own):.2f} at most")
    print(f"  two people: {np.median(others):.2f} apart in the median, {min(others):.2f} at least")
    for most in DISTANCES:
        group = clusters(points, most)
        false = sum(group[i] == group[j] for i, j in pairs if (i, j) not in same)
        missed = sum(group[i] != group[j] for i, j in same)
        print(
            f"  distance {most:.2f}: {false} of {len(others)} pairs false, {missed} of {len(own)} missed, "
            f"{len(set(group.tolist()))} people"
        )


def grouped(n_faces: int) -> None:
    """Print time and memory of grouping made-up faces."""
    rng = np.random.default_rng(0)
    people = rng.normal(size=(n_faces // 10, 128)) * 0.05
    points = people[rng.integers(0, len(people), n_faces)] + rng.normal(size=(n_faces, 128)) * 0.02
    faces = points.astype(np.float32)
    tracemalloc.start()
    began_s = time.process_time()
    found = len(set(clusters(faces, 0.5).tolist()))
    cost_s, peak = time.process_time() - began_s, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    cost = f"{cost_s:.1f} CPU-s, {peak / 1e6:.0f} MB at most"
    print(f"{n_faces} faces: {found} of {len(people)} people, {cost}")


if __name__ == "__main__":
    main()
