"""One pinned, long-lived container per core: feeds it programs, and replaces it when in doubt.

A run costs a fork in the container, not a `docker run`. The container has no network, no
capabilities, a read-only root, 64 processes and an own list of system calls; it is replaced after a
memory or violation verdict, when cleaning failed, after RUNS_PER_CONTAINER runs, and whenever the
engine or PID 1 misbehaves, which is the one case that says nothing about the program
(SANDBOX_FAILED). A spare is kept once one was needed. Containers of dead processes of this node are
swept at the start; a container whose host process dies sees its stdin close and exits by itself.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import TracebackType

from skeldpo.languages import language
from skeldpo.languages.contract import GuestProgram
from skeldpo.records import Outcome, ProblemKind
from skeldpo.sandbox.connect import connect
from skeldpo.sandbox.guest.serve import PROGRAM_LIMIT_BYTES
from skeldpo.sandbox.guest.supervise import SETUP_WALL_S
from skeldpo.sandbox.image import SandboxImage
from skeldpo.sandbox.promises import Promise, doubt
from skeldpo.sandbox.protocol import (
    Channel,
    ChannelError,
    GuestReport,
    answer_texts,
    bounded_input,
    encode_calls,
    program_frame,
)
from skeldpo.sandbox.runtime import RuntimeAway, RuntimeFailure
from skeldpo.sandbox.spare import ContainerRecipe, LiveContainer, Spare
from skeldpo.sandbox.sweep import sweep_stale_containers

RUNS_PER_CONTAINER = 2000

ENGINE_WAIT_S, ENGINE_ASKED_EVERY_S = 60.0, 1.0
"""An engine that does not answer any more may be started again; no program is at fault."""
_GRACE_S = 20.0  # beyond the wall limit, before PID 1 is given up
_FAILURE_CHARACTERS = 2000
_AHEAD_BYTES = 32 << 10
"""Inputs sent before they are due: less than the pipes hold, so that neither side ever waits for
the other to read."""
_REMEMBERED = 2
"""Inputs and answers of the last runs that are not gone through again: programs that are timed take
turns on the same input, and give the same answer."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """One program and its inputs, in a language that the sandbox's image starts.

    function: each input text is a JSON array of positional arguments; `entry_point` (a name, or
    "Class.method" for a fresh object per call) is called with one after another in one fresh
    process. stdio: each input text is the standard input of a fresh process that runs the program
    as `__main__`; `entry_point` is empty. `preamble` is source that comes with the problem:
    names that it promises, defined in the program's namespace before its first statement and before
    the clock. `cpu_limit_s` holds for each process, from its first statement on; its wall limit is
    3 times that plus 1 s. With `samples_memory` the resident set is read every millisecond, on the
    program's core: such a run is not for timing.
    """

    language: str
    kind: ProblemKind
    code: str
    entry_point: str
    input_texts: tuple[str, ...]
    cpu_limit_s: float
    preamble: str = ""
    samples_memory: bool = False

    def __post_init__(self) -> None:
        language(self.language)
        if self.kind not in ("function", "stdio"):
            raise ValueError(f"RunRequest.kind: expected function or stdio, got {self.kind!r}")
        if (self.kind == "function") != bool(self.entry_point):
            raise ValueError(
                "RunRequest: a function program has an entry_point and a stdio program none; "
                f"got kind={self.kind!r}, entry_point={self.entry_point!r}"
            )
        if not self.input_texts:
            raise ValueError("RunRequest.input_texts is empty; give at least one input")
        if not 0 < self.cpu_limit_s <= 3600:
            raise ValueError(f"RunRequest.cpu_limit_s: expected 0 to 3600, got {self.cpu_limit_s}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What a program did. ACCEPTED means that it ended normally and answered every input; whether
    the answers are right is for the caller to judge.

    `answer_texts` has the answers given before any failure: return values as `skeldpo.values` has
    them, or standard output (undecodable bytes as backslash escapes). An answer that is not plain
    data is a RUNTIME_ERROR; of a function program that answered every input all the same,
    `odd_answer_texts` has all answers, such ones as `skeldpo.values.encode_answer` writes them.
    `cpu_time_ns` runs from the program's
    first statement to the last answer byte (function), or to the end of the program (stdio, summed
    over inputs): a table that is computed at import counts. What the program imports is loaded
    before. It includes helper processes, and CPU time of the container that belongs to no process
    that was seen to end. `total_cpu_time_ns` is from fork to exit. `peak_memory_bytes` is the
    largest resident set of the process, some 15 MB of interpreter included; `mean_memory_bytes` is
    that set averaged over `cpu_time_ns` without helpers, if it was asked for, else 0.
    `run_delay_ns` is the time the program was ready to run in its timed window but the core ran
    neither it nor its supervisor.
    `instructions` counts those of the whole run, with those of PID 1 (a few million) and without
    the kernel's; 0 where the machine has no counter, and for the first run of a container.
    """

    outcome: Outcome
    answer_texts: tuple[str, ...]
    cpu_time_ns: int
    total_cpu_time_ns: int
    wall_time_ns: int
    peak_memory_bytes: int
    failure: str
    run_delay_ns: int
    mean_memory_bytes: int = 0
    instructions: int = 0
    odd_answer_texts: tuple[str, ...] = ()


