"""Headless Chromium for tests of pages: one for each process, driven by the DevTools protocol."""

import base64
import fcntl
import io
import json
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PATIENCE_S = 60
TIMERS_MS = 1000
"""Time on a page's own clock before it is read; the clock runs ahead while the page is idle."""
SPOKEN = {
    "Runtime.consoleAPICalled": lambda said: " ".join(
        str(word.get("value", word.get("description"))) for word in said["args"]
    ),
    "Runtime.exceptionThrown": lambda said: (
        said["exceptionDetails"].get("exception", {}).get("description", said["exceptionDetails"]["text"])
    ),
    "Log.entryAdded": lambda said: said["entry"]["text"],
}


@dataclass(frozen=True)
class Page:
    """A page after its scripts ran.

    html: the document as the scripts left it.
    console: every line on its console, errors too.
    corner: lightness of its upper left corner, 0 … 255.
    pdf: the printed page, empty where none was asked for.
    """

    html: str
    console: tuple[str, ...]
    corner: int
    pdf: bytes = b""


class Browser:
    """One Chromium. Every page is opened in a tab of its own, which is closed again."""

    def __init__(self, out: int, answers: int) -> None:
        self._out, self._answers = out, answers
        self._number, self._heard, self._until_s = 0, b"", 0.0
        self._events: list[dict] = []

    def open(
        self,
        path: Path,
        place: str = "",
        size: tuple[int, int] = (1280, 900),
        dark: bool = False,
        pdf: bool = False,
    ) -> Page:
        """The page ``path`` at ``#place`` in a window of ``size``, in a dark or light scheme.

        pdf: print it once its promise ``painted`` is fulfilled.
        """
        self._until_s = time.monotonic() + PATIENCE_S
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        try:
            return self._look(
                self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"],
                path.as_uri() + place,
                size,
                dark,
                pdf,
            )
        finally:
            self._ask("Target.closeTarget", targetId=target)

    def _look(self, tab: str, address: str, size: tuple[int, int], dark: bool, pdf: bool) -> Page:
        for domain in ("Page", "Runtime", "Log"):
            self._ask(f"{domain}.enable", tab)
        self._ask("Page.setLifecycleEventsEnabled", tab, enabled=True)
        self._ask(
            "Emulation.setDeviceMetricsOverride",
            tab,
            width=size[0],
            height=size[1],
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._ask("Emulation.setEmulatedMedia", tab, features=[scheme])
        self._events.clear()
        loader = self._ask("Page.navigate", tab, url=address)["loaderId"]
        self._await("Page.lifecycleEvent", tab, name="load", loaderId=loader)
        if pdf:
            self._ask("Runtime.evaluate", tab, expression="painted", awaitPromise=True)
        else:
            self._ask(
                "Emulation.setVirtualTimePolicy", tab, policy="pauseIfNetworkFetchesPending", budget=TIMERS_MS
            )
            self._await("Emulation.virtualTimeBudgetExpired", tab)
        html = self._ask("Runtime.evaluate", tab, expression="document.documentElement.outerHTML")["result"][
            "value"
        ]
        corner = self._ask(
            "Page.captureScreenshot", tab, clip={"x": 0, "y": 0, "width": 8, "height": 8, "scale": 1}
        )["data"]
        said = [
            event for event in self._events if event.get("sessionId") == tab and event["method"] in SPOKEN
        ]
        console = tuple(SPOKEN[event["method"]](event["params"]) for event in said)
        printed = (
            base64.b64decode(self._ask("Page.printToPDF", tab, printBackground=True)["data"]) if pdf else b""
        )
        return Page(
            html,
            console,
            Image.open(io.BytesIO(base64.b64decode(corner))).convert("L").getpixel((3, 3)),
            printed,
        )

    def _ask(self, method: str, tab: str | None = None, **parameters) -> dict:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters} | (
            {"sessionId": tab} if tab else {}
        )
        spoken = json.dumps(message).encode() + b"\0"
        while spoken:
            spoken = spoken[os.write(self._out, spoken) :]
        while (heard := self._hear()).get("id") != self._number:
            self._events.append(heard)
        assert "error" not in heard, f"{method}: {heard['error']['message']}"
        return heard["result"]

    def _await(self, event: str, tab: str, **parameters) -> None:
        def came(heard: dict) -> bool:
            return (heard.get("method"), heard.get("sessionId")) == (
                event,
                tab,
            ) and parameters.items() <= heard["params"].items()

        while not any(map(came, self._events)):
            self._events.append(self._hear())

    def _hear(self) -> dict:
        while b"\0" not in self._heard:
            left_s = max(0.0, self._until_s - time.monotonic())
            assert select.select([self._answers], [], [], left_s)[0], (
                f"the page was not done in {PATIENCE_S} s"
            )
            more = os.read(self._answers, 1 << 16)
            assert more, "Chromium ended"
            self._heard += more
        message, _, self._heard = self._heard.partition(b"\0")
        return json.loads(message)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Chromium with a new profile; its own words go nowhere."""
    with tempfile.TemporaryDirectory(prefix="chromium", ignore_cleanup_errors=True) as profile:
        options = [
            "--headless",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
        ]
        options += [
            "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
        ]
        theirs, ours = zip(_pipe(), _pipe()[::-1], strict=True)  # Chromium hears at 3 and speaks at 4
        silence = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
        ears = [(os.POSIX_SPAWN_DUP2, theirs[0], 3), (os.POSIX_SPAWN_DUP2, theirs[1], 4)]
        process = os.posix_spawn(
            CHROMIUM, [CHROMIUM, *options], os.environ, file_actions=[*silence, *ears], setpgroup=0
        )
        for end in theirs:
            os.close(end)
        try:
            yield Browser(*ours)
        finally:
            for end in ours:
                os.close(end)
            with suppress(ProcessLookupError):
                os.killpg(process, signal.SIGKILL)
            os.waitpid(process, 0)


def _pipe() -> tuple[int, int]:
    """Ends with numbers that stand in nobody's way."""
    low = os.pipe()
    high = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in low)
    for end in low:
        os.close(end)
    return high
