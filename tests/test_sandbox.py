"""One property of the sandbox a test; after every hostile program a canary must be accepted.

Needs a Docker engine. The programs run on the last sandbox core, in one container for the whole
file, with the shortest limits that make their point.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import docker
import pytest

from skeldpo.records import Outcome, ProblemKind
from skeldpo.sandbox.container import RunReport, RunRequest, Sandbox
from skeldpo.sandbox.cores import lease_core, sandbox_cores
from skeldpo.sandbox.engine import LABEL, sweep_stale_containers
from skeldpo.sandbox.image import SandboxImage, ensure_image

pytestmark = pytest.mark.docker

MEMORY_LIMIT_BYTES = 256 << 20
CPU_LIMIT_S = 0.4
SPIN = "def f():\n    while True: pass"


@pytest.fixture(scope="module")
def image() -> SandboxImage:
    return ensure_image()


@pytest.fixture(scope="module")
def shared_sandbox(image: SandboxImage) -> Iterator[Sandbox]:
    with (
        lease_core(sandbox_cores()[-1:], timeout_s=120) as lease,
        Sandbox(
            image=image, core=lease.core, memory_limit_bytes=MEMORY_LIMIT_BYTES, run_label="tests"
        ) as sandbox,
    ):
        yield sandbox


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Iterator[Sandbox]:
    """The shared sandbox, which must still work after the test."""
    yield shared_sandbox
    canary = call(shared_sandbox, "def f(a, b):\n    return a + b", "[40, 2]", cpu_limit_s=5)
    assert (canary.outcome, canary.answer_texts) == (Outcome.ACCEPTED, ("42",)), canary


def call(
    sandbox: Sandbox, code: str, *input_texts: str, cpu_limit_s: float = CPU_LIMIT_S
) -> RunReport:
    """Calls f of a function program, once without arguments if no input is given."""
    return run(sandbox, "function", code, input_texts or ("[]",), cpu_limit_s)


def pipe(sandbox: Sandbox, code: str, *input_texts: str) -> RunReport:
    """Runs a stdio program, once with empty input if no input is given."""
    return run(sandbox, "stdio", code, input_texts or ("",), CPU_LIMIT_S)


def run(
    sandbox: Sandbox,
    kind: ProblemKind,
    code: str,
    input_texts: tuple[str, ...],
    cpu_limit_s: float,
) -> RunReport:
    return sandbox.run(
        RunRequest(
            kind=kind,
            code=code,
            entry_point="f" if kind == "function" else "",
            input_texts=input_texts,
            cpu_limit_s=cpu_limit_s,
        )
    )


# Ordinary programs


def test_function_answers_every_input_in_canonical_json(sandbox: Sandbox) -> None:
    code = "def f(a, b):\n    return {'sum': a + b, 'all': (a, {b, 1}), 2 > 1: None}"
    report = call(
        sandbox, "def f(a, b):\n    return {'s': (a, {b, 1}), 'a': 'é'}", "[1, 2]", "[3, 1]"
    )
    assert report.outcome is Outcome.ACCEPTED, report.failure
    assert report.answer_texts == ('{"a":"\\u00e9","s":[1,[1,2]]}', '{"a":"\\u00e9","s":[3,[1]]}')
    assert call(sandbox, code, "[1, 2]").answer_texts == (
        '[["all",[1,[1,2]]],["sum",3],[true,null]]',
    )
    assert 0 < report.cpu_time_ns <= report.total_cpu_time_ns
    assert 4 << 20 < report.peak_memory_bytes < MEMORY_LIMIT_BYTES


def test_method_entry_point_gets_a_fresh_object_per_call(sandbox: Sandbox) -> None:
    code = (
        "class Solution:\n    def __init__(self): self.n = 0\n"
        "    def add(self, k):\n        self.n += k\n        return self.n"
    )
    report = sandbox.run(
        RunRequest(
            kind="function",
            code=code,
            entry_point="Solution.add",
            input_texts=("[1]", "[2]"),
            cpu_limit_s=CPU_LIMIT_S,
        )
    )
    assert report.answer_texts == ("1", "2")


def test_stdio_runs_as_main_once_per_input(sandbox: Sandbox) -> None:
    code = (
        "import sys\nif __name__ == '__main__':\n"
        "    print(sum(map(int, sys.stdin.read().split())))\n    sys.exit(0)"
    )
    report = pipe(sandbox, code, "1 2", "3 4")
    assert (report.outcome, report.answer_texts) == (Outcome.ACCEPTED, ("3\n", "7\n"))


def test_stdio_program_may_answer_from_threads_and_at_exit(sandbox: Sandbox) -> None:
    code = (
        "import threading, atexit, time\n"
        "atexit.register(lambda: print('last'))\n"
        "def g():\n    time.sleep(0.05)\n    print('first')\n"
        "threading.Thread(target=g).start()"
    )
    assert pipe(sandbox, code).answer_texts == ("first\nlast\n",)


def test_deep_recursion_in_a_big_thread_stack_is_accepted(sandbox: Sandbox) -> None:
    code = (
        "import sys, threading\nsys.setrecursionlimit(10**6)\nthreading.stack_size(2**27)\n"
        "def depth(n): return 0 if n == 0 else 1 + depth(n - 1)\n"
        "t = threading.Thread(target=lambda: print(depth(50000)))\nt.start()\nt.join()"
    )
    report = pipe(sandbox, code)
    assert (report.outcome, report.answer_texts) == (Outcome.ACCEPTED, ("50000\n",))


def test_five_mebibytes_come_back_whole(sandbox: Sandbox) -> None:
    num_bytes = 5 << 20
    spoken = pipe(sandbox, f"print('x' * {num_bytes}, end='')")
    returned = call(sandbox, f"def f():\n    return 'y' * {num_bytes}")
    assert spoken.answer_texts == ("x" * num_bytes,)
    assert returned.answer_texts == (json.dumps("y" * num_bytes),)


def test_large_standard_input_is_delivered_or_ignored(sandbox: Sandbox) -> None:
    text = "z" * (8 << 20)
    assert pipe(sandbox, "print(len(input()))", text).answer_texts == (f"{8 << 20}\n",)
    assert pipe(sandbox, "print('no')", text).answer_texts == ("no\n",)


def test_cpu_time_is_of_the_call_and_not_of_the_import(sandbox: Sandbox) -> None:
    work = "x = 0\n{0}for i in range(2_000_000): x += i\n"
    before = call(sandbox, work.format("") + "def f(): return x", cpu_limit_s=5)
    within = call(sandbox, "def f():\n    " + work.format("    ").replace("\n", "\n", 1)
                  + "    return x", cpu_limit_s=5)  # fmt: skip
    assert before.cpu_time_ns < 0.2 * within.cpu_time_ns
    assert before.total_cpu_time_ns > 0.5 * within.total_cpu_time_ns


# Failures


@pytest.mark.parametrize(
    ("code", "outcome", "words"),
    [
        ("def g(): return 1", Outcome.RUNTIME_ERROR, "'f'"),
        ("f = 3", Outcome.RUNTIME_ERROR, "expected a function"),
        ("def f(:", Outcome.COMPILE_ERROR, "SyntaxError"),
        ("def f(): return 1\0", Outcome.COMPILE_ERROR, "null bytes"),
        ("def f(): return '\ud800'", Outcome.COMPILE_ERROR, "Unicode"),
        ("x = " + "(" * 200_000, Outcome.COMPILE_ERROR, "parenthes"),
        ("def f(): raise KeyError('k')", Outcome.RUNTIME_ERROR, "KeyError: 'k'"),
        ("def f(): f()", Outcome.RUNTIME_ERROR, "RecursionError"),
        ("import sys\nsys.exit(0)", Outcome.RUNTIME_ERROR, "0 of 1 answers"),
        ("def f():\n    import sys\n    sys.exit(0)", Outcome.RUNTIME_ERROR, "SystemExit"),
        ("import os\nos._exit(0)", Outcome.RUNTIME_ERROR, "status 0"),
        ("def f():\n    import os\n    os.abort()", Outcome.RUNTIME_ERROR, "SIGABRT"),
        ("def f():\n    import os\n    os.kill(os.getpid(), 9)", Outcome.RUNTIME_ERROR, "SIGKILL"),
        ("def f():\n    import ctypes\n    ctypes.string_at(0)", Outcome.RUNTIME_ERROR, "SIGSEGV"),
        ("def f():\n    import numpy", Outcome.RUNTIME_ERROR, "ModuleNotFoundError"),
    ],
)
def test_failing_program_gets_its_verdict(
    sandbox: Sandbox, code: str, outcome: Outcome, words: str
) -> None:
    report = call(sandbox, code)
    assert report.outcome is outcome, report
    assert words in report.failure


def test_answers_before_a_failure_are_kept(sandbox: Sandbox) -> None:
    report = call(sandbox, "def f(a): return 1 // a", "[1]", "[0]", "[1]")
    assert (report.outcome, report.answer_texts) == (Outcome.RUNTIME_ERROR, ("1",))
    assert "1 of 3 answers" in report.failure


@pytest.mark.parametrize(
    "value",
    ["object()", "iter([1])", "b'x'", "1j", "10 ** 5000", "type('L', (list,), {})([1])",
     "type('E', (int,), {'__eq__': lambda a, b: True})(3)"],
)  # fmt: skip
def test_value_that_is_not_plain_data_is_refused(sandbox: Sandbox, value: str) -> None:
    report = call(sandbox, f"def f():\n    return [{value}]")
    assert (report.outcome, report.answer_texts) == (Outcome.RUNTIME_ERROR, ())


@pytest.mark.parametrize(
    "code",
    [
        SPIN,
        "def f():\n    while True:\n        try:\n            while True: pass\n"
        "        except BaseException: continue",
        "import signal\ndef f():\n    for s in (14, 15, 24): signal.signal(s, signal.SIG_IGN)\n"
        "    while True: pass",
        "def f():\n    return sum(range(10 ** 12))",
        "import os\ndef f():\n    os.closerange(0, 256)\n    while True: pass",
    ],
)
def test_endless_work_is_a_time_limit(sandbox: Sandbox, code: str) -> None:
    report = call(sandbox, code, cpu_limit_s=0.2)
    assert report.outcome is Outcome.TIME_LIMIT, report
    assert report.total_cpu_time_ns >= 150_000_000


@pytest.mark.parametrize(
    "code",
    [
        "import time\ndef f(): time.sleep(1e9)",
        "import os\ndef f(): os.kill(os.getpid(), 19)",
    ],
)
def test_endless_waiting_is_an_idle_limit(sandbox: Sandbox, code: str) -> None:
    assert call(sandbox, code, cpu_limit_s=0.1).outcome is Outcome.IDLE_LIMIT


def test_eight_gigabytes_are_a_memory_limit(sandbox: Sandbox) -> None:
    assert call(sandbox, "def f():\n    x = bytearray(8 << 30)").outcome is Outcome.MEMORY_LIMIT


def test_full_box_fails_and_is_wiped(sandbox: Sandbox) -> None:
    code = (
        "def f():\n    with open('/box/x', 'wb') as o:\n        while True: o.write(bytes(1 << 20))"
    )
    assert call(sandbox, code, cpu_limit_s=5).outcome is Outcome.RUNTIME_ERROR
    assert call(sandbox, "import os\ndef f(): return os.listdir('/box')").answer_texts == ("[]",)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_endless_output_is_an_output_limit(sandbox: Sandbox, stream: str) -> None:
    code = f"import sys\nwhile True: sys.{stream}.write('x' * 1_000_000)"
    assert pipe(sandbox, code).outcome is Outcome.OUTPUT_LIMIT


# Hostile programs


def test_fork_bomb_is_gone_afterwards(sandbox: Sandbox) -> None:
    report = call(sandbox, "import os\ndef f():\n    while True: os.fork()")
    assert report.outcome in (Outcome.RUNTIME_ERROR, Outcome.VIOLATION)


def test_thread_bomb_is_a_runtime_error(sandbox: Sandbox) -> None:
    code = (
        "import threading, time\ndef f():\n    for _ in range(10000):\n"
        "        threading.Thread(target=time.sleep, args=(9,)).start()"
    )
    assert call(sandbox, code).outcome is Outcome.RUNTIME_ERROR


@pytest.mark.parametrize("keeps_stdout", [True, False])
def test_daemon_left_behind_is_a_violation(sandbox: Sandbox, keeps_stdout: bool) -> None:
    code = (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        f"        {'pass' if keeps_stdout else 'os.closerange(0, 256)'}\n        time.sleep(1e9)\n"
        "    os._exit(0)\nprint('right')"
    )
    report = pipe(sandbox, code)
    assert report.outcome is Outcome.VIOLATION, report


def test_helper_process_is_counted_in_cpu_time(sandbox: Sandbox) -> None:
    code = (
        "import os\ndef f():\n    if os.fork() == 0:\n        sum(range(5_000_000))\n"
        "        os._exit(0)\n    os.wait()\n    return 1"
    )
    report = call(sandbox, code, cpu_limit_s=5)
    assert report.outcome is Outcome.ACCEPTED
    assert report.cpu_time_ns > 30_000_000


def test_forged_report_on_every_descriptor_is_only_a_wrong_answer(sandbox: Sandbox) -> None:
    code = (
        "import os\ndef f():\n    for fd in range(256):\n        try:\n"
        '            os.write(fd, b\'{"outcome":"ACCEPTED","cpu_time_ns":1}\\n\')\n'
        "        except OSError: pass\n    return 1"
    )
    report = call(sandbox, code, "[]", "[]")
    assert report.outcome in (Outcome.ACCEPTED, Outcome.RUNTIME_ERROR)
    assert "1" not in report.answer_texts[:1]


def test_pid_1_cannot_be_read_or_changed(sandbox: Sandbox) -> None:
    code = """
