"""`skeldpo answers`: what was written for a round's problems, and what was made of it.

Each answer stands with the program that was read out of it, its verdict and its first failing test,
so that a wrong reading (a cut answer, a fence that was missed, a name that nobody asked for) can be
told from a wrong program. The problems that fewest answers are right for come first.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from skeldpo.answers import CUT_OFF
from skeldpo.checkpoints import local_place
from skeldpo.columns import wrapped
from skeldpo.console import Display
from skeldpo.measure.folder import PROBLEMS_FILE
from skeldpo.pages import render
from skeldpo.records import Candidate, Measurement, Outcome, Problem
from skeldpo.rounds.run_start import start_folder
from skeldpo.special_tokens import read_tokenizer
from skeldpo.storage.by_problem import CANDIDATES_FILE, MEASUREMENTS_FILE
from skeldpo.storage.files import folder_and_name
from skeldpo.storage.store import WEIGHTS, Store, round_folder, write_file
from skeldpo.timing import estimate_ns

TEMPLATE = "commands/answers.html.j2"
SHOWN_PROBLEMS = 20
"""Problems in the terminal's table; a page has all."""

INPUT_CHARACTERS = 400
"""Of a failing test's input."""
_TEST = re.compile(r"test (\d+): ")
"""What the failure of a wrong answer begins with."""

