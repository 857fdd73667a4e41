"""Whether files are whole, told by readers other than the ones that wrote them."""

import csv
import io
import json

import av
import numpy as np
from safetensors.numpy import load


def not_whole(folder):
    """Path → what is wrong, of every file under its final name."""
    files = (path for path in folder.rglob("*") if path.is_file())
    final = (path for path in files if not any(part.endswith(".part") for part in path.parts))
    return {str(path.relative_to(folder)): wrong for path in final if (wrong := wrong_with(path))}


def wrong_with(path):
    """What is wrong with one file, or an empty text."""
    try:
        if path.suffix in READERS:
            READERS[path.suffix](path)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def read_csv(path):
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n") and len({len(row) for row in csv.reader(io.StringIO(text))}) == 1


def read_video(path):
    with av.open(str(path)) as container:
        frames = sum(1 for _ in container.decode(container.streams[0]))
        assert 0 < frames == (container.streams[0].frames or frames)


def read_lines(path):
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n") and [json.loads(line) for line in text.splitlines()]


def read_arrays(path):
    with np.load(path) as arrays:
        assert [arrays[name] for name in arrays]


def read_page(path):
    assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")


def read_grid(path):
    """A TextGrid says how many intervals each tier has."""
    lines = path.read_text(encoding="utf-8").splitlines()
    said = sum(int(line.split("=")[1]) for line in lines if "intervals: size" in line)
    assert said == sum("intervals [" in line for line in lines) > 0


READERS = {
    ".json": lambda path: json.loads(path.read_text(encoding="utf-8")),
    ".jsonl": read_lines,
    ".csv": read_csv,
    ".npy": np.load,
    ".npz": read_arrays,
    ".mp4": read_video,
    ".wav": read_video,
    ".html": read_page,
    ".TextGrid": read_grid,
    ".safetensors": lambda path: load(path.read_bytes()),
}
