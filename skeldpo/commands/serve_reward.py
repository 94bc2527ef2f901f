"""`skeldpo serve-reward`: the reward of programs as an HTTP service (docs/REWARDS.md)."""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import socket
from collections.abc import Sequence
from pathlib import Path

from skeldpo.config import MeasureConfig, RewardsConfig, Section, ServeConfig
from skeldpo.config.toml_file import load_sections
from skeldpo.console import Display
from skeldpo.records import Problem, content_id

TOKEN_FILE, JOURNAL_FILE = "token", "answers.sqlite"


def add_serve_reward(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command's options."""
    serve = commands.add_parser("serve-reward", help="rewards of programs as an HTTP service")
    serve.add_argument("--folder", required=True, help="keeps its token and answers")
    serve.add_argument("--problems", nargs="+", default=[], metavar="FILE",
                       help="as problems.sources; clients name these by id")  # fmt: skip
    serve.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE",
                       help="override a value of rewards, measure or serve")  # fmt: skip
    serve.set_defaults(command=_run)


def _run(options: argparse.Namespace, display: Display) -> None:
    serve_reward(
        folder=options.folder,
        problem_paths=options.problems,
        overrides=options.set,
        display=display,
    )


class _Sections(Section):
    rewards: RewardsConfig = RewardsConfig()
    measure: MeasureConfig = MeasureConfig()
    serve: ServeConfig = ServeConfig()


def serve_reward(
    *, folder: str, problem_paths: Sequence[str], overrides: Sequence[str], display: Display
) -> None:
    """Serves until it is stopped. `folder` keeps the token, made if it is not there, and the
    answers."""
    from skeldpo.storage.files import is_url

    if is_url(folder):
        raise ValueError(f"serve-reward keeps a journal in a folder of this machine, got {folder}")
    try:
        import uvicorn

        from skeldpo.rewards.journal import Journal
        from skeldpo.rewards.pool import RewardPool
        from skeldpo.rewards.service import RewardService
    except ImportError as error:
        raise RuntimeError(
            f"serve-reward needs {error.name}: pip install 'skeldpo[serve]'"
        ) from error
    sections = load_sections(_Sections(), overrides)
    rewards, measure, serve = sections.rewards, sections.measure, sections.serve
    problems = _problems(problem_paths, display)
    place = Path(folder).expanduser().absolute()
    token = read_token(place / TOKEN_FILE)
    with (
        listening(serve) as listener,
        contextlib.closing(Journal(place / JOURNAL_FILE, serve.keep_hours)) as journal,
        RewardPool(rewards=rewards, measure=measure, max_waiting=serve.max_waiting) as pool,
    ):
        service = RewardService(
            pool=pool,
            journal=journal,
            problems=problems,
            config=serve,
            token=token,
            settings_digest=content_id(rewards.model_dump_json(), measure.model_dump_json()),
        )
        if pool.unverified:
            display.complain(f"rewards will have no speed part: {pool.unverified}")
        display.tell(
            f"rewards on cores {', '.join(map(str, pool.cores))} at "
            f"{service_url(serve, listener)}; {len(problems)} problems; "
            f"token in {place / TOKEN_FILE}"
        )
        settings = uvicorn.Config(service.app, log_level="warning", access_log=False)

        class Server(uvicorn.Server):
            async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
                pool.refuse()  # else it would wait until all that waits for a core is measured
                await super().shutdown(sockets)

        Server(settings).run(sockets=[listener])


def listening(serve: ServeConfig) -> socket.socket:
    """A socket of the service's address, taken before a core is leased: OSError says which address
    cannot be had. Nobody is let in before the service runs."""
    family = socket.AF_INET6 if ":" in serve.host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((serve.host, serve.port))
    except OSError as error:
        listener.close()
        raise OSError(
            f"serve.host {serve.host!r}, serve.port {serve.port}: {error.strerror}; set an "
            "address of this machine and a free port, or 0 for any"
        ) from error
    return listener


def service_url(serve: ServeConfig, listener: socket.socket) -> str:
    """Where requests go, with the port that was found."""
    host = f"[{serve.host}]" if ":" in serve.host else serve.host
    return f"http://{host}:{listener.getsockname()[1]}/v1/rewards"


def read_token(path: Path) -> str:
    """The token of the file, which is made for its owner alone if it is not there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
    token = path.read_text(encoding="utf-8").strip()
    if not token:
        raise ValueError(f"{path} is empty; expected a token in it, or remove the file")
    return token


def _problems(paths: Sequence[str], display: Display) -> dict[str, Problem]:
    from skeldpo.problems.sources import iter_problems

    left_out: list[object] = []
    found = {
        problem.problem_id: problem
        for problem in (iter_problems(paths, on_left_out=left_out.append) if paths else ())
    }
    if left_out:
        display.complain(f"{len(left_out)} problems left out; `skeldpo measure` says why")
    return found