import ctypes, os, resource
libc = ctypes.CDLL(None, use_errno=True)
def refused(action):
    try:
        action()
    except OSError:
        return True
    return False
def called(*arguments):
    if libc.syscall(*arguments) == -1:
        raise OSError(ctypes.get_errno(), "")
def f():
    attempts = {
        "mem": lambda: open("/proc/1/mem", "rb"),
        "environ": lambda: open("/proc/1/environ").read(),
        "fds": lambda: os.listdir("/proc/1/fd"),
        "ptrace": lambda: called(101, 16, 1, 0, 0),
        "pidfd_getfd": lambda: called(438, os.pidfd_open(1), 1, 0),
        "prlimit": lambda: resource.prlimit(1, resource.RLIMIT_CPU, (1, 1)),
        "nice": lambda: os.setpriority(os.PRIO_PROCESS, 1, 19),
        "nice of user": lambda: os.setpriority(os.PRIO_USER, 0, 19),
        "idle": lambda: os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0)),
        "oom": lambda: open("/proc/1/oom_score_adj", "w").write("1000"),
    }
    return [name for name, action in attempts.items() if not refused(action)]
"""
    assert call(sandbox, code).answer_texts == ("[]",)


def test_kernel_surface_is_refused(sandbox: Sandbox) -> None:
    code = """
