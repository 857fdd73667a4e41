"""Where a video lies in the dataset's folder, and the refusal of a folder that is laid out otherwise."""

from pathlib import Path

from speechlip.errors import OptionError
from speechlip.media.streams.endings import why_not_read


def stands_for_videos(path: Path) -> bool:
    """Whether ``path`` is refused later, so that it may lie anywhere: an unlisted folder, half a file."""
    return path.is_dir() or why_not_read(path.name) is not None


def parts(root: Path, path: Path, wanted: str) -> tuple[str, ...]:
    """Folders and file name of ``path`` below ``root``, as many as ``wanted`` has (``speaker/clip.mp4``).

    Of what ``stands_for_videos`` its name fills what is missing. Raises OptionError for a video that lies
    higher or deeper.
    """
    found, depth = path.relative_to(root).parts, wanted.count("/") + 1
    if len(found) < depth and stands_for_videos(path):
        return found + found[-1:] * (depth - len(found))
    if len(found) != depth:
        raise wrong_layout(root, path, wanted)
    return found


def wrong_layout(root: Path, path: Path, wanted: str) -> OptionError:
    """What to say of a video that lies elsewhere than ``wanted``."""
    name = path.relative_to(root).as_posix()
    return OptionError(
        f"{name!r} in {root} does not lie as {wanted}; "
        "name the dataset's own folder, and move other videos out of it"
    )


def lies_in(root: Path, path: Path) -> bool:
    """Whether ``path``, with every link followed, is below ``root``.

    A file that somebody else's data names may be any file of this machine.

    Below the Hub's cache ``root`` is ``snapshots/<revision>``, whose files are links to ``blobs``: these
    count as its own.
    """
    own = [root.resolve()]
    if own[0].parent.name == "snapshots":
        own.append(own[0].parent.parent / "blobs")
    try:
        real = path.resolve()
    except (OSError, ValueError, RuntimeError):  # too long, a NUL in it, a link to itself
        return False
    return any(real.is_relative_to(folder) for folder in own)
