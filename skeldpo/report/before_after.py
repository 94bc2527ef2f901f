"""What a run's first policy and its newest one write for the same held-out problem. Pure.

Of each policy's samples the middling one is shown, neither its best nor its worst; problems are
taken from the most gained to the most lost, so that a page shows no chosen successes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from skeldpo.languages import DEFAULT
from skeldpo.pages import Table
from skeldpo.pages.side_by_side import ShownSide, milliseconds
from skeldpo.report.summary import PolicyScores
from skeldpo.suites.evaluation import ProblemResult, SampleResult
from skeldpo.timing import estimate_ns

NUM_CHANGES = 4
NOTHING = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A problem: its figures then and now in words, and the program of each policy."""

    problem_id: str
    figures: str
    before: ShownSide
    after: ShownSide


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """The middling sample of a policy on a problem, and its CPU time, 0 if it has none, alone and
    over that of the fastest known program of the same session."""

    result: ProblemResult
    sample: SampleResult
    time_ns: float
    ratio: float


def changes(policies: Sequence[PolicyScores]) -> tuple[Change, ...]:
    """NUM_CHANGES problems for which the newest policy's middling program is another one than that
    of the first; none of a run without two policies."""
    if len(policies) < 2:
        return ()
    first, newest = policies[0], policies[-1]
    before, after = _written(first), _written(newest)
    gains = {
        key: _gain(mine.result.scores, after[key].result.scores)
        for key, mine in before.items()
        if key in after and after[key].sample.code != mine.sample.code
    }
    ranked = sorted(gains, key=lambda key: (-gains[key], key))
    places = {round(i * (len(ranked) - 1) / (NUM_CHANGES - 1)) for i in range(NUM_CHANGES)}
    shown = [ranked[place] for place in sorted(places)] if ranked else []
    return tuple(
        _change(key, (first.round_index, before[key]), (newest.round_index, after[key]))
        for key in shown
    )


def problem_table(policies: Sequence[PolicyScores]) -> Table:
    """Every held-out problem: right samples of each policy, and its middling right one's time over
    that of the fastest known program."""
    found = [_written(policy) for policy in policies]
    keys = sorted({key for written in found for key in written})
    rows = tuple((key, *(cell for each in found for cell in _cells(each.get(key)))) for key in keys)
    columns = [
        name
        for policy in policies
        for name in (f"policy {policy.round_index}: right", "time / fastest known")
    ]
    return Table(title="Every held-out problem", columns=("problem", *columns), rows=rows)


def _written(policy: PolicyScores) -> dict[str, _Written]:
    return {
        result.problem_id: _middling(result) for result in policy.report.problems if result.samples
    }


def _middling(result: ProblemResult) -> _Written:
    """The sample that half of the others are no better than: wrong, then slow ones come first."""
    fastest_ns = _fastest_ns(result)
    sample = _middle(result.samples)
    time_ns = _time_ns(sample)
    return _Written(
        result=result,
        sample=sample,
        time_ns=time_ns,
        ratio=time_ns / fastest_ns if fastest_ns else 0.0,
    )


def _middle(samples: Sequence[SampleResult]) -> SampleResult:
    ranked = sorted(
        samples, key=lambda s: (s.is_correct, -_time_ns(s) or -float("inf"), s.sample_index)
    )
    return ranked[len(ranked) // 2]


def _fastest_ns(result: ProblemResult) -> float:
    return min(map(estimate_ns, result.relative_to.get("reference_times_ns", ())), default=0)


def _time_ns(sample: SampleResult) -> float:
    return estimate_ns(sample.times_ns[0][0]) if sample.times_ns else 0.0


def _gain(before: Mapping[str, float], after: Mapping[str, float]) -> float:
    """In Beyond@1, or in Pass@1 where one of both has no other."""
    name = "beyond@1" if "beyond@1" in before and "beyond@1" in after else "pass@1"
    return after[name] - before[name]


def _change(key: str, then: tuple[int, _Written], now: tuple[int, _Written]) -> Change:
    longest = max(then[1].ratio, now[1].ratio)
    figures = "; ".join(
        f"{title} from {100 * then[1].result.scores[name]:.0f} % to "
        f"{100 * now[1].result.scores[name]:.0f} %"
        for name, title in (("pass@1", "Pass@1"), ("beyond@1", "Beyond@1"))
        if name in then[1].result.scores and name in now[1].result.scores
    )
    return Change(
        problem_id=key,
        figures=figures,
        before=_side("before", *then, longest),
        after=_side("after", *now, longest),
    )


def _side(kind: str, round_index: int, written: _Written, longest: float) -> ShownSide:
    sample = written.sample
    ratio = f", {written.ratio:.2f} x the fastest known" if written.ratio else ""
    return ShownSide(
        kind=kind,
        name=f"policy {round_index}",
        code=sample.code,
        language=DEFAULT,
        said=f"sample {sample.sample_index}, {sample.outcome}",
        time=f"{milliseconds(written.time_ns)}{ratio}" if written.time_ns else "",
        share=written.ratio / longest if longest else 0.0,
        failure=sample.failure,
    )


def _cells(written: _Written | None) -> tuple[str, str]:
    if written is None:
        return NOTHING, NOTHING
    samples, fastest_ns = written.result.samples, _fastest_ns(written.result)
    right = [sample for sample in samples if sample.is_correct]
    time_ns = _time_ns(_middle(right)) if right else 0.0
    time = f"{time_ns / fastest_ns:.2f}" if time_ns and fastest_ns else NOTHING
    return f"{len(right)} of {len(samples)}", time