Decode = Callable[[Sequence[int]], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A program that was written or given, and what is known of it. `text` is the whole answer as
    the engine wrote it, empty if that is not known; `time_ns` its CPU time, 0 if it has none."""

    candidate: Candidate
    text: str
    outcome: str
    failure: str
    time_ns: float

    @property
    def is_cut(self) -> bool:
        """Whether the answer ended at its limit of tokens."""
        return self.candidate.finish_reason == CUT_OFF

    @property
    def is_read_apart(self) -> bool:
        """Whether the answer is more than its program."""
        return bool(self.text) and self.text.strip() != self.candidate.code.strip()

    @property
    def said(self) -> str:
        """All but its verdict and its texts, in a line."""
        one = self.candidate
        said = [f"sample {one.sample_index}"]
        if one.completion_token_ids:
            said.append(f"{len(one.completion_token_ids)} tokens" + ", cut" * self.is_cut)
        if not one.code.strip():
            said.append("no program was found in it")
        if self.time_ns:
            said.append(f"{self.time_ns / 1e6:,.2f} ms")
        return ", ".join(said)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemAnswers:
    """A problem and its answers, those that failed first; `problem` is None if nothing beside the
    answers has it."""

    problem_id: str
    problem: Problem | None
    answers: tuple[Answer, ...]

    @property
    def statement(self) -> str:
        """Empty if it is not known."""
        return self.problem.statement if self.problem else ""

    def failure(self, answer: Answer) -> str:
        """Why an answer failed, with the input of the test that it names."""
        named = _TEST.match(answer.failure)
        tests = self.problem.tests if self.problem else ()
        if named is None or int(named[1]) >= len(tests):
            return answer.failure
        text = tests[int(named[1])].input_text
        shown = text if len(text) <= INPUT_CHARACTERS else f"{text[:INPUT_CHARACTERS]}..."
        return f"{answer.failure}\ninput: {shown}"

    @property
    def share_right(self) -> float:
        """Of its answers."""
        return sum(a.outcome == Outcome.ACCEPTED for a in self.answers) / len(self.answers)

    @property
    def said(self) -> str:
        """How many answers have which verdict."""
        counts = Counter(answer.outcome for answer in self.answers)
        return ", ".join(f"{counts[o]} {o.in_words}" for o in Outcome if counts[o])

    @property
    def verdicts(self) -> list[str]:
        """Of its answers, each once."""
        return sorted({answer.outcome for answer in self.answers})


def show_answers(
    folder: str, *, problem_id: str, verdict: str, num_shown: int, html: str, display: Display
) -> None:
    """Shows the verdicts of a folder's sampled answers and some answers in full; writes a page of
    all if asked for. `folder` is a round of a run, or what `skeldpo measure` wrote, whose given
    programs are shown then.

    ValueError if it has no candidates and measurements, or none that is asked for.
    """
    store = Store(folder)
    if not (store.exists(CANDIDATES_FILE) and store.exists(MEASUREMENTS_FILE)):
        raise ValueError(
            f"{folder} has no {CANDIDATES_FILE} and {MEASUREMENTS_FILE}; expected a round of a run "
            "whose sample stage is finished (runs/NAME/round-001), or what `skeldpo measure` wrote"
        )
    candidates = store.read_records(CANDIDATES_FILE, Candidate)
    if not candidates:
        raise ValueError(f"{folder} has no answers: nothing was asked for there")
    if verdict and verdict not in tuple(Outcome):
        raise ValueError(f"no verdict {verdict!r}; there are {', '.join(Outcome)}")
    sampled = [row for row in candidates if row.origin == "sampled"] or candidates
    decode, note = _decoder(folder, sampled)
    problems = _by_problem(store, sampled, _problems(folder), decode)
    asked = _asked(problems, problem_id, verdict, folder)
    if html:
        write_file(html, _page(asked, folder, note))
    answers = [answer for problem in asked for answer in problem.answers]
    _show_counts([answer for problem in problems for answer in problem.answers], display)
    _show_problems(asked, display)
    for problem, answer in _spread(asked, len(answers) if problem_id else num_shown):
        _show(problem, answer, display)
    if note:
        display.tell(f"\n{note}")
    if html:
        display.tell(f"page: {html}")


def _by_problem(
    store: Store, candidates: Sequence[Candidate], known: dict[str, Problem], decode: Decode
) -> list[ProblemAnswers]:
    """Hardest problems first."""
    verdicts: dict[str, Measurement] = {}
    times: dict[str, float] = {}
    for row in store.iter_records(MEASUREMENTS_FILE, Measurement):
        if row.phase == "check":
            verdicts[row.candidate_id] = row
        elif row.cpu_times_ns:
            times.setdefault(row.candidate_id, estimate_ns(row.cpu_times_ns))
    answers: dict[str, list[Answer]] = {}
    for candidate in candidates:
        verdict = verdicts.get(candidate.candidate_id)
        twin = verdict.equal_to if verdict else ""
        answers.setdefault(candidate.problem_id, []).append(
            Answer(
                candidate=candidate,
                text=decode(candidate.completion_token_ids),
                outcome=verdict.outcome.value if verdict else Outcome.QUARANTINED.value,
                failure=verdict.failure.strip() if verdict else "no verdict",
                time_ns=times.get(candidate.candidate_id, times.get(twin, 0.0)),
            )
        )
    found = [
        ProblemAnswers(
            problem_id=key,
            problem=known.get(key),
            answers=tuple(sorted(own, key=_failed_first)),
        )
        for key, own in answers.items()
    ]
    return sorted(found, key=lambda problem: (problem.share_right, problem.problem_id))


def _failed_first(answer: Answer) -> tuple[bool, int]:
    return answer.outcome == Outcome.ACCEPTED, answer.candidate.sample_index


def _asked(
    problems: Sequence[ProblemAnswers], problem_id: str, verdict: str, folder: str
) -> list[ProblemAnswers]:
    found = [
        replace(p, answers=own)
        for p in problems
        if problem_id in ("", p.problem_id)
        and (own := tuple(a for a in p.answers if verdict in ("", a.outcome)))
    ]
    if not found:
        what = " ".join(filter(None, (verdict, f"of problem {problem_id}" * bool(problem_id))))
        known = ", ".join(sorted(problem.problem_id for problem in problems)[:3])
        raise ValueError(
            f"{folder} has no answer {what} ({len(problems)} problems, such as {known})"
        )
    return found


def _problems(folder: str) -> dict[str, Problem]:
    """Of the problems beside the tables, or of the run they belong to."""
    for place in (folder, folder_and_name(folder)[0]):
        if Store(place).exists(PROBLEMS_FILE):
            rows = Store(place).iter_records(PROBLEMS_FILE, Problem)
            return {row.problem_id: row for row in rows}
    return {}


def _decoder(folder: str, candidates: Sequence[Candidate]) -> tuple[Decode, str]:
    """What reads token ids, and why nothing does if that is so."""
    written = next((row for row in candidates if row.completion_token_ids), None)
    if written is None:
        return lambda token_ids: "", ""
    run = Store(folder_and_name(folder)[0])
    before = written.round_index - 1
    try:
        made = f"{round_folder(before)}/{WEIGHTS}"
        policy = run.location(made) if before else start_folder(run)
        tokenizer = read_tokenizer(local_place(policy, weights=False))
    except (OSError, ValueError, RuntimeError) as error:
        return lambda token_ids: "", (
            f"the policy that wrote them is not there; programs are shown, no answers: {error}"
        )
    return tokenizer.decode, ""


def _show_counts(answers: Sequence[Answer], display: Display) -> None:
    rows = []
    for outcome in Outcome:
        own = [answer for answer in answers if answer.outcome == outcome]
        if own:
            rows.append(
                (outcome.value, str(len(own)), f"{len(own) / len(answers):.1%}",
                 str(sum(a.is_cut for a in own)),
                 str(sum(not a.candidate.code.strip() for a in own)))
            )  # fmt: skip
    columns = ("verdict", "answers", "share", "cut", "without a program")
    display.table(f"{len(answers)} answers", columns, rows)


def _show_problems(problems: Sequence[ProblemAnswers], display: Display) -> None:
    shown = problems[:SHOWN_PROBLEMS]
    more = len(problems) - len(shown)
    title = "problems, hardest first" + f" (of {more} more a page: --html FILE)" * bool(more)
    display.table(title, ("problem", "answers"), [(p.problem_id, p.said) for p in shown])


def _spread(
    problems: Sequence[ProblemAnswers], num_shown: int
) -> list[tuple[ProblemAnswers, Answer]]:
    """At most so many answers, evenly from the hardest problem to the easiest one."""
    each = [(problem, answer) for problem in problems for answer in problem.answers]
    num = min(num_shown, len(each))
    return [each[place * (len(each) - 1) // max(1, num - 1)] for place in range(num)]


def _show(problem: ProblemAnswers, answer: Answer, display: Display) -> None:
    display.tell("")
    title = f"{problem.problem_id}, {answer.said}: {answer.outcome}"
    for text in (
        title,
        " ".join(problem.statement.split()),
        *problem.failure(answer).splitlines()[-4:],
    ):
        for line in wrapped(text, display.width):
            display.tell(line)
    if answer.is_read_apart:
        display.write(f"--- as it was written\n{answer.text.rstrip()}\n")
    display.write(f"--- its program\n{answer.candidate.code.rstrip()}\n")


def _page(problems: Sequence[ProblemAnswers], folder: str, note: str) -> str:
    counts = Counter(answer.outcome for problem in problems for answer in problem.answers)
    return render(
        TEMPLATE,
        folder=folder,
        problems=problems,
        counts=[(o.value, o.in_words, counts[o]) for o in Outcome if counts[o]],
        num_answers=counts.total(),
        note=note,
    )
