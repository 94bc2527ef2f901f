"""PID 1's watch over one forked child: limits, clocks, answers, verdict, and the cleaning after it.

Standard library only; copied into the image beside serve.py. The only thing taken from the child is
the bytes of its answers; a lie on its status pipe can only hurt the program that tells it. CPU time
is read from outside with the kernel's clock of another process: before the program's first
statement, and when the last answer byte has come or the program has ended. CPU time of the cgroup
that belongs to no process that was seen to end is added to it.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import select
import signal
import time
from collections.abc import Callable

from skeldpo.sandbox.guest import child as child_module
from skeldpo.sandbox.guest.cgroup import SCHEDSTAT, Counters
from skeldpo.sandbox.guest.child import BOX, ChildSide
from skeldpo.sandbox.guest.cleaning import empty_folders, kill_orphans
from skeldpo.sandbox.guest.memory_meter import MemoryMeter

OUTPUT_LIMIT_BYTES = 16 << 20
CHUNK_BYTES = 64 << 10
SETUP_CPU_S = 10.0
"""For compiling a program and loading what it imports, before its clock starts."""
SETUP_WALL_S = 3 * SETUP_CPU_S + 1

_HELPER_NOISE_NS = 200_000  # rusage of waited-for helpers below this is rounding
_HIDDEN_NOISE_NS = 200_000  # the kernel's two counts of a run differ by less (docs/LOG.md)
_HIDDEN_NS, _HIDDEN_SHARE = 20_000_000, 0.1  # CPU time so hidden is no accident
_STARVED_SHARE = 0.1  # of the wall limit
_LATE_NS = 20_000_000  # PID 1 may be scheduled so much later than it asked for
_MEMORY_SAMPLE_MS = 1


class Pages:
    """A private anonymous map that children do not have, and that reads as zeros again, and costs
    no memory, after `wipe`."""

    def __init__(self, num_bytes: int) -> None:
        self.map = mmap.mmap(-1, num_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.map.madvise(mmap.MADV_DONTFORK)
        with contextlib.suppress(OSError):  # kernels without huge pages refuse the advice
            self.map.madvise(mmap.MADV_NOHUGEPAGE)
        self.view = memoryview(self.map)

    def wipe(self) -> None:
        """Gives the pages back."""
        self.map.madvise(mmap.MADV_DONTNEED)


class Child:
    """A forked child that waits for its program, and PID 1's ends of its pipes."""

    def __init__(self) -> None:
        self.is_function = False
        self.cpu_limit_ns = self.started_ns = 0
        # A file, as a judge's: it has a size, and can be mapped and read again.
        self.stdin = os.open(BOX, os.O_TMPFILE | os.O_RDWR, 0o600)
        go, self.go = os.pipe()
        self.status, status = os.pipe()
        self.answer, answer = os.pipe()
        self.noise, noise = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            ChildSide(stdin=self.stdin, go=go, status=status, answer=answer, noise=noise).live()
        for fd in (go, status, answer, noise):
            os.close(fd)

    def start(
        self, code: memoryview, entry_point: bytes, preamble: memoryview, cpu_limit_s: float
    ) -> None:
        """Hands over the program; the child compiles it, loads what it imports and says START."""
        self.is_function = bool(entry_point)
        self.cpu_limit_ns = int(cpu_limit_s * 1e9)
        self.started_ns = time.monotonic_ns()
        head = child_module.PROGRAM_HEADER.pack(
            cpu_limit_s, len(code), len(entry_point), len(preamble), 0
        )
        for part in (head, code, entry_point, preamble):
            rest = memoryview(part)
            while rest:  # nothing of the program has run yet, so the child reads
                rest = rest[os.write(self.go, rest) :]
        os.set_blocking(self.go, False)


