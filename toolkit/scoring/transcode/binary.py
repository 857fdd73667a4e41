"""A real ffmpeg, where one is at hand: which it is, and the published commands run by it."""

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from shutil import which
from tempfile import TemporaryFile

import av

from speechlip.errors import OptionError, SourceRefused
from speechlip.media.streams.opening import AUDIO_FORMATS, MAX_PICTURE_PX, VIDEO_FORMATS
from speechlip.scoring.transcode.rules import DEFAULT, GENERATIONS, Generation, generation, of_version
from speechlip.workers.processes import alive

ASKING_S = 20
LOOKING_S = 1.0
ONLY_MEDIA = ("-protocol_whitelist", "file", "-format_whitelist", f"{VIDEO_FORMATS},{AUDIO_FORMATS}")
RELEASE = re.compile(r"n?(\d+\.\d+(?:\.\d+)?)")
QUIET = ("-nostdin", "-hide_banner", "-loglevel", "error", "-y")


@dataclass(frozen=True)
class Ffmpeg:
    """The ffmpeg whose rules place frames and audio.

    generation: its name.
    path: of a binary that is really run; empty where ``generation`` is emulated.
    version: of the binary.
    """

    generation: str = DEFAULT
    path: str = ""
    version: str = ""

    @property
    def rules(self) -> Generation:
        return generation(self.generation)

    @property
    def words(self) -> str:
        """What stands beside every score.

        >>> Ffmpeg().words, Ffmpeg("7.0", "/usr/bin/ffmpeg", "7.0.2").words
        ('4.2 emulated', '7.0.2 run')
        """
        return f"{self.version} run" if self.path else f"{self.generation} emulated"


EMULATED = Ffmpeg()


@lru_cache
def find(text: str | None) -> Ffmpeg:
    """The name of a generation (emulated), or the path of a binary, or its name on PATH. Raises OptionError
    for what is neither.

    >>> find(None).words, find("7.0").words
    ('4.2 emulated', '7.0 emulated')
    """
    if not text or text in GENERATIONS:
        return Ffmpeg(text or DEFAULT)
    found = which(text)
    if found is None:
        raise OptionError(
            f"no ffmpeg {text!r}: no such program, "
            f"and generations that are emulated are {', '.join(GENERATIONS)}"
        )
    version = _version(found)
    return Ffmpeg(of_version(version).name, found, version)


def run(
    binary: str,
    sources: Sequence[Path],
    options: Sequence[str],
    out: Path,
    max_picture_px: int = MAX_PICTURE_PX,
) -> None:
    """Run one of the published commands.

    binary: the ffmpeg.
    sources: of two, the frames of the first and the audio of the second are taken.
    options: of the output.
    out: the file, whose growing is a sign of life.

    Raises SourceRefused (stage ``sync``) with ffmpeg's last words where it fails.
    """
    limits = (*ONLY_MEDIA, "-max_pixels", str(max_picture_px))
    inputs = [word for source in sources for word in (*limits, "-i", f"file:{source.absolute()}")]
    chosen = ("-map", "0:v:0", "-map", "1:a:0") if len(sources) > 1 else ()
    command = [binary, *QUIET, *inputs, *chosen, *options, f"file:{out.absolute()}"]
    size = -1
    with TemporaryFile() as said:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said
            )
        except OSError as error:
            raise SourceRefused("sync", "ffmpeg failed", f"{binary}: {error}") from error
        try:
            while _running(process):
                if out.exists() and out.stat().st_size != size:
                    size = out.stat().st_size
                    alive()
        finally:
            process.kill()
            process.wait()
        if process.returncode or not out.is_file():
            said.seek(0)
            last = said.read().decode("utf-8", "replace").strip().splitlines()[-1:] or ["nothing said"]
            raise SourceRefused("sync", "ffmpeg failed", f"exit code {process.returncode}: {last[0]}")


def _running(process: subprocess.Popen) -> bool:
    try:
        process.wait(LOOKING_S)
    except subprocess.TimeoutExpired:
        return True
    return False


def run_jpegs(
    binary: str, source: Path, out: Path, quality: Sequence[str], max_picture_px: int = MAX_PICTURE_PX
) -> int:
    """The frames of ``source`` as ``-threads 1 -f image2`` writes them, one behind the other; returns how
    many.
    """
    run(
        binary,
        [source],
        [*quality, "-threads", "1", "-an", "-c:v", "mjpeg", "-f", "image2pipe"],
        out,
        max_picture_px,
    )
    with av.open(f"file:{out}", format="mjpeg") as container:
        return sum(1 for packet in container.demux(video=0) if packet.size)


def _version(path: str) -> str:
    try:
        done = subprocess.run(
            [path, "-version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=ASKING_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OptionError(f"{path} cannot be run: {error}") from error
    words = done.stdout.decode("utf-8", "replace").split()
    if done.returncode or words[:2] != ["ffmpeg", "version"] or len(words) < 3:
        raise OptionError(f"{path} is no ffmpeg: its -version says {' '.join(words[:6]) or 'nothing'!r}")
    number = RELEASE.match(words[2])
    return number[1] if number else words[2]
