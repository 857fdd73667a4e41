"""What the quality columns of clips cost: CPU milliseconds a frame by part, and their share of preparation.

    python benchmarks/quality_cost.py CLIP … [--turns 3]

Every clip is prepared whole in this process, some turns; the turn with the least sum is shown. A frame is
40 ms of video. What a part costs is the time in its function alone.
"""

import argparse
from collections import Counter
from functools import partial
from pathlib import Path

from prepare_stages import plan_of, stage_seconds, timed, title

from speechlip.describing import appearance, quality
from speechlip.faces.detectors.opening import choose_detector
from speechlip.preparing.options import PrepOptions
from speechlip.timing import FPS

PARTS = {
    "sharpness, brightness": (appearance, "measured"),
    "angles": (quality, "head_angles"),
    "movement": (quality, "head_movement_per_s"),
    "blinks": (quality, "count_blinks"),
    "eyes' opening": (quality, "eye_opening"),
    "mouth inside": (quality, "crop_inside_share"),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    detector, _ = choose_detector("auto")
    options = PrepOptions(detector=detector)
    spent_by_part: Counter[str] = Counter()
    for name, (owner, function) in PARTS.items():
        setattr(owner, function, timed(partial(str, name), spent_by_part, getattr(owner, function)))
    stage_seconds(plan_of(given.clips[0], options), options)
    names = [*PARTS, "all quality", "preparation", "share"]
    print("| CPU ms a frame | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
    for clip in given.clips:
        plan = plan_of(clip, options)
        n_frames = sum(planned.part_s for planned in plan.sources) * FPS
        turns = []
        for _ in range(given.turns):
            spent_by_part.clear()
            stages = stage_seconds(plan, options)
            turns.append((sum(stages.values()), stages["quality"], Counter(spent_by_part)))
        whole, all_quality, parts = min(turns, key=lambda turn: turn[0])
        cells = [
            f"{1000 * seconds / n_frames:.3f}" for seconds in (*map(parts.__getitem__, PARTS), all_quality)
        ]
        print(
            f"| {title(clip)} | {' | '.join(cells)} | {1000 * whole / n_frames:.2f} "
            f"| {100 * all_quality / whole:.1f} % |"
        )


if __name__ == "__main__":
    main()