class Supervision:
    """Watches one child from fork to verdict; every time is read from PID 1's own clocks."""

    def __init__(self, child: Child, num_answers: int, payload: memoryview, pages: Pages) -> None:
        self.answer_bytes = 0
        self._child = child
        self._clock_id = (~child.pid << 3) | 2  # the CPU clock of a process: posix-timers(7) ABI
        self._num_answers = num_answers
        self._payload = payload
        self._pages = pages
        self._read_bytes = 0
        self._num_lines = 0
        self._noise_bytes = 0
        self._noise_tail = b""
        self._stopped = ""
        self._started = self._released = False
        self._late_ns = self._blocked_ns = 0
        self._start = self._end = (0, 0, 0)
        self._memory: MemoryMeter | None = None
        self._open = {child.stdin, child.go, child.status, child.answer, child.noise}
        self._schedstat = os.open(SCHEDSTAT.format(child.pid), os.O_RDONLY)
        self._open.add(self._schedstat)
        self._poller = select.poll()
        self._handlers: dict[int, Callable[[], None]] = {}
        self._watch(child.status, select.POLLIN, self._on_status)
        self._watch(child.answer, select.POLLIN, self._on_answer)
        self._watch(child.noise, select.POLLIN, self._on_noise)

    def run(self, counters: Counters, samples_memory: bool) -> dict[str, object]:
        """Waits for the verdict, cleans up, and returns the head of the report."""
        child = self._child
        if samples_memory:
            self._memory = MemoryMeter(child.pid, self._clock_id)
        if child.is_function:
            self._close(child.stdin)
        else:
            self._write_input()
        patience_ms = 1
        passed = self._passed()
        while not self._stopped:
            wait_ms = self._wait_ms(patience_ms)
            events = self._poller.poll(wait_ms)
            passed = self._note_delays(passed, wait_ms, is_quiet=not events)
            for fd, _ in events:
                handler = self._handlers.get(fd)
                if handler is not None and not self._stopped:
                    handler()
            self._check_limits(counters)
            patience_ms = 1 if events else min(20, 2 * patience_ms)
            if self._memory and self._started:
                self._memory.sample()
        self._end = self._now()
        return self._settle(counters)

    @staticmethod
    def _passed() -> tuple[int, int]:
        return time.monotonic_ns(), time.process_time_ns()

    def _note_delays(
        self, last: tuple[int, int], wait_ms: int, *, is_quiet: bool
    ) -> tuple[int, int]:
        """Counts the time in which PID 1 did not run though it wanted to (a paused container, a
        frozen machine), and that in which the child waited for a disk; `wait_ms` is the longest
        that it meant to wait, and it `is_quiet` if nothing woke it."""
        now = self._passed()
        wall_ns, own_ns = (b - a for a, b in zip(last, now, strict=True))
        late_ns = wall_ns - own_ns - wait_ms * 1_000_000
        if late_ns > _LATE_NS:
            self._late_ns += late_ns
        elif is_quiet and self._is_blocked():
            self._blocked_ns += wall_ns
        return now

    def _is_blocked(self) -> bool:
        with open(f"/proc/{self._child.pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2][:1] == b"D"

    def _watch(self, fd: int, event: int, handler: Callable[[], None]) -> None:
        self._poller.register(fd, event)
        self._handlers[fd] = handler

    def _close(self, fd: int) -> None:
        if self._handlers.pop(fd, None) is not None:
            self._poller.unregister(fd)
        if fd in self._open:
            self._open.remove(fd)
            os.close(fd)

    def _now(self) -> tuple[int, int, int]:
        """CPU time and wall clock of the child, and how long it was runnable while neither it nor
        PID 1 ran: PID 1 shares the core, and works for it (feeding input, reading output)."""
        cpu_ns = time.clock_gettime_ns(self._clock_id)
        wall_ns = time.monotonic_ns()
        waited_ns = int(os.pread(self._schedstat, 256, 0).split()[1])
        return cpu_ns, wall_ns, waited_ns - time.process_time_ns()

    def _left_ns(self) -> tuple[int, int]:
        """CPU and wall time left to the child; before START, of what there is for that."""
        cpu_ns, wall_ns = time.clock_gettime_ns(self._clock_id), time.monotonic_ns()
        if not self._started:
            wall_ns -= self._child.started_ns
            return int(SETUP_CPU_S * 1e9) - cpu_ns, int(SETUP_WALL_S * 1e9) - wall_ns
        limit_ns = self._child.cpu_limit_ns
        left_ns = 3 * limit_ns + 1_000_000_000 - (wall_ns - self._start[1])
        return limit_ns - (cpu_ns - self._start[0]), left_ns

    def _wait_ms(self, patience_ms: int) -> int:
        if self._memory:
            return _MEMORY_SAMPLE_MS
        if self._child.status not in self._open:
            return patience_ms  # it exited, or closed the pipe that would tell
        return min(100, max(0, min(self._left_ns())) // 1_000_000 + 1)

    def _check_limits(self, counters: Counters) -> None:
        if self._stopped:
            return
        cpu_left_ns, wall_left_ns = self._left_ns()
        if os.waitid(os.P_PID, self._child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            self._stopped = "EXITED"
        elif cpu_left_ns <= 0:
            self._stopped = "TIME_LIMIT"
        elif wall_left_ns <= 0:
            self._stopped = self._wall_verdict(counters.cpu_ns_since_last())

    def _wall_verdict(self, busy_ns: int) -> str:
        """What it means that the wall limit is over; `busy_ns`: CPU time of all processes.

        SANDBOX_FAILED if for a part of that time nothing ran though something could have: the
        child was ready, PID 1 was late, or a disk was waited for.
        """
        if not self._started:
            return "SANDBOX_FAILED"  # nothing of the program has run yet
        cpu_ns, wall_ns, delay_ns = (
            end - start for start, end in zip(self._start, self._now(), strict=True)
        )
        kept_ns = max(0, delay_ns) + self._late_ns + self._blocked_ns
        if min(kept_ns, wall_ns - busy_ns) > _STARVED_SHARE * wall_ns:
            return "SANDBOX_FAILED"
        return "TIME_LIMIT" if cpu_ns > self._child.cpu_limit_ns // 10 else "IDLE_LIMIT"

    def _on_status(self) -> None:
        said = os.read(self._child.status, 64)
        if not said:
            self._close(self._child.status)
        elif not self._started:  # the child's own word: nothing of the program has run yet
            self._begin()
        elif not self._child.is_function:
            if child_module.DONE in said:
                self._stopped = "DONE"
        elif child_module.READY in said and not self._released:
            if any(fd == self._child.answer for fd, _ in self._poller.poll(0)):
                self._stopped = "VIOLATION"  # an answer before there was an input
                return
            self._released = True
            self._feed(self._child.go)

    def _begin(self) -> None:
        """Starts the clock, then the program."""
        self._started = True
        self._late_ns = self._blocked_ns = 0
        if self._memory:
            self._memory.sample()
        self._start = self._now()
        if self._child.is_function:
            os.write(self._child.go, b"\0")
        else:
            self._close(self._child.go)

    def _write_input(self) -> None:
        """Before the clock: reading it is the program's work, and nobody else's."""
        place = 0
        while place < len(self._payload):
            place += os.pwrite(self._child.stdin, self._payload[place:], place)
        self._close(self._child.stdin)

    def _feed(self, fd: int) -> None:
        try:
            while self._payload:
                self._payload = self._payload[os.write(fd, self._payload) :]
        except BlockingIOError:
            if fd not in self._handlers:
                self._watch(fd, select.POLLOUT, lambda: self._feed(fd))
            return
        except BrokenPipeError:
            pass  # the program does not read its input, which is its own affair
        self._close(fd)

    def _on_answer(self) -> None:
        start = self._read_bytes
        num_bytes = os.readv(self._child.answer, [self._pages.view[start : start + CHUNK_BYTES]])
        if num_bytes and self._child.is_function and not self._released:
            self._stopped = "VIOLATION"
            return
        self._read_bytes += num_bytes
        if num_bytes == 0:
            self._close(self._child.answer)
        elif self._read_bytes > OUTPUT_LIMIT_BYTES:
            self._stopped = "OUTPUT_LIMIT"
            return  # also if the last answer ends here: the host takes no more than the limit
        elif not self._child.is_function:
            self.answer_bytes = self._read_bytes
        while self._child.is_function and self._num_lines < self._num_answers:
            end = self._pages.map.find(b"\n", start, self._read_bytes)
            if end < 0:
                return
            start = self.answer_bytes = end + 1
            self._num_lines += 1
            if self._num_lines == self._num_answers:
                self._stopped = "DONE"

    def _on_noise(self) -> None:
        text = os.read(self._child.noise, CHUNK_BYTES)
        self._noise_bytes += len(text)
        self._noise_tail = (self._noise_tail + text)[-child_module.TAIL_BYTES :]
        if not text:
            self._close(self._child.noise)
        elif self._noise_bytes > OUTPUT_LIMIT_BYTES:
            self._stopped = "OUTPUT_LIMIT"

    def _drain(self, fd: int, handler: Callable[[], None]) -> None:
        """Reads what dead writers left in a pipe."""
        while fd in self._open and self._stopped not in ("OUTPUT_LIMIT", "VIOLATION"):
            handler()

    def _settle(self, counters: Counters) -> dict[str, object]:
        child = self._child
        os.kill(child.pid, signal.SIGKILL)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        own_ns = time.clock_gettime_ns(self._clock_id)
        _, wait_status, usage = os.wait4(child.pid, 0)
        num_orphans, all_gone = kill_orphans()
        if all_gone and (self._stopped == "EXITED" or not child.is_function):
            self._drain(child.answer, self._on_answer)
        if all_gone and self._stopped == "EXITED":
            self._drain(child.noise, self._on_noise)
        for fd in tuple(self._open):
            self._close(fd)
        is_clean = empty_folders() and all_gone
        oom_kills, hidden_ns = counters.since_last()
        total_ns = round((usage.ru_utime + usage.ru_stime) * 1e9)
        if hidden_ns > _HIDDEN_NS + _HIDDEN_SHARE * total_ns:
            outcome = "VIOLATION"
            failure = f"{hidden_ns} ns of CPU time by no process that was seen to end"
        elif oom_kills and not counters.reached_limit():
            outcome = "SANDBOX_FAILED"
            failure = "killed for lack of memory below the container's limit"
        else:
            outcome, failure = self._verdict(num_orphans, oom_kills > 0, wait_status)
        helper_ns = total_ns - own_ns if total_ns - own_ns > _HELPER_NOISE_NS else 0
        helper_ns += hidden_ns if hidden_ns > _HIDDEN_NOISE_NS else 0
        cpu_ns, wall_ns, delay_ns = (
            end - start if self._started else 0
            for start, end in zip(self._start, self._end, strict=True)
        )
        cpu_ns += helper_ns
        if outcome == "ACCEPTED" and cpu_ns > child.cpu_limit_ns:
            outcome, failure = "TIME_LIMIT", "its processes together took more than the time limit"
        return {
            "outcome": outcome,
            "failure": failure,
            "cpu_time_ns": cpu_ns,
            "total_cpu_time_ns": total_ns,
            "wall_time_ns": wall_ns,
            "run_delay_ns": max(0, delay_ns),
            "peak_memory_bytes": usage.ru_maxrss * 1024,
            "mean_memory_bytes": self._memory.mean_bytes() if self._memory else 0,
            "is_clean": is_clean,
        }

    def _verdict(self, num_orphans: int, is_oom: bool, wait_status: int) -> tuple[str, str]:
        code = os.waitstatus_to_exitcode(wait_status)
        tail = self._noise_tail.decode("utf-8", "replace")
        if num_orphans:
            return "VIOLATION", f"left {num_orphans} processes behind\n{tail}"
        if self._stopped == "VIOLATION":
            return "VIOLATION", "answered before it had its input"
        if self._stopped == "SANDBOX_FAILED":
            return "SANDBOX_FAILED", "ready, and not running, until the wall limit"
        if self._stopped == "EXITED" and code == child_module.EXIT_PREAMBLE and not self._started:
            return "SANDBOX_FAILED", f"the problem's preamble does not run\n{tail}"
        if is_oom or (self._stopped == "EXITED" and code == child_module.EXIT_MEMORY):
            return "MEMORY_LIMIT", f"out of memory\n{tail}"
        if self._stopped in ("TIME_LIMIT", "IDLE_LIMIT", "OUTPUT_LIMIT"):
            return self._stopped, f"stopped at the {self._stopped.lower().replace('_', ' ')}"
        if self._stopped == "DONE" or (code == 0 and not self._child.is_function):
            return "ACCEPTED", ""
        if code == -signal.SIGXCPU:
            return "TIME_LIMIT", "stopped by SIGXCPU"
        if code == -signal.SIGXFSZ:
            return "OUTPUT_LIMIT", "stopped by SIGXFSZ"
        if code == child_module.EXIT_COMPILE and not self._started:
            return "COMPILE_ERROR", tail
        end = _signal_name(-code) if code < 0 else f"status {code}"
        answered = f"{self._num_lines} of {self._num_answers} answers, "
        return "RUNTIME_ERROR", f"{answered * self._child.is_function}ended with {end}\n{tail}"


def _signal_name(number: int) -> str:
    """Real-time signals but the first and the last have no name."""
    try:
        return f"signal {signal.Signals(number).name}"
    except ValueError:
        return f"signal {number}"
