"""One clip: what is said, how the face moves with it, and its four files."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
from praatio import textgrid

from speechlip.metrics.phones.visemes import viseme
from speechlip.phones import SILENCE
from speechlip.recipes._synthetic.frame import render_frame
from speechlip.recipes._synthetic.identity import Identity
from speechlip.recipes._synthetic.motion import gazes, poses
from speechlip.recipes._synthetic.portrait import Portrait
from speechlip.recipes._synthetic.sentences import pick
from speechlip.recipes._synthetic.visemes import mouth_track
from speechlip.recipes._synthetic.voice import Utterance, speak
from speechlip.records import LANDMARKS_ENDING, Phone

LEAD_FRAMES, TAIL_FRAMES = 5, 6  # of silence around the speech; more where the offset needs it
TARGET_WORDS = 9
QUANTISER = "19"  # of 51; about 250 kbit/s at 256 × 256
ENDINGS = (".txt", ".TextGrid", LANDMARKS_ENDING, ".mp4")  # the film last: where it is, the others are


@dataclass(frozen=True)
class Script:
    """A clip before it is rendered. Times in seconds of the video; offset_frames > 0: the audio is early."""

    utterance: Utterance
    transcript: str
    lead_s: float
    n_frames: int
    fps: int
    offset_frames: int

    @property
    def duration_s(self) -> float:
        return self.n_frames / self.fps

    def times_s(self) -> np.ndarray:
        """The middle of every frame, where its mouth is read (N,)."""
        return (np.arange(self.n_frames) + 0.5) / self.fps


def script(who: Identity, rng: np.random.Generator, fps: int, offset_frames: int, seconds: int = 0) -> Script:
    """Choose the words, say them, and count the frames; seconds: the least, 0 for a sentence or two."""
    transcript = pick(rng, TARGET_WORDS)
    said = speak(transcript, who.voice, who.rate, who.pitch)
    while said.duration_s < seconds:
        missing = (seconds - said.duration_s) * len(transcript.split()) / said.duration_s
        transcript = f"{transcript} {pick(rng, round(missing) + 1)}"
        said = speak(transcript, who.voice, who.rate, who.pitch)
    lead, tail = max(LEAD_FRAMES, offset_frames), max(TAIL_FRAMES, -offset_frames)
    n_frames = lead + int(np.ceil(said.duration_s * fps)) + tail
    return Script(said, transcript, lead / fps, n_frames, fps, offset_frames)


def placed(spans: tuple[Phone, ...], start_s: float, stop_s: float, fill: bool) -> list[Phone]:
    """``spans`` moved by ``start_s``; with ``fill``, the silence before and after is ``SIL`` too."""
    moved = [Phone(span.start_s + start_s, span.end_s + start_s, span.phone) for span in spans]
    if fill:
        before, after = Phone(0.0, moved[0].start_s, SILENCE), Phone(moved[-1].end_s, stop_s, SILENCE)
        moved = [span for span in (before, *moved, after) if span.end_s - span.start_s > 1e-9]
    return merged(moved)


def merged(spans: list[Phone]) -> list[Phone]:
    """Neighbouring silences as one."""
    out: list[Phone] = []
    for span in spans:
        if out and out[-1].phone == span.phone == SILENCE:
            out[-1] = Phone(out[-1].start_s, span.end_s, SILENCE)
        else:
            out.append(span)
    return out


def audio(plan: Script) -> np.ndarray:
    """The whole soundtrack, int16 (round(duration × rate),): silence, speech moved by the offset, silence."""
    rate = plan.utterance.sample_rate
    track = np.zeros(round(plan.duration_s * rate), np.int16)
    start = round((plan.lead_s - plan.offset_frames / plan.fps) * rate)
    track[start : start + len(plan.utterance.samples)] = plan.utterance.samples
    return track


def write_clip(
    stem: Path, portrait: Portrait, seed: list[int], fps: int, offset_frames: int, seconds: int = 0
) -> float:
    """Make one clip and write ``stem`` + ``ENDINGS`` → its length in seconds.

    Every file is written beside its place and renamed, the film last. The words and the movement have
    separate seeds.
    """
    plan = script(portrait.who, np.random.default_rng([*seed, 0]), fps, offset_frames, seconds)
    spoken = placed(plan.utterance.phones, plan.lead_s, plan.duration_s, fill=True)
    mouths = mouth_track(tuple(spoken), plan.times_s())
    rng = np.random.default_rng([*seed, 1])
    stresses_s = tuple(t + plan.lead_s for t in plan.utterance.stresses_s)
    moves = poses(portrait.who, rng, plan.times_s(), stresses_s)
    looks = gazes(rng, plan.times_s(), stresses_s)
    landmarks: list[np.ndarray] = []

    def images() -> Iterator[np.ndarray]:
        for seen in zip(moves, mouths, looks, strict=True):
            image, points = render_frame(portrait, *seen)
            landmarks.append(points)
            yield image

    write = {
        ".mp4": lambda path: write_film(path, images(), audio(plan), fps, plan.utterance.sample_rate),
        ".txt": lambda path: path.write_text(plan.transcript + "\n", encoding="utf-8", newline="\n"),
        ".TextGrid": lambda path: write_textgrid(path, plan, spoken),
        LANDMARKS_ENDING: lambda path: write_landmarks(path, np.stack(landmarks), fps),
    }
    parts = {ending: stem.with_name(f"{stem.name}{ending}.part") for ending in write}
    for ending, part in parts.items():
        write[ending](part)
    for ending in ENDINGS:
        parts[ending].replace(stem.with_name(stem.name + ending))
    return plan.duration_s


def film_duration_s(stem: Path) -> float:
    """Length of a clip that is already there, from its landmarks."""
    with np.load(stem.with_name(stem.name + LANDMARKS_ENDING), allow_pickle=False) as file:
        times_s = file["time_s"]
    return float(times_s[-1] + times_s[1])


def write_textgrid(path: Path, plan: Script, spoken: list[Phone]) -> None:
    """Tiers phones, words and sentence in the time of the audio, visemes (SAPI) in that of the images."""
    late_s = plan.lead_s - plan.offset_frames / plan.fps
    words = placed(plan.utterance.words, late_s, plan.duration_s, fill=False)
    tiers = {
        "phones": placed(plan.utterance.phones, late_s, plan.duration_s, fill=True),
        "visemes": [Phone(span.start_s, span.end_s, str(viseme(span.phone))) for span in spoken],
        "words": words,
        "sentence": [Phone(words[0].start_s, words[-1].end_s, plan.transcript)],
    }
    grid = textgrid.Textgrid(0, plan.duration_s)
    for name, spans in tiers.items():
        entries = [(round(span.start_s, 6), round(span.end_s, 6), span.phone) for span in spans]
        grid.addTier(textgrid.IntervalTier(name, entries, 0, plan.duration_s))
    grid.save(str(path), format="long_textgrid", includeBlankSpaces=True)


def write_landmarks(path: Path, landmarks: np.ndarray, fps: int) -> None:
    """landmarks (N, 68, 2) float32 in pixels, time_s (N,) float64: when each frame is first shown."""
    with path.open("wb") as file:
        np.savez(file, landmarks=landmarks.astype(np.float32), time_s=np.arange(len(landmarks)) / fps)


def write_film(
    path: Path, images: Iterator[np.ndarray], samples: np.ndarray, fps: int, sample_rate: int
) -> None:
    """H.264 and AAC in MP4, by one thread and without a clock in the file: equal input, equal bytes.

    The quantiser is constant: with x264's usual rate factor (crf), one film in about 1500 came out a bit
    differently.
    """
    with av.open(
        str(path), "w", format="mp4", options={"fflags": "+bitexact", "movflags": "+faststart"}
    ) as film:
        video = film.add_stream("libx264", rate=fps)
        first = next(images)
        video.height, video.width = first.shape[:2]
        video.pix_fmt = "yuv420p"
        video.options = {"preset": "veryfast", "qp": QUANTISER, "threads": "1"}
        audio = film.add_stream("aac", rate=sample_rate, layout="mono")
        audio.bit_rate = 96_000
        for i, image in enumerate(chain((first,), images)):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, fps)
            film.mux(video.encode(frame))
        film.mux(video.encode(None))
        heard = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        heard.sample_rate, heard.pts, heard.time_base = sample_rate, 0, Fraction(1, sample_rate)
        film.mux(audio.encode(heard))
        film.mux(audio.encode(None))
