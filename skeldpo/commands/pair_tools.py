"""What is done with programs, answers and pairs in files: options, and the command behind them."""

from __future__ import annotations

import argparse

from skeldpo.console import Display


def add_pair_tools(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of `skeleton`, `inspect`, `answers` and `export`."""
    skeleton = commands.add_parser("skeleton", help="the skeletons of Python files of one group")
    skeleton.add_argument("files", nargs="+", metavar="FILE", help="programs for one problem")
    skeleton.add_argument(
        "--method",
        choices=("lexical", "syntactic", "dynamic"),
        default="lexical",
        help="dynamic runs the files in a sandbox, as scripts",
    )
    skeleton.add_argument(
        "--stdin", default="", metavar="FILE", help="what scripts read in the sandbox"
    )
    skeleton.add_argument("--profile", action="store_true",
                          help="say what is kept of the lines that take the time")  # fmt: skip
    skeleton.add_argument("--against", nargs="+", default=[], metavar="FILE",
                          help="programs of another group, which are masked too")  # fmt: skip
    skeleton.add_argument("--contrast", action="store_true",
                          help="keep only what the other group does not share")  # fmt: skip
    skeleton.set_defaults(command=_skeleton)

    inspect = commands.add_parser("inspect", help="pairs side by side, and where they come from")
    inspect.add_argument("pairs", help="Parquet file of pairs")
    inspect.add_argument("--problem", default="", metavar="ID", help="only those of a problem")
    inspect.add_argument("--html", default="", metavar="FILE", help="write them as a page, too")
    inspect.set_defaults(command=_inspect)

    answers = commands.add_parser("answers", help="what a round's policy wrote, and its verdicts")
    answers.add_argument("folder", help="runs/NAME/round-001, or what `skeldpo measure` wrote")
    answers.add_argument("--problem", default="", metavar="ID", help="all answers of a problem")
    answers.add_argument("--verdict", default="", metavar="NAME", help="WRONG_ANSWER, for example")
    answers.add_argument("--num", type=int, default=3, help="answers shown in full (3)")
    answers.add_argument("--html", default="", metavar="FILE", help="write all as a page, too")
    answers.set_defaults(command=_answers)

    export = commands.add_parser("export", help="pairs for another trainer")
    export.add_argument("pairs", help="Parquet file of pairs")
    export.add_argument("--format", choices=("trl",), required=True)
    export.add_argument("--out", required=True, help="folder of the data set")
    export.add_argument("--stage", choices=("efficiency", "correctness"), default="efficiency")
    export.add_argument("--messages", action="store_true", help="for a chat model")
    export.add_argument("--skeletons", action="store_true", help="a second row for skeletons")
    export.add_argument("--set", action="append", default=[], metavar="policy.KEY=VALUE")
    export.set_defaults(command=_export)


def _skeleton(options: argparse.Namespace, display: Display) -> None:
    from skeldpo.commands.skeleton import file_skeletons
    from skeldpo.config import SkeletonConfig

    config = SkeletonConfig(method=options.method, contrast=options.contrast, alone="none")
    given = options.files, options.against
    for each in list(file_skeletons(*given, config, options.stdin, options.profile)):
        end = "" if each.skeleton.text.endswith("\n") else "\n"
        display.write(f"# {each.file}\n{each.skeleton.text}{end}")
        for note in each.notes:
            display.complain(f"{each.file}: {note}")


def _inspect(options: argparse.Namespace, display: Display) -> None:
    from skeldpo.commands.inspect import inspect_pairs

    inspect_pairs(options.pairs, problem_id=options.problem, html=options.html, display=display)


def _answers(options: argparse.Namespace, display: Display) -> None:
    from skeldpo.commands.answers import show_answers

    show_answers(
        options.folder,
        problem_id=options.problem,
        verdict=options.verdict,
        num_shown=options.num,
        html=options.html,
        display=display,
    )


def _export(options: argparse.Namespace, display: Display) -> None:
    from skeldpo.commands.export import ExportSections, export_trl, read_pairs
    from skeldpo.config.toml_file import load_sections

    num_rows = export_trl(
        read_pairs(options.pairs, options.stage),
        options.out,
        policy=load_sections(ExportSections(), options.set).policy,
        shape="messages" if options.messages else "text",
        with_skeletons=options.skeletons,
    )
    display.tell(f"{options.out}: {num_rows} preferences; columns prompt, chosen, rejected")
