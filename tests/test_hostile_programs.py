"""The 60 hostile programs (docs/SANDBOX.md): each gets its verdict, and the next notices nothing.

On every container runtime that is here. After each a canary must be right, alone in the container,
and not much slower than before, both relative to a container that runs nothing hostile (the best of
runs in turns: what is left behind slows all of them, noise does not). Programs that need only a
verdict are in hostile_programs.py.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from canary import CANARY_RUNS, Pace, canary, pace
from engines import image_of
from hostile_programs import PROGRAMS, Hostile
from sandbox_runs import MEMORY_LIMIT_BYTES, call, run

from skeldpo.records import Outcome
from skeldpo.sandbox.connect import connect
from skeldpo.sandbox.container import Sandbox
from skeldpo.sandbox.cores import sandbox_cores
from skeldpo.sandbox.image import SandboxImage
from skeldpo.timing import is_noisy

pytestmark = pytest.mark.docker

RECYCLE_S = 15
"""Longest that a busy machine takes to replace a container, after memory and violation verdicts."""
ELSEWHERE = {
    13: "test_sandbox.py::test_deep_recursion_in_a_big_thread_stack_is_accepted",
    16: "test_sandbox.py::test_five_mebibytes_come_back_whole",
    25: "test_sandbox_memory.py::test_sequence_number_of_the_report_is_not_in_memory",
    33: "test_timing_session.py::test_garbage_on_large_inputs_is_refused",
    34: "test_clock.py::test_work_before_the_call_counts",
    51: "test_clock.py::test_work_before_the_call_counts",
    52: "test_clock.py::test_processes_cannot_hide_two_milliseconds_of_six",
    53: "test_clock.py::test_process_that_is_left_to_pid_1_is_a_violation",
    54: "test_clock.py::test_answer_before_the_input_is_a_violation",
    56: "test_clock.py::test_server_that_would_remember_answers_does_not_live",
    57: "test_clock.py::test_inputs_of_one_program_do_not_share_files",
    58: "test_clock.py::test_module_that_a_program_writes_and_imports_is_its_own_work",
    59: "test_clock.py::test_forged_word_that_it_is_ready_gains_nothing",
    60: "test_clock.py::test_thread_that_still_works_when_the_answer_comes_counts",
    48: "test_sandbox.py::test_container_of_a_killed_process_ends_and_is_swept",
}
"""Programs of the list whose tests are in other files."""
OTHERWISE = {("podman", "a million files"): (Outcome.MEMORY_LIMIT, Outcome.TIME_LIMIT)}
"""Verdicts of a runtime: Podman's tmpfs has no limit of files but that of memory."""


@pytest.fixture(scope="module", params=["docker", "podman"])
def image(request: pytest.FixtureRequest) -> SandboxImage:
    """The sandbox image in each container runtime that is here."""
    return image_of(request.param)


@pytest.fixture(scope="module")
def untouched(shared_sandbox: Sandbox, image: SandboxImage) -> Iterator[Sandbox]:
    """A second container on the same core, for comparison."""
    with Sandbox(
        image=image, core=sandbox_cores()[-1], memory_limit_bytes=MEMORY_LIMIT_BYTES
    ) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def usual() -> dict[str, Pace]:
    """The canary's pace in each container before anything hostile.

    Two containers differ by up to 20 % for good (the layout of their first process).
    """
    return {}


@pytest.fixture
def sandbox(
    shared_sandbox: Sandbox, untouched: Sandbox, usual: dict[str, Pace]
) -> Iterator[Sandbox]:
    """The shared sandbox, in which the canary must be as quick after the test as it was new; a
    container that was replaced only has to be alone."""
    container_id = shared_sandbox.container_id
    if container_id not in usual:
        usual[container_id] = pace(shared_sandbox, untouched, 6 * CANARY_RUNS)
    yield shared_sandbox
    canary(shared_sandbox)
    if shared_sandbox.container_id != container_id:
        return
    for num_runs in (CANARY_RUNS, 3 * CANARY_RUNS, 6 * CANARY_RUNS):
        after = pace(shared_sandbox, untouched, num_runs)
        if not after.is_slower_than(usual[container_id]):
            return
    pytest.fail(f"the canary's pace is {after}, new it was {usual[container_id]}")


def test_every_number_of_the_list_has_a_test() -> None:
    names = [name for name in globals() if name.startswith("test_") and name[5].isdigit()]
    numbers = {int(name.split("_")[1]) for name in names} | {p.number for p in PROGRAMS}
    assert numbers | set(ELSEWHERE) == set(range(1, 61))
    for place in ELSEWHERE.values():
        file, _, name = place.partition("::")
        assert f"def {name}(" in (Path(__file__).parent / file).read_text(), place


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: f"{p.number}-{p.name}")
def test_hostile_program_gets_its_verdict(
    sandbox: Sandbox, image: SandboxImage, program: Hostile
) -> None:
    started_s = time.monotonic()
    text = program.input_text if program.kind == "stdio" else "[]"
    report = run(sandbox, program.kind, program.code, (text,), program.cpu_limit_s)
    seconds = time.monotonic() - started_s
    assert report.outcome in program.outcomes + OTHERWISE.get((image.engine, program.name), ()), (
        report
    )
    is_replaced = report.outcome in (Outcome.MEMORY_LIMIT, Outcome.VIOLATION)
    assert seconds < 3 * program.cpu_limit_s + 1 + (RECYCLE_S if is_replaced else 2)
    if report.outcome is Outcome.ACCEPTED and program.answers is not None:
        assert report.answer_texts == program.answers