_NOTHING = RunReport(
    outcome=Outcome.SANDBOX_FAILED,
    answer_texts=(),
    cpu_time_ns=0,
    total_cpu_time_ns=0,
    wall_time_ns=0,
    peak_memory_bytes=0,
    failure="",
    run_delay_ns=0,
)


class Sandbox:
    """A container on one core that runs programs one at a time. Lease the core before.

    `promises` is what its container was to have, and has; `unverified` says why times that are
    taken in it would prove nothing, and is empty if they do.
    """

    def __init__(
        self,
        *,
        image: SandboxImage,
        core: int,
        memory_limit_bytes: int,
        oci_runtime: str = "",
        run_label: str = "",
    ) -> None:
        """Starts the container; RuntimeError says why it did not start."""
        self._recipe = ContainerRecipe(
            image=image,
            core=core,
            memory_limit_bytes=memory_limit_bytes,
            oci_runtime=oci_runtime,
            run_label=run_label,
        )
        self._runtime = connect(image.engine)
        self._live: LiveContainer | None = None
        self.promises: tuple[Promise, ...] = ()
        self.unverified = ""
        self._spare = Spare(self._recipe)
        self._num_runs = 0
        self._waits_for_engine = True
        self._encode_calls = functools.lru_cache(_REMEMBERED)(encode_calls)
        self._answer_texts = functools.lru_cache(_REMEMBERED)(answer_texts)
        sweep_stale_containers(self._runtime)
        try:
            self._start()
        except (ChannelError, RuntimeFailure) as error:
            self.close()
            raise RuntimeError(
                f"the sandbox container of core {core} did not start from {image.reference}: "
                f"{error}"
            ) from error

    def run(self, request: RunRequest) -> RunReport:
        """Runs a program on all its inputs, or up to the first one it fails on."""
        before = self._count_instructions()
        report = self._run(request)
        after = self._count_instructions()
        if before is None or after is None or before[0] != after[0]:
            return report
        return replace(report, instructions=after[1] - before[1])

    def _count_instructions(self) -> tuple[str, int] | None:
        """The container's id and the instructions it has retired, if it has run anything yet: the
        process of its first run was forked before there was a counter."""
        if self._live is None or self._live.instructions is None or not self._num_runs:
            return None
        return self.container_id, self._live.instructions.read()

    def _run(self, request: RunRequest) -> RunReport:
        try:
            program = language(request.language).guest_program(
                request.code, request.entry_point, request.preamble
            )
            if program.num_bytes > PROGRAM_LIMIT_BYTES:
                size = len(program.code)
                failure = f"the program has {size} bytes, the limit is {PROGRAM_LIMIT_BYTES}"
                return replace(_NOTHING, outcome=Outcome.COMPILE_ERROR, failure=failure)
            if request.kind == "function":
                return self._run_function(request, program)
            return self._run_stdio(request, program)
        except (ChannelError, RuntimeFailure) as error:
            failure = f"{type(error).__name__}: {error}"
        try:
            self._replace_patiently()
        except (ChannelError, RuntimeFailure) as error:
            failure += f"; and no new container started: {error}"
        return replace(_NOTHING, failure=failure[-_FAILURE_CHARACTERS:])

    def close(self) -> None:
        """Removes the container and its spare."""
        self._spare.close(self._runtime)
        if self._live is not None:
            self._live.remove(self._runtime)
            self._live = None
        self._runtime.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def container_id(self) -> str:
        """The running container's id; "" while there is none."""
        return self._live.container_id if self._live else ""

    def _run_function(self, request: RunRequest, program: GuestProgram) -> RunReport:
        calls = self._encode_calls(request.input_texts, request.language)
        (report,) = self._run_inputs(request, program, [calls], len(request.input_texts))
        answers, num_plain, failure = self._answer_texts(report.answers)
        if not failure:
            return _told(report, answers)
        is_complete = (
            len(answers) == len(request.input_texts) and report.outcome is Outcome.ACCEPTED
        )
        return replace(
            _told(report, answers[:num_plain]),
            outcome=Outcome.RUNTIME_ERROR,
            failure=failure,
            odd_answer_texts=answers if is_complete else (),
        )

    def _run_stdio(self, request: RunRequest, program: GuestProgram) -> RunReport:
        payloads = [
            bounded_input(text.encode("utf-8", "surrogatepass")) for text in request.input_texts
        ]
        parts = [
            _told(report, (report.answers.decode("utf-8", "backslashreplace"),))
            for report in self._run_inputs(request, program, payloads, 1)
        ]
        return RunReport(
            outcome=parts[-1].outcome,
            answer_texts=tuple(text for part in parts for text in part.answer_texts),
            cpu_time_ns=sum(part.cpu_time_ns for part in parts),
            total_cpu_time_ns=sum(part.total_cpu_time_ns for part in parts),
            wall_time_ns=sum(part.wall_time_ns for part in parts),
            peak_memory_bytes=max(part.peak_memory_bytes for part in parts),
            failure=parts[-1].failure,
            run_delay_ns=sum(part.run_delay_ns for part in parts),
            mean_memory_bytes=_mean_memory(parts),
        )

    def _run_inputs(
        self,
        request: RunRequest,
        program: GuestProgram,
        payloads: Sequence[bytes],
        num_answers: int,
    ) -> list[GuestReport]:
        """A report an input, up to the first that is not ACCEPTED."""
        reports: list[GuestReport] = []
        while len(reports) < len(payloads):
            reports += self._stream(request, program, payloads[len(reports) :], num_answers)
            last = reports[-1]
            is_suspect = last.outcome in (Outcome.MEMORY_LIMIT, Outcome.VIOLATION)
            if is_suspect or not last.is_clean or self._num_runs >= RUNS_PER_CONTAINER:
                self._replace()
            if last.outcome is not Outcome.ACCEPTED:
                break
        return reports

    def _stream(
        self,
        request: RunRequest,
        program: GuestProgram,
        payloads: Sequence[bytes],
        num_answers: int,
    ) -> list[GuestReport]:
        """Reports of one container, which takes the next small inputs while it works on one; ends
        early after a failure or when the container has to be replaced."""
        channel = self._ready_channel()
        timeout_s = (3 * request.cpu_limit_s + 1) + SETUP_WALL_S + _GRACE_S
        frame = program_frame(
            program, cpu_limit_s=request.cpu_limit_s, samples_memory=request.samples_memory
        )
        channel.send(frame, timeout_s)
        reports: list[GuestReport] = []
        sent: list[int] = []
        unread_bytes = 0
        for index, payload in enumerate(payloads):
            while len(sent) < len(payloads) and (
                len(sent) == index or unread_bytes + len(payloads[len(sent)]) <= _AHEAD_BYTES
            ):
                sequence = secrets.randbits(63) + 1
                following = payloads[len(sent)]
                channel.send_input(
                    following, sequence=sequence, num_answers=num_answers, timeout_s=timeout_s
                )
                sent.append(sequence)
                unread_bytes += len(following)
            report = channel.report(sent[index], timeout_s)
            unread_bytes -= len(payload)
            reports.append(report)
            self._num_runs += 1
            is_full = self._num_runs >= RUNS_PER_CONTAINER
            if report.outcome is not Outcome.ACCEPTED or not report.is_clean or is_full:
                break
        return reports

    def _ready_channel(self) -> Channel:
        if self._live is None:
            self._start()
        assert self._live is not None
        return self._live.channel

    def _replace_patiently(self) -> None:
        """As `_replace`. An engine that is away is waited for, once until it has answered."""
        until_s = time.monotonic() + (ENGINE_WAIT_S if self._waits_for_engine else 0.0)
        while True:
            try:
                self._replace()
            except RuntimeAway as error:
                self._waits_for_engine = time.monotonic() < until_s
                if not self._waits_for_engine:
                    raise
                logger.warning("waiting for the container engine: %s", error)
                time.sleep(ENGINE_ASKED_EVERY_S)
            else:
                return

    def _replace(self) -> None:
        retired, self._live = self._live, None
        if retired is not None:
            with contextlib.suppress(RuntimeFailure):  # it is removed in any case
                retired.kill(self._runtime)
        self._live = self._spare.take(self._runtime)
        self._num_runs = 0
        try:
            if self._live is None:
                self._start()
        finally:
            self._spare.prepare(retired)

    def _start(self) -> None:
        self._live = self._recipe.start(self._runtime)
        self._waits_for_engine = True
        self._num_runs = 0
        self.promises = self._live.promises
        self.unverified = doubt(self.promises, self._runtime)


def _told(report: GuestReport, answer_texts: tuple[str, ...]) -> RunReport:
    return RunReport(
        outcome=report.outcome,
        answer_texts=answer_texts,
        cpu_time_ns=report.cpu_time_ns,
        total_cpu_time_ns=report.total_cpu_time_ns,
        wall_time_ns=report.wall_time_ns,
        peak_memory_bytes=report.peak_memory_bytes,
        failure=report.failure[-_FAILURE_CHARACTERS:],
        run_delay_ns=report.run_delay_ns,
        mean_memory_bytes=report.mean_memory_bytes,
    )


def _mean_memory(parts: Sequence[RunReport]) -> int:
    """Of several processes, each by its CPU time."""
    cpu_ns = sum(part.cpu_time_ns for part in parts)
    total = sum(part.mean_memory_bytes * part.cpu_time_ns for part in parts)
    return total // cpu_ns if cpu_ns else 0
