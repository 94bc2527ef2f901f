"""Every record that crosses a stage border: read this module first.

    Problem -> Candidate -> Measurement -> PreferencePair (+ Skeleton) -> ReferenceLogps

Records are frozen and checked when made. On disk a record is a Parquet row whose columns are its
fields (`skeldpo.storage.rows`). Ids are content hashes, so the same input gives the same id on
every machine.
"""

from __future__ import annotations

import enum
import hashlib
import json
import math
from dataclasses import dataclass
from typing import Literal, NewType

ProblemKind = Literal["function", "stdio"]
PairStage = Literal["correctness", "efficiency"]
Phase = Literal["check", "screen", "confirm", "crosscheck"]
Purpose = Literal["train", "evaluate"]
Origin = Literal["sampled", "dataset"]
Float32 = NewType("Float32", float)
"""A number that tables hold in 32 bits."""


class Outcome(enum.StrEnum):
    """What is known of one program. SANDBOX_FAILED is the machine's fault, FAULTY_PROBLEM that of
    the problem's own reference, checker or generators, QUARANTINED: `accounts.quarantine`."""

    ACCEPTED = "ACCEPTED"
    WRONG_ANSWER = "WRONG_ANSWER"
    TIME_LIMIT = "TIME_LIMIT"
    IDLE_LIMIT = "IDLE_LIMIT"
    MEMORY_LIMIT = "MEMORY_LIMIT"
    OUTPUT_LIMIT = "OUTPUT_LIMIT"
    RUNTIME_ERROR = "RUNTIME_ERROR"
    COMPILE_ERROR = "COMPILE_ERROR"
    VIOLATION = "VIOLATION"
    SANDBOX_FAILED = "SANDBOX_FAILED"
    FAULTY_PROBLEM = "FAULTY_PROBLEM"
    QUARANTINED = "QUARANTINED"

    @property
    def is_verdict(self) -> bool:
        """Whether it says anything about the program."""
        return self not in NO_VERDICT

    @property
    def in_words(self) -> str:
        """As people read it: "wrong answer"."""
        return self.value.lower().replace("_", " ")


NO_VERDICT = {
    Outcome.SANDBOX_FAILED: "the sandbox failed",
    Outcome.FAULTY_PROBLEM: "the problem is at fault",
    Outcome.QUARANTINED: "the problem was quarantined",
}
"""Outcomes that say nothing about the program, in words."""


