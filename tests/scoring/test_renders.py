"""Which file is compared with which."""

import pytest

from speechlip.errors import OptionError
from speechlip.scoring.renders import match, tasks


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


@pytest.fixture
def folders(tmp_path):
    renders = touch(
        tmp_path / "renders", "a.mp4", "anna/take 1.v2.mp4", "anna/b.mkv", "notes.txt", ".hidden.mp4"
    )
    return renders, touch(tmp_path / "gt", "a.mov", "anna/take 1.v2.avi", "b.mp4")


def as_dict(found):
    return {task.clip: (task.reference.name if task.reference else None, task.problem) for task in found}


def test_by_relative_path_without_extension(folders):
    found = match(*folders)
    assert as_dict(found.tasks) == {
        "a.mp4": ("a.mov", ""),
        "anna/b.mkv": (None, "no reference has its name"),
        "anna/take 1.v2.mp4": ("take 1.v2.avi", ""),
    }
    assert found.unused_references == ["b.mp4"]


def test_without_references_nothing_is_missing(folders):
    assert all(not task.problem and task.reference is None for task in tasks(folders[0]))


def test_single_files_belong_together_whatever_their_names(folders):
    (task,) = tasks(folders[0] / "a.mp4", folders[1] / "b.mp4")
    assert task.clip == "a.mp4" and task.reference == folders[1] / "b.mp4"
    (task,) = tasks(folders[0] / "a.mp4", folders[1])
    assert task.reference == folders[1] / "a.mov"


def test_one_name_twice_is_settled_by_its_ending_or_not_at_all(folders):
    references = folders[1]
    touch(references, "a.mp4")
    assert as_dict(tasks(*folders))["a.mp4"] == ("a.mp4", "")
    (references / "a.mp4").rename(references / "a.mkv")
    assert as_dict(tasks(*folders))["a.mp4"] == (None, "2 references have its name")


@pytest.mark.parametrize(
    "name", ["x" * 300 + ".mp4", "a\0b.mp4", "a\x1b[2J.mp4", "/" + "y/" * 3000 + "z.mp4"]
)
def test_a_path_that_can_be_none_is_a_reason(folders, name):
    """Too long, with a NUL, with a terminal's escapes: as of a file that is not there, never a traceback."""
    renders, references = folders
    (renders / "pairs.csv").write_text(f"render,reference,audio\na.mp4,{name},{name}\n")
    task = next(task for task in tasks(renders, references) if task.clip == "a.mp4")
    assert task.reference is None and "of pairs.csv" in task.problem and "of pairs.csv" in task.audio_problem
    (renders / "pairs.csv").write_text(f"render\n{name}\n")
    with pytest.raises(OptionError, match="there is no such render"):
        tasks(renders, references)


def test_pairs_csv(folders):
    renders, references = folders
    touch(renders, "speech.wav")
    (renders / "pairs.csv").write_text("render,reference,audio\nanna/b.mkv,b.mp4,\na.mp4,,speech.wav\n")
    found = {task.clip: task for task in tasks(renders, references)}
    assert found["anna/b.mkv"].reference == references / "b.mp4"
    assert (
        found["a.mp4"].driving_audio == renders / "speech.wav"
        and found["a.mp4"].reference == references / "a.mov"
    )
    assert found["anna/take 1.v2.mp4"].reference.name == "take 1.v2.avi"


def test_what_pairs_csv_names_and_is_not_there_is_said(folders):
    (folders[0] / "pairs.csv").write_text("render,reference\na.mp4,gone.mp4\n")
    assert as_dict(tasks(*folders))["a.mp4"] == (None, "gone.mp4 of pairs.csv is not there")


def test_a_driving_audio_that_is_not_there_takes_no_reference_along(folders):
    (folders[0] / "pairs.csv").write_text("render,audio\na.mp4,gone.wav\n")
    (task,) = [task for task in tasks(*folders) if task.clip == "a.mp4"]
    assert (task.audio_problem, task.problem, task.driving_audio) == (
        "gone.wav of pairs.csv is not there",
        "",
        None,
    )
    assert task.reference == folders[1] / "a.mov"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "render,ref\na.mp4,b.mp4\n",
            "has the columns 'render', 'ref'; wanted: render, and any of reference, audio",
        ),
        ("", "has the columns none"),
        ("render\nz.mp4\n", "names 'z.mp4', and there is no such render"),
        ("render\na.mp4\na.mp4\n", "names 'a.mp4' a second time"),
        ("render\na.mp4,b,c\n", "row 2 has more cells"),
        ("render\n\xff", "cannot be read as a CSV"),
    ],
)
def test_a_pairs_csv_that_cannot_be_used(folders, text, says):
    (folders[0] / "pairs.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(OptionError, match=says):
        tasks(*folders)


def test_a_folder_without_videos(tmp_path):
    with pytest.raises(OptionError, match="no video in"):
        tasks(tmp_path)