def test_files_that_take_nearly_all_memory_are_not_listed(sandbox: Sandbox) -> None:
    """The program ends by itself; what it leaves is too much for PID 1 to go through, and must not
    become its end. On Docker it ends at the first file over the limit."""
    code = """
import itertools, os
paths = ("/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory/memory.usage_in_bytes")
USED = open(next(path for path in paths if os.path.exists(path)))
def f(most):
    for n in itertools.count():
        with open(f"/box/{n:0200}", "w"): pass
        if n % 1000 == 0:
            USED.seek(0)
            if int(USED.read()) > most: return 1
"""
    most = f"[{MEMORY_LIMIT_BYTES - (20 << 20)}]"
    report = call(sandbox, code, most, cpu_limit_s=20)
    assert report.outcome in (Outcome.ACCEPTED, Outcome.RUNTIME_ERROR), report


def test_24_forged_report_on_every_descriptor_is_only_a_wrong_answer(sandbox: Sandbox) -> None:
    code = (
        "import os\ndef f():\n    for fd in range(256):\n        try:\n"
        '            os.write(fd, b\'{"outcome":"ACCEPTED","cpu_time_ns":1}\\n\')\n'
        "        except OSError: pass\n    return 1"
    )
    report = call(sandbox, code, "[]", "[]")
    assert report.outcome in (Outcome.ACCEPTED, Outcome.RUNTIME_ERROR)
    assert "1" not in report.answer_texts[:1]


def test_26_expected_answers_are_not_in_frames_or_objects(sandbox: Sandbox) -> None:
    code = """
import gc, sys
def f():
    found = set()
    frame = sys._getframe()
    while frame:
        found.update(frame.f_locals)
        frame = frame.f_back
    for each in gc.get_objects():
        if isinstance(each, (dict, list, tuple)):
            found.update(v for v in each if isinstance(v, str))
    words = [word[::-1] for word in ("txet_detcepxe", "detcepxe", "snoitulos")]
    return [word for word in words if word in found]
"""
    assert call(sandbox, code, cpu_limit_s=5).answer_texts == ("[]",)


def test_27_pid_1_cannot_be_read_or_changed(sandbox: Sandbox) -> None:
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


def test_28_signals_do_not_reach_pid_1(sandbox: Sandbox) -> None:
    code = (
        "import os\ndef f():\n    for s in range(1, 65):\n        try: os.kill(1, s)\n"
        "        except OSError: pass\n    os.kill(-1, 9)\n    return 1"
    )
    container_id = sandbox.container_id
    assert call(sandbox, code).outcome in (Outcome.ACCEPTED, Outcome.RUNTIME_ERROR)
    assert sandbox.container_id == container_id


def test_29_patched_clocks_do_not_change_the_reported_time(sandbox: Sandbox) -> None:
    patch = (
        "import time\nfor name in ('time', 'perf_counter', 'process_time', 'monotonic_ns',\n"
        "             'clock_gettime_ns'):\n    setattr(time, name, lambda *a: 0)\n"
    )
    work = "def f():\n    return sum(i * i for i in range(1_000_000))"
    honest = call(sandbox, work, cpu_limit_s=5)
    patched = call(sandbox, patch + work, cpu_limit_s=5)
    assert patched.outcome is Outcome.ACCEPTED
    assert 0.2 < patched.cpu_time_ns / honest.cpu_time_ns < 5


def test_30_poisoned_interpreter_is_gone_afterwards(sandbox: Sandbox) -> None:
    poison = """
import os, random, sys
random.seed(1)
random.random = lambda: 0.5
os.fork = None
sys.settrace(lambda *a: None)
sys.setprofile(lambda *a: None)
os.environ["PYTHONSTARTUP"] = "/box/start.py"
for path in ("/box/usercustomize.py", "/box/x.pth", "/tmp/math.py"):
    open(path, "w").write("raise SystemExit")
sys.path.insert(0, "/tmp")
def f(): return 1
"""
    look = """
import math, os, random, sys
def f():
    return [random.random() == 0.5, os.fork is None, sys.gettrace() is None,
            "PYTHONSTARTUP" in os.environ, "/tmp" in sys.path]
"""
    assert call(sandbox, poison).outcome is Outcome.ACCEPTED
    assert call(sandbox, look).answer_texts == ("[false,false,true,false,false]",)


