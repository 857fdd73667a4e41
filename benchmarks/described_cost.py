"""What describing clips costs, by group of columns: CPU milliseconds a frame, and their share of preparation.

    python benchmarks/described_cost.py CLIP … [--turns 3] [--brisque]

Every clip is prepared whole in this process, some turns; the turn with the least sum is shown. A frame is
40 ms of video. What a group of quality costs is the time in its functions alone; ``all quality`` has what is
around them too. Speech is hearing it, and finding where somebody speaks. ``--brisque`` takes a seeded fit of
774 support vectors, as many as that of BRISQUE's authors has; its time is part of that of sharpness, too.
"""

import argparse
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
from prepare_stages import plan_of, stage_seconds, timed, title

from speechlip.describing import appearance, quality
from speechlip.faces.detectors.opening import choose_detector
from speechlip.metrics.natural.statistics import N_STATISTICS
from speechlip.preparing.options import PrepOptions
from speechlip.timing import FPS

GROUPS = {
    "sharpness, brightness": ((appearance, "measured"),),
    "BRISQUE": ((appearance, "_rated"),),
    "angles": ((quality, "head_angles"),),
    "movement": ((quality, "head_movement_per_s"),),
    "blinks": ((quality, "eye_opening"), (quality, "count_blinks")),
    "mouth inside": ((quality, "inside_share"),),
    "TalkVid's scores": ((quality, "talkvid_scores"),),
}
STAGES = ("quality", "speech")
VECTORS = 774


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--brisque", action="store_true")
    given = parser.parse_args()
    detector, _ = choose_detector("auto")
    folder = tempfile.TemporaryDirectory()
    fit = write_seeded_fit(Path(folder.name)) if given.brisque else None
    options = PrepOptions(detector=detector, brisque_model=fit)
    spent_by_group: Counter[str] = Counter()
    for name, functions in GROUPS.items():
        for owner, function in functions:
            watched = timed(partial(str, name), spent_by_group, getattr(owner, function))
            setattr(owner, function, watched)
    stage_seconds(plan_of(given.clips[0], options), options)
    names = [*GROUPS, *(f"all {stage}" for stage in STAGES), "preparation", "share of quality and speech"]
    print("| CPU ms a frame | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
    shares = []
    for clip in given.clips:
        plan = plan_of(clip, options)
        n_frames = sum(planned.part_s for planned in plan.sources) * FPS
        turns = []
        for _ in range(given.turns):
            spent_by_group.clear()
            stages = stage_seconds(plan, options)
            turns.append((sum(stages.values()), stages, Counter(spent_by_group)))
        whole, stages, groups = min(turns, key=lambda turn: turn[0])
        described = [stages[stage] for stage in STAGES]
        cells = [f"{1000 * spent / n_frames:.3f}" for spent in (*map(groups.__getitem__, GROUPS), *described)]
        shares.append(100 * sum(described) / whole)
        print(
            f"| {title(clip)} | {' | '.join(cells)} | {1000 * whole / n_frames:.2f} | {shares[-1]:.1f} % |",
            flush=True,
        )
    print(f"\nquality and speech together: {min(shares):.1f} to {max(shares):.1f} % of preparation")


def write_seeded_fit(folder: Path) -> Path:
    """A model of libsvm whose numbers mean nothing, and ranges beside it."""
    rows = np.random.default_rng(0).uniform(-1, 1, (VECTORS, N_STATISTICS))
    header = f"svm_type epsilon_svr\nkernel_type rbf\ngamma 0.05\nnr_class 2\ntotal_sv {VECTORS}\nrho 0\nSV\n"
    lines = [f"1 {' '.join(f'{place}:{value:.6f}' for place, value in enumerate(row, 1))}" for row in rows]
    (folder / "allmodel").write_text(header + "\n".join(lines), encoding="ascii")
    ranges = "".join(f"{place} -1 10\n" for place in range(1, N_STATISTICS + 1))
    (folder / "allrange").write_text(f"x\n-1 1\n{ranges}", encoding="ascii")
    return folder / "allmodel"


if __name__ == "__main__":
    main()
