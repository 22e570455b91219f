"""Loopback: a free port, and a small HTTP server that answers what a test tells it to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


def free_port() -> int:
    """A port nobody listens on, a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Asked:
    """One request, read to its end."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass(frozen=True)
class Told:
    """One answer."""

    body: str
    status: int = 200
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class HttpSite:
    """The server as a test sees it."""

    url: str
    log: list[Asked]
    answer: Callable[[Asked], Told]


@contextmanager
def serving(answer: Callable[[Asked], Told]) -> Iterator[HttpSite]:
    site = HttpSite("", [], answer)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def answer(self) -> None:
            parts = urlsplit(self.path)
            query = {k: v[0] for k, v in parse_qs(parts.query).items()}
            asked = Asked(parts.path, query, {k.lower(): v for k, v in self.headers.items()})
            self.rfile.read(int(asked.headers.get("content-length", 0)))
            site.log.append(asked)
            told = site.answer(asked)
            body = told.body.encode()
            self.send_response(told.status)
            for name, value in {"Content-Type": told.kind, **told.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
