"""The two landmarkers give the same in every process, and write nothing to the terminal."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from speechlip.faces.detectors.quiet import quiet_stderr

FRESH_PROCESS = """
import sys; sys.path.insert(0, sys.argv[1])
import hashlib
from pathlib import Path
from conftest import render_face
from speechlip.faces.detectors.opening import open_detector
from speechlip.records import Source
digest = hashlib.sha256()
with open_detector(sys.argv[2], Source(Path(), "", "")) as detector:
    for index in range(6):
        digest.update(detector.detect(render_face(1, index / 5, yaw=index)[0], index)[0].landmarks.tobytes())
print(digest.hexdigest())
"""


@pytest.mark.parametrize("name", ["landmarker", "mediapipe"])
def test_it_gives_the_same_in_every_process_and_keeps_quiet(face_model, request, name):
    if name == "mediapipe":
        request.getfixturevalue("mediapipe")
    here = str(request.path.parent)
    runs = [
        subprocess.run(
            [sys.executable, "-c", FRESH_PROCESS, here, name], capture_output=True, text=True, check=True
        )
        for _ in range(2)
    ]
    assert runs[0].stdout == runs[1].stdout and len(runs[0].stdout) == 65
    assert runs[0].stderr == ""


def test_threads_that_open_detectors_at_once_give_the_terminal_back(capfd):
    def open_one(number):
        with quiet_stderr():
            os.write(2, b"chatter")
            time.sleep(0.01)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(open_one, range(8)))
    os.write(2, b"said")
    assert capfd.readouterr().err == "said"


def test_what_a_library_said_is_shown_where_it_fails(capfd):
    with pytest.raises(RuntimeError), quiet_stderr():
        os.write(2, b"no such kernel")
        raise RuntimeError
    assert capfd.readouterr().err == "no such kernel"


LOADED = """
import sys
from pathlib import Path
from speechlip.faces.detectors.opening import open_detector
from speechlip.faces.tracking.stage import FaceStage
from speechlip.media.frames import read_frames
from speechlip.media.probe import probe
from speechlip.records import Source
video = Path(sys.argv[1])
with open_detector("landmarker", Source(video, video.name, "")) as detector:
    stage = FaceStage(detector)
    for frame in read_frames(video, probe(video)):
        stage.see(frame.rgb(), frame.index)
    assert stage.finish().tracks
with open("/proc/self/maps") as maps:
    print(*{line.split()[-1].rpartition("/")[2] for line in maps if ".so" in line}, sep="\\n")
"""


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux lists what a process has loaded")
def test_faces_with_landmarks_need_no_graphics_library(face_model, talking):
    video = sorted(talking.rglob("*.mp4"))[0]
    done = subprocess.run(
        [sys.executable, "-c", LOADED, str(video)], capture_output=True, text=True, check=True
    )
    loaded = done.stdout.split()
    assert any(name.startswith("libpywrap_litert") for name in loaded)
    assert any(name.startswith("cv2") for name in loaded)
    unwanted = ("libGL", "libEGL", "libOpenGL", "libvulkan", "libLiteRtWebGpu")
    assert [name for name in loaded if name.startswith(unwanted)] == []
