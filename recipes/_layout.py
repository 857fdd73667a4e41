"""Where a video lies below the dataset's folder, and the refusal of a folder that is laid out otherwise."""

from pathlib import Path

from speechlip.errors import OptionError


def parts(root: Path, path: Path, wanted: str) -> tuple[str, ...]:
    """Folders and file name of ``path`` below ``root``, as many as ``wanted`` has, such as ``speaker/video/clip.mp4``.

    A folder that cannot be listed stands for the videos in it: its name fills what is missing, and preparing refuses it by name.
    Raises OptionError for a video that lies higher or deeper.
    """
    found, depth = path.relative_to(root).parts, wanted.count("/") + 1
    if len(found) < depth and path.is_dir():
        return found + found[-1:] * (depth - len(found))
    if len(found) != depth:
        raise wrong_layout(root, path, wanted)
    return found


def wrong_layout(root: Path, path: Path, wanted: str) -> OptionError:
    """What to say of a video that lies elsewhere than ``wanted``."""
    name = path.relative_to(root).as_posix()
    return OptionError(f"{name!r} in {root} does not lie as {wanted}; name the dataset's own folder, and move other videos out of it")