import ctypes, os, socket
libc = ctypes.CDLL(None, use_errno=True)
CALLS = {"mount": 165, "unshare": 272, "setns": 308, "chroot": 161, "bpf": 321, "keyctl": 250,
         "add_key": 248, "perf_event_open": 298, "io_uring_setup": 425, "userfaultfd": 323,
         "shmget": 29, "msgget": 68, "semget": 64, "mq_open": 240, "personality": 135,
         "execveat": 322, "setxattr": 188, "clock_settime": 227, "reboot": 169, "kexec_load": 246}
def f():
    done = []
    for name, number in CALLS.items():
        if libc.syscall(number, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() != 1:
            done.append(name)
    for family in (socket.AF_VSOCK, socket.AF_ALG, socket.AF_NETLINK, socket.AF_PACKET):
        try:
            socket.socket(family, socket.SOCK_RAW if family != socket.AF_ALG else 5)
            done.append(family.name)
        except OSError:
            pass
    if libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0) != -1:
        done.append("clone(CLONE_NEWUSER)")
    return done
"""
    if os.uname().machine != "x86_64":
        pytest.skip("system call numbers of x86-64")
    assert call(sandbox, code).answer_texts == ("[]",)


def test_signals_do_not_reach_pid_1(sandbox: Sandbox) -> None:
    code = (
        "import os\ndef f():\n    for s in range(1, 65):\n        try: os.kill(1, s)\n"
        "        except OSError: pass\n    os.kill(-1, 9)\n    return 1"
    )
    container_id = sandbox.container_id
    assert call(sandbox, code).outcome in (Outcome.ACCEPTED, Outcome.RUNTIME_ERROR)
    assert sandbox.container_id == container_id


def test_patched_clocks_do_not_change_the_reported_time(sandbox: Sandbox) -> None:
    patch = (
        "import time\nfor name in ('time', 'perf_counter', 'process_time', 'monotonic_ns',\n"
        "             'clock_gettime_ns'):\n    setattr(time, name, lambda *a: 0)\n"
    )
    work = "def f():\n    return sum(i * i for i in range(1_000_000))"
    honest = call(sandbox, work, cpu_limit_s=5)
    patched = call(sandbox, patch + work, cpu_limit_s=5)
    assert patched.outcome is Outcome.ACCEPTED
    assert 0.5 < patched.cpu_time_ns / honest.cpu_time_ns < 2


def test_nothing_of_a_run_reaches_the_next_one(sandbox: Sandbox) -> None:
    leave = """
