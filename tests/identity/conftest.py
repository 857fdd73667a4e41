"""Three synthetic people, each in two videos."""

import numpy as np
import pytest

import zoo

PEOPLE = {"ann": "speaker-000", "cleo": "speaker-001", "eve": "speaker-002"}
OTHER_NAME = {"ann": "bob", "cleo": "dan", "eve": "eve"}


@pytest.fixture
def dlib():
    return pytest.importorskip("dlib", reason="the extra [identity] is not installed")


@pytest.fixture(scope="session")
def halves(talking, tmp_path_factory):
    """First and second half of a recording of each person: ann = bob, cleo = dan, and eve under one name."""
    pytest.importorskip("dlib", reason="the extra [identity] is not installed")
    folder = tmp_path_factory.mktemp("people") / "videos"
    for first, speaker in PEOPLE.items():
        clip = next((talking / speaker).glob("*.mp4"))
        frames, audio = zoo.read_clip(clip)
        with np.load(clip.with_suffix(".landmarks.npz")) as content:
            landmarks, time_s = content["landmarks"], content["time_s"]
        middle = len(frames) // 2
        for name, start, stop in (
            (f"{first}/one", 0, middle),
            (f"{OTHER_NAME[first]}/two", middle, len(frames)),
        ):
            path = folder / f"{name}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            zoo.write_clip(path, frames[start:stop], audio[640 * start : 640 * stop])
            points, times_s = landmarks[start:stop], time_s[start:stop] - time_s[start]
            np.savez(path.with_suffix(".landmarks.npz"), landmarks=points, time_s=times_s)
    return folder