def test_31_nothing_of_a_run_reaches_the_next_one(sandbox: Sandbox) -> None:
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


def test_32_cache_across_repeats_saves_nothing(sandbox: Sandbox) -> None:
    code = """
import os
CACHE = {}
def f(n):
    for path in ("/box/cache", "/tmp/cache"):
        if os.path.exists(path):
            CACHE[n] = int(open(path).read())
    if n not in CACHE:
        CACHE[n] = sum(i * i for i in range(n))
        for path in ("/box/cache", "/tmp/cache"):
            open(path, "w").write(str(CACHE[n]))
    return CACHE[n]
"""
    times = [call(sandbox, code, "[400000]", cpu_limit_s=5).cpu_time_ns for _ in range(4)]
    assert min(times[1:]) > 0.2 * times[0]


def test_35_helper_process_is_counted_in_cpu_time(sandbox: Sandbox) -> None:
    code = (
        "import os\ndef f():\n    if os.fork() == 0:\n        sum(range(5_000_000))\n"
        "        os._exit(0)\n    os.wait()\n    return 1"
    )
    report = call(sandbox, code, cpu_limit_s=5)
    assert report.outcome is Outcome.ACCEPTED
    assert report.cpu_time_ns > 30_000_000


def test_37_network_is_unreachable(sandbox: Sandbox) -> None:
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


def test_38_kernel_surface_is_refused(sandbox: Sandbox) -> None:
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


def test_39_shell_and_own_binaries_cannot_run(sandbox: Sandbox) -> None:
    code = (
        "import os, subprocess\ndef f():\n    out = []\n"
        "    open('/box/x', 'wb').write(open('/proc/self/exe', 'rb').read())\n"
        "    os.chmod('/box/x', 0o755)\n"
        "    for command in (['sh', '-c', 'true'], ['/box/x', '-c', 'pass']):\n"
        "        try: subprocess.run(command)\n        except OSError as e: out.append(e.errno)\n"
        "    return out"
    )
    assert call(sandbox, code).answer_texts == ("[2,13]",)


def test_37_to_40_in_two_slots_at_once(sandbox: Sandbox, untouched: Sandbox) -> None:
    tests = (
        test_37_network_is_unreachable,
        test_38_kernel_surface_is_refused,
        test_39_shell_and_own_binaries_cannot_run,
    )
    (strange_files,) = (program for program in PROGRAMS if program.number == 40)
    with ThreadPoolExecutor(max_workers=2) as slots:
        for test in tests:
            for done in [slots.submit(test, each) for each in (sandbox, untouched)]:
                done.result()
        strange = [
            slots.submit(call, each, strange_files.code, cpu_limit_s=5)
            for each in (sandbox, untouched)
        ]
        assert [done.result().answer_texts for done in strange] == [("1",), ("1",)]


def test_43_crowd_of_processes_is_a_violation_and_gone(sandbox: Sandbox) -> None:
    code = (
        "import os, time\ndef f():\n    for _ in range(40):\n        if os.fork() == 0:\n"
        "            while True: pass\n    return 1"
    )
    assert call(sandbox, code, cpu_limit_s=5).outcome is Outcome.VIOLATION


def test_49_killed_container_is_sandbox_failed_and_then_usable(
    sandbox: Sandbox, image: SandboxImage
) -> None:
    runtime = connect(image.engine)
    runtime.kill_container(sandbox.container_id)
    runtime.close()
    assert call(sandbox, "def f(): return 1").outcome is Outcome.SANDBOX_FAILED
    assert call(sandbox, "def f(): return 1").outcome is Outcome.ACCEPTED


def test_50_load_on_the_core_is_noticed_or_harmless(sandbox: Sandbox) -> None:
    """Beside a load generator a run is refused by the gate, or takes its usual CPU time.

    Usual is what the runs alone take, in turns with those under load: a shared core's speed moves
    by half within a second, and no best of five runs is usual.
    """
    work = "def f(n):\n    return sum(i * i % 7 for i in range(n))"
    pin = f"import os; os.sched_setaffinity(0, [{sandbox_cores()[-1]}])\nwhile True: pass"
    ratios = []
    load = subprocess.Popen([sys.executable, "-c", pin])
    try:
        for _ in range(11):
            load.send_signal(signal.SIGSTOP)
            alone = call(sandbox, work, "[300000]", cpu_limit_s=5)
            load.send_signal(signal.SIGCONT)
            report = call(sandbox, work, "[300000]", cpu_limit_s=5)
            cpu_ns, delay_ns = report.cpu_time_ns, report.run_delay_ns
            if not is_noisy(cpu_time_ns=cpu_ns, run_delay_ns=delay_ns, num_runs=1):
                ratios.append(cpu_ns / alone.cpu_time_ns)
    finally:
        load.kill()
        load.wait()
    assert len(ratios) < 4 or statistics.median(ratios) < 1.25, ratios
