"""One page on 127.0.0.1, for a browser on this machine or at the other end of a tunnel."""

import os
import sys
import webbrowser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from speechlip.errors import OptionError

HOST = "127.0.0.1"


class PageHandler(BaseHTTPRequestHandler):
    """Answers ``/`` with the one page, and nothing to whoever asks for another host.

    A web site elsewhere may point its name at this machine.
    """

    page: Path

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, with_body: bool) -> None:
        if self.headers.get("host", "").partition(":")[0] not in (HOST, "localhost"):
            return self.send_error(403)
        if self.path.partition("?")[0] not in ("/", "/index.html"):
            return self.send_error(404)
        data = self.page.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if with_body:
            self.wfile.write(data)
        return None

    def log_message(self, *_: object) -> None:
        """A page that is looked at leaves no words in the terminal."""


def page_server(page: Path, port: int) -> ThreadingHTTPServer:
    """A server of ``page`` that does not run yet; port 0 takes any that is free.

    Raises OptionError where the port is taken.
    """
    handler = type("Handler", (PageHandler,), {"page": page})
    try:
        return ThreadingHTTPServer((HOST, port), handler)
    except OSError as error:
        raise OptionError(
            f"port {port} of {HOST} cannot be had ({error.strerror}); give another --port, or 0 for any"
        ) from error


def address_of(server: ThreadingHTTPServer) -> str:
    return f"http://{HOST}:{server.server_address[1]}/"


def show(address: str) -> None:
    """Open a browser where there is a screen; in a terminal one would take the terminal."""
    if sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(address)
