"""What hearing speech costs beside the rest of a preparation, and beside silero-vad's own loop over chunks.

    python benchmarks/speech.py VIDEO_DIR [--detector auto] [--turns 3]

Prepares VIDEO_DIR with one worker and prints the funnel. Then every video's audio is heard by both, turn by
turn in one thread; the least CPU time of the turns counts. Prints a Markdown table.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import silero_vad
import torch

from speechlip.describing.speech import speech_of, spoken_frames
from speechlip.errors import SourceRefused
from speechlip.media.audio import audio_windows
from speechlip.media.listing import videos
from speechlip.media.probe import probe
from speechlip.preparing.options import PrepOptions
from speechlip.preparing.prepare import prepare
from speechlip.shards.ledger import format_funnel
from speechlip.timing import FPS, SAMPLES_PER_FRAME


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("videos", type=Path)
    parser.add_argument("--detector", default="auto")
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        options = PrepOptions(detector=given.detector)
        print(format_funnel(prepare(given.videos, Path(folder) / "out", options, workers=1).funnel))
    model = silero_vad.load_silero_vad()
    print("\n| clip | s | speech | ms a second | package's loop, ms a second | frames that differ |")
    print("|---|---|---|---|---|---|")
    total = Counter[str]()
    for path in videos(given.videos):
        if (audio := audio_of(path)) is None:
            continue
        row = compared(model, audio, given.turns)
        total.update(row)
        print(f"| {path.stem} | {words(row)} |", flush=True)
    print(f"| all | {words(total)} |")


def audio_of(path: Path) -> np.ndarray | None:
    """(640 T,) int16 of a video, zeros where it has none; None where there is no audio."""
    try:
        info = probe(path)
        frames = list(islice(audio_windows(path, info, Counter()), int(info.video_duration_s * FPS)))
    except SourceRefused:
        return None
    silence = np.zeros(SAMPLES_PER_FRAME, np.int16)
    return np.concatenate([silence if frame is None else frame for frame in frames])


def compared(model: Any, audio: np.ndarray, turns: int) -> dict[str, float]:
    """Seconds, frames with speech, frames that differ, and CPU seconds of both."""
    wave = torch.from_numpy(audio.astype(np.float32) / 32768)
    took: dict[str, list[float]] = {"ours": [], "theirs": []}
    for _ in range(turns):
        ours = timed(took["ours"], lambda: speech_of(audio))
        stated = timed(took["theirs"], lambda: silero_vad.get_speech_timestamps(wave, model))
    theirs = spoken_frames([(span["start"], span["end"]) for span in stated], len(ours))
    least = {name: min(times_s) for name, times_s in took.items()}
    return {"s": len(ours) / FPS, "spoken": ours.sum(), "differ": (ours != theirs).sum(), **least}


def timed(times_s: list[float], work: Callable[[], Any]) -> Any:
    began = time.process_time()
    result = work()
    times_s.append(time.process_time() - began)
    return result


def words(row: Any) -> str:
    ms = [f"{1000 * row[name] / row['s']:.2f}" for name in ("ours", "theirs")]
    return f"{row['s']:.1f} | {row['spoken'] / FPS / row['s']:.2f} | {ms[0]} | {ms[1]} | {row['differ']}"


if __name__ == "__main__":
    main()
