"""Sync judged without weights, on real clips: own sound beside foreign and shifted, and injected shifts.

    python benchmarks/sync_real.py CLIPS [--detector auto] [--speech 0.5] [--same hdtf_1,videoretalking_3]

CLIPS is a folder of videos; the first sub-folder names the speaker, else the file does. True offsets of real
clips are not known. So "own against foreign" compares the correlation at the best offset; "against shifted"
compares it at offset 0 (at ±25 frames, beyond the search, at the best offset too); "injected" moves the sound
by ±4, ±8 and 0 frames, and asks for the offset of the whole clip, as the same judge measured it, plus the
shift. Windows are parts of 5 and 10 s against the whole clip's offset by the other judge. Of two clips side
by side, with the sound of one, --faces speaking is asked who speaks. Intervals are over clips.

--same names clips that are of one recording: they teach `self` nothing about each other, and are never
foreign. Running mean and least confidence of `phones` were chosen on such clips; so both are chosen again on
half the recordings, and the windows of the other half judged, many halves one after another. Prints Markdown.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from speechlip.describing.speech import share_of, speech_of
from speechlip.errors import SourceRefused
from speechlip.faces.detectors.opening import choose_detector, open_detector
from speechlip.faces.tracking.stage import FaceStage
from speechlip.lipsync.correlation import LEAST_FRAMES, MouthSync, correlations, mouth_sync
from speechlip.lipsync.learned import SpokenFace, foretold, heard, learn, seen
from speechlip.lipsync.mouth import STEADY_FRAMES, mouth_distances, movement
from speechlip.lipsync.phones import expected_mouth
from speechlip.lipsync.speaking import speakers
from speechlip.media.frames import joins, read_frames
from speechlip.media.listing import videos
from speechlip.media.probe import probe
from speechlip.metrics.statistics.intervals import mean_interval
from speechlip.metrics.statistics.pair_intervals import auc_interval
from speechlip.records import FaceTrack, Source
from speechlip.scoring.clip.faces import sidecar_of
from speechlip.scoring.sync.verdict import GREATEST_P, UNDECIDED, offset_verdict
from speechlip.timing import FPS, SAMPLES_PER_FRAME
from speechlip.wording import counted

SHIFTS = (-8, -4, 0, 4, 8)
FAR = (-25, 25)
LEAST_CONFIDENCE = 0.1
STEADY, LEAST = (7, 9, 11, 13, 17, 25), (0.0, 0.05, 0.1, 0.15, 0.2)
"""Running means, in frames, and least confidences that are chosen from."""
HALVES, WRONG = 50, 4
"""How often recordings are halved; how many right windows a wrong one outweighs."""
Expect = Callable[[int, np.ndarray], np.ndarray]
"""(number of a clip, audio) → (N, 4): what the mouth of that clip should do to that audio."""


@dataclass(frozen=True)
class Clip:
    """Landmarks (T, 68, 2) of its longest track from frame ``start`` on, and all of its audio."""

    name: str
    speaker: str
    landmarks: np.ndarray
    start: int
    audio: np.ndarray
    speech: float

    @property
    def measured(self) -> np.ndarray:
        return movement(mouth_distances(self.landmarks))

    @property
    def seconds(self) -> float:
        return len(self.landmarks) / FPS


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path)
    parser.add_argument("--detector", default="auto")
    parser.add_argument("--same", action="append", default=[], help="clips of one recording, by name")
    parser.add_argument("--speech", type=float, default=0.5, help="least share of the second group")
    given = parser.parse_args()
    clips = list(read_clips(given.clips, choose_detector(given.detector)[0]))
    if len(clips) < 2:
        parser.error(
            f"{counted(len(clips), 'clip')} with a face and sound in {given.clips}; two or more are wanted"
        )
    for names in given.same:
        same = names.split(",")
        clips = [replace(clip, speaker=names) if clip.name in same else clip for clip in clips]
    groups = {"all": np.ones(len(clips), bool)}
    groups[f"speech ≥ {given.speech:.0%}"] = np.array([clip.speech >= given.speech for clip in clips])
    began = time.process_time()
    judges: dict[str, Expect] = {"phones": by_phones()}
    judges["self"] = learned(clips)
    print(f"{len(clips)} clips, {sum(clip.seconds for clip in clips):.0f} s")
    whole = {name: [own(clip, expect, n) for n, clip in enumerate(clips)] for name, expect in judges.items()}
    spent = time.process_time() - began
    print_clips(clips, whole)
    print("\n| judge | clips | own / foreign | / ±4 | / ±8 | / ±25 | / ±25, best offset | foreign decided |")
    print("|---|---|---|---|---|---|---|---|")
    for name, expect in judges.items():
        for group, chosen in groups.items():
            print(f"| `{name}` | {group}: {chosen.sum()} | {told_apart(clips, expect, chosen)} |", flush=True)
    print(
        "\n| judge | clips | not undecided | injected, ± 1 frame | in every clip | windows not undecided "
        "| ± 1 frame |\n|---|---|---|---|---|---|---|"
    )
    for name, other in (("phones", "self"), ("self", "phones")):
        for group, chosen in groups.items():
            words = lag_words(clips, judges[name], whole[name], whole[other], chosen)
            print(f"| `{name}` | {group}: {chosen.sum()} | {words} |", flush=True)
    print("\n| two faces at once, one of them speaks | right | wrong | undecided |\n|---|---|---|---|")
    for group, chosen in groups.items():
        print(
            f"| {group}: {chosen.sum()} clips, each beside every other | {two_faces(clips, judges, chosen)} |"
        )
    print_held_out(clips, judges["phones"], whole["self"])
    total = sum(clip.seconds for clip in clips)
    print(f"\nBoth judges, every clip once: {1000 * spent / total:.0f} ms of CPU a second of video")


def read_clips(folder: Path, detector: str) -> Iterator[Clip]:
    for path in videos(folder):
        relative = path.relative_to(folder)
        try:
            info = probe(path)
            with (
                open_detector(
                    detector, Source(path, path.name, "", landmarks_path=sidecar_of(path))
                ) as opened,
                closing(read_frames(path, info)) as reading,
            ):
                stage, samples = FaceStage(opened), []
                for frame in reading:
                    stage.see(frame.rgb(), frame.index)
                    silence = np.zeros(SAMPLES_PER_FRAME, np.int16)
                    samples.append(silence if frame.samples is None else frame.samples)
        except SourceRefused as refusal:
            print(f"left out: {path.name}, {refusal.reason}")
            continue
        track = max(stage.finish(joins(info)).tracks, key=len, default=None)
        audio = np.concatenate(samples)
        if track is None or track.landmarks is None or len(track) < LEAST_FRAMES or not audio.any():
            print(f"left out: {path.name}, no face of 2 s with landmarks, or no sound")
            continue
        speaker = relative.parts[0] if len(relative.parts) > 1 else relative.stem
        share = share_of(speech_of(audio))
        yield Clip(path.stem, speaker, track.landmarks, track.start_frame, audio, share)


def by_phones() -> Expect:
    """``phones``: every audio is heard once."""
    known: dict[bytes, np.ndarray] = {}

    def expect(number: int, audio: np.ndarray) -> np.ndarray:
        name = sha256(audio.tobytes()).digest()
        if name not in known:
            known[name] = expected_mouth(audio)
        return known[name]

    return expect


def learned(clips: Sequence[Clip]) -> Expect:
    """``self``: each clip by what was learned on the other speakers."""
    faces = [SpokenFace(clip.speaker, heard(clip.audio), seen(clip.landmarks), clip.start) for clip in clips]
    weights = {
        speaker: learn([face for face in faces if face.speaker != speaker])
        for speaker in {face.speaker for face in faces}
    }
    return lambda number, audio: foretold(heard(audio), weights[clips[number].speaker])


def own(clip: Clip, expect: Expect, number: int) -> MouthSync:
    return mouth_sync(movement(expect(number, clip.audio)), clip.measured, clip.start)


def decided(sync: MouthSync) -> bool:
    verdict = offset_verdict(sync.offset_frames, sync.confidence, None, LEAST_CONFIDENCE, p=sync.p)
    return not verdict.startswith(UNDECIDED)


def moved(audio: np.ndarray, frames: int) -> np.ndarray:
    """The audio ``frames`` earlier; what goes out at one end comes in at the other."""
    return np.roll(audio, -frames * SAMPLES_PER_FRAME)


def print_clips(clips: Sequence[Clip], whole: dict[str, list[MouthSync]]) -> None:
    print(
        "\n| clip | s | speech | "
        + " | ".join(f"`{name}`: offset, r, confidence, p" for name in whole)
        + " |"
    )
    print("|---|---|---|" + "---|" * len(whole))
    for number, clip in enumerate(clips):
        cells = [f"{clip.name} | {clip.seconds:.0f} | {clip.speech:.2f}"]
        for syncs in whole.values():
            sync = syncs[number]
            mark = "" if decided(sync) else " ?"
            cells.append(
                f"{sync.offset_frames:+d}{mark}, {sync.correlation:.2f}, {sync.confidence:.2f}, {sync.p:.3f}"
            )
        print(f"| {' | '.join(cells)} |".replace("-", "−"))


def told_apart(clips: Sequence[Clip], expect: Expect, chosen: np.ndarray) -> str:
    """AUC of own sound against others', and against its own shifted."""
    best, here, taken = {}, {}, []
    for number in np.flatnonzero(chosen):
        clip = clips[number]
        for shift in (0, *SHIFTS, *FAR):
            curve = correlations(
                movement(expect(number, moved(clip.audio, shift))), clip.measured, clip.start
            )
            best[number, shift], here[number, shift] = curve.max(), curve[len(curve) // 2]
        for other in np.flatnonzero(chosen):
            if clips[other].speaker == clip.speaker:
                continue
            frames = min(len(clip.landmarks), len(clips[other].audio) // SAMPLES_PER_FRAME - clip.start)
            if frames >= LEAST_FRAMES:
                rows = movement(expect(number, clips[other].audio))
                sync = mouth_sync(rows[: clip.start + frames], clip.measured[:frames], clip.start)
                best[number, f"foreign {other}"] = sync.correlation
                taken.append(decided(sync))
    columns = [auc(best, [key for key in best if isinstance(key[1], str)])]
    for shifts in ((-4, 4), (-8, 8), FAR):
        columns.append(auc(here, [key for key in here if key[1] in shifts]))
    columns.append(auc(best, [key for key in best if key[1] in FAR]))
    return " | ".join([*columns, f"{np.mean(taken):.0%} of {len(taken)}"])


def auc(values: dict, negatives: list) -> str:
    positives = [key for key in values if key[1] == 0]
    keys = [*positives, *negatives]
    label = np.array([1] * len(positives) + [0] * len(negatives))
    similarity = np.array([values[key] for key in keys])
    measured = auc_interval(similarity, label, np.array([key[0] for key in keys]))
    return f"{measured.value:.2f} ({measured.ci_low:.2f}–{measured.ci_high:.2f})"


def lag_words(
    clips: Sequence[Clip],
    expect: Expect,
    whole: Sequence[MouthSync],
    other: Sequence[MouthSync],
    chosen: np.ndarray,
) -> str:
    numbers = np.flatnonzero(chosen)
    sure = [number for number in numbers if decided(whole[number])]
    shifts, parts, right, of_all = [], [], [], []
    for number in numbers:
        clip = clips[number]
        found = [
            mouth_sync(movement(expect(number, moved(clip.audio, shift))), clip.measured, clip.start)
            for shift in SHIFTS
        ]
        of_all.append(
            [
                abs(sync.offset_frames - shift - whole[number].offset_frames) <= 1
                for sync, shift in zip(found, SHIFTS, strict=True)
            ]
        )
        shifts += of_all[-1:] if number in sure else []
    for number in numbers:
        clip, truth = clips[number], other[number]
        if not decided(truth):
            continue
        rows = movement(expect(number, clip.audio))
        syncs = [
            mouth_sync(rows, clip.measured[first : first + frames], clip.start + first)
            for frames in (5 * FPS, 10 * FPS)
            for first in range(0, len(clip.measured) - frames + 1, frames // 2)
        ]
        parts.append([decided(sync) for sync in syncs])
        right.append([abs(sync.offset_frames - truth.offset_frames) <= 1 for sync in syncs if decided(sync)])
    return (
        f"{len(sure)} of {len(numbers)} | {rate(shifts)} | {rate(of_all)} | "
        f"{sum(map(sum, parts))} of {sum(map(len, parts))} | {rate(right)}"
    )


def print_held_out(clips: Sequence[Clip], expect: Expect, truth: Sequence[MouthSync]) -> None:
    """Settings of ``phones`` chosen on half the recordings, the windows of the other half by them."""
    recordings = sorted({clip.speaker for clip in clips})
    judged = {
        steady: {
            number: windows_of(clip, expect(number, clip.audio), steady)
            for number, clip in enumerate(clips)
            if decided(truth[number])
        }
        for steady in STEADY
    }

    def counts(setting: tuple[int, float], group: set[str]) -> tuple[int, int, int]:
        """Right, decided, all windows of the recordings of a group."""
        syncs = [
            (sync, truth[number].offset_frames)
            for number, own_syncs in judged[setting[0]].items()
            if clips[number].speaker in group
            for sync in own_syncs
        ]
        sure = [pair for pair in syncs if pair[0].confidence >= setting[1] and pair[0].p <= GREATEST_P]
        right = sum(abs(sync.offset_frames - offset) <= 1 for sync, offset in sure)
        return right, len(sure), len(syncs)

    def best(group: set[str]) -> tuple[int, float]:
        """Most decided windows that are right, one that is wrong taken for ``WRONG`` of them."""
        return max(
            ((steady, least) for steady in STEADY for least in LEAST),
            key=lambda setting: (1 + WRONG) * counts(setting, group)[0] - WRONG * counts(setting, group)[1],
        )

    chosen, seen_total, held_total = Counter[tuple[int, float]](), np.zeros(3), np.zeros(3)
    random, usual_total = np.random.default_rng(0), np.zeros(3)
    for _ in range(HALVES):
        half = {recordings[n] for n in random.permutation(len(recordings))[: len(recordings) // 2]}
        for group in (half, set(recordings) - half):
            setting, rest = best(group), set(recordings) - group
            chosen[setting] += 1
            seen_total += counts(setting, group)
            held_total += counts(setting, rest)
            usual_total += counts((STEADY_FRAMES, LEAST_CONFIDENCE), rest)
    print("\n| `phones`, windows of 5 and 10 s | not undecided | ± 1 frame |\n|---|---|---|")
    for name, total in (
        (f"as released: mean of {STEADY_FRAMES}, confidence {LEAST_CONFIDENCE}", usual_total),
        ("chosen and judged on the same half", seen_total),
        ("chosen on one half, judged on the other", held_total),
    ):
        print(f"| {name} | {total[1] / max(1, total[2]):.0%} | {total[0] / max(1, total[1]):.0%} |")
    often = ", ".join(
        f"mean of {steady}, confidence {least:g}: {n} times" for (steady, least), n in chosen.most_common(3)
    )
    print(f"\n{2 * HALVES} halves of {len(recordings)} recordings; chosen most often: {often}", flush=True)


def windows_of(clip: Clip, expected: np.ndarray, steady: int) -> list[MouthSync]:
    rows, mouth = movement(expected, steady), movement(mouth_distances(clip.landmarks), steady)
    return [
        mouth_sync(rows, mouth[first : first + frames], clip.start + first)
        for frames in (5 * FPS, 10 * FPS)
        for first in range(0, len(mouth) - frames + 1, frames // 2)
    ]


def two_faces(clips: Sequence[Clip], judges: dict[str, Expect], chosen: np.ndarray) -> str:
    """Share of frames in which the face that belongs to the audio is taken, another one, or none."""
    frames = Counter[str]()
    for number in np.flatnonzero(chosen):
        clip = clips[number]
        for other in np.flatnonzero(chosen):
            if clips[other].speaker != clip.speaker:
                n = min(len(clip.landmarks), len(clips[other].landmarks))
                expected = judges["phones"](number, clip.audio)[clip.start : clip.start + n]
                owner = speakers(expected, [track_of(clip, n), track_of(clips[other], n)])
                frames.update(right=int(np.sum(owner == 0)), wrong=int(np.sum(owner == 1)), all=n)
    right, wrong = frames["right"] / frames["all"], frames["wrong"] / frames["all"]
    return f"{right:.0%} | {wrong:.1%} | {1 - right - wrong:.0%}"


def track_of(clip: Clip, frames: int) -> FaceTrack:
    seen = np.ones(frames, bool)
    return FaceTrack(0, np.zeros((frames, 4)), seen, ~seen, clip.landmarks[:frames])


def rate(right: Sequence[Sequence[bool]]) -> str:
    """Share over all, with an interval over clips."""
    each = [float(np.mean(one)) for one in right if one]
    if not each:
        return "–"
    share = np.mean([one for many in right for one in many])
    held = mean_interval(each, rate=True)
    return f"{share:.0%} of {sum(map(len, right))} ({held.ci_low:.0%}–{held.ci_high:.0%})"


if __name__ == "__main__":
    main()
