"""The forked child of a sandbox: confines itself, compiles and runs one program, answers, stops.

Standard library only; copied into the image beside serve.py. It is forked before it is needed and
waits for its program. Nothing here is trusted after the program's first statement has run: PID 1
takes only the bytes on the answer pipe, and the clock and the verdict are its own.
"""

from __future__ import annotations

import atexit
import builtins
import ctypes
import gc
import importlib
import marshal
import math
import os
import re
import resource
import signal
import struct
import sys
import types

from skeldpo.values import encode_answer

TAIL_BYTES = 4 << 10
MAX_FDS = 256
EXIT_ERROR = 1
EXIT_COMPILE = 120
EXIT_MEMORY = 121
EXIT_PREAMBLE = 122
BOX = "/box"
PROGRAM_HEADER = struct.Struct("<dIIII")
"""CPU limit (s), bytes of code, entry point and preamble, 1 if memory is sampled."""
START = b"S"
READY = b"R"
DONE = b"D"

_PR_SET_DUMPABLE = 4
_PROGRAM_FILE = BOX + "/program.py"
_IMPORT = re.compile(
    r"(?:^|[;:])[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]*(\([^)]*\)|[^#;\n]*)"
    r"|import[ \t]+([^#;\n]*))",
    re.MULTILINE,
)
_MODULE = re.compile(r"[^\W\d][\w.]*")
_NEVER_AHEAD = frozenset({"__main__", "antigravity", "program", "skeldpo", "this"})
_LIBC = ctypes.CDLL(None, use_errno=True)


def load_ahead(program: str) -> None:
    """Loads what the import statements of a program name, as far as it is there: the time that
    takes says nothing about the program. All modules are the image's."""
    if "import" not in program:
        return
    for package, names, modules in _IMPORT.findall(program):
        wanted = [(package, _MODULE.findall(names))] if package else []
        parts = (_MODULE.match(part.strip()) for part in modules.split(","))
        wanted += [(part.group(), []) for part in parts if part]
        for module, members in wanted:
            if module.partition(".")[0] not in _NEVER_AHEAD:
                try:  # modules of a package may be among the members
                    importlib.__import__(module, fromlist=members)
                except (Exception, SystemExit):
                    continue  # it fails in the program as well, which says how


def set_dumpable(value: int) -> None:
    """0 keeps other processes of the same user out of this one's memory and /proc files."""
    if _LIBC.prctl(_PR_SET_DUMPABLE, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_DUMPABLE) failed")