import builtins, os, random, socket, sys
sys.marker = builtins.marker = 1
def put(path):
    try:
        open(path + "/marker", "w").write("x")
    except OSError:
        pass
def f():
    for folder in ("/box", "/tmp", "/dev/shm", "/dev/mqueue", "/dev", "/opt", "/"):
        put(folder)
    os.makedirs("/box/a/b")
    os.symlink("/etc/passwd", "/box/a/link")
    os.symlink("/tmp", "/box/folder")
    os.mkfifo("/tmp/fifo")
    os.utime("/box", (12345, 67890))
    s = socket.socket(socket.AF_UNIX)
    s.bind("\\0marker")
    return 1
"""
    look = """
import builtins, os, socket, sys
def f():
    found = [x for x in (sys, builtins) if hasattr(x, "marker")]
    found += os.listdir("/box") + os.listdir("/tmp") + os.listdir("/dev/mqueue")
    found += [d for d in ("/dev/shm", "/dev", "/opt", "/") if os.path.exists(d + "/marker")]
    found += [t for t in (os.stat("/box").st_atime, os.stat("/box").st_mtime) if 1 < t < 1e5]
    socket.socket(socket.AF_UNIX).bind("\\0marker")
    return [str(x) for x in found]
"""
    container_id = sandbox.container_id
    assert call(sandbox, leave).outcome is Outcome.ACCEPTED
    assert call(sandbox, look).answer_texts == ("[]",)
    assert sandbox.container_id == container_id


def test_locked_box_costs_the_container_and_not_the_next_run(sandbox: Sandbox) -> None:
    code = "import os\ndef f():\n    open('/box/x', 'w')\n    os.chmod('/box', 0)\n    return 1"
    assert call(sandbox, code).outcome is Outcome.ACCEPTED
    assert call(sandbox, "import os\ndef f(): return os.listdir('/box')").answer_texts == ("[]",)


def test_network_is_unreachable(sandbox: Sandbox) -> None:
    code = (
        "import socket\ndef f():\n    out = []\n"
        "    for host in ('8.8.8.8', '169.254.169.254', '172.17.0.1'):\n"
        "        try: socket.create_connection((host, 80), 0.2)\n"
        "        except OSError as e: out.append(e.errno)\n"
        "    lines = open('/proc/net/dev').read().split('\\n')[2:]\n"
        "    return [out, [l.split(':')[0].strip() for l in lines if ':' in l]]"
    )
    report = call(sandbox, code)
    assert report.answer_texts == ('[[101,101,101],["lo"]]',), report


def test_shell_and_own_binaries_cannot_run(sandbox: Sandbox) -> None:
    code = (
        "import os, subprocess\ndef f():\n    out = []\n"
        "    open('/box/x', 'wb').write(open('/proc/self/exe', 'rb').read())\n"
        "    os.chmod('/box/x', 0o755)\n"
        "    for command in (['sh', '-c', 'true'], ['/box/x', '-c', 'pass']):\n"
        "        try: subprocess.run(command)\n        except OSError as e: out.append(e.errno)\n"
        "    return out"
    )
    assert call(sandbox, code).answer_texts == ("[2,13]",)


SEARCH = """
import re
def hits(pattern):
    found = 0
    with open("/proc/self/mem", "rb", 0) as memory:
        for line in open("/proc/self/maps"):
            span, mode = line.split()[:2]
            start, end = (int(x, 16) for x in span.split("-"))
            if "rw" in mode and end - start < 1 << 27:
                memory.seek(start)
                found += len(re.findall(pattern, memory.read(end - start)))
    return found
