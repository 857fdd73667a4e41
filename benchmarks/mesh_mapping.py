"""`--mapping mesh` beside `similarity` on real clips: how still crops stand, what is lost there and back.

    python benchmarks/mesh_mapping.py CLIP … [--frames 250]

Per clip: the range of the head's turn (1st to 99th percentile); the standard deviation over time of the
crop's pixels, levels, where the mesh is and beyond it (similarity, mesh, mesh with its depth completed); PSNR
of the inner 56 px of crops pasted back into their own frames; ms of CPU a frame. Run it with
OMP_NUM_THREADS=1.
"""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np

from speechlip.errors import SpeechLipError
from speechlip.media.probe import probe
from speechlip.progress import SILENT
from speechlip.rendering.canonical import canonical_face, smooth_affines
from speechlip.rendering.mappings import open_mesh
from speechlip.rendering.mappings.canonical_mesh import angles
from speechlip.rendering.mappings.mesh import MeshMapping
from speechlip.rendering.mappings.similarity import SimilarityMapping
from speechlip.rendering.person import Person, followed, longest_stretch, watch

INNER = np.array([[[20.0, 20], [76, 76]]])
HEAD = (
    "clip",
    "frames",
    "head turns",
    "where the mesh is: similarity, mesh",
    "beyond it: similarity, mesh, completed",
    "share beyond",
    "there and back, dB: similarity, mesh",
    "ms: read mesh; cut, paste by similarity; by mesh",
    "depth, s",
)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--frames", type=int, default=250, help="at most, of each clip")
    given = parser.parse_args()
    print(f"| {' | '.join(HEAD)} |\n{'|---' * len(HEAD)}|")
    for clip in given.clips:
        try:
            print(f"| {' | '.join(row_of(clip, given.frames))} |", flush=True)
        except SpeechLipError as problem:
            print(f"| {clip.stem} | {problem} |", flush=True)


def row_of(clip, frames):
    person = person_of(clip, frames)
    learned = np.flatnonzero(person.seen)
    affines = smooth_affines(person.landmarks, canonical_face(person.landmarks[learned]), person.tracks)
    mesh, before, known, read_s, depth_s = mesh_of(person, learned, affines)
    flat, rough = SimilarityMapping(affines), MeshMapping(before, mesh.cameras)
    crops, psnr, spent = {}, {}, {}
    for name, mapping in (("flat", flat), ("mesh", mesh), ("rough", rough)):
        crops[name], psnr[name], spent[name] = there_and_back(person, mapping, affines)
    still = {name: np.std(np.array(each, np.float32), axis=0).mean(axis=2) for name, each in crops.items()}
    turns = np.nanpercentile(angles(mesh.cameras)[:, 0], (1, 99))
    return (
        clip.stem,
        f"{len(learned)}",
        f"{turns[0]:.0f}° to {turns[1]:.0f}°",
        listed(still["flat"][known].mean(), still["mesh"][known].mean()),
        listed(*(still[name][~known].mean() for name in ("flat", "rough", "mesh"))),
        f"{(~known).mean():.0%}",
        listed(psnr["flat"], psnr["mesh"]),
        "; ".join([f"{1000 * read_s / len(learned):.1f}", listed(*spent["flat"]), listed(*spent["mesh"])]),
        f"{depth_s:.1f}",
    )


def person_of(clip, frames):
    """The face of the longest shot, up to so many frames; a clip may be shorter than a person has to be."""
    info = probe(clip, need_audio=False)
    faces = watch(clip, info, "landmarker", SILENT)
    start, stop = longest_stretch(faces)
    stop = min(stop, start + frames)
    size = next(size for size in faces.sizes[start:stop] if size)
    silence = np.zeros(0, np.int16)
    return Person(clip, info, start, size, *followed(faces, start, stop), silence, faces.n_frames)


def mesh_of(person, learned, affines):
    """(mapping, depth before it is completed, where the mesh is, CPU s without that, CPU s of it)."""
    taken, complete = [], open_mesh.completed

    def completed(depth, known, images, cameras):
        began = time.process_time()
        done = complete(depth, known, images, cameras)
        taken.extend([depth, known, time.process_time() - began])
        return done

    open_mesh.completed = completed
    began = time.process_time()
    mapping = open_mesh.mesh_mapping(person, learned, affines, SILENT)
    all_s = time.process_time() - began
    open_mesh.completed = complete
    depth, known, depth_s = taken
    return mapping, depth, known, all_s - depth_s, depth_s


def there_and_back(person, mapping, affines):
    """(crops, mean PSNR of what is pasted back, (ms to cut, ms to paste) of CPU a frame)."""
    crops, psnr, cut_s, paste_s = [], [], 0.0, 0.0
    for number, image in person.frames():
        if image is None or person.tracks[number] < 0:
            continue
        began = time.process_time()
        crops.append(mapping.cut(image, number))
        cut = time.process_time()
        back = mapping.paste(image, crops[-1], number)
        cut_s, paste_s = cut_s + cut - began, paste_s + time.process_time() - cut
        inner = cv2.transform(INNER, cv2.invertAffineTransform(affines[number]))[0]
        (x0, y0), (x1, y1) = np.sort(inner, axis=0).round().astype(int).clip(0)
        apart = (back[y0:y1, x0:x1].astype(float) - image[y0:y1, x0:x1]) ** 2
        psnr.append(10 * np.log10(255**2 / max(apart.mean(), 1e-9)))
    return crops, np.mean(psnr), (1000 * cut_s / len(crops), 1000 * paste_s / len(crops))


def listed(*values):
    return ", ".join(f"{value:.1f}" for value in values)


if __name__ == "__main__":
    main()
