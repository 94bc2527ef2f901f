"""What the actors of a running pipeline say of themselves, and what one raised when it failed.

Notes are small files beside the pipeline's tables. An actor writes its own when it starts, when it
is ready and while it works; the driver reads all of them every few seconds. Nothing depends on a
note: one that is late or lost costs a line of progress.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import platform
import re
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from ray.exceptions import UserCodeException

from skeldpo.storage.store import Store

Kind = Literal["engine", "sandbox"]

_RAY_ADVICE = "Failed to apply UDF transform"
"""What Ray Data adds to the message of an actor's error begins so."""
_WRAPPED = "\n\nThe above exception was the direct cause of the following exception:"
"""What Ray Data raises for an error of a task comes behind this line."""
FOLDER = "actors"
POLL_S = 2.0
WRITE_EVERY_S = 1.0


class ActorFailure(RuntimeError):
    """What an actor could not go on after: names the problem it worked on, itself and its node."""


class ActorNote:
    """The note of one actor, which alone writes it. `pass_id` names the pass it works for; `name`
    and `host_id` are what messages call the actor and its node."""

    def __init__(self, store: Store, kind: Kind, pass_id: str) -> None:
        self._store = store
        own_id = uuid.uuid4().hex[:8]
        self.name = f"{kind} {own_id} (process {os.getpid()})"
        self.host_id = platform.node()
        self._path = f"{FOLDER}/{pass_id}-{kind}-{own_id}.json"
        self._is_ready = False
        self._how = ""
        self._first_token_at = 0.0
        self._num_tokens = 0
        self._num_told = 0
        self._begun_s: float | None = None
        self._written_s = 0.0
        self._write()

    @contextlib.contextmanager
    def named(self, what: str) -> Iterator[None]:
        """Errors of the block become an ActorFailure that says where and at `what` they came up."""
        try:
            yield
        except ActorFailure:
            raise
        except Exception as error:
            raise ActorFailure(
                f"{self.name} on {self.host_id}, {what}: {type(error).__name__}: {error}"
            ) from error

    def ready(self, how: str = "") -> None:
        """The actor can work now; `how` an engine that is kept came to its policy."""
        self._is_ready = True
        self._how = how
        self._write()

    def begin(self) -> None:
        """A batch is written from now on."""
        self._begun_s, self._num_tokens, self._num_told = time.monotonic(), 0, 0
        self._write()

    def wrote(self, num_tokens: int, count_unfinished: Callable[[], int]) -> None:
        """So many more tokens were written of samples that have ended; `count_unfinished` gives
        those of samples that have not."""
        self._num_tokens += num_tokens
        is_first = not self._first_token_at
        if is_first:
            self._first_token_at = time.time()
        if is_first or time.monotonic() - self._written_s > WRITE_EVERY_S:
            # Of a request some samples may have ended, and count as neither until all have.
            self._num_told = max(self._num_told, self._num_tokens + count_unfinished())
            self._write()

    def end(self) -> None:
        """The batch is written."""
        self._begun_s = None
        self._write()

    def _write(self) -> None:
        self._written_s = time.monotonic()
        seconds = self._written_s - self._begun_s if self._begun_s is not None else 0.0
        note = {
            "is_ready": self._is_ready,
            "num_tokens": self._num_told,
            "seconds": seconds,
            "how": self._how,
            "first_token_at": self._first_token_at,
        }
        with contextlib.suppress(RuntimeError):
            self._store.write_text(self._path, json.dumps(note))


@dataclass(frozen=True, slots=True, kw_only=True)
class Actors:
    """The actors of a pass: engines that were asked for and are ready, the tokens a second of those
    that are writing, how many actors of either kind died and were replaced, sandboxes that were
    started, when an engine wrote the first token (seconds since 1970 by its node's clock, 0 if none
    has), and how engines that are kept came to the policy."""

    num_engines: int
    num_ready: int
    tokens_per_s: float
    num_replaced: int
    num_sandboxes: int = 0
    first_token_at: float = 0.0
    how: str = ""


NO_ACTORS = Actors(num_engines=0, num_ready=0, tokens_per_s=0.0, num_replaced=0)


def read_actors(store: Store, pass_id: str, num_engines: int, num_sandboxes: int) -> Actors:
    """What the actors of a pass say, of which so many were asked for."""
    names = [name for name in store.names(FOLDER) if name.startswith(pass_id)]
    engines = [name for name in names if name.startswith(f"{pass_id}-engine-")]
    notes = []
    for name in engines:
        with contextlib.suppress(OSError, ValueError):  # replaced or removed while it is read
            notes.append(json.loads(store.read_text(f"{FOLDER}/{name}")))
    rates = [note["num_tokens"] / note["seconds"] for note in notes if note["seconds"] > 0]
    num_more = (len(engines) - num_engines, len(names) - len(engines) - num_sandboxes)
    return Actors(
        num_engines=num_engines,
        # Notes of actors that died are there, too.
        num_ready=min(num_engines, sum(note["is_ready"] for note in notes)),
        tokens_per_s=sum(rates),
        num_replaced=sum(max(0, more) for more in num_more),
        num_sandboxes=min(len(names) - len(engines), num_sandboxes),
        first_token_at=min(filter(None, (note["first_token_at"] for note in notes)), default=0.0),
        how=", ".join(sorted({note["how"] for note in notes} - {""})),
    )


def cause_of(error: BaseException) -> str:
    """Type and message of what an actor raised, without Ray's trace, advice and wrapping; of an
    ActorFailure the message, which names the type of its cause."""
    errors = [error]
    while errors[-1].__cause__ is not None:
        errors.append(errors[-1].__cause__)
    # Ray Data chains an empty SystemException behind the error that it reports.
    told = next((each for each in reversed(errors) if str(each).strip()), error)
    raised = getattr(told, "cause", None)
    if isinstance(raised, BaseException) and not isinstance(raised, UserCodeException):
        text = f"{type(raised).__name__}: {raised.args[0] if raised.args else ''}"
    else:
        # Of an actor that died in its __init__ or what a task of Ray Data raised there is a text
        # alone: a trace, then the error; what wraps it comes after.
        trace, _, after = str(told).split(_WRAPPED)[0].rpartition('\n  File "')
        lines = after.split("\n")[1:] if trace else [f"{type(told).__name__}: {told}"]
        text = "\n".join(itertools.dropwhile(lambda line: line.startswith("  "), lines))
    said = " ".join(text.split(_RAY_ADVICE)[0].split()).removesuffix(":")
    return re.sub(rf"^(\w+\.)*{ActorFailure.__name__}: ", "", said)
