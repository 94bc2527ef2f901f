"""Soak of `skeldpo serve-reward`: many programs from several clients, killed and started again.

    python -m benchmarks.reward_soak --programs 1000 --clients 8 --kills 3

Each request is a group of programs whose verdicts are known. Clients send a request, with the same
id, until it is answered, and then once more. At the end: every answer right, none lost, each the
same when asked again, and no two groups at once on a core, before and after every kill. Exit code 1
if anything is not so.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

GENERATOR = (
    "def generate_input(size, seed):\n"
    "    return [[(seed + place * place) % (size + 1) for place in range(size)]]\n"
)
PROGRAMS = (
    ("def count(numbers):\n    return len(set(numbers))\n", "ACCEPTED"),
    ("def count(numbers):\n    return len(dict.fromkeys(sorted(numbers)))\n", "ACCEPTED"),
    ("def count(numbers):\n    return len(numbers)\n", "WRONG_ANSWER"),
    ("def count(numbers):\n    return 1 // 0\n", "RUNTIME_ERROR"),
    ("def count(numbers:\n", "COMPILE_ERROR"),
)
QUICK = ["measure.min_cpu_time_ms=3", "measure.confirm_repeats=[8]"]
"""Settings of the service: times are not what is looked at."""
START_TIMEOUT_S = 120.0
ANSWER_TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request and what its programs are known to be."""

    request_id: str
    body: dict[str, Any]
    expected: tuple[str, ...]


class Service:
    """The service's process: started, killed as a crash would, and started again."""

    def __init__(self, folder: Path, settings: Sequence[str]) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        given = [*settings, f"serve.port={self.port}", "serve.max_waiting=64"]
        self._command = [sys.executable, "-m", "skeldpo.cli", "serve-reward"]
        self._command += ["--folder", str(folder)]
        self._command += [part for setting in given for part in ("--set", setting)]
        self.start()

    @property
    def token(self) -> str:
        """What clients send."""
        return (self._folder / "token").read_text(encoding="ascii").strip()

    def start(self) -> None:
        """Returns when it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"the service ended with code {self._process.returncode}")
            try:
                requests.get(f"{self.url}/health", timeout=5).raise_for_status()
                return
            except requests.RequestException:
                time.sleep(0.2)
        raise RuntimeError(f"the service did not answer within {START_TIMEOUT_S:g} s")

    def kill(self) -> None:
        """As a crash or the kernel does it."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


