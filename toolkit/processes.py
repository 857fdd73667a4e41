"""How work gets a process of its own: on Linux forked from a server that imported the heavy libraries once, elsewhere started afresh.

The libraries take seconds of CPU to import; forked processes begin at once and share the memory of what is imported. The server runs
nothing but imports: no GPU is open in it when it forks, and its only threads are OpenBLAS's idle ones, which OpenBLAS itself starts anew after a
fork. Python 3.14 starts processes this way by default on Linux.
"""

import multiprocessing
import sys
from multiprocessing.context import ForkServerContext, SpawnContext

IMPORTED_ONCE = ["torch", "torchaudio", "av", "cv2", "skimage.transform", "soundfile", "PIL.Image", "webdataset"]


def process_context() -> ForkServerContext | SpawnContext:
    """The multiprocessing context in which every process of speechlip is started."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED_ONCE)
    return context
