"""Finished answers of the service by request id, on disk: what is repeated gets the same answer."""

from __future__ import annotations

import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An answer, as JSON, and the digest of the request that it is of."""

    request_digest: str
    answer: str


class Journal:
    """One SQLite file; answers are on disk when `put` returns. Threads may share it. RuntimeError
    for a file that is damaged."""

    def __init__(self, path: Path, keep_hours: float) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._keep_s = keep_hours * 3600
        self._base = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        try:
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.execute("PRAGMA synchronous=FULL")
            self._base.execute(
                "CREATE TABLE IF NOT EXISTS answers (request_id TEXT PRIMARY KEY, "
                "request_digest TEXT NOT NULL, answer TEXT NOT NULL, made_s REAL NOT NULL)"
            )
            self.forget_old()
        except sqlite3.Error as error:
            self._base.close()
            raise RuntimeError(
                f"the journal {path} cannot be used: {error}; if it is damaged remove it, and what "
                "is asked again is measured again"
            ) from error

    def get(self, request_id: str) -> Kept | None:
        """The answer to a request, if it was finished."""
        with self._lock:
            row = self._base.execute(
                "SELECT request_digest, answer FROM answers WHERE request_id = ?", (request_id,)
            ).fetchone()
        return None if row is None else Kept(request_digest=row[0], answer=row[1])

    def put(self, request_id: str, kept: Kept) -> None:
        """Keeps an answer; one that is there already stays."""
        with self._lock:
            self._base.execute(
                "INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?)",
                (request_id, kept.request_digest, kept.answer, time.time()),
            )

    def forget_old(self) -> None:
        """Drops the answers that are older than `keep_hours`."""
        with self._lock:
            self._base.execute(
                "DELETE FROM answers WHERE made_s < ?", (time.time() - self._keep_s,)
            )

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._base.close()
