"""Every figure that docs/measured.md sums up, one script after another (make bench).

    python benchmarks/run_all.py [VIDEO_DIR] [--detector auto]

Without VIDEO_DIR the videos are synthetic: 12 identities, 4 clips each. Run it on an idle machine: other work
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


def command(name: str, *arguments: object) -> None:
    subprocess.run([Path(sys.executable).with_name(name), *map(str, arguments)], check=True)


def script(name: str, *arguments: object) -> None:
    print(f"\n## {name}\n", flush=True)
    subprocess.run([sys.executable, HERE / name, *map(str, arguments)], check=True)


if __name__ == "__main__":
    main()
