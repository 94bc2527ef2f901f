"""fast@p of a problem: samples that are right and at least p times as fast as the reference. Pure.

KernelBench's fast_p (arXiv 2502.10517) by CPU time. The reference is the problem's own or, where it
names none, the first of its known programs that is right: the baseline that measuring times in the
same rounds; in ENAMEL its expert's program, on the test that takes it longest. Their figure counts
a speedup above p, which noise decides between equals. Here a sample counts if the estimated speedup
is at least p and `timing.is_faster` tells it from none: also at p = 1 it is then 1.1 times as fast
by the medians, and the exact test shows more than 5 %.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from skeldpo.suites.evaluation import ProblemResult, SampleResult
from skeldpo.suites.metrics import fast_at_k
from skeldpo.timing import BOUND_ERROR, compare, is_faster

FAST_RATIOS = (1.0, 1.2, 2.0)
"""p of fast@p: KernelBench's 1 and 2, and what a user hardly notices."""
LEAST_ROUNDS = 5
"""Rounds in which the exact test can show a difference at BOUND_ERROR: 1 / 2^5 < .05 < 1 / 2^4."""
SPEEDUP, IS_FASTER = "speedup", "is_faster"
"""Of a right sample: the reference's time over its own, and 1 if that is told from 1, else 0."""
NAMES = "fast_p@k"
"""What `fast_scores` gives, as docs/SUITES.md has it."""


def fast_name(p: float, k: int) -> str:
    """The score's name in reports, KernelBench's fast_p with the number of samples."""
    return f"fast_{p:g}@{k}"


def speed_values(own_ns: Sequence[int], reference_ns: Sequence[int]) -> dict[str, float]:
    """SPEEDUP and IS_FASTER of a right sample from its times and the reference's, round by round;
    nothing from fewer rounds than can show a difference."""
    if len(own_ns) < LEAST_ROUNDS:
        return {}
    shown = compare(own_ns, reference_ns)
    is_shown = is_faster(shown, min_speedup=1.0, max_p_value=BOUND_ERROR)
    return {SPEEDUP: shown.speedup, IS_FASTER: float(is_shown)}


def fast_scores(samples: Sequence[SampleResult], ks: Sequence[int]) -> dict[str, float]:
    """fast@p for every p and k that there are samples for, of a problem whose reference was timed
    in enough rounds; none if no right sample was timed."""
    right = [sample for sample in samples if sample.is_correct]
    timed = [sample.values for sample in right if IS_FASTER in sample.values]
    if right and not timed:
        return {}
    made: dict[str, float] = {}
    for p in FAST_RATIOS:
        num_fast = sum(bool(each[IS_FASTER]) and each[SPEEDUP] >= p for each in timed)
        made |= {
            fast_name(p, k): fast_at_k(
                num_fast=num_fast,
                num_slow=len(timed) - num_fast,
                num_untimed=len(right) - len(timed),
                num_wrong=len(samples) - len(right),
                k=k,
            )
            for k in ks
            if k <= len(samples)
        }
    return made


def fast_note(problems: Iterable[ProblemResult]) -> str:
    """How many problems count in no fast@p, and why; "" if all do, none could, or the suite has no
    such score."""
    found = list(problems)
    lacking = [
        problem
        for problem in found
        if not any(name.startswith("fast_") and "@" in name for name in problem.scores)
    ]
    beside = [each for each in lacking if each.relative_to.get("reference_times_ns")]
    without = len(lacking) - len(beside)
    if not lacking or without == len(found) or any(map(_could_count, beside)):
        return ""
    return (
        f"{len(lacking)} of {len(found)} problems do not count in fast@p: {without} have no "
        f"reference that passes and was timed, {len(lacking) - without} no right sample that was, "
        f"or fewer than {LEAST_ROUNDS} rounds (evaluate.num_repeats, evaluate.repeat_for_s)"
    )


def _could_count(problem: ProblemResult) -> bool:
    """Whether a right sample was timed in enough rounds."""
    right = (sample.times_ns for sample in problem.samples if sample.is_correct)
    return any(len(times) >= LEAST_ROUNDS for levels in right for own in levels for times in own)
