"""A server on loopback that answers as scripted, and spoils the answers it is told to spoil.

`with serve(answer) as server:` gives `server.url` and `server.requests`. `answer(request)` gives an `Answer`.
`Faults` wraps an answer and injects faults at chosen request numbers, counted from 1 over the whole run.
"""

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

Reset = Literal["epoch", "iso", "retry-after"]
FAULTS = ("429", "500", "hang", "cut", "repeat", "empty", "loop", "errors")
KEEP_ASKED = 200


@dataclass(frozen=True)
class Request:
    """One request as it came: header names in lower case, every value of a query parameter in its order."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes = b""

    def first(self, name: str) -> str | None:
        """The first value of a query parameter, None where it was not sent."""
        return self.query.get(name, [None])[0]  # type: ignore[list-item]


@dataclass(frozen=True)
class Answer:
    """One answer: `body` as bytes, text, or anything JSON can say. `cut` and `hang` spoil it on the wire."""

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    hang: bool = False

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


class Server:
    """The running server: where it listens, and what it was asked, in order."""

    def __init__(self, answer: Callable[[Request], Answer]) -> None:
        self.requests: list[Request] = []
        self.failures: list[BaseException] = []
        self.answer = answer
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._http = _Http(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def answered(self, request: Request) -> Answer:
        """Note the request and answer it, one at a time: scripts count on it."""
        with self._lock:
            self.requests.append(request)
            try:
                return self.answer(request)
            except Exception as failure:
                self.failures.append(failure)
                return Answer(599, f"the script failed: {type(failure).__name__}")

    def close(self) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()


@contextmanager
def serve(answer: Callable[[Request], Answer]) -> Iterator[Server]:
    """Answer requests on 127.0.0.1 until the block ends; a script that failed fails the test."""
    server = Server(answer)
    try:
        yield server
    finally:
        server.close()
    assert not server.failures, server.failures


class _Http(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that hang up are part of the script."""


def _handler(server: Server) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        timeout = 60

        def _handle(self) -> None:
            url = urlsplit(self.path)
            length = int(self.headers.get("content-length") or 0)
            asked = Request(
                method=self.command,
                path=url.path,
                query=parse_qs(url.query, keep_blank_values=True),
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(length) if length else b"",
            )
            self._send(server.answered(asked))

        def _send(self, answer: Answer) -> None:
            if answer.hang:
                server.closing.wait(60)
                self.close_connection = True
                return
            content = answer.content
            head = {"content-type": "application/json", **{k.lower(): v for k, v in answer.headers.items()}}
            head["content-length"] = str(len(content))
            message = "".join(f"{name}: {value}\r\n" for name, value in head.items())
            whole = f"HTTP/1.1 {answer.status} Scripted\r\n{message}\r\n".encode() + (
                b"" if self.command == "HEAD" else content
            )
            if answer.cut:
                whole = whole[: len(whole) - max(1, len(content) // 2)]
                self.close_connection = True
            self.wfile.write(whole)  # at one stroke: two writes cost 40 ms on a connection kept open
            self.wfile.flush()

        do_GET = do_POST = do_HEAD = _handle  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler


@dataclass
class Faults:
    """Answer as `answer` does, but spoil the requests whose number (from 1) is in `at`.

    429, 500, hang, cut: the usual troubles, said in the `reset` style, `reset_in` seconds from now.
    repeat: the answer given before to the same path (entries and cursor of it) instead of this one.
    empty: this answer as `empty(answer)` makes it: no entries, the cursor kept.
    loop: this answer as `loop(answer, earlier)` makes it: the cursor of the first answer of the same path.
    errors: 200 with `errors` and no data.
    With `once_a_page` the same request is not spoilt twice: asked again, it is answered.
    Without `empty` and `loop`, JSON bodies with one list and one cursor at the top are understood.
    """

    answer: Callable[[Request], Answer]
    at: Mapping[int, str]
    reset: Reset = "epoch"
    reset_in: float = 0.0
    reset_header: str = ""
    errors: Any = field(default_factory=lambda: {"errors": [{"title": "Scripted", "detail": "scripted"}]})
    empty: Callable[[Answer], Answer] | None = None
    loop: Callable[[Answer, Answer], Answer] | None = None
    once_a_page: bool = False
    n: int = 0
    injected: list[str] = field(default_factory=list)
    spoilt: set[str] = field(default_factory=set)
    given: dict[str, list[Answer]] = field(default_factory=dict)

    def __call__(self, request: Request) -> Answer:
        self.n += 1
        fault = self.at.get(self.n)
        before = self.given.setdefault(request.path, [])
        page = f"{request.path} {sorted(request.query.items())}"
        if fault is None or (self.once_a_page and page in self.spoilt) or (fault in ("repeat", "loop") and not before):
            before.append(self.answer(request))
            del before[1:-KEEP_ASKED]
            return before[-1]
        self.injected.append(fault)
        self.spoilt.add(page)
        if fault in ("429", "500"):
            return Answer(int(fault), {"error": "Scripted"}, self.reset_headers() if fault == "429" else {})
        if fault == "hang":
            return Answer(hang=True)
        if fault == "errors":
            return Answer(200, self.errors)
        if fault == "repeat":
            return before[-1]
        whole = self.answer(request)
        if fault == "cut":
            return Answer(whole.status, whole.content, whole.headers, cut=True)
        if fault == "empty":
            return (self.empty or emptied)(whole)
        if fault == "loop":
            return (self.loop or looped)(whole, before[0])
        raise AssertionError(f"no such fault: {fault}")

    def reset_headers(self) -> dict[str, str]:
        """The header of a 429 that says when to come back."""
        at = time.time() + self.reset_in
        if self.reset == "epoch":
            return {self.reset_header or "x-rate-limit-reset": str(int(at)), "x-rate-limit-remaining": "0"}
        if self.reset == "iso":
            when = datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
            return {self.reset_header or "x-ratelimit-reset": when, "x-ratelimit-remaining": "0"}
        return {self.reset_header or "retry-after": str(max(0, round(self.reset_in)))}


def emptied(answer: Answer) -> Answer:
    """The same JSON answer with its lists empty and its cursor kept."""
    body = json.loads(answer.content)
    return Answer(answer.status, {k: [] if isinstance(v, list) else v for k, v in body.items()}, answer.headers)


def looped(answer: Answer, earlier: Answer) -> Answer:
    """The same JSON answer with the cursor of an earlier one."""
    body, before = json.loads(answer.content), json.loads(earlier.content)
    return Answer(answer.status, body | {"cursor": before.get("cursor")}, answer.headers)
