"""The videos of a folder, for every command that takes one.

Videos are what ``media.streams.endings`` takes for one, by ending or by first bytes; what cannot be read is
refused later, by name. Names that begin with a dot are left out, folders too (``.DS_Store``, macOS's
``._x.mp4``). A folder that cannot be listed stands for its videos: it is refused by name, so that nothing in
it is lost unseen. Links to videos and folders are followed; each folder is entered once.
"""

import os
from collections import deque
from pathlib import Path

from speechlip.errors import OptionError
from speechlip.media.streams.endings import looks_like_video


def videos(root: Path, exclude: Path | None = None) -> list[Path]:
    """Paths of all videos under ``root``, sorted by their names relative to it.

    Folders that cannot be listed are among them.

    exclude: a folder to leave out, such as an output folder inside ``root``.

    Raises OptionError where ``root`` is no folder.
    """
    if not root.is_dir():
        raise OptionError(f"no folder or file {root}; name the videos' folder, or one video")
    left_out = exclude.resolve() if exclude else None
    entered, found, folders = set(root.resolve().parents), [], deque([root])
    while folders:
        folder = folders.popleft()
        real = folder.resolve()
        if real in entered or real == left_out:
            continue
        entered.add(real)
        entries = _listing(folder)
        if entries is None:
            found.append(folder)
            continue
        inner = []
        for entry in entries:
            if _is_folder(entry):
                inner.append(entry)
            elif looks_like_video(path := Path(entry.path)):
                found.append(path)
        folders.extendleft(Path(entry.path) for entry in reversed(inner) if not entry.is_symlink())
        # links after all real folders, whose names win
        folders.extend(Path(entry.path) for entry in inner if entry.is_symlink())
    return sorted(found, key=lambda path: path.relative_to(root).as_posix())


def _listing(folder: Path) -> list[os.DirEntry] | None:
    """What lies in ``folder``, sorted, without dot files; None where it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return sorted(
                (entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name
            )
    except OSError:
        return None


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
