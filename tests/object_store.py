"""An S3 server of this process (moto's), which tests can hold, count and make forgetful."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

BUCKET = "runs"
_ENTRY = re.compile(rb"<Contents>.*?</Contents>", re.DOTALL)


class ObjectStore:
    """A WSGI application around moto's. `held`: a part of this number waits until it is released
    (`is_held` says that one waits). `hidden_s`: for so long a new object is in no listing."""

    def __init__(self) -> None:
        self._app = DomainDispatcherApplication(create_backend_app)
        self._made_s: dict[str, float] = {}
        self.requests: list[tuple[str, str]] = []
        self.hidden_s = 0.0
        self.held = 0
        self.is_held, self.released = threading.Event(), threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        method, path, query = (
            environ[key] for key in ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING")
        )
        self.requests.append((method, path))
        if self.held and f"partNumber={self.held}&" in query:
            self.is_held.set()
            self.released.wait(60)
        if method in ("PUT", "POST"):
            self._made_s.setdefault(path.removeprefix(f"/{BUCKET}/"), time.monotonic())
        answer = self._app(environ, start_response)
        return self._forgetful(answer) if "list-type=2" in query and self.hidden_s else answer

    def _forgetful(self, answer: Iterable[bytes]) -> Iterable[bytes]:
        new = time.monotonic() - self.hidden_s
        body = b"".join(answer)
        for entry in _ENTRY.findall(body):
            key = re.search(rb"<Key>(.*?)</Key>", entry)
            if key and self._made_s.get(key[1].decode(), 0.0) > new:
                # The header promised a length.
                body = body.replace(entry, b" " * len(entry))
        return [body]

    def num_reads(self, path: str) -> int:
        """How often an object's content was asked for."""
        return self.requests.count(("GET", f"/{BUCKET}/{path}"))


@contextmanager
def serve_objects(patch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """A server with an empty bucket; the environment of this process and its children names it."""
    store = ObjectStore()
    server = make_server("127.0.0.1", 0, store, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    patch.setenv("AWS_ACCESS_KEY_ID", "key")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    try:
        yield store
    finally:
        store.released.set()
        server.shutdown()
        thread.join()