def content_id(*parts: object) -> str:
    """16 hex digits of the SHA-256 of the parts; equal parts give equal ids everywhere."""
    text = json.dumps([str(part) for part in parts], ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One test of a problem.

    function problems: `input_text` is the list of positional arguments and `expected_text` the
    return value, as `skeldpo.values` writes them: JSON where that has the types. An empty
    `expected_text` is what the problem's reference answers, which measuring asks it first. stdio
    problems: standard input and expected standard output.
    """

    input_text: str
    expected_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownProgram:
    """A program that came with the problem; `speed` is what its source says of it, if anything."""

    code: str
    speed: Literal["fast", "slow", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A programming task with what is needed to judge and to time programs for it.

    `language`, a name of `skeldpo.languages`, is that of its programs: reference, solutions,
    preamble and candidates. `generators` are Python sources that define `generate_input(size,
    seed)`, which returns the list of positional arguments (function) or the text of standard input
    (stdio); they run in the sandbox. `checker` is a name known to `judging.checkers`, or Python
    source that defines `check(input, answer, expected) -> bool`, which also runs in the sandbox,
    away from the program. `reference` gives the expected answers for generated inputs. `preamble`
    is source that runs before a program's first statement and before the clock, in the program's
    namespace: imports and helpers that the problem's prompt promises. `wrong_programs` are called
    so by its source, and judged like any other. `max_size` is the largest `size` at which the
    generators keep to the statement, 0 if that is not said: none larger is asked for, and with a
    reference a program that is wrong on one is wrong. Without any, `growth` says how tests grow.
    """

    problem_id: str
    language: str
    source: str
    split: str
    difficulty: str
    kind: ProblemKind
    statement: str
    entry_point: str
    starter_code: str
    tests: tuple[Example, ...]
    generators: tuple[str, ...]
    checker: str
    reference: str
    solutions: tuple[KnownProgram, ...]
    preamble: str = ""
    max_size: int = 0
    wrong_programs: tuple[str, ...] = ()
    growth: str = ""

    def __post_init__(self) -> None:
        _require(bool(self.problem_id), "Problem.problem_id is empty")
        where = f"problem {self.problem_id}"
        _require(bool(self.language), f"{where}: language is empty")
        _require(self.kind in ("function", "stdio"), f"{where}: kind {self.kind!r}")
        _require(bool(self.statement.strip()), f"{where}: statement is empty")
        _require(
            bool(self.entry_point) == (self.kind == "function"),
            f"{where}: a function problem names its entry_point, a stdio problem has none; "
            f"got kind={self.kind!r}, entry_point={self.entry_point!r}",
        )
        _require(
            bool(self.tests) or bool(self.generators and self.reference),
            f"{where}: needs tests, or a generator with a reference program",
        )
        answered = all(test.expected_text for test in self.tests)
        _require(
            self.kind == "stdio" or bool(self.reference) or answered,
            f"{where}: a test without an expected answer needs a reference that answers it",
        )
        _require(self.max_size >= 0, f"{where}: max_size must be 0 or more, got {self.max_size}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One program for one problem: written by the policy ("sampled") or given ("dataset").

    `prompt_token_ids` and `completion_token_ids` are the exact ids the engine read and wrote (empty
    for dataset programs); `model_id` is the digest of the weights that wrote them.
    `completion_logps` are the engine's own log-probabilities (nats) of the completion's tokens, one
    each: of the model's softmax, before temperature, top_p and the like, so that a trainer computes
    the same, up to the engine's precision. None: not kept.
    """

    candidate_id: str
    problem_id: str
    language: str
    code: str
    origin: Origin
    model_id: str
    round_index: int
    sample_index: int
    seed: int
    finish_reason: str
    prompt_token_ids: tuple[int, ...]
    completion_token_ids: tuple[int, ...]
    completion_logps: tuple[Float32, ...] = ()

    def __post_init__(self) -> None:
        where = f"candidate {self.candidate_id} of problem {self.problem_id}"
        _require(
            len(self.completion_logps) in (0, len(self.completion_token_ids)),
            f"{where}: {len(self.completion_token_ids)} tokens but {len(self.completion_logps)} "
            "log-probabilities",
        )
        impossible = [x for x in self.completion_logps if not (math.isfinite(x) and x <= 0)]
        _require(
            not impossible,
            f"{where}: log-probabilities must be finite and 0 or less, got {impossible[:3]}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What is asked of generate and measure about a problem.

    Purpose "train" is screened and confirmed for pairs; "evaluate" is timed together with the
    problem's known programs. Known programs, of which training problems may bring some too, are
    among the `candidates` from the start. Generated candidates are added to those; `num_samples` 0
    asks for none.
    """

    problem: Problem
    purpose: Purpose
    round_index: int
    num_samples: int
    temperature: float
    seed: int
    candidates: tuple[Candidate, ...]

    def __post_init__(self) -> None:
        for candidate in self.candidates:
            _require(
                candidate.language == self.problem.language,
                f"candidate {candidate.candidate_id} is in {candidate.language!r}, its problem "
                f"{self.problem.problem_id} in {self.problem.language!r}",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Verdict and raw times of one candidate in one phase of one measuring session.

    `cpu_times_ns[i]` and `baseline_times_ns[i]` (of the problem's baseline) were taken in round i
    of the session, on the same core and image, with the inputs of `input_digest`. Two rows with
    the same `session_id` are comparable round by round; no others are, nor those of an evaluation,
    whose further rounds are not of all programs. Phase "check" has a verdict and no times; "screen"
    proposes pairs, or scores; "confirm" holds fresh times that decide pairs; "crosscheck" times of
    confirmed programs on another generator's input, on which a pair must not be reversed. A
    "screen" row without times says how a program that the tests accept failed on `input_digest`, an
    input that was made to time programs: no verdict on it. A "crosscheck" row without times says
    that one is missing. `equal_to` names the candidate run for it: the same program, measured once.
    `instructions` are those of each timed run, where the machine counts them. If asked for, rows of
    phase "screen" have `hot_lines`, which take the program's time, and `mean_memory_bytes`, the
    resident set averaged over it. `unverified` says why times would prove nothing there, else it is
    empty (docs/SANDBOX.md). A time is of `num_processes` together: of a stdio program one an input.
    """

    candidate_id: str
    problem_id: str
    equal_to: str
    phase: Phase
    session_id: str
    outcome: Outcome
    cpu_times_ns: tuple[int, ...]
    baseline_times_ns: tuple[int, ...]
    peak_memory_bytes: int
    failure: str
    input_digest: str
    host_id: str
    core: int
    image_digest: str
    python_version: str
    instructions: tuple[int, ...] = ()
    hot_lines: tuple[int, ...] = ()
    mean_memory_bytes: int = 0
    unverified: str = ""
    num_processes: int = 1

    def __post_init__(self) -> None:
        where = f"measurement of {self.candidate_id}"
        timed = bool(self.cpu_times_ns)
        _require(
            not (timed and self.unverified),
            f"{where}: times exist only where they can be trusted; {self.unverified}",
        )
        _require(
            not timed or self.outcome is Outcome.ACCEPTED,
            f"{where}: times exist only for ACCEPTED programs, got {self.outcome}",
        )
        _require(
            len(self.cpu_times_ns) == len(self.baseline_times_ns),
            f"{where}: {len(self.cpu_times_ns)} times but {len(self.baseline_times_ns)} baselines",
        )
        _require(
            all(t > 0 for t in self.cpu_times_ns + self.baseline_times_ns),
            f"{where}: times must be positive, got {self.cpu_times_ns}",
        )
        _require(
            len(self.instructions) in (0, len(self.cpu_times_ns)),
            f"{where}: {len(self.cpu_times_ns)} times but {len(self.instructions)} counts",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Skeleton:
    """A program with its details masked by `_`; `kept_spans` are [start, end) character ranges of
    the code that the text keeps. Empty text means the method gave none; `note` says why."""

    text: str
    method: str
    version: int
    kept_spans: tuple[tuple[int, int], ...]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSide:
    """One side of a pair. `time_ratio` is its CPU time over the baseline's (0: not timed). Origin
    and token ids are those of its candidate: what the engine read and wrote, if it was sampled.
    `prone_spans` are the words [start, end) of the code that its group shares and the other side's
    does not: efficiency-prone points of the chosen program, inefficiency-prone of the rejected."""

    candidate_id: str
    code: str
    origin: Origin
    completion_token_ids: tuple[int, ...]
    skeleton: Skeleton
    time_ratio: float
    prompt_token_ids: tuple[int, ...] = ()
    prone_spans: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencePair:
    """Chosen over rejected. For stage "efficiency", `speedup` is rejected time / chosen time, its
    lower confidence bound `speedup_low` exceeds 1 and `p_value` is the test's; both are nominal:
    of the last of several looks at one of several comparisons, taken alone (docs/PAIRS.md). All
    three are 0 for stage "correctness". `language`, `statement` and `starter_code` make the row
    trainable by itself. `weight` is what the pair counts in the loss beside others: 1 unless
    `pair.weighting` says otherwise."""

    pair_id: str
    problem_id: str
    language: str
    round_index: int
    stage: PairStage
    statement: str
    starter_code: str
    chosen: PairSide
    rejected: PairSide
    speedup: float
    speedup_low: float
    p_value: float
    weight: float = 1.0

    def __post_init__(self) -> None:
        where = f"pair {self.pair_id} of problem {self.problem_id}"
        _require(self.stage in ("correctness", "efficiency"), f"{where}: stage {self.stage!r}")
        if self.stage == "efficiency":
            _require(
                self.speedup >= self.speedup_low > 1.0,
                f"{where}: speedup >= speedup_low > 1 fails: {self.speedup}, {self.speedup_low}",
            )
        _require(self.weight > 0, f"{where}: weight must be above 0, got {self.weight}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceLogps:
    """Log-probabilities of an example's tokens under the frozen reference (nats), as its learner
    keeps them: of a pair the sums over chosen and rejected code, chosen and rejected skeleton, 0
    where it has none. `tokens_id` is the digest of the prompts and completions scored."""

    example_id: str
    model_id: str
    tokens_id: str
    logps: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """Rows that a stage left out, and the reason in words a user can act on."""

    reason: str
    num_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A file that a stage made, or a folder of weights, in the stage's folder. `digest` is the
    SHA-256 (hex) of its content: of the file, or of the weights (their `model_id`)."""

    path: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StageManifest:
    """Proof that a stage finished; written last. `num_in` rows, those that were asked for, are in
    `num_out` or `dropped`."""

    stage: str
    round_index: int
    config_digest: str
    num_in: int
    num_out: int
    dropped: tuple[Dropped, ...]
    outputs: tuple[Output, ...]
    versions: tuple[str, ...]
    seconds: float
    finished_at: str

    def __post_init__(self) -> None:
        lost = sum(row.num_rows for row in self.dropped)
        _require(
            self.num_in == self.num_out + lost,
            f"manifest {self.stage}: {self.num_in} rows in, {self.num_out} out, {lost} dropped",
        )


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)
