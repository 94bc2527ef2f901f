"""`skeldpo ...`: reads the command line and calls the library.

Exit code 2 means that the input is wrong, 1 that a run failed; both print one message and no
traceback, unless $SKELDPO_TRACEBACK is set. 3 means that `evaluate` left something out. Heavy
imports happen inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from types import FrameType

from rich.console import Console

from skeldpo import __version__
from skeldpo.commands.pair_tools import add_pair_tools
from skeldpo.commands.serve_reward import add_serve_reward
from skeldpo.config.toml_file import load_config
from skeldpo.console import (
    TRACEBACK_VARIABLE,
    Display,
    Streams,
    Warnings,
    keep_log,
    own_command,
    own_streams,
)

USER_ERROR = 2
RUN_FAILED = 1
LEFT_OUT = 3
SIGNALLED = 128
"""With the signal's number, the exit code of what a signal has stopped."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The entry point of the `skeldpo` command; returns the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    options = _parser(names_suites="evaluate" in given[:1]).parse_args(given)
    return run_guarded(lambda display: options.command(options, display))


def run_guarded(command: Callable[[Display], int | None]) -> int:
    """Calls a command; a ValueError or RuntimeError becomes a message and an exit code.

    A command that ends well gives None or its own code.
    """
    # Read when torch loads its threads: waiting ones must not spin. On two busy cores spinning made
    # training the starter 20 times slower (docs/LOG.md).
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    # Bars of every library that counts with tqdm, here and in Ray's workers.
    os.environ.setdefault("TQDM_DISABLE", "1")
    ended_by: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        ended_by.append(number)
        raise KeyboardInterrupt  # blocks end in order; nothing else gets through `ray.get`

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, end)
    with own_streams() as streams:
        # A file or a job's log is no terminal, whatever $FORCE_COLOR says: no control characters.
        is_terminal = streams.out.isatty()
        console = Console(file=streams.out, highlight=False, force_terminal=is_terminal)
        display = Display(console, streams.err)
        warnings = Warnings(display)
        logging.getLogger(__package__).addHandler(warnings)
        try:
            return _call(command, display, streams, ended_by)
        finally:
            logging.getLogger(__package__).removeHandler(warnings)
            if streams.log and "ray" in sys.modules:
                sys.modules["ray"].shutdown()  # it writes while it ends, too


def _call(
    command: Callable[[Display], int | None],
    display: Display,
    streams: Streams,
    ended_by: Sequence[int],
) -> int:
    try:
        code = command(display) or 0
    except (ValueError, RuntimeError, OSError) as error:
        if os.environ.get(TRACEBACK_VARIABLE):
            raise
        is_input = isinstance(error, ValueError)
        display.complain(f"skeldpo: {error}{keep_log(streams, failed=not is_input)}")
        return USER_ERROR if is_input else RUN_FAILED
    except KeyboardInterrupt:
        ended = SIGNALLED + next(iter(ended_by), int(signal.SIGINT))
        keep_log(streams, failed=False)
        display.complain(f"skeldpo: stopped, what is done is kept; to go on: {own_command()}")
        return ended
    display.flush()
    keep_log(streams, failed=False)
    return code


def add_config_options(parser: argparse.ArgumentParser) -> None:
    """--config, --set and --dry-run: the same for every command that takes a configuration."""
    parser.add_argument("--config", required=True, help="TOML file (jobs/configs/ has examples)")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE",
                        help="override one value; may be repeated")  # fmt: skip
    parser.add_argument("--dry-run", action="store_true",
                        help="check, print configuration and memory, and stop")  # fmt: skip


def run_command(options: argparse.Namespace, display: Display) -> None:
    """`skeldpo run`: all rounds, then the report."""
    config = load_config(options.config, options.set)
    if options.dry_run:
        from skeldpo.commands.dry_run import dry_run

        dry_run(config, display)
        return
    from skeldpo.report.page import report_run
    from skeldpo.rounds.driver import run_rounds

    report_run(run_rounds(config, display.tell), display)


def _init_policy(options: argparse.Namespace, display: Display) -> None:
    from skeldpo.commands.init_policy import init_policy

    result = init_policy(
        output=options.out,
        config_path=options.config or "",
        overrides=options.set,
        on_progress=display.tell,
    )
    display.tell(
        f"{result.folder}: {result.num_parameters:,} parameters, {result.num_tokens:,} tokens in "
        f"{result.training_s:.0f} s, completion loss {result.first_loss:.2f} -> "
        f"{result.last_loss:.2f}"
    )


def _measure(options: argparse.Namespace, display: Display) -> None:
    from skeldpo.commands.measure import measure_given

    measure_given(
        problem_paths=options.problems,
        programs_path=options.programs,
        output=options.out,
        overrides=options.set,
        display=display,
    )


def _pair(options: argparse.Namespace, display: Display) -> None:
    from skeldpo.commands.pair import pair_given

    pair_given(
        folder=options.folder,
        output=options.out,
        overrides=options.set,
        explain=options.explain,
        display=display,
    )


def _evaluate(options: argparse.Namespace, display: Display) -> int:
    from skeldpo.suites.requests import run_requests, suite_requests

    num_left_out = run_requests(suite_requests(options), display)
    return LEFT_OUT if num_left_out else 0


def _compare(options: argparse.Namespace, display: Display) -> None:
    from skeldpo.suites.shown import compare_reports

    compare_reports(options.first, options.second, options.page, display)


