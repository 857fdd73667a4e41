"""What metrics of landmarks see on real clips, and what they cost beside finding the landmarks.

    python benchmarks/lip_motion.py CLIPS [--detector landmarker]

Of every clip: MTM where its images are moved by 0, 1, 2, 3 and 5 frames; SLCC of its own audio and of the
next clip's, and by AUC over clips; articulation with recognised phones; CPU microseconds a frame of each
metric, in one thread.
"""

import argparse
import statistics
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from speechlip.metrics.articulation.lips_closed import lips_closed
from speechlip.metrics.declared import OF_LANDMARKS, NotScored
from speechlip.metrics.lips.mtm import mean_temporal_misalignment
from speechlip.metrics.lips.slcc import speech_lip_correlation
from speechlip.metrics.table import members, metrics_of
from speechlip.recipes.folder import videos
from speechlip.scoring.clip.files import open_files
from speechlip.scoring.clip.first_reading import read_both
from speechlip.scoring.clip.signals import Signals, of_render
from speechlip.scoring.networks import settle
from speechlip.scoring.options import ScoreOptions
from speechlip.scoring.records import ScoreTask
from speechlip.timing import SAMPLES_PER_FRAME
from speechlip.workers.processes import use_one_thread

MOVED_FRAMES = (0, 1, 2, 3, 5)
GROUPS = ("lips", "articulation", "head")
SIGNALS = ("landmarks", "audio", "speech", "phones")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path)
    parser.add_argument("--detector", default="landmarker")
    given = parser.parse_args()
    use_one_thread()
    began, seen = time.process_time(), {}
    for path in videos(given.clips):
        found = signals_of(path, given.detector)
        kept = {what: value_of(partial(getattr, found, what)) for what in SIGNALS}
        if kept["landmarks"] is not None:
            seen[path.name] = kept
    per_frame = 1e6 * (time.process_time() - began)
    table_of_moves(seen)
    table_of_costs(seen, per_frame)


def signals_of(path: Path, detector: str) -> Signals:
    options = settle(ScoreOptions(("lip_dynamics",), device="cpu", detector=detector), False)
    files = open_files(ScoreTask(path.name, path), options)
    first = read_both(files, options, None, None, lambda frames: None, False)
    return of_render(files, first.faces.render, options.detector)


def value_of(compute: Any) -> Any:
    """What ``compute`` returns, None where it cannot."""
    try:
        return compute()
    except NotScored:
        return None


def number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def table_of_moves(seen: dict[str, dict]) -> None:
    print("| clip | MTM, images moved by 0, 40, 80, 120, 200 ms | SLCC own | foreign | closed in /p b m/ |")
    print("|---|---|---|---|---|")
    names, margin, pairs = list(seen), max(MOVED_FRAMES), []
    for place, name in enumerate(names):
        own, other = seen[name], seen[names[(place + 1) % len(names)]]
        landmarks = own["landmarks"]
        still = landmarks[margin:]
        late = [landmarks[margin - by : len(landmarks) - by] for by in MOVED_FRAMES]
        moved = [value_of(partial(mean_temporal_misalignment, each, still)) for each in late]
        both = [value_of(partial(slcc, landmarks, audio)) for audio in (own["audio"], other["audio"])]
        closed = value_of(partial(lips_closed, landmarks, own["phones"] or ()))
        pairs += [both] if None not in both else []
        cells = ", ".join(number(value, 1) for value in moved)
        print(f"| {name} | {cells} | {number(both[0], 2)} | {number(both[1], 2)} | {number(closed, 2)} |")
    ours, theirs = np.array(pairs).T
    auc = np.mean((ours[:, None] > theirs[None]) + 0.5 * (ours[:, None] == theirs[None]))
    print(f"\nSLCC, own against foreign audio: AUC {auc:.2f} over {len(pairs)} clips\n")


def slcc(landmarks: np.ndarray, audio: np.ndarray | None) -> float:
    if audio is None:
        raise NotScored("no audio")
    frames = min(len(landmarks), len(audio) // SAMPLES_PER_FRAME)
    return speech_lip_correlation(landmarks[:frames], audio[: SAMPLES_PER_FRAME * frames])


def table_of_costs(seen: dict[str, dict], landmarks_us: float) -> None:
    frames = sum(len(own["landmarks"]) for own in seen.values())
    print("| metric | CPU µs a frame |\n|---|---|")
    print(f"| landmarks, audio, speech and phones | {landmarks_us / frames:.0f} |")
    for family in (family for group in GROUPS for family in members(group)):
        metric = metrics_of(family)[0]
        costs = []
        for own in seen.values():
            arguments = own | {"reference": own["landmarks"]}
            wanted = [arguments[what] for what in OF_LANDMARKS if what in metric.needs]
            if any(each is None for each in wanted):
                continue
            began = time.process_time()
            value_of(partial(metric.compute, *wanted))
            costs.append(1e6 * (time.process_time() - began) / len(own["landmarks"]))
        print(f"| `{family}` | {statistics.median(costs):.1f} |")


if __name__ == "__main__":
    main()
