"""A proxy before an S3 server on this machine that answers badly: 503, cut connections, slowness."""

import http.client
import random
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = "wJalrXUtnFEMI-K7MDENG-bPxRfiCY"
KEY = "AKIAIOSFODNN7EXAMPLE"
"""What no text may have."""
SLOW_DOWN = (
    b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
)


class FaultyProxy(ThreadingHTTPServer):
    """Passes requests on to a server on ``port``; ``faults`` are chosen by a seeded generator.

    faults: name → share of requests: ``503``, ``cut`` (half of the answer, or of what is sent), ``slow``.
    met: how often each was met.
    requests: (method, path) in their order.
    stop_before: an object whose PUT is taken by half, and everything after it is refused; empty: none.
    """

    daemon_threads = True

    def __init__(self, port, seed=0, **faults):
        super().__init__(("127.0.0.1", 0), Handler)
        self.server, self.faults, self.generator = port, faults, random.Random(seed)
        self.met, self.requests, self.stop_before, self.is_dead = dict.fromkeys(faults, 0), [], "", False
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def fault(self):
        with self.lock:
            shot = self.generator.random()
            for name, share in self.faults.items():
                if (shot := shot - share) < 0:
                    self.met[name] += 1
                    return name
        return ""

    def handle_error(self, request, client_address):
        """Connections are cut on purpose."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *given):
        """Nothing."""

    def pass_on(self):
        proxy, length = self.server, int(self.headers.get("Content-Length", 0))
        proxy.requests.append((self.command, self.path.partition("?")[0]))
        if proxy.is_dead:
            self.cut()
            return
        if self.command == "PUT" and proxy.stop_before and proxy.stop_before in self.path:
            proxy.is_dead = True
            self.rfile.read(length // 2)
            self.cut()
            return
        fault = proxy.fault()
        if fault == "cut" and self.command == "PUT":
            self.rfile.read(length // 2)
            self.cut()
            return
        body = self.rfile.read(length)
        if fault == "503":
            self.answer(503, [("Content-Type", "application/xml")], SLOW_DOWN)
            return
        if fault == "slow":
            time.sleep(0.5)
        there = http.client.HTTPConnection("127.0.0.1", proxy.server, timeout=60)
        there.request(self.command, self.path, body, dict(self.headers))
        given = there.getresponse()
        self.answer(given.status, given.getheaders(), given.read(), is_half=fault == "cut")
        there.close()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = pass_on

    def answer(self, status, headers, body, is_half=False):
        self.send_response_only(status)
        names = [name.lower() for name, _ in headers]
        for name, value in headers:
            if name.lower() not in ("transfer-encoding", "connection"):
                self.send_header(name, value)
        if "content-length" not in names:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if is_half:
            self.wfile.write(body[: len(body) // 2])
            self.cut()
        elif self.command != "HEAD":
            self.wfile.write(body)

    def cut(self):
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(2)