"""


def test_top_level_cannot_see_the_input(sandbox: Sandbox) -> None:
    code = SEARCH + 'N = hits(rb"needl[e]-7")\ndef f(x): return [N, hits(rb"needl[e]-7") > 0]'
    assert call(sandbox, code, '["needle-7"]', cpu_limit_s=5).answer_texts == ("[0,true]",)


def test_answer_of_another_run_is_not_in_memory(sandbox: Sandbox) -> None:
    secret = call(sandbox, "def f(): return 'sec' + 'ret-' + str(90 + 3)", cpu_limit_s=5)
    assert secret.answer_texts == ('"secret-93"',)
    code = SEARCH + 'def f(): return hits(rb"secret-[9]3")'
    assert call(sandbox, code, cpu_limit_s=5).answer_texts == ("0",)


# The engine


def test_killed_container_is_sandbox_failed_and_then_usable(sandbox: Sandbox) -> None:
    client = docker.from_env()
    client.containers.get(sandbox.container_id).kill()
    client.close()
    assert call(sandbox, "def f(): return 1").outcome is Outcome.SANDBOX_FAILED
    assert call(sandbox, "def f(): return 1").outcome is Outcome.ACCEPTED


def test_container_of_a_killed_process_ends_and_is_swept(image: SandboxImage) -> None:
    script = (
        "import sys, time\nfrom skeldpo.sandbox.container import Sandbox\n"
        "from skeldpo.sandbox.image import SandboxImage\n"
        f"image = SandboxImage(reference={image.reference!r}, digest='', python_version='')\n"
        f"s = Sandbox(image=image, core={sandbox_cores()[-1]}, memory_limit_bytes=1 << 28)\n"
        "print(s.container_id, flush=True)\ntime.sleep(600)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    container_id = process.stdout.readline().strip()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    client = docker.from_env()
    deadline = time.monotonic() + 20
    while client.containers.get(container_id).status == "running":
        assert time.monotonic() < deadline, "the container outlives its owner"
        time.sleep(0.1)
    assert sweep_stale_containers() >= 1
    left = client.containers.list(all=True, filters={"label": LABEL})
    assert container_id not in [container.id for container in left]
    client.close()


@pytest.mark.parametrize(
    ("input_text", "words"), [("3", "JSON array"), ("[", "not JSON"), ("[" * 10**5, "not JSON")]
)
def test_input_that_is_no_argument_list_is_a_value_error(
    sandbox: Sandbox, input_text: str, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        call(sandbox, "def f(): return 1", input_text)
