"""Every figure that docs/measured.md sums up, one script after another (make bench).

    python benchmarks/run_all.py [VIDEO_DIR] [--detector auto]

Without VIDEO_DIR the videos are synthetic: 12 identities, 4 clips each; with real clips, sync_real.py and
judge_table.py print what docs/sync-without-weights.md and docs/judge.md are made of. Left out, since they
train for hours: pase_ablation.py, encoder_table.py, train_synthetic.py. Run it on an idle machine: other work
on the same cores changes the figures.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("videos", type=Path, nargs="?")
    parser.add_argument("--detector", default="auto")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        videos = given.videos or synthetic(Path(folder) / "videos")
        longest = max((path for path in videos.rglob("*.mp4")), key=lambda path: path.stat().st_size)
        shards = Path(folder) / "shards"
        command("prep-shards", videos, "-o", shards, "--detector", given.detector)
        script("worker_start.py")
        script("start.py")
        script("planning.py")
        script("finish.py")
        script("doubles.py")
        script("identity.py")
        script("edit_speed.py")
        script("alignment_error.py", "--sentences", 4)
        script("throughput.py", videos, "--detector", given.detector)
        script("member_sizes.py", videos, "--detector", given.detector)
        script("loader.py", shards)
        script("train_speed.py", shards)
        script("memory.py", longest, "--detector", given.detector)
        script("image_metrics.py")
        script("self_check.py")
        sync = given.detector if given.videos else "sidecar"
        script("sync_real.py", videos, "--detector", sync)
        judge(given.videos or next(videos.glob("speaker-*")), Path(folder) / "judge", given.detector)
        script("syncnet_speed.py")
        script(
            "score_speed.py",
            "--protocols",
            "direct",
            "--detectors",
            given.detector if given.detector != "auto" else "cascade",
        )


def synthetic(videos: Path) -> Path:
    command("speechlip", "synthesize", videos, "--identities", "12", "--clips", "4")
    return videos


def judge(videos: Path, out: Path, detector: str) -> None:
    """The table of what four metrics see of a few harms. Missing values (exit code 3) are named in it."""
    metrics, harms = ("psnr", "lmd", "mtm", "slcc"), "late,blur,frozen,again"
    options = ("--seconds", 3, "--side", 320, "--detector", detector)
    command(
        "speechlip", "judge", *metrics, "--clips", videos, "-o", out, "--harms", harms, *options, ends=(0, 3)
    )
    script("judge_table.py", out / "judge.json")


def command(name: str, *arguments: object, ends: tuple[int, ...] = (0,)) -> None:
    """Run it. Raises SystemExit where its exit code is none of ``ends``."""
    line = [Path(sys.executable).with_name(name), *map(str, arguments)]
    if (code := subprocess.run(line, check=False).returncode) not in ends:
        raise SystemExit(f"{name} ended with {code}")


def script(name: str, *arguments: object) -> None:
    print(f"\n## {name}\n", flush=True)
    subprocess.run([sys.executable, HERE / name, *map(str, arguments)], check=True)


if __name__ == "__main__":
    main()