def _status(options: argparse.Namespace, display: Display) -> None:
    from skeldpo.report.page import show_status

    show_status(options.run, display)


def _report(options: argparse.Namespace, display: Display) -> None:
    from skeldpo.report.page import report_run
    from skeldpo.report.summary import open_run_folder

    report_run(open_run_folder(options.run), display)


def _doctor(options: argparse.Namespace, display: Display) -> None:
    from skeldpo.commands.doctor import examine, examine_sandbox, show_findings

    findings = examine(options.storage)
    if options.sandbox:
        findings += examine_sandbox(options.engine)
    show_findings(findings, display)


def _parser(*, names_suites: bool) -> argparse.ArgumentParser:
    """The suites are named in the help of `evaluate`, for which they are imported."""
    parser = argparse.ArgumentParser(
        prog="skeldpo",
        description="Preference training that makes code LLMs write faster programs.",
    )
    parser.add_argument("--version", action="version", version=f"skeldpo {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="all rounds of a configuration; goes on where it stopped")
    add_config_options(run)
    run.set_defaults(command=run_command)

    init = commands.add_parser("init-policy", help="train the small starting policy from scratch")
    init.add_argument("--out", required=True, help="folder of the new policy")
    init.add_argument("--config", help="take [starter], [policy] and [problems] from this file")
    init.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
    init.set_defaults(command=_init_policy)

    measure = commands.add_parser("measure", help="verdicts and CPU times of given programs")
    measure.add_argument(
        "--problems", required=True, nargs="+", metavar="FILE", help="as problems.sources"
    )
    measure.add_argument(
        "--programs",
        default="",
        help="JSONL, folder, or problem file; else the problems' own solutions",
    )
    measure.add_argument("--out", required=True, help="folder of the results")
    measure.add_argument("--set", action="append", default=[], metavar="measure.KEY=VALUE")
    measure.set_defaults(command=_measure)

    pair = commands.add_parser("pair", help="preference pairs and skeletons from measurements")
    pair.add_argument("folder", help="folder that `skeldpo measure` wrote")
    pair.add_argument("--out", required=True, help="Parquet file of the pairs")
    pair.add_argument("--set", action="append", default=[], metavar="pair.KEY=VALUE")
    pair.add_argument("--explain", action="store_true", help="what became of each problem")
    pair.set_defaults(command=_pair)
    add_pair_tools(commands)

    _add_evaluation(commands, names_suites)

    for name, command, text in (
        ("status", _status, "which rounds and stages of a run are finished"),
        ("report", _report, "write the report of a run again, and show it"),
    ):
        with_run = commands.add_parser(name, help=text)
        with_run.add_argument("run", help="folder of the run, e.g. runs/quickstart")
        with_run.set_defaults(command=command)

    doctor = commands.add_parser("doctor", help="what this machine has and lacks")
    doctor.add_argument("--sandbox", action="store_true", help="also start one, and time in it")
    doctor.add_argument("--storage", default="runs", help="folder or URL to try, as run.storage")
    doctor.add_argument(
        "--engine", choices=("auto", "docker", "podman"), default="auto",
        help="of that sandbox, as measure.engine",
    )  # fmt: skip
    doctor.set_defaults(command=_doctor)
    return parser


def _add_evaluation(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], names_suites: bool
) -> None:
    suites = released = ""
    if names_suites:
        from skeldpo.suites.all import SUITES

        suites = ", ".join(suite.name for suite in SUITES)
        released = ", ".join(suite.name for suite in SUITES if suite.released)
    evaluate = commands.add_parser("evaluate", help="score programs or a policy on suites")
    evaluate.add_argument(
        "--suite",
        required=True,
        nargs="+",
        metavar="SUITE",
        help=f"{suites or 'docs/SUITES.md lists them'}; or package.module of one of your own",
    )
    evaluate.add_argument(
        "--data",
        nargs="+",
        default=[],
        metavar="[SUITE=]FILE",
        help="the suite's data, a file or a Hugging Face id",
    )
    source = evaluate.add_mutually_exclusive_group(required=True)
    source.add_argument("--programs", help="samples JSON, JSONL, folder, or: first-solution")
    source.add_argument("--policy", help="model folder or Hugging Face id that writes them")
    evaluate.add_argument("--against", default="", help="a second policy, compared with --policy")
    evaluate.add_argument("--num-samples", type=int, default=1, help="programs a policy writes")
    evaluate.add_argument("--k", type=int, nargs="+", default=[1], help="the k of pass@k and so on")
    evaluate.add_argument(
        "--released-protocol",
        action="store_true",
        help=f"{released or 'a suite'} by its authors' wall-clock rules, for comparison",
    )
    evaluate.add_argument(
        "--out", required=True, help="JSON report; with several suites or --against, their folder"
    )
    evaluate.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="override a value of measure, evaluate, policy or generate",
    )
    evaluate.set_defaults(command=_evaluate)

    compare = commands.add_parser("compare", help="two reports of a suite, paired by problem")
    compare.add_argument("first", help="report of `skeldpo evaluate`")
    compare.add_argument("second", help="report it is compared with")
    compare.add_argument("--page", default="", help="also write an HTML page with a plot")
    compare.set_defaults(command=_compare)
    add_serve_reward(commands)


if __name__ == "__main__":
    sys.exit(main())
