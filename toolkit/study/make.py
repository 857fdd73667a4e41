"""``speechlip.make_study``: renders → one page that asks people about them, and the key to its numbers."""

import base64
import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from speechlip.checks import check_out, check_path
from speechlip.errors import OptionError, SourceRefused
from speechlip.files.names import plain_name
from speechlip.files.writing import make_folder, write_text
from speechlip.media.listing import videos
from speechlip.media.probe import probe
from speechlip.progress import SILENT, Progress
from speechlip.study.key import BEST, FILE, REAL, SCALES, Key, KeyRow, method_of
from speechlip.webpage.filling import filled
from speechlip.wording import listed

PAGE = "study.html"
TEMPLATE = Path(__file__).with_name("study.html")
SCRIPT = Path(__file__).with_name("study.js")
PLAYED = ("h264", "vp8", "vp9", "av1", "libdav1d", "libvpx", "libvpx-vp9", "libaom-av1")
"""Decoders of what browsers play."""
CONTAINERS = {"mov": "video/mp4", "matroska": "video/webm"}
MAX_BYTES = 200_000_000
"""Of all videos together: a page holds them, and browsers hold a page."""


@dataclass(frozen=True)
class Study:
    """What ``make_study`` wrote.

    page: the file that raters get.
    key: which video each number is; raters do not get it.
    clips: how many there are.
    bytes: size of the page.
    """

    page: Path
    key: Path
    clips: int
    bytes: int


def make_study(
    renders: str | Path,
    out: str | Path,
    reference: str | Path | None = None,
    *,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Study:
    """Write ``study.html`` and ``key.csv`` into ``out``.

    renders: a folder of videos; where they lie in several folders, each is a method.
    reference: a folder of the real videos, which become the method ``real``.
    seed: which number each video has. Each rater sees them in an order of their own.

    The page asks for a name, shows one video after another under its number, with three scales of five
    points, and saves a CSV; it loads nothing. Raises OptionError for a folder without videos, and for videos
    that browsers do not play or that are too large together; WriteError.
    """
    out = check_out(out)
    files = [("", name, path) for name, path in _listed(check_path("renders", renders), out)]
    names = [name for _, name, _ in files]
    if not files:
        raise OptionError(f"no video in {renders}; name the folder of the renders")
    if reference:
        files += [(REAL, name, path) for name, path in _listed(check_path("reference", reference), out)]
    kinds = _kinds([path for _, _, path in files])
    order = list(range(len(files)))
    random.Random(seed).shuffle(order)
    digest = hashlib.sha256(repr((seed, names)).encode())
    rows, clips = [], []
    progress.begin("reading", len(files), "clips", 0)
    for number, place in enumerate(order, start=1):
        given, name, path = files[place]
        content = path.read_bytes()
        digest.update(hashlib.sha256(content).digest())
        clip = f"clip-{number:0{len(str(len(files)))}d}"
        rows.append(KeyRow(clip, name, *((given, _stem(name)) if given else method_of(name, names))))
        clips.append({"clip": clip, "type": kinds[path], "video": base64.b64encode(content).decode()})
        progress.advance(1)
    study = digest.hexdigest()[:12]
    data = {"study": study, "scales": SCALES, "best": BEST, "clips": clips}
    make_folder(out)
    write_text(out / PAGE, filled(TEMPLATE, data, SCRIPT))
    write_text(out / FILE, Key(study, tuple(sorted(rows, key=lambda row: row.clip))).as_csv())
    return Study(out / PAGE, out / FILE, len(rows), (out / PAGE).stat().st_size)


def _listed(root: Path, out: Path) -> Iterator[tuple[str, Path]]:
    if root.is_file():
        yield plain_name(root.name), root
        return
    for path in videos(root, out):
        yield plain_name(path.relative_to(root).as_posix()), path


def _stem(name: str) -> str:
    return name[: len(name) - len(Path(name).suffix)]


def _kinds(paths: list[Path]) -> dict[Path, str]:
    """The MIME type of every video. Raises OptionError that names those no browser plays."""
    kinds: dict[Path, str] = {}
    refused: list[str] = []
    for path in paths:
        try:
            info = probe(path, need_audio=False)
        except SourceRefused as refusal:
            refused.append(f"{path.name} ({refusal.reason})")
            continue
        if info.container not in CONTAINERS or info.video_codec not in PLAYED:
            refused.append(f"{path.name} ({info.video_codec} in {info.container})")
        kinds[path] = CONTAINERS.get(info.container, "")
    if refused:
        raise OptionError(
            f"browsers do not play {listed(refused)}; they play H.264 in mp4, VP9 and AV1 in webm: "
            "ffmpeg -i IN -c:v libx264 -crf 12 -pix_fmt yuv420p -c:a aac OUT.mp4"
        )
    size = sum(path.stat().st_size for path in paths)
    if size > MAX_BYTES:
        raise OptionError(
            f"the videos have {size / 1e6:.0f} MB together, a page holds {MAX_BYTES / 1e6:.0f}; "
            "take fewer, or make them smaller"
        )
    return kinds