class Tally:
    """What clients met."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.answers: dict[str, dict[str, Any]] = {}
        self.statuses: dict[str, int] = defaultdict(int)
        self.faults: list[str] = []

    def note(self, status: str) -> None:
        """One more response, or break of a connection."""
        with self.lock:
            self.statuses[status] += 1


def make_requests(num_programs: int, group: int, seed: int) -> list[Asked]:
    """Groups of programs, each with a comment of its own, and a problem for each."""
    order = random.Random(seed)
    made: list[Asked] = []
    for number in range(-(-num_programs // group)):
        size = min(group, num_programs - number * group)
        chosen = [PROGRAMS[0], *(order.choice(PROGRAMS) for _ in range(size - 1))]
        problem = {
            "problem_id": f"distinct-{number}",
            "statement": "How many different numbers are in the list?",
            "entry_point": "count",
            "tests": [{"input": [[1, 2, 1]], "expected": 2}, {"input": [[]], "expected": 0}],
            "generators": [GENERATOR],
        }
        request_id = f"soak-{seed}-{number}"
        completions = [f"{code}# {number}.{place}\n" for place, (code, _) in enumerate(chosen)]
        made.append(
            Asked(
                request_id=request_id,
                body={"request_id": request_id, "problem": problem, "completions": completions},
                expected=tuple(verdict for _, verdict in chosen),
            )
        )
    return made


def ask_until_answered(service: Service, asked: Asked, tally: Tally) -> dict[str, Any]:
    """Sends a request again and again, with the same id, until there is an answer."""
    headers = {"Authorization": f"Bearer {service.token}"}
    deadline = time.monotonic() + ANSWER_TIMEOUT_S
    while time.monotonic() < deadline:
        pause_s = 0.5
        try:
            response = requests.post(
                f"{service.url}/v1/rewards", json=asked.body, headers=headers, timeout=300
            )
        except requests.RequestException as error:
            tally.note(type(error).__name__)
        else:
            tally.note(str(response.status_code))
            if response.status_code == 200:
                answer: dict[str, Any] = response.json()
                return answer
            if response.status_code not in (429, 503):
                raise RuntimeError(f"{asked.request_id}: {response.status_code} {response.text}")
            pause_s = float(response.headers.get("Retry-After", 1))
        time.sleep(min(pause_s, 5.0))
    raise RuntimeError(f"{asked.request_id}: no answer within {ANSWER_TIMEOUT_S:g} s")


def serve_client(service: Service, queue: Iterable[Asked], tally: Tally) -> None:
    """One client: each of its requests until it is answered, then once more."""
    for asked in queue:
        answer = ask_until_answered(service, asked, tally)
        again = ask_until_answered(service, asked, tally)
        verdicts = tuple(program["outcome"] for program in answer["programs"])
        with tally.lock:
            if again != answer:
                tally.faults.append(f"{asked.request_id}: another answer when asked again")
            if verdicts != asked.expected:
                tally.faults.append(f"{asked.request_id}: {verdicts}, expected {asked.expected}")
            tally.answers[asked.request_id] = answer


def overlaps(answers: Iterable[dict[str, Any]]) -> list[str]:
    """Groups that were measured on one core at the same time; the clock is the machine's, so those
    of before and after a restart can be compared."""
    by_core = defaultdict(list)
    for answer in answers:
        by_core[answer["host_id"], answer["core"]].append(
            (answer["started_ns"], answer["ended_ns"], answer["request_id"])
        )
    return [
        f"{first[2]} and {second[2]} at once on core {core}"
        for (_, core), spans in by_core.items()
        for first, second in itertools.pairwise(sorted(spans))
        if second[0] < first[1]
    ]


def run_soak(options: argparse.Namespace, folder: Path) -> int:
    """Exit code; prints a line of JSON."""
    asked = make_requests(options.programs, options.group, options.seed)
    service, tally = Service(folder, options.set), Tally()
    started_s = time.monotonic()
    marks = [len(asked) * (number + 1) // (options.kills + 1) for number in range(options.kills)]
    try:
        with ThreadPoolExecutor(options.clients) as pool:
            clients = [
                pool.submit(serve_client, service, asked[place :: options.clients], tally)
                for place in range(options.clients)
            ]
            for mark in marks:
                while len(tally.answers) < mark and not all(each.done() for each in clients):
                    time.sleep(0.05)
                service.kill()
                service.start()
            for client in clients:
                client.result()
    finally:
        service.kill()
    lost = [each.request_id for each in asked if each.request_id not in tally.answers]
    faults = [*tally.faults, *(f"{key}: lost" for key in lost), *overlaps(tally.answers.values())]
    num_programs = sum(len(answer["rewards"]) for answer in tally.answers.values())
    shown = {
        "programs": num_programs,
        "requests": len(tally.answers),
        "clients": options.clients,
        "kills": options.kills,
        "statuses": dict(tally.statuses),
        "seconds": round(time.monotonic() - started_s, 1),
        "untrusted": sum(not answer["is_trusted"] for answer in tally.answers.values()),
        "faults": faults[:20],
    }
    print(json.dumps(shown), flush=True)
    return 1 if faults or num_programs != options.programs else 0


def main() -> int:
    """Parses the command line and runs the soak."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--group", type=int, default=5, help="programs of a request")
    parser.add_argument("--seed", type=int, default=os.getpid(), help="names the requests")
    parser.add_argument("--set", action="append", metavar="SECTION.KEY=VALUE", default=QUICK)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return run_soak(options, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