class ChildSide:
    """The child's ends of its pipes; `live` never returns.

    `go` gives the program, at START one byte or the end of file once PID 1 has read the clock, and
    then, up to its end of file, the marshalled calls of a function program. `status` takes START,
    before the first statement of the program, READY when a function program has defined what is
    called, and DONE at the end of a stdio program (no entry point); `answer` takes the answers,
    `noise` the rest.
    """

    def __init__(self, *, stdin: int, go: int, status: int, answer: int, noise: int) -> None:
        self._stdin = stdin
        self._go = go
        self._status = status
        self._answer = answer
        self._noise = noise

    def live(self) -> None:
        """Waits for its program, runs it and waits to be killed, or exits."""
        exit_status, own_id = EXIT_ERROR, os.getpid()
        try:
            self._confine()
            cpu_limit_s, code_bytes, entry_bytes, preamble_bytes, _ = PROGRAM_HEADER.unpack(
                self._read(PROGRAM_HEADER.size)
            )
            text = self._read(code_bytes).decode("utf-8", "surrogatepass").removeprefix("\ufeff")
            entry_point = self._read(entry_bytes).decode()
            preamble = self._read(preamble_bytes).decode()
            self._take_role(bool(entry_point), cpu_limit_s)
            exit_status = EXIT_COMPILE
            program = compile(text, "<program>", "exec", dont_inherit=True)
            exit_status = EXIT_PREAMBLE
            module = types.ModuleType("program" if entry_point else "__main__")
            module.__file__ = _PROGRAM_FILE
            sys.modules["__main__"] = sys.modules[module.__name__] = module
            if preamble:
                exec(compile(preamble, "<preamble>", "exec", dont_inherit=True), module.__dict__)
            if "__file__" in text:
                _write_program(text)
            load_ahead(text)
            exit_status = EXIT_ERROR
            os.write(self._status, START)
            os.read(self._go, 1)  # PID 1 has read the clock now
            if entry_point:
                self._answer_calls(program, module, entry_point)
            else:
                vars(module)["__builtins__"] = builtins
                del module  # `_run_main` has the last word on when it goes
                exit_status = self._run_main(program, has_finalizers="__del__" in text)
            if exit_status == 0 and os.getpid() == own_id:  # not of a process that it forked
                os.write(self._status, DONE)
                while True:
                    signal.pause()  # PID 1 reads the clock now, and kills
        except BaseException as error:
            if isinstance(error, MemoryError) and exit_status == EXIT_ERROR:
                exit_status = EXIT_MEMORY
            import traceback  # in few children, and PID 1 does without its modules

            lines = traceback.format_exception(type(error), error, error.__traceback__, limit=-3)
            os.write(2, "".join(lines).encode("utf-8", "backslashreplace")[-TAIL_BYTES:])
            _flush_output()
        finally:
            os._exit(exit_status)

    def _confine(self) -> None:
        """Makes the OOM killer's choice easy and closes all descriptors but its pipes."""
        set_dumpable(1)
        os.setsid()
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(fd, b"1000")  # the OOM killer takes the child and never PID 1
        os.close(fd)
        os.dup2(self._stdin, 0)
        os.dup2(self._noise, 1)
        os.dup2(self._noise, 2)
        low = 3
        for fd in sorted((self._go, self._status, self._answer)):
            os.closerange(low, fd)
            low = fd + 1
        os.closerange(low, MAX_FDS)

    def _take_role(self, is_function: bool, cpu_limit_s: float) -> None:
        """Backs PID 1's CPU limit with its own; a stdio program answers on standard output."""
        seconds = math.ceil(cpu_limit_s) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        if not is_function:
            os.dup2(self._answer, 1)
            os.close(self._answer)
            # PID 1's own is a pipe for good; this one may be read again.
            stdin = os.fdopen(0, errors="surrogateescape", closefd=False)
            sys.stdin = vars(sys)["__stdin__"] = stdin

    def _read(self, num_bytes: int) -> bytes:
        data = b""
        while len(data) < num_bytes:
            part = os.read(self._go, num_bytes - len(data))
            if not part:
                raise EOFError("PID 1 ended")
            data += part
        return data

    def _answer_calls(
        self, program: types.CodeType, module: types.ModuleType, entry_point: str
    ) -> None:
        """One line of JSON per call; "Class.method" is called on a fresh object each time."""
        exec(program, module.__dict__)
        owner, _, name = entry_point.rpartition(".")
        target = getattr(module, owner or name)
        if not callable(target):
            raise TypeError(f"{entry_point} is a {type(target).__name__}, expected a function")
        os.write(self._status, READY)
        parts = []
        while part := os.read(self._go, 64 << 10):  # what a pipe holds
            parts.append(part)
        for arguments in marshal.loads(b"".join(parts)):
            call = getattr(target(), name) if owner else target
            rest = memoryview(f"{encode_answer(call(*arguments))}\n".encode("ascii"))
            while rest:
                rest = rest[os.write(self._answer, rest) :]
        while True:
            signal.pause()

    def _run_main(self, program: types.CodeType, *, has_finalizers: bool) -> int:
        """Runs the program and what the interpreter runs at its end; returns the exit status."""
        os.close(self._go)
        exit_status = 0
        namespace = vars(sys.modules["__main__"])
        try:
            exec(program, namespace)
        except SystemExit as stop:
            if isinstance(stop.code, int):
                exit_status = stop.code & 0xFF
            elif stop.code is not None:
                os.write(2, str(stop.code).encode("utf-8", "backslashreplace")[-TAIL_BYTES:])
                exit_status = EXIT_ERROR
        if "threading" in sys.modules:
            sys.modules["threading"]._shutdown()  # joins the program's threads
        atexit._run_exitfuncs()
        _flush_output()
        if has_finalizers:  # they find the names of their program, as at a normal exit
            gc.collect()  # sorts what is alive: files are written out before they are closed
            sys.modules.pop("__main__", None)
            del namespace
            gc.collect()
        else:
            namespace.clear()  # files the program left open are written out, as at a normal exit
        if sys.__stdout__ is not None and not sys.__stdout__.closed:
            sys.__stdout__.flush()  # what was printed by that
        return exit_status


def _write_program(text: str) -> None:
    """Some programs read their own file."""
    with open(_PROGRAM_FILE, "w", encoding="utf-8", errors="surrogatepass") as file:
        file.write(text)


def _flush_output() -> None:
    for stream in (sys.stdout, sys.__stdout__):
        if stream is not None and not getattr(stream, "closed", False):
            stream.flush()
