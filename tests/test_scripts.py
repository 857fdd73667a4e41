"""The Python API in a script without ``if __name__ == "__main__":``, and in a thread of a larger program."""

import subprocess
import sys
import threading

import speechlip

SCRIPT = """
import sys
import speechlip

videos, out = sys.argv[1:]
options = speechlip.PrepOptions(recipe="synthetic", detector="sidecar", split={"train": 1.0}, limit=2)
prepared = speechlip.prepare(videos, out, options, workers=2)
print(prepared.clips, "clips")
"""


def test_a_script_without_a_guard_prepares_with_several_workers(tmp_path, talking):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, script, talking, tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "2 clips\n"  # said once: no process ran the script again


def test_a_thread_prepares(tmp_path, talking):
    options = speechlip.PrepOptions(recipe="synthetic", detector="sidecar", split={"train": 1.0}, limit=1)
    made = []
    thread = threading.Thread(
        target=lambda: made.append(speechlip.prepare(talking, tmp_path / "out", options))
    )
    thread.start()
    thread.join()
    assert made and made[0].clips == 1
