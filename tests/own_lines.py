"""The lines that commands print while they work, and which of an output are none of them."""

from __future__ import annotations

import re

REPORT_BEGINS = re.compile(r"run \S+: (finished|not finished)")
"""From here on `skeldpo run` shows its report, whose programs are the model's."""
_COUNTS = (
    r"(measured|generated) \d+ of \d+ problems(, \d+ of \d+ candidates accepted, [\d.]+ "
    r"candidates/s)?(, \d+ tokens/s)?, \d+ s (left|so far)"
)
_WORK = (
    r"\d+ problems to write for; starting the (engine|\d+ engines)|(engine|\d+ engines) ready "
    rf"after \d+ s( \(.+\))?|{_COUNTS}|problem \S+: .+|core \d+ of \S+: .+"
    r"|the cluster has \S+ of resource .+|no node with enough of resource .+"
)
_FORMATS = (
    r"ray: .+|memory: .+|engines: .+",
    r"(round|closing) \d+: first token [\d.]+ s after (training ended|sampling began)",
    r"round \d+: \d+ s, of which \d+ s are overhead",
    r"start: making the starting policy \(.+\)",
    r"starter: (\d+ problems, \d+ token types, [\d.]+ M parameters"
    r"|step \d+/\d+, loss [\d.]+, \d+ tokens/s)",
    r"the driver of this run is gone \(.+\); going on",
    r"(round|closing) \d+: \w+ was finished \S+",
    r"(round|closing) \d+: (pair|reward): \d+ of \d+",
    rf"((round|closing) \d+|measure|\w+( samples)?): ({_WORK})",
    r"(round|closing) \d+: (\d+ efficiency and \d+ correctness pairs from \d+ problems"
    r"|training on \d+ pairs"
    r"|policy of round \d+ on held-out problems: .+)",
    r"round \d+: (step \d+/\d+, loss \S+, margin \S+, accuracy \S+, \S+ s a step"
    r"|trains (in prefix trees|with a sequence a row, .+)|stopped after step .+"
    r"|reference log-probabilities: \d+ of \d+ passes done)",
    r"\w+ samples: (\d+ problems for|\d+ of \d+ answers were cut off, at) .+",
    r"measure: \d+ problems|\w+: \d+ problems to measure",
    r"samples: .+",
    r"policy \d+: .+",
    r"\w+, (cpu|released) protocol",
    r"score +mean +95 % interval +problems",
    r"\S+ +[\d.]+ +([\d.]+ to [\d.]+|-) +\d+.*",
    r"answers: \d+ x .+",
    r"left out: .+",
    r"\.\.\. and \d+ more, in the report",
    r"report: \S+, page: \S+",
    r"WARNING skeldpo\.\S+: .+",
)
_OURS = re.compile("|".join(f"(?:{each})" for each in _FORMATS))
_FOREIGN = re.compile(
    r"core_worker|\(raylet|pid=\d|it/s\]|Traceback|FutureWarning|UserWarning"
    r"|(INFO|ERROR) \d|\d\d:\d\d,\d{3}"
)


def foreign_lines(output: str) -> list[str]:
    """The lines that no command of ours prints; a report is only searched for known strangers."""
    report = REPORT_BEGINS.search(output)
    before, after = (output[: report.start()], output[report.start() :]) if report else (output, "")
    unknown = [line for line in before.split("\n") if line and not _OURS.fullmatch(line)]
    return unknown + [line for line in after.splitlines() if _FOREIGN.search(line)]
